# SPDX-License-Identifier: Apache-2.0
"""Every member draws on the bounds, however the unpacker came by it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Child
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack import analyser
from mead.analysis.unpack.budget import Budget, BudgetSpent, Damaged
from mead.analysis.unpack.formats import Format


def _budget(settings: AnalysisSettings, **changes: int) -> Budget:
    return Budget(msgspec.structs.replace(settings, **changes), 1000, 10_000)


def test_members_count_against_the_total(settings: AnalysisSettings) -> None:
    budget = _budget(settings)
    assert budget.admit(bytes(6000))
    with pytest.raises(BudgetSpent):
        budget.admit(bytes(6000))
    assert [hit.limit for hit in budget.limits] == ["unpack.total"]


def test_a_member_that_is_too_large_costs_only_itself(settings: AnalysisSettings) -> None:
    budget = _budget(settings, max_child_bytes=100)
    assert not budget.admit(bytes(101))
    assert budget.admit(bytes(100))


def _breaking(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise EOFError("it ends here")


def test_what_came_before_the_damage_is_kept_unless_all_is_wanted(settings: AnalysisSettings) -> None:
    budget = _budget(settings)
    assert budget.gather(_breaking(b"ab", b"c")) == b"abc"
    assert budget.problems == ["it ends here, after 3 bytes"]
    with pytest.raises(Damaged):
        budget.gather(_breaking(b"ab"), whole=True)
    with pytest.raises(Damaged):
        budget.gather(_breaking())


def _members(*members: tuple[str, bytes]) -> Format:
    def give(_artifact: Artifact, _budget: Budget) -> Iterator[Child]:
        yield from (Child(data=data, name=name, detail="made up") for name, data in members)

    return Format("made up", lambda _data: 90, give)


def _unpacked(monkeypatch: pytest.MonkeyPatch, settings: AnalysisSettings, *forms: Format) -> list[Child]:
    monkeypatch.setattr(analyser, "load_formats", lambda: (forms, {}))
    report = analyser.unpack(Artifact.of(b"container"), settings)
    return list(report.children) if report else []


def test_slices_of_the_same_bytes_cannot_fill_the_memory(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes(range(256)) * 4096
    overlapping = _members(*((str(n), body[n:]) for n in range(200)))
    children = _unpacked(monkeypatch, settings, overlapping)
    assert sum(len(child.data) for child in children) <= settings.ratio_free_bytes


def test_one_body_under_two_names_is_two_edges(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = _members(("a", b"same"), ("b", b"same"), ("b", b"same"))
    assert [child.name for child in _unpacked(monkeypatch, settings, twice)] == ["a", "b"]


def test_a_container_that_contains_itself_says_so(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyser, "load_formats", lambda: ((_members(("r.zip", b"container")),), {}))
    report = analyser.unpack(Artifact.of(b"container"), settings)
    assert report is not None
    assert not report.children
    assert [finding.claim for finding in report.findings] == ["contains.itself"]
