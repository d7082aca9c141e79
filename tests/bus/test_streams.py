# SPDX-License-Identifier: Apache-2.0
"""Names and limits."""

from __future__ import annotations

import pytest

from mead.bus import streams
from mead.errors import ConfigError


def test_a_sensor_has_one_stream_and_one_subject() -> None:
    assert streams.event_stream_name("edge-1") == "EVENTS_edge-1"
    assert streams.event_subject("edge-1") == "in.edge-1"
    assert streams.sensor_of("EVENTS_edge-1") == "edge-1"


@pytest.mark.parametrize("name", ["", "a.b", "*", ">", "a b", "ä", "-a", "x" * 65, "a\r\nPUB x 0"])
def test_a_name_that_would_be_another_subject_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        streams.event_subject(name)
    with pytest.raises(ConfigError):
        streams.event_stream_name(name)
    with pytest.raises(ConfigError):
        streams.queue_subject(name)
    with pytest.raises(ConfigError):
        streams.queue_stream_name(name)


def test_nothing_that_must_not_be_lost_discards_old_messages() -> None:
    settings = streams.StreamSettings()
    for stream in (
        streams.event_stream("s", settings, 1),
        streams.bodies_stream(settings),
        streams.queue_stream("q", settings),
        streams.dead_stream(),
    ):
        assert stream.discard == "new"
        assert stream.max_bytes > 0
        assert stream.max_age == 0
