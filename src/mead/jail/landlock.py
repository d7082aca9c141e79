# SPDX-License-Identifier: Apache-2.0
"""Landlock: which files a child may read or write, and no TCP at all.

What Landlock does not cover (permissions, times, extended attributes of files) is refused by the
seccomp filter.

Source: landlock(7), `linux/landlock.h` up to ABI 7.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

__all__ = ["abi", "restrict"]

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_NET_RIGHTS = 0b11  # bind and connect TCP
_SCOPES = 0b11  # abstract unix sockets and signals


def abi() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    found = _libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return max(0, int(found))


def restrict(
    *, readable: Iterable[str] = (), writable: Iterable[str] = (), executable: Iterable[str] = ()
) -> int:
    """Confine this thread to the paths given (missing ones are left out); returns the ABI used.

    Raises:
        OSError: the kernel has Landlock but refuses.
    """
    version = abi()
    if version == 0:
        return 0
    handled = (1 << _RIGHTS_BY_ABI[min(version, 5)]) - 1
    attributes = struct.pack(
        "=QQQ", handled, _NET_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    libc = _libc()
    ruleset = libc.syscall(_CREATE, attributes[:size], ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    try:
        for paths, rights in (
            (readable, _READ_FILE | _READ_DIR),
            (executable, _READ_FILE | _READ_DIR | _EXECUTE),
            (writable, handled & ~(_EXECUTE | _IOCTL_DEVICE)),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        zero = ctypes.c_ulong(0)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs")
        if libc.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, opened)
        done = _libc().syscall(
            _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0)
        )
        if done != 0:
            raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")
    finally:
        os.close(opened)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
