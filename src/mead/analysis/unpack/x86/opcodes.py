# SPDX-License-Identifier: Apache-2.0
"""The one-byte opcode map.

Source: Intel SDM volume 2, opcode map A.3.
"""

from __future__ import annotations

from collections.abc import Callable

from mead.analysis.unpack.x86 import handlers
from mead.analysis.unpack.x86.cpu import BREAKPOINT, PRIVILEGED, Cpu
from mead.analysis.unpack.x86.extended import extended
from mead.analysis.unpack.x86.handlers import Handler
from mead.analysis.unpack.x86.repeated import STRINGS

__all__ = ["OPCODES"]

OPCODES: dict[int, Handler] = {}


def _pop_segment(cpu: Cpu) -> None:
    cpu.pop()


def _fill() -> None:
    for kind in range(8):
        for form in range(6):
            OPCODES[kind * 8 + form] = handlers.alu(kind, form)
    spans: tuple[tuple[range, Callable[[int], Handler]], ...] = (
        (range(0x40, 0x50), handlers.step_register),
        (range(0x50, 0x58), handlers.push_register),
        (range(0x58, 0x60), handlers.pop_register),
        (range(0x70, 0x80), handlers.jump_if),
        (range(0x80, 0x84), handlers.immediate_group),
        (range(0x84, 0x86), handlers.test),
        (range(0x86, 0x88), handlers.exchange),
        (range(0x88, 0x8C), handlers.move),
        (range(0x91, 0x98), handlers.exchange_accumulator),
        (range(0xA0, 0xA4), handlers.absolute),
        (range(0xA8, 0xAA), handlers.test_accumulator),
        (range(0xB0, 0xC0), handlers.move_immediate),
        (range(0xC0, 0xC2), handlers.shift_group),
        (range(0xD0, 0xD4), handlers.shift_group),
        (range(0xC6, 0xC8), handlers.store_immediate),
        (range(0xE0, 0xE4), handlers.loop),
        (range(0xF6, 0xF8), handlers.group_three),
        (range(0xFE, 0x100), handlers.group_five),
    )
    for span, make in spans:
        OPCODES.update((code, make(code)) for code in span)
    OPCODES.update(dict.fromkeys(range(0xD8, 0xE0), handlers.floating))
    for code in (0x26, 0x2E, 0x36, 0x3E, 0xF0, 0x65):
        OPCODES[code] = handlers.prefix(handlers.nothing)
    for code in (0x6C, 0x6D, 0x6E, 0x6F, 0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF, 0xF4, 0xFA, 0xFB):
        OPCODES[code] = handlers.trap(PRIVILEGED)
    OPCODES.update(STRINGS)


_fill()
OPCODES.update(
    {
        0x0F: extended,
        0x60: handlers.push_all,
        0x61: handlers.pop_all,
        0x64: handlers.prefix(handlers.segment_fs),
        0x66: handlers.prefix(handlers.assign("size", 2)),
        0x67: handlers.prefix(handlers.assign("address_size", 2)),
        0x68: lambda cpu: cpu.push(cpu.fetch(cpu.size), cpu.size),
        0x69: handlers.imul_immediate(0x69),
        0x6A: lambda cpu: cpu.push(cpu.fetch_signed8(), cpu.size),
        0x6B: handlers.imul_immediate(0x6B),
        0x8C: handlers.move_segment,
        0x8D: handlers.lea,
        0x8E: handlers.load_segment,
        0x8F: handlers.pop_rm,
        0x90: handlers.nothing,
        0x98: handlers.extend_accumulator,
        0x99: handlers.extend_to_edx,
        0x9B: handlers.nothing,
        0x9C: lambda cpu: cpu.push(cpu.flags, cpu.size),
        0x9D: handlers.pop_flags,
        0x9E: handlers.store_ah,
        0x9F: lambda cpu: cpu.set(4, cpu.flags & 0xFF, 1),
        0xC2: handlers.ret_count,
        0xC3: handlers.ret,
        0xC8: handlers.enter,
        0xC9: handlers.leave,
        0xCC: handlers.trap(BREAKPOINT),
        0xCD: handlers.interrupt,
        0xCE: handlers.nothing,
        0xD6: handlers.set_al_by_carry,
        0xD7: handlers.translate,
        0xE8: handlers.call,
        0xE9: handlers.jump,
        0xEB: handlers.jump_short,
        0xF1: handlers.trap(0x80000004),
        0xF2: handlers.prefix(handlers.assign("repeat", 0xF2)),
        0xF3: handlers.prefix(handlers.assign("repeat", 0xF3)),
        0xF5: handlers.carry_flip,
        0xF8: handlers.assign("cf", 0),
        0xF9: handlers.assign("cf", 1),
        0xFC: handlers.assign("df", 0),
        0xFD: handlers.assign("df", 1),
        0x06: lambda cpu: cpu.push(0x23),
        0x0E: lambda cpu: cpu.push(0x1B),
        0x16: lambda cpu: cpu.push(0x23),
        0x1E: lambda cpu: cpu.push(0x23),
        0x07: _pop_segment,
        0x17: _pop_segment,
        0x1F: _pop_segment,
    }
)
