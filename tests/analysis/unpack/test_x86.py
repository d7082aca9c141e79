# SPDX-License-Identifier: Apache-2.0
"""The emulated processor computes what a real one does, and no program makes it run for ever."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack
from mead.analysis.unpack.x86.arithmetic import shift
from mead.analysis.unpack.x86.cpu import EAX, EBX, ECX, EDI, EDX, ESI, ESP, Cpu, TrapError
from mead.analysis.unpack.x86.image import parse
from mead.analysis.unpack.x86.memory import FaultError, Memory
from mead.analysis.unpack.x86.opcodes import OPCODES
from mead.analysis.unpack.x86.windows import Process

CODE, DATA, TOP = 0x1000, 0x8000, 0xF000


def _cpu(code: str | bytes) -> Cpu:
    memory = Memory()
    raw = bytes.fromhex(code) if isinstance(code, str) else code
    memory.add(0, bytearray(0x10000)).data[CODE : CODE + len(raw)] = raw
    cpu = Cpu(memory, OPCODES)
    cpu.eip, cpu.r[ESP] = CODE, TOP
    return cpu


def _run(code: str, **registers: int) -> Cpu:
    cpu = _cpu(code)
    names = {"eax": EAX, "ecx": ECX, "edx": EDX, "ebx": EBX, "esi": ESI, "edi": EDI}
    for name, value in registers.items():
        cpu.r[names[name]] = value
    end = CODE + len(bytes.fromhex(code))
    for _ in range(1000):
        if cpu.eip == end:
            break
        cpu.step()
    return cpu


@pytest.mark.parametrize(
    ("code", "registers", "number", "value"),
    [
        ("b878563412", {}, EAX, 0x12345678),  # mov eax, imm
        ("01d8", {"eax": 0xFFFFFFFF, "ebx": 2}, EAX, 1),  # add
        ("29d8", {"eax": 1, "ebx": 2}, EAX, 0xFFFFFFFF),  # sub
        ("f9 83d000", {"eax": 4}, EAX, 5),  # stc, adc
        ("f9 19d8", {"eax": 4, "ebx": 1}, EAX, 2),  # sbb
        ("0fb6c3", {"ebx": 0x1FF}, EAX, 0xFF),  # movzx
        ("0fbec3", {"ebx": 0x80}, EAX, 0xFFFFFF80),  # movsx
        ("0fc8", {"eax": 0x11223344}, EAX, 0x44332211),  # bswap
        ("d3e0", {"eax": 1, "ecx": 33}, EAX, 2),  # shl by cl, counted modulo 32
        ("d1f8", {"eax": 0x80000000}, EAX, 0xC0000000),  # sar
        ("c1c008", {"eax": 0x11223344}, EAX, 0x22334411),  # rol
        ("f9 d1d8", {"eax": 2}, EAX, 0x80000001),  # rcr with carry
        ("f7e3", {"eax": 0x10000, "ebx": 0x10000}, EDX, 1),  # mul
        ("99 f7fb", {"eax": 0xFFFFFFF9, "ebx": 2}, EAX, 0xFFFFFFFD),  # cdq, idiv: -7 / 2
        ("6bc3fe", {"ebx": 3}, EAX, 0xFFFFFFFA),  # imul by -2
        ("0fa4d808", {"eax": 0x11223344, "ebx": 0xAABBCCDD}, EAX, 0x223344AA),  # shld
        ("0facd808", {"eax": 0x11223344, "ebx": 0xAABBCCDD}, EAX, 0xDD112233),  # shrd
        ("8d448b10", {"ebx": 0x100, "ecx": 4}, EAX, 0x120),  # lea eax, [ebx+ecx*4+16]
        ("66b8ffff 6640", {"eax": 0xAAAA0000}, EAX, 0xAAAA0000),  # inc ax wraps
        ("3c05 0f94c3", {"eax": 5, "ebx": 0}, EBX, 1),  # cmp, sete
        ("39d8 0f4cc3", {"eax": 0xFFFFFFFF, "ebx": 1}, EAX, 1),  # cmovl is signed
        ("50 6a07 58 5b", {"eax": 9}, EBX, 9),  # push, pop
        ("e800000000 58", {}, EAX, CODE + 5),  # call next, pop
        ("0fbcc3", {"ebx": 8}, EAX, 3),  # bsf
        ("87d8", {"eax": 1, "ebx": 2}, EAX, 2),  # xchg
        ("9c 58", {}, EAX, 0x202),  # pushf: nothing set (parity of zero is not computed)
    ],
)  # fmt: skip
def test_instructions(code: str, registers: dict[str, int], number: int, value: int) -> None:
    cpu = _run(code, **registers)
    assert cpu.r[number] == value or (code.startswith("9c") and cpu.r[number] & ~4 == value)


def test_a_loop_and_repeated_strings() -> None:
    cpu = _run("31c0 01c8 e2fc", ecx=10)
    assert cpu.r[EAX] == 55
    cpu = _run("f3a4", esi=CODE, edi=DATA, ecx=2)
    assert cpu.memory.bytes_at(DATA, 2) == bytes.fromhex("f3a4")
    cpu = _run("f2ae", eax=0, edi=DATA, ecx=0x100)
    assert cpu.r[EDI] == DATA + 1
    assert cpu.zf


def test_code_that_changes_itself_runs_changed() -> None:
    # mov byte [CODE+8], 41h ; nop (becomes inc ecx)
    cpu = _run("c6050810000041 90 90", ecx=0)
    assert cpu.r[ECX] == 1


@pytest.mark.parametrize(("code", "error"), [("f4", 0xC0000096), ("0fff", 0xC000001D), ("cc", 0x80000003)])
def test_traps(code: str, error: int) -> None:
    with pytest.raises(TrapError) as trap:
        _cpu(code).step()
    assert trap.value.code == error


def test_division_by_zero_and_bad_addresses_are_exceptions_of_the_program() -> None:
    with pytest.raises(TrapError):
        _cpu("f7f3").step()
    cpu = _cpu("8b03")
    cpu.r[EBX] = 0xFFFF0000
    with pytest.raises(FaultError):
        cpu.step()
    assert cpu.eip == CODE


@given(st.integers(0, 7), st.integers(0, 0xFF), st.integers(0, 31))
def test_shifts_stay_in_their_size(kind: int, value: int, count: int) -> None:
    assert 0 <= shift(_cpu("90"), kind, value, count, 1) <= 0xFF


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_are_instructions_or_a_trap(code: bytes) -> None:
    cpu = _cpu(code)
    for _ in range(200):
        try:
            cpu.step()
        except (FaultError, TrapError):
            return
        assert all(0 <= register <= 0xFFFFFFFF for register in cpu.r)


def _stub(body: bytes, key: int) -> bytes:
    """Decrypts the section behind itself with XOR and jumps there."""
    at, where = 0x401000, 0x402000
    code = b"\xbe" + struct.pack("<I", where) + b"\xb9" + struct.pack("<I", len(body))
    code += b"\x80\x36" + bytes((key,)) + b"\x46\xe2\xfa"  # xor byte [esi], key; inc esi; loop
    return code + b"\xe9" + struct.pack("<i", where - (at + len(code) + 5))


def _packed(inner: bytes, build: Callable[[bytes], bytes]) -> bytes:
    """A program with a stub in its first section and `inner` encrypted in its second."""
    body = b"\xc3" + bytes(15) + inner
    body += bytes(-len(body) % 512)
    stub = build(body).ljust(512, b"\x90")
    data = bytes(b ^ 0x5A for b in body)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 2, 0, 0, 0, 224, 0x102)
    optional = struct.pack(
        "<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", 0x10B, 1, 0, 512, 0, 0, 0x1000, 0x1000, 0x2000, 0x400000, 0x1000,
        512, 4, 0, 0, 0, 4, 0, 0, 0x8000, 512, 0, 3, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )  # fmt: skip
    sections = struct.pack("<8sIIIIIIHHI", b"stub", 512, 0x1000, 512, 512, 0, 0, 0, 0, 0xE0000020)
    sections += struct.pack(
        "<8sIIIIIIHHI", b"data", len(data), 0x2000, len(data), 1024, 0, 0, 0, 0, 0xE0000020
    )
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + optional.ljust(224, b"\0") + sections
    return head.ljust(512, b"\0") + stub + data


def test_a_stub_unpacks_its_program(program: bytes, settings: AnalysisSettings) -> None:
    data = _packed(program, lambda body: _stub(body, 0x5A))
    assert program not in data
    report = unpack(Artifact.of(data), settings)
    assert report
    (child,) = report.children
    assert (child.relation, child.detail) == ("unpacked_with", "emulated stub")
    inner = unpack(Artifact.of(child.data), settings)
    assert inner
    assert any(found.data.startswith(program) for found in inner.children)


def test_a_stub_that_never_ends_is_stopped(program: bytes, settings: AnalysisSettings) -> None:
    data = _packed(program, lambda _body: b"\xeb\xfe")
    report = unpack(Artifact.of(data), msgspec.structs.replace(settings, emulated_instructions=5000))
    assert report
    assert [hit.limit for hit in report.limits] == ["unpack.instructions"]


def test_exceptions_go_to_the_programs_own_handler(program: bytes, settings: AnalysisSettings) -> None:
    # push handler; push fs:[0]; mov fs:[0], esp; xor eax, eax; mov eax, [eax]; handler: sets Eip in the
    # context to a loop that stores a mark
    handler = 0x401030
    code = b"\x68" + struct.pack("<I", handler) + bytes.fromhex("64ff3500000000 64892500000000 31c0 8b00")
    code = code.ljust(0x30, b"\x90")
    code += bytes.fromhex("8b44240c c780b800000050104000 31c0 c3")  # context.Eip = 0x401050; return 0
    code = code.ljust(0x50, b"\x90") + bytes.fromhex("c705002040004d41524b ebfe")  # store "MARK"
    process_data = _packed(program, lambda _body: code)
    image = parse(process_data)
    assert image
    process = Process(process_data, image)
    process.run(300, lambda: None)
    assert process.memory.bytes_at(0x402000, 4) == b"MARK"


def test_libraries_are_found_by_call_and_by_table(program: bytes) -> None:
    image = parse(program)
    assert image
    process = Process(program, image)
    base = process.libraries.base_of("C:\\WINDOWS\\KERNEL32.DLL")
    (new,) = struct.unpack_from("<I", process.memory.bytes_at(base, 64), 60)
    assert process.memory.bytes_at(base + new, 4) == b"PE\0\0"
    address = process.libraries.address_of("kernel32", "VirtualAlloc")
    assert process.libraries.by_address[address] == "VirtualAlloc"
    assert process.allocate(5000)
    assert not process.allocate(1 << 30)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 30))
def test_damaged_programs_never_raise(seed: int, program: bytes, settings: AnalysisSettings) -> None:
    generator = random.Random(seed)
    data = bytearray(_packed(program, lambda body: _stub(body, 0x5A)))
    for _ in range(12):
        data[generator.randrange(64, 600)] = generator.randrange(256)
    unpack(Artifact.of(bytes(data)), msgspec.structs.replace(settings, emulated_instructions=3000))


def test_a_long_repetition_is_taken_up_again_and_ends_where_it_should() -> None:
    memory = Memory()
    memory.add(0, bytearray(0x10000)).data[CODE : CODE + 2] = bytes.fromhex("f3aa")
    memory.add(0x100000, bytearray(0x100000))
    cpu = Cpu(memory, OPCODES)
    cpu.eip, cpu.r[ECX], cpu.r[EDI], cpu.r[EAX] = CODE, 0x90000, 0x100000, 0x41
    steps = 0
    while cpu.eip == CODE:
        cpu.step()
        steps += 1
    assert steps > 10
    assert (cpu.eip, cpu.r[ECX], cpu.r[EDI]) == (CODE + 2, 0, 0x190000)
    assert memory.bytes_at(0x100000, 0x90001) == b"\x41" * 0x90000 + b"\0"
    assert cpu.count >= 0x90000


def test_no_repetition_outlasts_the_clock(program: bytes) -> None:
    data = bytearray(program)
    at = data.index(b"benign marker")
    data[at : at + 14] = bytes.fromhex("b900100000 be00104000 f3ac ebf2")  # rep lods, for ever
    image = parse(bytes(data))
    assert image
    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1

    Process(bytes(data), image).run(200_000, check)
    assert looks > 5
