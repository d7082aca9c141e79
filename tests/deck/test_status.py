"""Open doors are known to other commands, and stale knowledge is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mead.deck.layout import Layout
from mead.deck.status import Door, doors, forget, is_at_work, listeners, listening
from mead.errors import BusError


def test_one_reachable_door_per_service(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    listening(layout.status, [("telnet", "0.0.0.0", 23), ("telnet", "::", 23), ("ssh", "::", 22)])
    assert [door.place for door in listeners(layout)] == ["0.0.0.0:23", "[::]:23", "[::]:22"]
    assert doors(layout) == [Door("telnet", "127.0.0.1", 23), Door("ssh", "::1", 22)]
    forget(layout.status)
    with pytest.raises(BusError, match="mead run"):
        doors(layout)


def test_a_sensor_that_has_ended_is_not_asked(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    listening(layout.status, [("telnet", "127.0.0.1", 23)])
    content = layout.status.read_text().replace(f'"pid":{os.getpid()}', '"pid":4194999')
    layout.status.write_text(content)
    with pytest.raises(BusError, match="has ended"):
        doors(layout)


def test_another_process_that_got_its_number_is_not_taken_for_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    listening(layout.status, [("telnet", "127.0.0.1", 23)])
    content = layout.status.read_text().replace(f'"pid":{os.getpid()}', '"pid":1')
    layout.status.write_text(content)
    with pytest.raises(BusError, match="has ended"):
        doors(layout)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[]"])
def test_what_cannot_be_read_is_no_sensor(tmp_path: Path, content: bytes) -> None:
    layout = Layout(tmp_path)
    layout.status.write_bytes(content)
    with pytest.raises(BusError, match="no sensor runs"):
        listeners(layout)


def test_a_hub_is_at_work_as_long_as_its_process_is(tmp_path: Path) -> None:
    path = Layout(tmp_path).hub_status
    assert not is_at_work(path)
    listening(path, ())
    assert is_at_work(path)
    path.write_text(path.read_text().replace(f'"pid":{os.getpid()}', '"pid":1'))
    assert not is_at_work(path)
