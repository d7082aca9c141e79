"""The fake clock moves both times together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mead.clock import FakeClock, SystemClock


def test_advancing_moves_wall_and_monotonic_time() -> None:
    clock = FakeClock()
    start = clock.now()
    clock.advance(2.5)
    assert clock.now() - start == timedelta(seconds=2.5)
    assert clock.monotonic() == 2.5


def test_setting_the_wall_time_never_moves_monotonic_time_back() -> None:
    clock = FakeClock()
    clock.set(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock.monotonic() == 0
    assert clock.now().year == 2025


def test_the_system_clock_is_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().monotonic() <= SystemClock().monotonic()
