# SPDX-License-Identifier: Apache-2.0
"""The one-byte instructions.

Source: Intel SDM volume 2, opcode map A.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mead.analysis.unpack.x86.arithmetic import divide, group_one, multiply, shift
from mead.analysis.unpack.x86.cpu import (
    BREAKPOINT,
    EAX,
    EBP,
    ECX,
    EDX,
    ESP,
    ILLEGAL,
    MASK,
    PRIVILEGED,
    SIGN,
    Cpu,
    TrapError,
)
from mead.analysis.unpack.x86.extended import extended
from mead.analysis.unpack.x86.repeated import STRINGS

__all__ = ["OPCODES"]

Handler: TypeAlias = Callable[[Cpu], None]

OPCODES: dict[int, Handler] = {}


def _wide(cpu: Cpu, opcode: int) -> int:
    return cpu.size if opcode & 1 else 1


def _alu(kind: int, form: int) -> Handler:
    def to_rm(cpu: Cpu) -> None:
        size = _wide(cpu, form)
        cpu.modrm()
        value = group_one(cpu, kind, cpu.load(size), cpu.get(cpu.reg, size), size)
        if kind != 7:
            cpu.store(value, size)

    def to_register(cpu: Cpu) -> None:
        size = _wide(cpu, form)
        cpu.modrm()
        value = group_one(cpu, kind, cpu.get(cpu.reg, size), cpu.load(size), size)
        if kind != 7:
            cpu.set(cpu.reg, value, size)

    def to_accumulator(cpu: Cpu) -> None:
        size = _wide(cpu, form)
        value = group_one(cpu, kind, cpu.get(EAX, size), cpu.fetch(size), size)
        if kind != 7:
            cpu.set(EAX, value, size)

    return (to_rm, to_register, to_accumulator)[form >> 1]


def _immediate_group(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        if opcode == 0x83:
            operand = cpu.fetch_signed8() & MASK[size]
        else:
            operand = cpu.fetch(size)
        value = group_one(cpu, cpu.reg, cpu.load(size), operand, size)
        if cpu.reg != 7:
            cpu.store(value, size)

    return run


def _step(cpu: Cpu, value: int, size: int, *, down: bool) -> int:
    carry = cpu.cf
    value = cpu.sub(value, 1, size) if down else cpu.add(value, 1, size)
    cpu.cf = carry
    return value


def _step_register(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        number = opcode & 7
        cpu.set(number, _step(cpu, cpu.get(number, cpu.size), cpu.size, down=opcode >= 0x48), cpu.size)

    return run


def _push_register(opcode: int) -> Handler:
    return lambda cpu: cpu.push(cpu.get(opcode & 7, cpu.size), cpu.size)


def _pop_register(opcode: int) -> Handler:
    return lambda cpu: cpu.set(opcode & 7, cpu.pop(cpu.size), cpu.size)


def _jump_if(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        distance = cpu.fetch_signed8()
        if cpu.condition(opcode & 15):
            cpu.eip = cpu.eip + distance & 0xFFFFFFFF

    return run


def _exchange_accumulator(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        number, size = opcode & 7, cpu.size
        a, b = cpu.get(EAX, size), cpu.get(number, size)
        cpu.set(EAX, b, size)
        cpu.set(number, a, size)

    return run


def _move_immediate(opcode: int) -> Handler:
    if opcode < 0xB8:
        return lambda cpu: cpu.set(opcode & 7, cpu.fetch8(), 1)
    return lambda cpu: cpu.set(opcode & 7, cpu.fetch(cpu.size), cpu.size)


def _prefix(change: Callable[[Cpu], None]) -> Handler:
    def run(cpu: Cpu) -> None:
        change(cpu)
        handler = cpu.opcodes.get(cpu.fetch8())
        if handler is None:
            raise TrapError(ILLEGAL)
        handler(cpu)

    return run


def _set(name: str, value: int) -> Handler:
    return lambda cpu: setattr(cpu, name, value)


def _segment_fs(cpu: Cpu) -> None:
    cpu.segment = cpu.fs_base


def _push_all(cpu: Cpu) -> None:
    top = cpu.r[ESP]
    for number in range(8):
        cpu.push(top if number == ESP else cpu.r[number])


def _pop_all(cpu: Cpu) -> None:
    for number in reversed(range(8)):
        value = cpu.pop()
        if number != ESP:
            cpu.r[number] = value


def _imul_immediate(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = cpu.size
        cpu.modrm()
        a = cpu.load(size)
        b = cpu.fetch_signed8() if opcode == 0x6B else cpu.fetch(size)
        cpu.set(cpu.reg, multiply(cpu, a, b & MASK[size], size), size)

    return run


def _test(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        cpu.logic(cpu.load(size) & cpu.get(cpu.reg, size), size)

    return run


def _test_accumulator(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.logic(cpu.get(EAX, size) & cpu.fetch(size), size)

    return run


def _exchange(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        a, b = cpu.load(size), cpu.get(cpu.reg, size)
        cpu.store(b, size)
        cpu.set(cpu.reg, a, size)

    return run


def _move(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        if opcode & 2:
            cpu.set(cpu.reg, cpu.load(size), size)
        else:
            cpu.store(cpu.get(cpu.reg, size), size)

    return run


def _move_segment(cpu: Cpu) -> None:
    cpu.modrm()
    cpu.store((0x23, 0x1B, 0x23, 0x23, 0x3B, 0, 0, 0)[cpu.reg], 2)


def _load_segment(cpu: Cpu) -> None:
    cpu.modrm()
    cpu.load(2)


def _lea(cpu: Cpu) -> None:
    cpu.modrm()
    if cpu.ea < 0:
        raise TrapError(ILLEGAL)
    cpu.set(cpu.reg, cpu.ea & MASK[cpu.size], cpu.size)


def _pop_rm(cpu: Cpu) -> None:
    value = cpu.pop(cpu.size)
    cpu.modrm()
    cpu.store(value, cpu.size)


def _extend_accumulator(cpu: Cpu) -> None:
    half = cpu.size // 2
    value = cpu.get(EAX, half)
    cpu.set(EAX, (value - (value & SIGN[half]) * 2) & MASK[cpu.size], cpu.size)


def _extend_to_edx(cpu: Cpu) -> None:
    negative = cpu.get(EAX, cpu.size) & SIGN[cpu.size]
    cpu.set(EDX, MASK[cpu.size] if negative else 0, cpu.size)


def _absolute(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        address = cpu.fetch(cpu.address_size) + cpu.segment
        if opcode < 0xA2:
            cpu.set(EAX, cpu.memory.read(address, size), size)
        else:
            cpu.memory.write(address, cpu.get(EAX, size), size)

    return run


def _shift_group(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        count = cpu.fetch8() if opcode < 0xD0 else cpu.r[ECX] & 0xFF if opcode & 2 else 1
        cpu.store(shift(cpu, cpu.reg, cpu.load(size), count & 31, size), size)

    return run


def _ret(cpu: Cpu) -> None:
    cpu.eip = cpu.pop()


def _ret_count(cpu: Cpu) -> None:
    count = cpu.fetch(2)
    cpu.eip = cpu.pop()
    cpu.r[ESP] = cpu.r[ESP] + count & 0xFFFFFFFF


def _store_immediate(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        cpu.store(cpu.fetch(size), size)

    return run


def _enter(cpu: Cpu) -> None:
    room = cpu.fetch(2)
    cpu.fetch8()
    cpu.push(cpu.r[EBP])
    cpu.r[EBP] = cpu.r[ESP]
    cpu.r[ESP] = cpu.r[ESP] - room & 0xFFFFFFFF


def _leave(cpu: Cpu) -> None:
    cpu.r[ESP] = cpu.r[EBP]
    cpu.r[EBP] = cpu.pop()


def _interrupt(cpu: Cpu) -> None:
    if cpu.fetch8() == 3:
        raise TrapError(BREAKPOINT)
    raise TrapError(PRIVILEGED)


def _trap(code: int) -> Handler:
    def run(_cpu: Cpu) -> None:
        raise TrapError(code)

    return run


def _translate(cpu: Cpu) -> None:
    cpu.set(EAX, cpu.memory.read(cpu.r[3] + (cpu.r[EAX] & 0xFF) + cpu.segment & 0xFFFFFFFF, 1), 1)


def _float(cpu: Cpu) -> None:
    """Floating point is skipped: stubs use it as filler."""
    cpu.modrm()


def _loop(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        distance = cpu.fetch_signed8()
        if opcode != 0xE3:
            cpu.r[ECX] = cpu.r[ECX] - 1 & 0xFFFFFFFF
        taken = (cpu.r[ECX] != 0) == (opcode != 0xE3)
        if opcode < 0xE2:
            taken = taken and cpu.zf == opcode & 1
        if taken:
            cpu.eip = cpu.eip + distance & 0xFFFFFFFF

    return run


def _call(cpu: Cpu) -> None:
    distance = cpu.fetch(4)
    cpu.push(cpu.eip)
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def _jump(cpu: Cpu) -> None:
    distance = cpu.fetch(4)
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def _jump_short(cpu: Cpu) -> None:
    distance = cpu.fetch_signed8()
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def _group_three(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        value = cpu.load(size)
        if cpu.reg < 2:
            cpu.logic(value & cpu.fetch(size), size)
        elif cpu.reg == 2:
            cpu.store(~value & MASK[size], size)
        elif cpu.reg == 3:
            cpu.store(cpu.sub(0, value, size), size)
        else:
            divide(cpu, cpu.reg, value, size)

    return run


def _group_five(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = _wide(cpu, opcode)
        cpu.modrm()
        value = cpu.load(size)
        if cpu.reg < 2:
            cpu.store(_step(cpu, value, size, down=cpu.reg == 1), size)
        elif opcode == 0xFE:
            raise TrapError(ILLEGAL)
        elif cpu.reg == 2:
            cpu.push(cpu.eip)
            cpu.eip = value
        elif cpu.reg == 4:
            cpu.eip = value
        elif cpu.reg == 6:
            cpu.push(value, size)
        else:
            raise TrapError(ILLEGAL)

    return run


def _pop_flags(cpu: Cpu) -> None:
    cpu.flags = cpu.pop(cpu.size)


def _store_ah(cpu: Cpu) -> None:
    cpu.flags = cpu.flags & ~0xFF | cpu.r[EAX] >> 8 & 0xFF


def _set_al_by_carry(cpu: Cpu) -> None:
    cpu.set(EAX, 0xFF if cpu.cf else 0, 1)


def _nothing(_cpu: Cpu) -> None:
    """Does nothing."""


def _carry_flip(cpu: Cpu) -> None:
    cpu.cf ^= 1


def _fill() -> None:
    for kind in range(8):
        for form in range(6):
            OPCODES[kind * 8 + form] = _alu(kind, form)
    spans: tuple[tuple[range, Callable[[int], Handler]], ...] = (
        (range(0x40, 0x50), _step_register), (range(0x50, 0x58), _push_register),
        (range(0x58, 0x60), _pop_register), (range(0x70, 0x80), _jump_if), (range(0x80, 0x84), _immediate_group),
        (range(0x84, 0x86), _test), (range(0x86, 0x88), _exchange), (range(0x88, 0x8C), _move),
        (range(0x91, 0x98), _exchange_accumulator), (range(0xA0, 0xA4), _absolute),
        (range(0xA8, 0xAA), _test_accumulator), (range(0xB0, 0xC0), _move_immediate),
        (range(0xC0, 0xC2), _shift_group), (range(0xD0, 0xD4), _shift_group),
        (range(0xC6, 0xC8), _store_immediate), (range(0xE0, 0xE4), _loop), (range(0xF6, 0xF8), _group_three),
        (range(0xFE, 0x100), _group_five),
    )  # fmt: skip
    for span, make in spans:
        OPCODES.update((code, make(code)) for code in span)
    OPCODES.update(dict.fromkeys(range(0xD8, 0xE0), _float))
    for code in (0x26, 0x2E, 0x36, 0x3E, 0xF0, 0x65):
        OPCODES[code] = _prefix(_nothing)
    for code in (0x6C, 0x6D, 0x6E, 0x6F, 0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF, 0xF4, 0xFA, 0xFB):
        OPCODES[code] = _trap(PRIVILEGED)
    OPCODES.update(STRINGS)


_fill()
OPCODES.update(
    {
        0x0F: extended, 0x60: _push_all, 0x61: _pop_all, 0x64: _prefix(_segment_fs),
        0x66: _prefix(_set("size", 2)), 0x67: _prefix(_set("address_size", 2)),
        0x68: lambda cpu: cpu.push(cpu.fetch(cpu.size), cpu.size), 0x69: _imul_immediate(0x69),
        0x6A: lambda cpu: cpu.push(cpu.fetch_signed8(), cpu.size), 0x6B: _imul_immediate(0x6B),
        0x8C: _move_segment, 0x8D: _lea, 0x8E: _load_segment, 0x8F: _pop_rm, 0x90: _nothing,
        0x98: _extend_accumulator, 0x99: _extend_to_edx, 0x9B: _nothing,
        0x9C: lambda cpu: cpu.push(cpu.flags, cpu.size), 0x9D: _pop_flags, 0x9E: _store_ah,
        0x9F: lambda cpu: cpu.set(4, cpu.flags & 0xFF, 1), 0xC2: _ret_count, 0xC3: _ret, 0xC8: _enter,
        0xC9: _leave, 0xCC: _trap(BREAKPOINT), 0xCD: _interrupt, 0xCE: _nothing, 0xD6: _set_al_by_carry,
        0xD7: _translate, 0xE8: _call, 0xE9: _jump, 0xEB: _jump_short, 0xF1: _trap(0x80000004),
        0xF2: _prefix(_set("repeat", 0xF2)), 0xF3: _prefix(_set("repeat", 0xF3)), 0xF5: _carry_flip,
        0xF8: _set("cf", 0), 0xF9: _set("cf", 1), 0xFC: _set("df", 0), 0xFD: _set("df", 1),
        0x06: lambda cpu: cpu.push(0x23), 0x0E: lambda cpu: cpu.push(0x1B), 0x16: lambda cpu: cpu.push(0x23),
        0x1E: lambda cpu: cpu.push(0x23), 0x07: lambda cpu: void(cpu.pop()), 0x17: lambda cpu: void(cpu.pop()),
        0x1F: lambda cpu: void(cpu.pop()),
    }
)  # fmt: skip


def void(_value: object) -> None:
    """Throw a value away."""
