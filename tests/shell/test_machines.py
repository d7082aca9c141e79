# SPDX-License-Identifier: Apache-2.0
"""ELF headers of every architecture."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mead.shell.machines import ARCHITECTURES, elf_header, runs_on


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_a_header_is_for_its_own_processor(name: str) -> None:
    header = elf_header(name, 100_000)
    assert runs_on(header, name)
    assert sum(runs_on(header, other) for other in ARCHITECTURES) in (1, 2)
    assert not runs_on(b"\x7fELF", name)
    assert not runs_on(b"\x7fELF\x01\x07" + bytes(40), name)


def test_a_64_bit_pc_runs_32_bit_programs() -> None:
    assert runs_on(elf_header("i686", 50_000), "x86_64")
    assert not runs_on(elf_header("x86_64", 50_000), "i686")


@pytest.mark.tool("file")
@pytest.mark.parametrize(
    ("name", "words"),
    [("mips", "MSB executable, MIPS"), ("armv7l", "LSB executable, ARM, EABI5"), ("x86_64", "x86-64")],
)
def test_file_names_the_architecture(name: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "elf"
    path.write_bytes(elf_header(name, 100_000).ljust(100_000, b"\0"))
    shown = subprocess.run(
        [shutil.which("file") or "file", str(path)], capture_output=True, text=True, check=True
    )
    assert words in shown.stdout
