# SPDX-License-Identifier: Apache-2.0
"""Put the calling process into the jail, in the order in which the parts allow each other.

Closed files, limits, no capabilities, no network, Landlock, seccomp. Landlock, namespaces and the
filter are what the kernel has of them; the level says which. Without a closed network nothing starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys

from mead.errors import ContainmentError
from mead.jail import landlock, seccomp
from mead.jail.limits import JailLimits

__all__ = ["close_network", "confine", "set_limits"]

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_CAPABILITY_VERSION_3 = 0x20080522
_NOBODY = 65534

_LIBRARIES = (
    "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local/lib", "/usr/share", "/lib", "/lib64",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/magic", "/etc/mime.types",
    "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip


def close_network() -> str:
    """Move this process into an empty network namespace: `netns`, or nothing where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    attempts = [_NEW_USER | _NEW_NETWORK]
    if os.geteuid() == 0:
        attempts.insert(0, _NEW_NETWORK)
    return "netns" if any(libc.unshare(flags) == 0 for flags in attempts) else ""


def confine(limits: JailLimits, *, network: str, parent: int) -> str:
    """Confine this single-threaded process for good; returns the level reached.

    Args:
        limits: what it may use.
        network: what `close_network` gave to the template that we were forked from.
        parent: the process with which we want to die.

    Raises:
        ContainmentError: neither a network namespace nor a filter closes the network.
        OSError: the kernel has a part of the jail but refuses it.
    """
    os.umask(0o077)
    reached = ["rlimits"]
    set_limits(limits, others=_set_apart() if limits.programs else 0)
    _drop_capabilities()
    _die_with(parent)
    if network:
        reached.append(network)
    version = landlock.restrict(
        readable=(*_LIBRARIES, *_python_paths(), *limits.readable),
        writable=("/dev/null", *limits.writable),
        executable=_executables(limits),
    )
    if version:
        reached.append("landlock")
    if seccomp.supported():
        may_start = bool(limits.programs)
        seccomp.install(pid=os.getpid(), may_start=may_start, may_signal=may_start and version >= 6)
        reached.append("seccomp")
    elif not network:
        raise ContainmentError("this kernel offers neither network namespaces nor a known seccomp filter")
    return "+".join(reached)


def set_limits(limits: JailLimits, *, others: int = 0) -> None:
    """Set the resource limits; the processor time of each job is set when it starts.

    The kernel counts the processes of a user, not of a jail: `others` are those that run already, where no
    user namespace of ours keeps them apart.
    """
    whole_life = (limits.cpu_seconds + 1) * limits.jobs_per_child
    for what, value in (
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, whole_life),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        _limit(what, value)
    if limits.programs:
        _limit(resource.RLIMIT_NPROC, limits.processes + others)


def threads_of(user: int) -> int:
    """How many threads a user has now, as far as /proc tells."""
    count = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += sum(1 for _ in os.scandir(f"/proc/{entry.name}/task"))
    return count


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))


def _set_apart() -> int:
    """Have our processes counted by themselves; how many others are counted with them, if that fails.

    As root the count is not enforced, so root is given up.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    return 0 if ctypes.CDLL(None).unshare(_NEW_USER) == 0 else threads_of(os.getuid())


def _drop_capabilities() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), zero, zero, zero) != 0:
            break  # past the last one, or not ours to drop: then there is nothing to lose either
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if libc.capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "dropping capabilities")


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    libc.prctl(_PR_SET_DUMPABLE, zero, zero, zero, zero)
    libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), zero, zero, zero)
    if os.getppid() != parent:
        os._exit(1)


def _python_paths() -> list[str]:
    """Where modules come from; the template's search path has no working directory in it."""
    places = {sys.prefix, sys.base_prefix, *sys.path}
    return [place for place in places if place.startswith("/") and place != "/"]


def _executables(limits: JailLimits) -> tuple[str, ...]:
    if not limits.programs:
        return ()
    return ("/lib", "/lib64", "/usr/lib", "/usr/lib64", *limits.programs)
