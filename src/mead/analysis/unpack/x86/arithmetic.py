# SPDX-License-Identifier: Apache-2.0
"""Arithmetic that several instructions share, with its flags.

Source: Intel SDM volume 2, ADD … CMP, SHL … RCR, MUL, DIV.
"""

from __future__ import annotations

from mead.analysis.unpack.x86.cpu import DIVIDE, EAX, EDX, MASK, SIGN, Cpu, TrapError

__all__ = ["divide", "group_one", "multiply", "shift", "signed"]


def signed(value: int, size: int) -> int:
    """A number of `size` bytes as a signed one."""
    return value - (value & SIGN[size]) * 2


def group_one(cpu: Cpu, kind: int, a: int, b: int, size: int) -> int:
    """ADD OR ADC SBB AND SUB XOR CMP."""
    if kind == 0:
        return cpu.add(a, b, size)
    if kind == 1:
        return cpu.logic(a | b, size)
    if kind == 2:
        return cpu.add(a, b, size, cpu.cf)
    if kind == 3:
        return cpu.sub(a, b, size, cpu.cf)
    if kind == 4:
        return cpu.logic(a & b, size)
    if kind == 6:
        return cpu.logic(a ^ b, size)
    return cpu.sub(a, b, size)


def shift(cpu: Cpu, kind: int, value: int, count: int, size: int) -> int:
    """ROL ROR RCL RCR SHL SHR SAL SAR by `count` (0 to 31)."""
    if not count:
        return value
    if kind < 4:
        return _rotate(cpu, kind, value, count, size)
    bits, mask, sign = size * 8, MASK[size], SIGN[size]
    if kind in {4, 6}:
        whole = value << count
        cpu.cf = whole >> bits & 1
        out = whole & mask
        cpu.of = int(bool(out & sign)) ^ cpu.cf
    elif kind == 5:
        cpu.cf = value >> (count - 1) & 1
        cpu.of = int(bool(value & sign))
        out = value >> count
    else:
        number = signed(value, size)
        cpu.cf = number >> (count - 1) & 1
        cpu.of = 0
        out = number >> count & mask
    return cpu.result(out, size)


def _rotate(cpu: Cpu, kind: int, value: int, count: int, size: int) -> int:
    bits, mask = size * 8, MASK[size]
    if kind < 2:
        turn = count % bits
        if kind == 1:
            turn = -turn % bits
        out = (value << turn | value >> (bits - turn)) & mask
        cpu.cf = out & 1 if kind == 0 else out >> (bits - 1)
    else:
        wide, turn = value | cpu.cf << bits, count % (bits + 1)
        if kind == 3:
            turn = -turn % (bits + 1)
        whole = (wide << turn | wide >> (bits + 1 - turn)) & (mask << 1 | 1)
        out, cpu.cf = whole & mask, whole >> bits & 1
    top, next_top = out >> (bits - 1) & 1, out >> (bits - 2) & 1
    cpu.of = top ^ (cpu.cf if kind in {0, 2} else next_top)
    return out


def multiply(cpu: Cpu, a: int, b: int, size: int) -> int:
    """Signed product, cut to `size`."""
    whole = signed(a, size) * signed(b, size)
    value = whole & MASK[size]
    cpu.cf = cpu.of = int(signed(value, size) != whole)
    return value


def divide(cpu: Cpu, kind: int, value: int, size: int) -> None:
    """MUL IMUL DIV IDIV (kinds 4 to 7) of the accumulator.

    Raises:
        TrapError: division by zero, or the quotient does not fit.
    """
    bits, mask = size * 8, MASK[size]
    if kind < 6:
        a = cpu.get(EAX, size)
        whole = a * value if kind == 4 else signed(a, size) * signed(value, size)
        low, high = whole & mask, whole >> bits & mask
        fits = not high if kind == 4 else signed(low, size) == whole
        cpu.cf = cpu.of = int(not fits)
        _pair(cpu, low, high, size)
        return
    if not value:
        raise TrapError(DIVIDE)
    whole = cpu.get(EAX, 2) if size == 1 else cpu.get(EDX, size) << bits | cpu.get(EAX, size)
    if kind == 6:
        quotient, rest = divmod(whole, value)
        if quotient > mask:
            raise TrapError(DIVIDE)
    else:
        number = whole - ((whole >> (2 * bits - 1)) << (2 * bits))
        divisor = signed(value, size)
        quotient = abs(number) // abs(divisor) * (1 if (number < 0) == (divisor < 0) else -1)
        rest = number - quotient * divisor
        if not -SIGN[size] <= quotient < SIGN[size]:
            raise TrapError(DIVIDE)
    _pair(cpu, quotient & mask, rest & mask, size)


def _pair(cpu: Cpu, low: int, high: int, size: int) -> None:
    if size == 1:
        cpu.set(EAX, low | high << 8, 2)
    else:
        cpu.set(EAX, low, size)
        cpu.set(EDX, high, size)
