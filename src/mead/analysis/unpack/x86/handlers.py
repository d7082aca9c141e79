# SPDX-License-Identifier: Apache-2.0
"""What the one-byte instructions do; `opcodes` says which is which.

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

__all__: list[str] = []

Handler: TypeAlias = Callable[[Cpu], None]


def wide(cpu: Cpu, opcode: int) -> int:
    return cpu.size if opcode & 1 else 1


def alu(kind: int, form: int) -> Handler:
    def to_rm(cpu: Cpu) -> None:
        size = wide(cpu, form)
        cpu.modrm()
        value = group_one(cpu, kind, cpu.load(size), cpu.get(cpu.reg, size), size)
        if kind != 7:
            cpu.store(value, size)

    def to_register(cpu: Cpu) -> None:
        size = wide(cpu, form)
        cpu.modrm()
        value = group_one(cpu, kind, cpu.get(cpu.reg, size), cpu.load(size), size)
        if kind != 7:
            cpu.set(cpu.reg, value, size)

    def to_accumulator(cpu: Cpu) -> None:
        size = wide(cpu, form)
        value = group_one(cpu, kind, cpu.get(EAX, size), cpu.fetch(size), size)
        if kind != 7:
            cpu.set(EAX, value, size)

    return (to_rm, to_register, to_accumulator)[form >> 1]


def immediate_group(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        operand = cpu.fetch_signed8() & MASK[size] if opcode == 131 else cpu.fetch(size)
        value = group_one(cpu, cpu.reg, cpu.load(size), operand, size)
        if cpu.reg != 7:
            cpu.store(value, size)

    return run


def step(cpu: Cpu, value: int, size: int, *, down: bool) -> int:
    carry = cpu.cf
    value = cpu.sub(value, 1, size) if down else cpu.add(value, 1, size)
    cpu.cf = carry
    return value


def step_register(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        number = opcode & 7
        cpu.set(number, step(cpu, cpu.get(number, cpu.size), cpu.size, down=opcode >= 0x48), cpu.size)

    return run


def push_register(opcode: int) -> Handler:
    return lambda cpu: cpu.push(cpu.get(opcode & 7, cpu.size), cpu.size)


def pop_register(opcode: int) -> Handler:
    return lambda cpu: cpu.set(opcode & 7, cpu.pop(cpu.size), cpu.size)


def jump_if(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        distance = cpu.fetch_signed8()
        if cpu.condition(opcode & 15):
            cpu.eip = cpu.eip + distance & 0xFFFFFFFF

    return run


def exchange_accumulator(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        number, size = opcode & 7, cpu.size
        a, b = cpu.get(EAX, size), cpu.get(number, size)
        cpu.set(EAX, b, size)
        cpu.set(number, a, size)

    return run


def move_immediate(opcode: int) -> Handler:
    if opcode < 0xB8:
        return lambda cpu: cpu.set(opcode & 7, cpu.fetch8(), 1)
    return lambda cpu: cpu.set(opcode & 7, cpu.fetch(cpu.size), cpu.size)


def prefix(change: Callable[[Cpu], None]) -> Handler:
    def run(cpu: Cpu) -> None:
        change(cpu)
        handler = cpu.opcodes.get(cpu.fetch8())
        if handler is None:
            raise TrapError(ILLEGAL)
        handler(cpu)

    return run


def assign(name: str, value: int) -> Handler:
    return lambda cpu: setattr(cpu, name, value)


def segment_fs(cpu: Cpu) -> None:
    cpu.segment = cpu.fs_base


def push_all(cpu: Cpu) -> None:
    top = cpu.r[ESP]
    for number in range(8):
        cpu.push(top if number == ESP else cpu.r[number])


def pop_all(cpu: Cpu) -> None:
    for number in reversed(range(8)):
        value = cpu.pop()
        if number != ESP:
            cpu.r[number] = value


def imul_immediate(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = cpu.size
        cpu.modrm()
        a = cpu.load(size)
        b = cpu.fetch_signed8() if opcode == 0x6B else cpu.fetch(size)
        cpu.set(cpu.reg, multiply(cpu, a, b & MASK[size], size), size)

    return run


def test(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        cpu.logic(cpu.load(size) & cpu.get(cpu.reg, size), size)

    return run


def test_accumulator(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.logic(cpu.get(EAX, size) & cpu.fetch(size), size)

    return run


def exchange(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        a, b = cpu.load(size), cpu.get(cpu.reg, size)
        cpu.store(b, size)
        cpu.set(cpu.reg, a, size)

    return run


def move(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        if opcode & 2:
            cpu.set(cpu.reg, cpu.load(size), size)
        else:
            cpu.store(cpu.get(cpu.reg, size), size)

    return run


def move_segment(cpu: Cpu) -> None:
    cpu.modrm()
    cpu.store((0x23, 0x1B, 0x23, 0x23, 0x3B, 0, 0, 0)[cpu.reg], 2)


def load_segment(cpu: Cpu) -> None:
    cpu.modrm()
    cpu.load(2)


def lea(cpu: Cpu) -> None:
    cpu.modrm()
    if cpu.ea < 0:
        raise TrapError(ILLEGAL)
    cpu.set(cpu.reg, cpu.ea & MASK[cpu.size], cpu.size)


def pop_rm(cpu: Cpu) -> None:
    value = cpu.pop(cpu.size)
    cpu.modrm()
    cpu.store(value, cpu.size)


def extend_accumulator(cpu: Cpu) -> None:
    half = cpu.size // 2
    value = cpu.get(EAX, half)
    cpu.set(EAX, (value - (value & SIGN[half]) * 2) & MASK[cpu.size], cpu.size)


def extend_to_edx(cpu: Cpu) -> None:
    negative = cpu.get(EAX, cpu.size) & SIGN[cpu.size]
    cpu.set(EDX, MASK[cpu.size] if negative else 0, cpu.size)


def absolute(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        address = cpu.fetch(cpu.address_size) + cpu.segment
        if opcode < 0xA2:
            cpu.set(EAX, cpu.memory.read(address, size), size)
        else:
            cpu.memory.write(address, cpu.get(EAX, size), size)

    return run


def shift_group(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        count = cpu.fetch8() if opcode < 0xD0 else cpu.r[ECX] & 0xFF if opcode & 2 else 1
        cpu.store(shift(cpu, cpu.reg, cpu.load(size), count & 31, size), size)

    return run


def ret(cpu: Cpu) -> None:
    cpu.eip = cpu.pop()


def ret_count(cpu: Cpu) -> None:
    count = cpu.fetch(2)
    cpu.eip = cpu.pop()
    cpu.r[ESP] = cpu.r[ESP] + count & 0xFFFFFFFF


def store_immediate(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        cpu.store(cpu.fetch(size), size)

    return run


def enter(cpu: Cpu) -> None:
    room = cpu.fetch(2)
    cpu.fetch8()
    cpu.push(cpu.r[EBP])
    cpu.r[EBP] = cpu.r[ESP]
    cpu.r[ESP] = cpu.r[ESP] - room & 0xFFFFFFFF


def leave(cpu: Cpu) -> None:
    cpu.r[ESP] = cpu.r[EBP]
    cpu.r[EBP] = cpu.pop()


def interrupt(cpu: Cpu) -> None:
    if cpu.fetch8() == 3:
        raise TrapError(BREAKPOINT)
    raise TrapError(PRIVILEGED)


def trap(code: int) -> Handler:
    def run(_cpu: Cpu) -> None:
        raise TrapError(code)

    return run


def translate(cpu: Cpu) -> None:
    cpu.set(EAX, cpu.memory.read(cpu.r[3] + (cpu.r[EAX] & 0xFF) + cpu.segment & 0xFFFFFFFF, 1), 1)


def floating(cpu: Cpu) -> None:
    """Skip floating point: stubs use it as filler."""
    cpu.modrm()


def loop(opcode: int) -> Handler:
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


def call(cpu: Cpu) -> None:
    distance = cpu.fetch(4)
    cpu.push(cpu.eip)
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def jump(cpu: Cpu) -> None:
    distance = cpu.fetch(4)
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def jump_short(cpu: Cpu) -> None:
    distance = cpu.fetch_signed8()
    cpu.eip = cpu.eip + distance & 0xFFFFFFFF


def group_three(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
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


def group_five(opcode: int) -> Handler:
    def run(cpu: Cpu) -> None:
        size = wide(cpu, opcode)
        cpu.modrm()
        value = cpu.load(size)
        if cpu.reg < 2:
            cpu.store(step(cpu, value, size, down=cpu.reg == 1), size)
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


def pop_flags(cpu: Cpu) -> None:
    cpu.flags = cpu.pop(cpu.size)


def store_ah(cpu: Cpu) -> None:
    cpu.flags = cpu.flags & ~0xFF | cpu.r[EAX] >> 8 & 0xFF


def set_al_by_carry(cpu: Cpu) -> None:
    cpu.set(EAX, 0xFF if cpu.cf else 0, 1)


def nothing(_cpu: Cpu) -> None:
    """NOP, and prefixes that change nothing here."""


def carry_flip(cpu: Cpu) -> None:
    cpu.cf ^= 1
