# SPDX-License-Identifier: Apache-2.0
"""A seccomp filter for a child that parses hostile bytes.

The child keeps what a parser needs (memory, threads, reading open files); everything that reaches
another process, the network, the kernel's rarer parts or a file's permissions answers EPERM, so that a
library which merely tries goes on. A system call of a foreign architecture kills the child: it can only
be an attempt to get round the filter. Calls newer than our list answer ENOSYS.

Source: seccomp(2), `linux/filter.h`, `linux/seccomp.h`.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from mead.jail._tables import AUDIT_ARCH, FIRST_UNKNOWN, NUMBERS

__all__ = ["assemble", "install", "supported"]

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_X32_BIT = 0x40000000
_CLONE_THREAD = 0x00010000
_CLONE_NEW_NAMESPACES = 0x7E020000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38

_ABSENT = {"clone3", "memfd_create"}  # ENOSYS makes libraries fall back to what the filter can judge
_CONDITIONAL = {"clone", "kill", "tgkill", "prlimit64", "prctl"}
_STARTING = {"execve", "execveat", "fork", "vfork"}

_Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether we have the system call numbers of this machine."""
    return platform.machine() in AUDIT_ARCH


def assemble(machine: str, *, pid: int, may_start: bool = False, may_signal: bool = False) -> bytes:
    """The filter program for the process `pid` as an array of `struct sock_filter`.

    Args:
        machine: `x86_64` or `aarch64`.
        pid: the only process that may be signalled or limited.
        may_start: whether programs may be started (fork and execve).
        may_signal: whether other processes may be signalled; only where Landlock scopes signals.
    """
    column = 0 if machine == "x86_64" else 1
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        _answer(_KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT), _answer(_KILL_PROCESS)]
    program += [(_JUMP_GREATER_EQUAL, 0, 1, FIRST_UNKNOWN), _refuse(errno.ENOSYS)]
    for name, numbers in NUMBERS.items():
        number = numbers[column]
        if number is None or (may_start and name in _STARTING) or (may_signal and name == "kill"):
            continue
        block = _block(name, pid=pid, may_start=may_start)
        program += [(_JUMP_EQUAL, 0, len(block), number), *block]
    program.append(_answer(_ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def install(*, pid: int, may_start: bool = False, may_signal: bool = False) -> None:
    """Set `no_new_privs` and put the filter on this thread and all that it will start.

    Raises:
        OSError: the kernel refuses.
    """
    program = assemble(platform.machine(), pid=pid, may_start=may_start, may_signal=may_signal)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    argument = Program(len(program) // 8, ctypes.addressof(buffer))
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    mode = ctypes.c_ulong(_SECCOMP_MODE_FILTER)
    if libc.prctl(_PR_SET_SECCOMP, mode, ctypes.byref(argument), zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "seccomp filter")


def _answer(action: int) -> _Instruction:
    return (_RETURN, 0, 0, action)


def _refuse(number: int) -> _Instruction:
    return _answer(_ERRNO | number)


def _block(name: str, *, pid: int, may_start: bool) -> list[_Instruction]:
    """What happens to one system call; always ends in an answer."""
    if name in _ABSENT:
        return [_refuse(errno.ENOSYS)]
    if name not in _CONDITIONAL:
        return [_refuse(errno.EPERM)]
    load: _Instruction = (_LOAD, 0, 0, _FIRST_ARGUMENT)
    no, yes = _refuse(errno.EPERM), _answer(_ALLOW)
    if name == "prctl":
        return [load, (_JUMP_EQUAL, 0, 1, _PR_SET_PDEATHSIG), no, yes]
    if name == "clone":
        wanted = (
            [(_JUMP_SET, 0, 1, _CLONE_NEW_NAMESPACES), no, yes]
            if may_start
            else [(_JUMP_SET, 1, 0, _CLONE_THREAD), no, yes]
        )
        return [load, *wanted]
    if name == "prlimit64":
        return [load, (_JUMP_EQUAL, 2, 0, 0), (_JUMP_EQUAL, 1, 0, pid), no, yes]
    return [load, (_JUMP_EQUAL, 1, 0, pid), no, yes]  # kill, tgkill
