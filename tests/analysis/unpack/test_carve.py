# SPDX-License-Identifier: Apache-2.0
"""Programs inside other bodies: all up to a bound that is told, at a cost that follows the bytes."""

from __future__ import annotations

import time

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack
from mead.analysis.unpack.carve import MAX_CARVED, programs


def test_each_program_has_its_place_and_length(program: bytes) -> None:
    data = b"junk" + program + b"more junk" + program
    assert list(programs(data)) == [(4, len(program), "pe"), (13 + len(program), len(program), "pe")]


def test_more_programs_than_are_carved_are_a_limit(program: bytes, settings: AnalysisSettings) -> None:
    report = unpack(Artifact.of(b"junk" + program * (MAX_CARVED + 1)), settings)
    assert report is not None
    assert [hit.limit for hit in report.limits] == ["unpack.carved"]


def test_marks_without_programs_cost_little() -> None:
    for mark in (b"MZ", b"\x7fELF"):
        started = time.process_time()
        assert not list(programs(mark * (4_000_000 // len(mark))))
        assert time.process_time() - started < 3
