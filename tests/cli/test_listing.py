"""Times and ages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mead.cli.listing import moment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("24h", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("15m", datetime(2026, 11, 24, 11, 45, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 17, 12, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T09:00+09:00", datetime(2026, 11, 1, 0, tzinfo=UTC)),
        ("2026-11-01T09:00Z", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_time_or_an_age_is_understood(given: str, expected: datetime) -> None:
    assert moment(given, NOW) == expected


def test_anything_else_is_refused_with_examples() -> None:
    with pytest.raises(ValueError, match="nor an age"):
        moment("yesterday", NOW)
