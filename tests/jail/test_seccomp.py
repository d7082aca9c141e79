# SPDX-License-Identifier: Apache-2.0
"""The filter program, run by a small interpreter of classic BPF: no kernel needed, both architectures."""

from __future__ import annotations

import errno
import struct

import pytest

from mead.jail._tables import AUDIT_ARCH, NUMBERS
from mead.jail.seccomp import assemble

PID = 4321
ALLOW, KILL = "allow", "kill"


def judge(
    machine: str, number: int, first: int = 0, *, arch: int | None = None, **options: bool
) -> str | int:
    program = list(struct.iter_unpack("=HBBI", assemble(machine, pid=PID, **options)))
    data = struct.pack(
        "=iIQ6Q", number, AUDIT_ARCH[machine] if arch is None else arch, 0, first, 0, 0, 0, 0, 0
    )
    accumulator, at = 0, 0
    while True:
        code, true, false, value = program[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif code == 0x06:
            action = {0x7FFF0000: ALLOW, 0x80000000: KILL}
            return action.get(value, value & 0xFFFF)
        else:
            hit = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}
            at += true if hit[code] else false


def number(machine: str, name: str) -> int:
    found = NUMBERS[name][0 if machine == "x86_64" else 1]
    assert found is not None
    return found


@pytest.mark.parametrize("machine", AUDIT_ARCH)
@pytest.mark.parametrize(
    ("name", "first", "options", "answer"),
    [
        ("socket", 2, {}, errno.EPERM),
        ("connect", 0, {}, errno.EPERM),
        ("execve", 0, {}, errno.EPERM),
        ("execve", 0, {"may_start": True}, ALLOW),
        ("ptrace", 0, {"may_start": True}, errno.EPERM),
        ("clone", 0x11, {}, errno.EPERM),
        ("clone", 0x3D0F00, {}, ALLOW),
        ("clone", 0x11, {"may_start": True}, ALLOW),
        ("clone", 0x10000011, {"may_start": True}, errno.EPERM),
        ("clone3", 0, {"may_start": True}, errno.ENOSYS),
        ("memfd_create", 0, {}, errno.ENOSYS),
        ("kill", PID, {}, ALLOW),
        ("kill", 1, {}, errno.EPERM),
        ("kill", 1, {"may_signal": True}, ALLOW),
        ("tgkill", PID, {}, ALLOW),
        ("tgkill", 1, {}, errno.EPERM),
        ("prlimit64", 0, {}, ALLOW),
        ("prlimit64", PID, {}, ALLOW),
        ("prlimit64", 1, {}, errno.EPERM),
        ("prctl", 1, {}, errno.EPERM),
        ("prctl", 15, {}, ALLOW),
        ("fchmodat", 0, {}, errno.EPERM),
        ("io_uring_setup", 0, {}, errno.EPERM),
    ],
)
def test_a_call_is_answered(
    machine: str, name: str, first: int, options: dict[str, bool], answer: str | int
) -> None:
    assert judge(machine, number(machine, name), first, **options) == answer


@pytest.mark.parametrize("machine", AUDIT_ARCH)
def test_reading_and_memory_are_allowed(machine: str) -> None:
    read, mmap = (0, 9) if machine == "x86_64" else (63, 222)
    assert judge(machine, read) == ALLOW
    assert judge(machine, mmap) == ALLOW


@pytest.mark.parametrize("machine", AUDIT_ARCH)
def test_ways_round_the_filter_are_closed(machine: str) -> None:
    assert judge(machine, 0, arch=0x40000003) == KILL
    assert judge(machine, 500) == errno.ENOSYS
    if machine == "x86_64":
        assert judge(machine, 0x40000000 + 41) == KILL
