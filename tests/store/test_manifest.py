from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.errors import StoreError
from mead.store.manifest import FORMAT, MANIFEST, Manifest, Rollup, Segment, load, prepare

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _segment(path: str, day: str = "2026-03-01") -> Segment:
    return Segment(
        path=path, day=day, level=0, rows=1, size_bytes=1, first_time=NOW, last_time=NOW, layout="x",
        sequences={"s": (1, 1)},
    )  # fmt: skip


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    manifest = Manifest(
        generation=7, streams={"s": ((1, 2), (4, 4))}, layouts={"x": ("time",)}, segments=(_segment("a"),),
        rollups=(Rollup(path="r", day="2026-03-01", name="hourly", version=1, rows=3),),
    ).exchange(out={"old"}, segments=(_segment("b"),), rollups=(), at=NOW)  # fmt: skip
    prepare(tmp_path, manifest).replace(tmp_path / MANIFEST)
    assert load(tmp_path) == manifest
    assert manifest.paths() == {"a", "b", "r", "old"}


def test_what_is_exchanged_is_removed_and_no_longer_live() -> None:
    manifest = Manifest(segments=(_segment("a"), _segment("b", "2026-03-02")))
    changed = manifest.exchange(out={"a"}, segments=(_segment("c"),), rollups=(), at=NOW)
    assert changed.live() == ["b", "c"]
    assert changed.live("2026-03-02") == ["c"]
    assert [entry.path for entry in changed.removed] == ["a"]


def test_a_new_store_is_empty_and_no_store_is_an_error(tmp_path: Path) -> None:
    assert load(tmp_path) == Manifest()
    with pytest.raises(StoreError, match=r"no event store at .*nowhere: start the deck"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"segments": 5}', b"\xff\xfe"])
def test_a_damaged_manifest_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(StoreError, match=f"cannot read .*{MANIFEST}"):
        load(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == content


def test_a_manifest_of_a_newer_mead_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b'{"format": %d}' % (FORMAT + 1))
    with pytest.raises(StoreError, match="upgrade it"):
        load(tmp_path)
