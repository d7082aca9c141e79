# SPDX-License-Identifier: Apache-2.0
"""A process: the image mapped, a stack, the thread block, structured exceptions, calls of libraries."""

from __future__ import annotations

import struct
from collections.abc import Callable

from mead.analysis.unpack.x86.cpu import EAX, EBX, EDX, ESP, Cpu, TrapError
from mead.analysis.unpack.x86.image import Image, mapped
from mead.analysis.unpack.x86.libraries import FUNCTIONS, Libraries
from mead.analysis.unpack.x86.memory import FaultError, Memory
from mead.analysis.unpack.x86.opcodes import OPCODES

__all__ = ["Process"]

STACK, STACK_BYTES = 0x00120000, 0x00020000
HEAP, HEAP_BYTES = 0x70000000, 0x04000000
TEB, PEB = 0x7FFDE000, 0x7FFDF000
COMMAND_LINE = PEB + 0x400
HANDLED, FINISHED = 0x7C8FFFF0, 0x7C81F000
"""Addresses at which an exception handler and the main function return."""
ACCESS_VIOLATION = 0xC0000005
MAX_EXCEPTIONS = 5000
MAX_REGIONS = 500
"""Pieces of memory that a program may have; each access may have to look at all of them."""
CHECK_EVERY = 2000
"""Instructions between two looks at the clock."""
CONTEXT_BYTES = 0x2CC
_CONTEXT = (0xB0, 0xAC, 0xA8, 0xA4, 0xC4, 0xB4, 0xA0, 0x9C)
"""Where the registers stand in a CONTEXT, in the processor's order."""


class _StopError(Exception):
    """The emulation ends here; the message says why."""


class Process:
    """A program about to run."""

    def __init__(self, data: bytes, image: Image) -> None:
        self.image = image
        self.memory = Memory()
        self.program = self.memory.add(image.base, mapped(data, image))
        self._stack = STACK if image.base >= 0x200000 else image.base + image.size + 0x100000 & ~0xFFFF
        self.memory.add(self._stack, bytearray(STACK_BYTES))
        self.memory.add(TEB, bytearray(0x2000))
        self.libraries = Libraries(self.memory)
        self.cpu = Cpu(self.memory, OPCODES)
        self.calls: list[str] = []
        """Names of the library functions that were called, the first hundred."""
        self.ran_written = False
        """Whether code ran that the program had written itself."""
        self._heap = HEAP
        self._exceptions = 0
        self._pending: list[tuple[int, int]] = []
        self._link()
        self._thread()
        self.memory.written.clear()

    def run(self, most: int, check: Callable[[], None]) -> str:
        """Run at most `most` instructions, calling `check` now and then; why it ended."""
        cpu, page, next_check = self.cpu, 0, CHECK_EVERY
        try:
            while cpu.count < most:
                if cpu.eip >> 12 != page:
                    page = cpu.eip >> 12
                    self._enter(page)
                if cpu.eip >= 0x7C800000:
                    self._outside()
                    continue
                try:
                    cpu.step()
                except FaultError as error:
                    self._raise(ACCESS_VIOLATION, (int(error.write), error.address))
                except TrapError as error:
                    self._raise(error.code, ())
                if cpu.count >= next_check:
                    next_check = cpu.count + CHECK_EVERY
                    check()
        except _StopError as error:
            return str(error)
        except FaultError as error:
            return f"stopped: {error}"
        return f"{most} instructions"

    def allocate(self, size: int) -> int:
        """Some memory of the heap; 0 when there is none left."""
        size = size + 0xFFF & ~0xFFF
        if not size or self._heap + size > HEAP + HEAP_BYTES or len(self.memory.regions) > MAX_REGIONS:
            return 0
        address, self._heap = self._heap, self._heap + size + 0x1000
        self.memory.add(address, bytearray(size))
        return address

    def _enter(self, page: int) -> None:
        if page in self.memory.written:
            self.ran_written = True

    def _link(self) -> None:
        """Resolve the imports; a table that leaves the image ends where it does."""
        at = self.image.imports
        try:
            for _ in range(64 if at else 0):
                lookup, _, _, name, table = struct.unpack_from("<5I", self.program.data, at)
                if not name or not table:
                    return
                self._link_one(self.memory.text(self.image.base + name), lookup or table, table)
                at += 20
        except (struct.error, FaultError):
            return

    def _link_one(self, module: str, lookup: int, table: int) -> None:
        for number in range(2000):
            (entry,) = struct.unpack_from("<I", self.program.data, lookup + 4 * number)
            if not entry:
                return
            name = f"#{entry & 0xFFFF}" if entry >> 31 else self.memory.text(self.image.base + entry + 2)
            struct.pack_into(
                "<I", self.program.data, table + 4 * number, self.libraries.address_of(module, name)
            )

    def _thread(self) -> None:
        cpu, top = self.cpu, self._stack + STACK_BYTES - 0x1000
        write = self.memory.write
        write(top + 0x800, 0xFFFFFFFF, 4)
        write(top + 0x804, FINISHED, 4)
        for offset, value in ((0, top + 0x800), (4, self._stack + STACK_BYTES), (8, self._stack), (0x18, TEB),
                              (0x30, PEB)):  # fmt: skip
            write(TEB + offset, value, 4)
        self._environment()
        cpu.fs_base = TEB
        cpu.r[ESP] = top
        cpu.push(FINISHED)
        cpu.eip = cpu.r[EAX] = cpu.r[EDX] = self.image.base + self.image.entry
        cpu.r[EBX] = PEB
        cpu.r[5] = top + 0x10

    def _environment(self) -> None:
        """The process block: image base, one entry in the list of modules, a command line."""
        modules, entry = PEB + 0x200, PEB + 0x300
        self.memory.put(COMMAND_LINE, b"C:\\sample.exe\0")
        for offset, value in ((8, self.image.base), (0x0C, modules)):
            self.memory.write(PEB + offset, value, 4)
        for place in (0x0C, 0x14, 0x1C):
            self.memory.write(modules + place, entry, 4)
            self.memory.write(modules + place + 4, entry, 4)
        module = (self.image.base, self.image.base + self.image.entry, self.image.size)
        fields = ((0, modules + 0x0C), (4, modules + 0x0C), *zip((0x18, 0x1C, 0x20), module, strict=True))
        for offset, value in fields:
            self.memory.write(entry + offset, value, 4)

    def _outside(self) -> None:
        """The program called a library, or came back from a handler."""
        cpu = self.cpu
        if cpu.eip == HANDLED:
            self._handled()
            return
        name = self.libraries.by_address.get(cpu.eip)
        if name is None:
            raise _StopError("the program ended" if cpu.eip == FINISHED else f"jump to {cpu.eip:#x}")
        if len(self.calls) < 100:
            self.calls.append(name)
        known = FUNCTIONS.get(name)
        if known is None:
            raise _StopError(f"call of {name}")
        count, function = known
        back = cpu.pop()
        arguments = [self.memory.read(cpu.r[ESP] + 4 * n, 4) for n in range(count)]
        cpu.r[ESP] = cpu.r[ESP] + 4 * count & 0xFFFFFFFF
        cpu.r[EAX] = function(self, arguments) & 0xFFFFFFFF
        cpu.eip = back
        cpu.count += 50

    def _raise(self, code: int, information: tuple[int, ...]) -> None:
        """Hand an exception to the program's own handler."""
        self._exceptions += 1
        frame = self.memory.read(TEB, 4)
        if frame == 0xFFFFFFFF or self._exceptions > MAX_EXCEPTIONS:
            raise _StopError(f"exception {code:#x} at {self.cpu.eip:#x}")
        self._dispatch(code, information, frame)

    def _dispatch(self, code: int, information: tuple[int, ...], frame: int) -> None:
        cpu, memory = self.cpu, self.memory
        handler = memory.read(frame + 4, 4)
        if handler == FINISHED:
            raise _StopError(f"exception {code:#x} at {cpu.eip:#x}")
        context = (cpu.r[ESP] - 0x600) & ~0xF
        record = context - 0x60
        memory.put(context, bytes(CONTEXT_BYTES))
        memory.write(context, 0x1003F, 4)
        for number, offset in enumerate(_CONTEXT):
            memory.write(context + offset, cpu.r[number], 4)
        memory.write(context + 0xB8, cpu.eip, 4)
        memory.write(context + 0xC0, cpu.flags, 4)
        fields = (code, 0, 0, cpu.eip, len(information), *information)
        memory.put(record, struct.pack(f"<{len(fields)}I", *fields))
        cpu.r[ESP] = record
        for value in (0, context, frame, record, HANDLED):
            cpu.push(value)
        self._pending.append((context, frame))
        cpu.tf = 0
        cpu.eip = handler

    def _handled(self) -> None:
        """A handler returned: go on where the context says, or ask the next one."""
        cpu, memory = self.cpu, self.memory
        if not self._pending:
            raise _StopError("return from no handler")
        context, frame = self._pending.pop()
        passed_on = cpu.r[EAX] == 1
        for number, offset in enumerate(_CONTEXT):
            cpu.r[number] = memory.read(context + offset, 4)
        cpu.eip = memory.read(context + 0xB8, 4)
        cpu.flags = memory.read(context + 0xC0, 4)
        if passed_on:
            following = memory.read(frame, 4)
            if following == 0xFFFFFFFF:
                raise _StopError("exception that no handler took")
            self._dispatch(ACCESS_VIOLATION, (), following)
