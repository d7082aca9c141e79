"""Events are frozen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mead.model.event import LossCounted


def test_an_event_cannot_be_changed() -> None:
    event = LossCounted(time=datetime.now(UTC), sensor="s", what="w", count=1, unit="events", reason="full")
    with pytest.raises(AttributeError):
        event.count = 2  # type: ignore[misc]  # that it fails is the point
