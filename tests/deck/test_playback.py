# SPDX-License-Identifier: Apache-2.0
"""A capture's events are pulled one by one; who leaves early stops the replay."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from itertools import islice
from pathlib import Path

import pytest

from mead.deck import playback as module
from mead.deck.playback import Playback
from mead.errors import InputError
from mead.model.event import Event

CAPTURE = Path(__file__).parents[1] / "captures" / "attack" / "uqo-honeytrap_5k.pcap"


def _kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def test_all_events_come_and_then_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Playback(CAPTURE, "cap")
    events = list(whole)
    assert len(events) == whole.counts.events > 900
    assert whole.counts.frames == 375
    monkeypatch.setattr(module, "_QUEUE_EVENTS", 1)
    assert _kinds(list(Playback(CAPTURE, "cap"))) == _kinds(events)


def test_no_more_is_replayed_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUEUE_EVENTS", 3)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    playing = Playback(CAPTURE, "cap")
    events = iter(playing)
    assert len(list(islice(events, 5))) == 5
    assert playing._events.qsize() <= 3
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("replay")]
    assert playing.counts.frames == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no capture at all", "no capture file; give a pcap"),
        (CAPTURE.read_bytes()[:10], "is truncated; give"),
    ],
)
def test_what_is_no_capture_gives_no_event(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        list(Playback(path, "cap"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none"):
        list(Playback(tmp_path / "none", "cap"))


def test_a_cut_capture_gives_what_is_whole_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(CAPTURE.read_bytes()[:5000])
    playing = Playback(path, "cap")
    assert "loss.counted" in _kinds(list(playing))
    assert playing.counts.problems == ["capture is truncated"]


class _Kept:
    """Bodies that belong to one loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.digests: set[str] = set()

    async def put(self, data: bytes) -> str:
        assert asyncio.get_running_loop() is self.loop
        await asyncio.sleep(0)
        digest = hashlib.sha256(data).hexdigest()
        self.digests.add(digest)
        return digest


async def test_bodies_are_put_in_the_loop_that_owns_them() -> None:
    bodies = _Kept()
    events = await asyncio.to_thread(list, Playback(CAPTURE, "cap", bodies))
    named = {event.sha256 for event in events if event.kind == "payload.received"}  # type: ignore[attr-defined]
    assert named
    assert named <= bodies.digests
