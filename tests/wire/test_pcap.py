# SPDX-License-Identifier: Apache-2.0
"""Capture files, whole and broken."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import pytest

from mead.wire.core import Limit, Output, PeerError
from mead.wire.pcap import CaptureEnd, CaptureLimits, CaptureReader, Frame


def play(data: bytes, *, split: bool = False, **limits: int) -> list[Output]:
    reader = CaptureReader(CaptureLimits(**limits))
    chunks = [data[i : i + 1] for i in range(len(data))] if split else [data]
    return [item for chunk in [*chunks, b""] for item in reader.receive(chunk)]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "nanoseconds"), [(0xA1B2C3D4, 5000), (0xA1B23C4D, 5)])
def test_classic(build: Any, order: str, magic: int, nanoseconds: int, split: bool) -> None:
    data = build.pcap(b"one", b"", link=101, order=order, magic=magic)
    assert play(data, split=split) == [
        Frame(1000 * 10**9 + nanoseconds, 101, b"one", 3),
        Frame(1001 * 10**9 + nanoseconds, 101, b"", 0),
        CaptureEnd(2, 0),
    ]


def test_a_modified_header_is_longer(build: Any) -> None:
    head = build.pcap(magic=0xA1B2CD34)
    data = head + struct.pack("<IIIIIHBB", 1, 0, 3, 3, 0, 0, 0, 0) + b"abc"
    assert play(data)[0] == Frame(10**9, 1, b"abc", 3)


def test_a_frame_that_the_capture_cut_tells_its_length(build: Any) -> None:
    data = build.pcap() + struct.pack("<IIII", 1, 0, 3, 1500) + b"abc"
    assert play(data)[0] == Frame(10**9, 1, b"abc", 1500)


@pytest.mark.parametrize("lost", [1, 5, 18, 20, 30])
def test_a_truncated_file_gives_what_is_whole_and_counts_the_rest(build: Any, lost: int) -> None:
    data = build.pcap(b"one", b"two")[:-lost]
    *frames, error, end = play(data)
    assert isinstance(error, PeerError)
    assert error.reason == "capture is truncated"
    assert end == CaptureEnd(len(frames), len(data) - error.offset)
    assert len(frames) == (1 if lost < 19 else 0)


def test_a_file_that_ends_between_frames_is_whole(build: Any) -> None:
    assert play(build.pcap(b"one")[:24]) == [CaptureEnd(0, 0)]
    assert play(b"") == [CaptureEnd(0, 0), CaptureEnd(0, 0)]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_no_capture_at_all(split: bool) -> None:
    assert play(b"MZ\x90\x00more", split=split) == [
        PeerError(0, "no capture file", b"MZ\x90\x00"),
        CaptureEnd(0, 8),
    ]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_a_frame_beyond_the_bound_ends_the_reading(build: Any, split: bool) -> None:
    data = build.pcap(b"one") + struct.pack("<IIII", 1, 0, 2**31, 5) + b"abc"
    frame, limit, error, end = play(data, split=split, max_frame_bytes=1000)
    assert isinstance(frame, Frame)
    assert limit == Limit("frame", 1000, "bytes")
    assert isinstance(error, PeerError)
    assert (error.offset, error.reason) == (24 + 19, "packet too long")
    assert end == CaptureEnd(1, 19)


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_pcapng(build: Any, split: bool) -> None:
    data = build.section() + build.interface(link=113) + build.enhanced(b"abc", 2_000_001)
    assert play(data, split=split) == [Frame(2_000_001_000, 113, b"abc", 3), CaptureEnd(1, 0)]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_a_broken_block_ends_the_reading(build: Any, split: bool) -> None:
    data = build.section() + b"\x06\0\0\0\x05\0\0\0abcdef"
    assert play(data, split=split) == [PeerError(28, "no block", b"\x06\0\0\0\x05\0\0\0"), CaptureEnd(0, 14)]


def test_a_block_beyond_the_bound_ends_the_reading(build: Any) -> None:
    limit, error, end = play(build.section() + build.enhanced(b"x" * 500), max_frame_bytes=100)
    assert limit == Limit("block", 100, "bytes")
    assert isinstance(error, PeerError)
    assert end == CaptureEnd(0, 532)


def test_times_are_utc_and_never_out_of_the_calendar() -> None:
    assert Frame(1_500_000_000, 1, b"", 0).time == datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)
    assert Frame(-5, 1, b"", 0).time.year == 1970
    assert Frame(10**30, 1, b"", 0).time.year == 9999
