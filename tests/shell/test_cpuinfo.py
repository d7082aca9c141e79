# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""/proc/cpuinfo has the layout of its architecture."""

from __future__ import annotations

import pytest

from mead.shell import ShellPersona, default_personas
from mead.shell.cpuinfo import cpuinfo

_MARKS = {
    "armv7l": b"CPU architecture: 7", "aarch64": b"CPU architecture: 8", "mips": b"cpu model\t\t: ",
    "mipsel": b"cpu model\t\t: ", "x86_64": b"vendor_id\t: ", "i686": b"vendor_id\t: ", "ppc": b"pvr ", "sh4": b"cpu family\t: sh4",
}  # fmt: skip


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_the_layout_is_that_of_the_processor(persona: ShellPersona) -> None:
    text = cpuinfo(persona)
    assert _MARKS[persona.architecture] in text
    assert text.count(b"processor") == persona.cpus
    assert cpuinfo(persona) == text
