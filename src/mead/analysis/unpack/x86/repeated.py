# SPDX-License-Identifier: Apache-2.0
"""String instructions; a repeated one counts as many instructions as it has turns.

Like a real processor that is interrupted, ours leaves a long repetition after some turns and takes it up
again, so that the bounds of time and instructions are looked at meanwhile.

Source: Intel SDM volume 2, MOVS CMPS STOS LODS SCAS and REP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mead.analysis.unpack.x86.cpu import EAX, ECX, EDI, ESI, Cpu

__all__ = ["STRINGS"]

Turn: TypeAlias = Callable[[Cpu, int, int], None]

MAX_TURNS = 16 * 1024


def _advance(cpu: Cpu, number: int, step: int) -> None:
    cpu.r[number] = cpu.r[number] + step & 0xFFFFFFFF


def _movs(cpu: Cpu, size: int, step: int) -> None:
    cpu.memory.write(cpu.r[EDI], cpu.memory.read(cpu.r[ESI], size), size)
    _advance(cpu, ESI, step)
    _advance(cpu, EDI, step)


def _cmps(cpu: Cpu, size: int, step: int) -> None:
    cpu.sub(cpu.memory.read(cpu.r[ESI], size), cpu.memory.read(cpu.r[EDI], size), size)
    _advance(cpu, ESI, step)
    _advance(cpu, EDI, step)


def _stos(cpu: Cpu, size: int, step: int) -> None:
    cpu.memory.write(cpu.r[EDI], cpu.get(EAX, size), size)
    _advance(cpu, EDI, step)


def _lods(cpu: Cpu, size: int, step: int) -> None:
    cpu.set(EAX, cpu.memory.read(cpu.r[ESI], size), size)
    _advance(cpu, ESI, step)


def _scas(cpu: Cpu, size: int, step: int) -> None:
    cpu.sub(cpu.get(EAX, size), cpu.memory.read(cpu.r[EDI], size), size)
    _advance(cpu, EDI, step)


def _string(turn: Turn, opcode: int, *, compares: bool = False) -> Callable[[Cpu], None]:
    def run(cpu: Cpu) -> None:
        size = cpu.size if opcode & 1 else 1
        step = -size if cpu.df else size
        if not cpu.repeat:
            turn(cpu, size, step)
            return
        wanted = 1 if cpu.repeat == 0xF3 else 0
        turns = 0
        while cpu.r[ECX] and turns < MAX_TURNS:
            turn(cpu, size, step)
            cpu.r[ECX] -= 1
            turns += 1
            if compares and cpu.zf != wanted:
                break
        else:
            if cpu.r[ECX]:
                cpu.eip = cpu.begun
        cpu.count += turns

    return run


STRINGS: dict[int, Callable[[Cpu], None]] = {
    opcode + wide: _string(turn, opcode + wide, compares=compares)
    for opcode, turn, compares in (
        (0xA4, _movs, False), (0xA6, _cmps, True), (0xAA, _stos, False), (0xAC, _lods, False), (0xAE, _scas,
        True),
    )
    for wide in (0, 1)
}  # fmt: skip
