# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Windows libraries: modules with an export table, and the functions that stubs call."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from mead.analysis.unpack.x86.memory import FaultError, Memory

if TYPE_CHECKING:
    from mead.analysis.unpack.x86.windows import Process

__all__ = ["FUNCTIONS", "Libraries"]

Function: TypeAlias = Callable[["Process", list[int]], int]

FIRST_BASE = 0x7C800000
MODULE_BYTES = 0x20000
STUBS = 0x10000
MAX_FUNCTIONS = (MODULE_BYTES - STUBS) // 16
MAX_MODULES = 32


def _constant(value: int) -> Function:
    return lambda _process, _arguments: value


def _module(process: Process, arguments: list[int]) -> int:
    if not arguments[0]:
        return process.image.base
    return process.libraries.base_of(process.memory.text(arguments[0]))


def _procedure(process: Process, arguments: list[int]) -> int:
    module, name = arguments[0], arguments[1]
    try:
        wanted = f"#{name}" if name < 0x10000 else process.memory.text(name)
    except FaultError:
        return 0
    if not wanted.isascii() or not wanted.isprintable() or not wanted:
        return 0
    return process.libraries.address_of(process.libraries.name_of(module), wanted)


def _allocate(process: Process, arguments: list[int]) -> int:
    return process.allocate(arguments[1])


def _allocate_global(process: Process, arguments: list[int]) -> int:
    return process.allocate(arguments[1])


def _allocate_heap(process: Process, arguments: list[int]) -> int:
    return process.allocate(arguments[2])


def _protect(process: Process, arguments: list[int]) -> int:
    if arguments[3]:
        process.memory.write(arguments[3], 0x40, 4)
    return 1


def _zero(process: Process, arguments: list[int]) -> int:
    process.memory.put(arguments[0], bytes(min(arguments[1], 1 << 24)))
    return 0


def _copy(process: Process, arguments: list[int]) -> int:
    process.memory.put(arguments[0], process.memory.bytes_at(arguments[1], arguments[2]))
    return 0


def _length(process: Process, arguments: list[int]) -> int:
    return len(process.memory.text(arguments[0]))


def _file_name(process: Process, arguments: list[int]) -> int:
    process.memory.put(arguments[1], b"C:\\sample.exe\0")
    return 13


def _ticks(process: Process, _arguments: list[int]) -> int:
    return process.cpu.count // 1000 + 1_000_000 & 0xFFFFFFFF


FUNCTIONS: dict[str, tuple[int, Function]] = {
    "GetModuleHandleA": (1, _module), "LoadLibraryA": (1, _module), "LoadLibraryExA": (3, _module),
    "GetProcAddress": (2, _procedure), "VirtualAlloc": (4, _allocate), "GlobalAlloc": (2, _allocate_global),
    "LocalAlloc": (2, _allocate_global), "HeapAlloc": (3, _allocate_heap), "VirtualProtect": (4, _protect),
    "VirtualFree": (3, _constant(1)), "GlobalFree": (1, _constant(0)), "LocalFree": (1, _constant(0)),
    "HeapFree": (3, _constant(1)), "HeapCreate": (3, _constant(0x150000)),
    "GetProcessHeap": (0, _constant(0x150000)),
    "RtlZeroMemory": (2, _zero), "RtlMoveMemory": (3, _copy), "lstrlenA": (1, _length),
    "GetVersion": (0, _constant(0x0A280105)), "GetTickCount": (0, _ticks), "GetLastError": (0, _constant(0)),
    "SetLastError": (1, _constant(0)), "GetCurrentProcess": (0, _constant(0xFFFFFFFF)),
    "GetCurrentProcessId": (0, _constant(1234)), "GetCurrentThreadId": (0, _constant(1238)),
    "GetCurrentThread": (0, _constant(0xFFFFFFFE)), "IsDebuggerPresent": (0, _constant(0)),
    "SetUnhandledExceptionFilter": (1, _constant(0)), "OutputDebugStringA": (1, _constant(0)),
    "Sleep": (1, _constant(0)), "CloseHandle": (1, _constant(0)), "CreateFileA": (7, _constant(0xFFFFFFFF)),
    "FreeLibrary": (1, _constant(1)), "GetModuleFileNameA": (3, _file_name),
    "SetErrorMode": (1, _constant(0)),
    "GlobalLock": (1, lambda _process, arguments: arguments[0]), "GlobalUnlock": (1, _constant(1)),
    "FlushInstructionCache": (3, _constant(1)), "CreateToolhelp32Snapshot": (2, _constant(0xFFFFFFFF)),
    "Process32First": (2, _constant(0)), "Process32Next": (2, _constant(0)), "FindWindowA": (2, _constant(0)),
    "CreateMutexA": (3, _constant(0x88)), "ReleaseMutex": (1, _constant(1)), "BlockInput": (1, _constant(1)),
    "InitializeCriticalSection": (1, _constant(0)), "EnterCriticalSection": (1, _constant(0)),
    "LeaveCriticalSection": (1, _constant(0)), "OpenProcess": (3, _constant(0)),
    "DebugBreak": (0, _constant(0)),
    "GetStartupInfoA": (1, _constant(0)), "GetCommandLineA": (0, _constant(0x7FFDF400)),
    "MessageBoxA": (4, _constant(1)),
    "GetDC": (1, _constant(0x99)), "ReleaseDC": (2, _constant(1)), "wsprintfA": (0, _constant(0)),
}  # fmt: skip
"""Number of arguments (of the standard calling convention) and what it does. Others end the emulation."""

_ENDING = (
    "ExitProcess",
    "TerminateProcess",
    "ExitThread",
    "CreateThread",
    "CreateProcessA",
    "WriteFile",
    "ReadFile",
)


class Libraries:
    """All modules of a process, made when they are first asked for."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._modules: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._functions: dict[tuple[str, str], int] = {}
        self.by_address: dict[int, str] = {}
        """Name of the function at an address."""
        self.base_of("kernel32.dll")

    def base_of(self, name: str) -> int:
        """Where a module is; 0 when there are too many."""
        plain = name.rsplit("\\", 1)[-1].lower()
        plain = plain if "." in plain else f"{plain}.dll"
        if plain not in self._modules:
            if len(self._modules) >= MAX_MODULES:
                return 0
            base = FIRST_BASE + len(self._modules) * MODULE_BYTES
            self._modules[plain], self._names[base] = base, plain
            self._memory.add(base, bytearray(b"\xcc") * MODULE_BYTES)
            self._export(plain, base)
        return self._modules[plain]

    def name_of(self, base: int) -> str:
        """The module at an address."""
        return self._names.get(base, "kernel32.dll")

    def address_of(self, module: str, name: str) -> int:
        """Where a function is; it is made when it is not there yet."""
        base = self.base_of(module)
        key = (self.name_of(base), name)
        if key not in self._functions:
            count = sum(1 for owner, _ in self._functions if owner == key[0])
            if not base or count >= MAX_FUNCTIONS:
                return 0
            address = base + STUBS + 16 * count
            self._functions[key] = address
            self.by_address[address] = name
        return self._functions[key]

    def _export(self, name: str, base: int) -> None:
        """Headers and an export table, for stubs that search it themselves."""
        names = sorted([*FUNCTIONS, *_ENDING]) if name == "kernel32.dll" else []
        table, strings = 0x400, 0x400 + 40 + len(names) * 10
        addresses, pointers, ordinals = table + 40, table + 40 + 4 * len(names), table + 40 + 8 * len(names)
        image = bytearray(STUBS)
        image[:2], image[60:64], image[0x80:0x84] = b"MZ", struct.pack("<I", 0x80), b"PE\0\0"
        struct.pack_into("<HHIIIHH", image, 0x84, 0x14C, 0, 0, 0, 0, 224, 0x210E)
        struct.pack_into("<H", image, 0x98, 0x10B)
        struct.pack_into("<I", image, 0x98 + 28, base)
        struct.pack_into("<II", image, 0x98 + 56, MODULE_BYTES, 0x400)
        struct.pack_into("<III", image, 0x98 + 92, 16, table, 0x8000)
        text = name.encode() + b"\0"
        places = []
        for entry in names:
            places.append(strings + len(text))
            text += entry.encode() + b"\0"
        image[strings : strings + len(text)] = text
        struct.pack_into("<IIHHIIIIIII", image, table, 0, 0, 0, 0, strings, 1, len(names), len(names),
        addresses,
                         pointers, ordinals)  # fmt: skip
        for number, entry in enumerate(names):
            struct.pack_into("<I", image, addresses + 4 * number, self.address_of(name, entry) - base)
            struct.pack_into("<I", image, pointers + 4 * number, places[number])
            struct.pack_into("<H", image, ordinals + 2 * number, number)
        region = self._memory.find(base, 1)
        region.data[: len(image)] = image
