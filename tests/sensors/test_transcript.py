"""Transcripts are asciicast v2 and bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from mead.sensors.transcript import Transcript

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_it_is_an_asciicast_with_both_directions() -> None:
    transcript = Transcript(START)
    transcript.shown(0.0, b"login: ")
    transcript.typed(1.25, b"root\r\n")
    transcript.shown(1.5, b"\xff\xfe\x1b[0m")
    header, *events = [json.loads(line) for line in transcript.encode().splitlines()]
    assert header["version"] == 2
    assert header["timestamp"] == int(START.timestamp())
    assert events == [[0.0, "o", "login: "], [1.25, "i", "root\r\n"], [1.5, "o", "\\xff\\xfe\x1b[0m"]]


def test_what_comes_at_the_same_moment_is_one_entry() -> None:
    transcript = Transcript(START)
    for byte in b"abc":
        transcript.typed(1.0, bytes([byte]))
    assert len(transcript.encode().splitlines()) == 2


def test_it_stops_growing_and_counts_what_it_dropped() -> None:
    transcript = Transcript(START, max_bytes=10)
    transcript.typed(0, b"x" * 25)
    transcript.typed(1, b"y")
    assert transcript.dropped_bytes == 16
    assert b"y" not in transcript.encode().splitlines()[-1].replace(b'"i"', b"")


def test_our_greeting_alone_is_no_conversation() -> None:
    transcript = Transcript(datetime(2026, 1, 1, tzinfo=UTC))
    transcript.shown(0.0, b"login: ")
    assert not transcript
    transcript.typed(0.1, b"r")
    assert transcript
