# SPDX-License-Identifier: Apache-2.0
"""The two-byte instructions, behind 0F, as far as stubs use them.

Source: Intel SDM volume 2, opcode map A.4.
"""

from __future__ import annotations

from mead.analysis.unpack.x86.arithmetic import multiply
from mead.analysis.unpack.x86.cpu import EAX, ECX, EDX, ILLEGAL, MASK, PRIVILEGED, SIGN, Cpu, TrapError

__all__ = ["extended"]


def extended(cpu: Cpu) -> None:
    """Decode and execute the instruction behind 0F."""
    code = cpu.fetch8()
    if 0x80 <= code < 0x90:
        distance = cpu.fetch(cpu.size)
        if cpu.condition(code & 15):
            cpu.eip = cpu.eip + distance & 0xFFFFFFFF
    elif 0x90 <= code < 0xA0:
        cpu.modrm()
        cpu.store(int(cpu.condition(code & 15)), 1)
    elif 0x40 <= code < 0x50:
        cpu.modrm()
        value = cpu.load(cpu.size)
        if cpu.condition(code & 15):
            cpu.set(cpu.reg, value, cpu.size)
    elif 0xC8 <= code < 0xD0:
        cpu.r[code & 7] = int.from_bytes(cpu.r[code & 7].to_bytes(4, "little"), "big")
    elif code in _SINGLE:
        _SINGLE[code](cpu)
    elif code in _WITH_CODE:
        _WITH_CODE[code](cpu, code)
    else:
        raise TrapError(ILLEGAL)


def _stamp(cpu: Cpu) -> None:
    ticks = cpu.count * 3
    cpu.r[EAX], cpu.r[EDX] = ticks & 0xFFFFFFFF, 0x1234 + (ticks >> 32)


def _identify(cpu: Cpu) -> None:
    if cpu.r[EAX]:
        cpu.r[EAX], cpu.r[3], cpu.r[ECX], cpu.r[EDX] = 0x6F6, 0x800, 0, 0x0383F9FF
    else:
        cpu.r[EAX], cpu.r[3], cpu.r[ECX], cpu.r[EDX] = 2, 0x756E6547, 0x6C65746E, 0x49656E69


def _imul(cpu: Cpu) -> None:
    cpu.modrm()
    cpu.set(cpu.reg, multiply(cpu, cpu.get(cpu.reg, cpu.size), cpu.load(cpu.size), cpu.size), cpu.size)


def _hint(cpu: Cpu) -> None:
    cpu.modrm()


def _privileged(_cpu: Cpu) -> None:
    raise TrapError(PRIVILEGED)


def _widen(cpu: Cpu, code: int) -> None:
    half = 2 if code & 1 else 1
    cpu.modrm()
    value = cpu.load(half)
    if code & 8:
        value = (value - (value & SIGN[half]) * 2) & MASK[cpu.size]
    cpu.set(cpu.reg, value, cpu.size)


def _bit(cpu: Cpu, code: int) -> None:
    """BT BTS BTR BTC, with a register or a number."""
    cpu.modrm()
    if code == 0xBA:
        kind, place = cpu.reg & 3, cpu.fetch8()
    else:
        kind, place = code >> 3 & 3, cpu.get(cpu.reg, cpu.size)
        if cpu.ea >= 0:
            signed = place - (place & SIGN[cpu.size]) * 2
            cpu.ea = cpu.ea + (signed >> 5) * 4 & 0xFFFFFFFF
    place %= cpu.size * 8
    value = cpu.load(cpu.size)
    cpu.cf = value >> place & 1
    if kind == 1:
        cpu.store(value | 1 << place, cpu.size)
    elif kind == 2:
        cpu.store(value & ~(1 << place), cpu.size)
    elif kind == 3:
        cpu.store(value ^ 1 << place, cpu.size)


def _double_shift(cpu: Cpu, code: int) -> None:
    cpu.modrm()
    count = (cpu.r[ECX] & 0xFF if code & 1 else cpu.fetch8()) & 31
    if not count:
        return
    bits = cpu.size * 8
    value, other = cpu.load(cpu.size), cpu.get(cpu.reg, cpu.size)
    if code < 0xA8:
        whole = (value << bits | other) << count
        cpu.cf = value >> (bits - count) & 1 if count <= bits else 0
        out = whole >> bits & MASK[cpu.size]
    else:
        cpu.cf = value >> (count - 1) & 1
        out = (other << bits | value) >> count & MASK[cpu.size]
    cpu.of = int(bool((out ^ value) & SIGN[cpu.size]))
    cpu.store(cpu.result(out, cpu.size), cpu.size)


def _scan(cpu: Cpu, code: int) -> None:
    cpu.modrm()
    value = cpu.load(cpu.size)
    cpu.zf = int(value == 0)
    if value:
        place = (value & -value).bit_length() - 1 if code == 0xBC else value.bit_length() - 1
        cpu.set(cpu.reg, place, cpu.size)


def _exchange_add(cpu: Cpu, code: int) -> None:
    size = cpu.size if code & 1 else 1
    cpu.modrm()
    old = cpu.load(size)
    total = cpu.add(old, cpu.get(cpu.reg, size), size)
    cpu.set(cpu.reg, old, size)
    cpu.store(total, size)


def _compare_exchange(cpu: Cpu, code: int) -> None:
    size = cpu.size if code & 1 else 1
    cpu.modrm()
    value = cpu.load(size)
    cpu.sub(cpu.get(EAX, size), value, size)
    if cpu.zf:
        cpu.store(cpu.get(cpu.reg, size), size)
    else:
        cpu.set(EAX, value, size)


_SINGLE = {
    0x31: _stamp,
    0xA2: _identify,
    0xAF: _imul,
    0x1F: _hint,
    0x18: _hint,
    0x08: _privileged,
    0x09: _privileged,
    0x30: _privileged,
    0x32: _privileged,
    0x20: _privileged,
    0x22: _privileged,
}
_WITH_CODE = {
    0xB6: _widen,
    0xB7: _widen,
    0xBE: _widen,
    0xBF: _widen,
    0xA3: _bit,
    0xAB: _bit,
    0xB3: _bit,
    0xBB: _bit,
    0xBA: _bit,
    0xA4: _double_shift,
    0xA5: _double_shift,
    0xAC: _double_shift,
    0xAD: _double_shift,
    0xBC: _scan,
    0xBD: _scan,
    0xC0: _exchange_add,
    0xC1: _exchange_add,
    0xB0: _compare_exchange,
    0xB1: _compare_exchange,
}
