# SPDX-License-Identifier: Apache-2.0
"""A nats-server killed while it wrote about a stream finds the stream, and all in it, at its next start."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.metadata import checksum, mend
from mead.bus.publisher import Publisher
from mead.bus.server import NatsServer
from mead.bus.streams import StreamSettings
from mead.model.event import CommandInput

Make = Callable[..., CommandInput]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 0x907A56DE22C26E53), (1, 0x7EAB43AAC7CDDD78), (2, 0xB8D0569AB0B53D62)],
)
def test_the_checksum_is_highwayhash(length: int, expected: int) -> None:
    """The first vectors of the reference implementation (its 64-bit test, key 00 01 … 1f)."""
    assert checksum(bytes(range(32)), bytes(range(length))) == expected.to_bytes(8, "little").hex()


def _folder(bus_directory: Path, stream: str) -> Path:
    return bus_directory / "store" / "jetstream" / "$G" / "streams" / stream


async def test_it_is_what_the_server_writes_for_texts_of_any_length(tmp_path: Path) -> None:
    small = StreamSettings(events_bytes=1 << 20)
    async with (
        NatsServer(tmp_path / "bus") as server,
        Bus.connect(server.credentials, settings=small) as bus,
    ):
        for length in range(1, 40):
            await bus.stream_for("s" * length)
    for length in range(1, 40):
        folder = _folder(tmp_path / "bus", f"EVENTS_{'s' * length}")
        (folder / "meta.sum").rename(folder / "written")
    assert len(mend(tmp_path / "bus" / "store")) == 39
    for length in range(1, 40):
        folder = _folder(tmp_path / "bus", f"EVENTS_{'s' * length}")
        assert (folder / "meta.sum").read_text() == (folder / "written").read_text()


async def _filled(directory: Path, command: Make) -> None:
    async with (
        NatsServer(directory) as server,
        Bus.connect(server.credentials) as bus,
        Publisher(bus, "s1") as publisher,
    ):
        await publisher.publish_durably([command(number) for number in range(10)])


async def _numbers(directory: Path) -> list[str | None]:
    async with NatsServer(directory) as server, Bus.connect(server.credentials) as bus:
        info = await bus.stream_info("EVENTS_s1")
        if info is None:
            return []
        async with EventReader(bus, "EVENTS_s1") as reader:
            batches = [await anext(reader) for _ in range(info.state.messages)]
    return [event.session for batch in batches for event in batch.events]


ALL = [str(number) for number in range(10)]


async def test_a_server_killed_while_it_made_a_stream_loses_nothing_that_came_later(
    tmp_path: Path, command: Make
) -> None:
    """The checksum was never written: at each start the server would pass the stream over, and all in it."""
    await _filled(tmp_path, command)
    (_folder(tmp_path, "EVENTS_s1") / "meta.sum").unlink()
    assert await _numbers(tmp_path) == ALL


async def test_a_server_killed_while_it_changed_a_stream_keeps_what_is_in_it(
    tmp_path: Path, command: Make
) -> None:
    await _filled(tmp_path, command)
    folder = _folder(tmp_path, "EVENTS_s1")
    config = json.loads((folder / "meta.inf").read_text()) | {"max_bytes": 123 << 20}
    (folder / "meta.inf").write_text(json.dumps(config))
    os.utime(folder / "meta.sum", (1, 1))
    assert await _numbers(tmp_path) == ALL
    assert mend(tmp_path / "store") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "ANOTHER"}', b"\xff\xfe"])
def test_what_is_no_description_of_the_stream_is_left_alone(tmp_path: Path, content: bytes) -> None:
    folder = _folder(tmp_path, "EVENTS_s1")
    folder.mkdir(parents=True)
    (folder / "meta.inf").write_bytes(content)
    assert mend(tmp_path / "store") == []
    assert [path.name for path in folder.iterdir()] == ["meta.inf"]


def test_a_description_that_went_bad_later_is_left_to_the_server(tmp_path: Path) -> None:
    """Its checksum is the younger of the two: no crash looks like that."""
    folder = _folder(tmp_path, "EVENTS_s1")
    folder.mkdir(parents=True)
    (folder / "meta.inf").write_bytes(b'{"name": "EVENTS_s1"}')
    (folder / "meta.sum").write_text("0" * 16)
    os.utime(folder / "meta.inf", (1, 1))
    assert mend(tmp_path / "store") == []
    assert (folder / "meta.sum").read_text() == "0" * 16


def test_no_store_needs_no_mending(tmp_path: Path) -> None:
    assert mend(tmp_path / "store") == []
