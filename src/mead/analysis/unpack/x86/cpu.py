# SPDX-License-Identifier: Apache-2.0
"""Registers, flags, operands and the fetch loop of the emulated processor.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
"""

from __future__ import annotations

from collections.abc import Callable

from mead.analysis.unpack.x86.memory import FaultError, Memory, Region

__all__ = ["EAX", "EBP", "EBX", "ECX", "EDI", "EDX", "ESI", "ESP", "Cpu", "TrapError"]

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
MASK = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFFFFFF}
SIGN = {1: 0x80, 2: 0x8000, 4: 0x80000000}
ILLEGAL, PRIVILEGED, DIVIDE, BREAKPOINT, STEP = 0xC000001D, 0xC0000096, 0xC0000094, 0x80000003, 0x80000004


class TrapError(Exception):
    """The processor raises an exception with a Windows status code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:#x}")
        self.code = code


class Cpu:
    """One processor. `opcodes` maps a first byte to what it does, `extended` those behind 0F."""

    def __init__(self, memory: Memory, opcodes: dict[int, Callable[[Cpu], None]]) -> None:
        self.memory = memory
        self.opcodes = opcodes
        self.r = [0] * 8
        self.eip = 0
        self.cf = self.zf = self.sf = self.of = self.af = self.df = self.tf = 0
        self.parity = 0
        """The byte whose parity the parity flag is."""
        self.size = 4
        self.address_size = 4
        self.segment = 0
        self.repeat = 0
        self.reg = self.rm = self.ea = 0
        self.fs_base = 0
        self.count = 0
        self.begun = 0
        """Where the instruction begins that is being executed."""
        self._code = Region(0, bytearray())

    def step(self) -> None:
        """Execute one instruction.

        Raises:
            FaultError, TrapError: it cannot be done; `eip` stands where it begins.
        """
        self.begun = start = self.eip
        self.size, self.address_size, self.segment, self.repeat = 4, 4, 0, 0
        trap = self.tf
        self.count += 1
        try:
            handler = self.opcodes.get(self.fetch8())
            if handler is None:
                raise TrapError(ILLEGAL)  # noqa: TRY301  # the same clean-up
            handler(self)
        except (FaultError, TrapError) as error:
            if not (isinstance(error, TrapError) and error.code == BREAKPOINT):
                self.eip = start
            raise
        if trap:
            self.tf = 0
            raise TrapError(STEP)

    def fetch8(self) -> int:
        """The next byte of code."""
        code, at = self._code, self.eip - self._code.start
        if not 0 <= at < len(code.data):
            self._code = code = self.memory.find(self.eip, 1)
            at = self.eip - code.start
        self.eip += 1
        return code.data[at]

    def fetch(self, size: int) -> int:
        """The next number of code."""
        code, at = self._code, self.eip - self._code.start
        if at < 0 or at + size > len(code.data):
            code = self.memory.find(self.eip, size)
            at = self.eip - code.start
        self.eip += size
        return int.from_bytes(code.data[at : at + size], "little")

    def fetch_signed8(self) -> int:
        """The next byte of code, as a signed number."""
        value = self.fetch8()
        return value - 256 if value & 128 else value

    def modrm(self) -> None:
        """Decode the operand byte into `reg`, `rm` and `ea` (-1: `rm` is a register)."""
        byte = self.fetch8()
        self.reg, self.rm = byte >> 3 & 7, byte & 7
        if byte >= 0xC0:
            self.ea = -1
        elif self.address_size == 2:
            self.ea = self._address16(byte >> 6)
        else:
            self.ea = self._address(byte >> 6)

    def _address(self, mode: int) -> int:
        base = 0
        if self.rm == 4:
            sib = self.fetch8()
            index, low = sib >> 3 & 7, sib & 7
            base = self.fetch(4) if low == 5 and mode == 0 else self.r[low]
            if index != 4:
                base += self.r[index] << (sib >> 6)
        elif self.rm == 5 and mode == 0:
            base = self.fetch(4)
        else:
            base = self.r[self.rm]
        if mode == 1:
            base += self.fetch_signed8()
        elif mode == 2:
            base += self.fetch(4)
        return base + self.segment & 0xFFFFFFFF

    def _address16(self, mode: int) -> int:
        if self.rm == 6 and mode == 0:
            return self.fetch(2) + self.segment
        pairs = ((EBX, ESI), (EBX, EDI), (EBP, ESI), (EBP, EDI), (ESI,), (EDI,), (EBP,), (EBX,))
        base = sum(self.r[n] for n in pairs[self.rm])
        if mode == 1:
            base += self.fetch_signed8()
        elif mode == 2:
            base += self.fetch(2)
        return (base & 0xFFFF) + self.segment

    def get(self, number: int, size: int) -> int:
        """A register."""
        if size == 4:
            return self.r[number]
        if size == 2:
            return self.r[number] & 0xFFFF
        return self.r[number & 3] >> (8 if number & 4 else 0) & 0xFF

    def set(self, number: int, value: int, size: int) -> None:
        """Change a register."""
        if size == 4:
            self.r[number] = value
        elif size == 2:
            self.r[number] = self.r[number] & 0xFFFF0000 | value
        else:
            shift = 8 if number & 4 else 0
            self.r[number & 3] = self.r[number & 3] & ~(0xFF << shift) | value << shift

    def load(self, size: int) -> int:
        """The operand that `modrm` found."""
        return self.get(self.rm, size) if self.ea < 0 else self.memory.read(self.ea, size)

    def store(self, value: int, size: int) -> None:
        """Change the operand that `modrm` found."""
        if self.ea < 0:
            self.set(self.rm, value, size)
        else:
            self.memory.write(self.ea, value, size)

    def push(self, value: int, size: int = 4) -> None:
        """Put a number on the stack."""
        top = self.r[ESP] - size & 0xFFFFFFFF
        self.memory.write(top, value & MASK[size], size)
        self.r[ESP] = top

    def pop(self, size: int = 4) -> int:
        """Take a number from the stack."""
        value = self.memory.read(self.r[ESP], size)
        self.r[ESP] = self.r[ESP] + size & 0xFFFFFFFF
        return value

    def logic(self, value: int, size: int) -> int:
        """Flags of a logical operation."""
        self.cf = self.of = 0
        return self.result(value, size)

    def result(self, value: int, size: int) -> int:
        """Zero, sign and parity of a result."""
        self.zf = int(value == 0)
        self.sf = int(bool(value & SIGN[size]))
        self.parity = value & 0xFF
        return value

    def add(self, a: int, b: int, size: int, carry: int = 0) -> int:
        """Sum with flags."""
        mask, sign = MASK[size], SIGN[size]
        whole = a + b + carry
        value = whole & mask
        self.cf = int(whole > mask)
        self.of = int(bool((a ^ value) & (b ^ value) & sign))
        self.af = (a ^ b ^ value) >> 4 & 1
        return self.result(value, size)

    def sub(self, a: int, b: int, size: int, borrow: int = 0) -> int:
        """Difference with flags."""
        mask, sign = MASK[size], SIGN[size]
        value = a - b - borrow & mask
        self.cf = int(a < b + borrow)
        self.of = int(bool((a ^ b) & (a ^ value) & sign))
        self.af = (a ^ b ^ value) >> 4 & 1
        return self.result(value, size)

    def condition(self, code: int) -> bool:
        """Whether condition `code` (the low half of a Jcc) holds."""
        kind = code >> 1
        if kind == 0:
            holds = self.of
        elif kind == 1:
            holds = self.cf
        elif kind == 2:
            holds = self.zf
        elif kind == 3:
            holds = self.cf | self.zf
        elif kind == 4:
            holds = self.sf
        elif kind == 5:
            holds = self.pf
        else:
            holds = self.sf ^ self.of | (self.zf if kind == 7 else 0)
        return bool(holds) != bool(code & 1)

    @property
    def pf(self) -> int:
        """Parity flag."""
        return int(self.parity.bit_count() % 2 == 0)

    @property
    def flags(self) -> int:
        """EFLAGS."""
        return (
            self.cf | 2 | self.pf << 2 | self.af << 4 | self.zf << 6 | self.sf << 7 | self.tf << 8 | 1 << 9
            | self.df << 10 | self.of << 11
        )  # fmt: skip

    @flags.setter
    def flags(self, value: int) -> None:
        self.cf, self.af, self.zf, self.sf = value & 1, value >> 4 & 1, value >> 6 & 1, value >> 7 & 1
        self.parity = 0 if value & 4 else 1
        self.tf, self.df, self.of = value >> 8 & 1, value >> 10 & 1, value >> 11 & 1
