"""Open doors are known to other commands, and stale knowledge is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mead.deck.layout import Layout
from mead.deck.status import Door, doors, forget, listening
from mead.errors import ConfigError


def test_one_reachable_door_per_service(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    listening(layout.status, [("telnet", "0.0.0.0", 23), ("telnet", "::", 23), ("ssh", "::", 22)])
    assert doors(layout) == [Door("telnet", "127.0.0.1", 23), Door("ssh", "::1", 22)]
    forget(layout.status)
    with pytest.raises(ConfigError, match="mead run"):
        doors(layout)


def test_a_sensor_that_has_ended_is_not_asked(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    listening(layout.status, [("telnet", "127.0.0.1", 23)])
    content = layout.status.read_text().replace(f'"pid":{os.getpid()}', '"pid":4194999')
    layout.status.write_text(content)
    with pytest.raises(ConfigError, match="has ended"):
        doors(layout)
