# SPDX-License-Identifier: Apache-2.0
"""`mead worker` works on the queues that are named."""

from __future__ import annotations

from typing import Any

import pytest

from mead.deck import processes
from mead.errors import BusError, ConfigError


def test_queues_and_number_are_handed_on(nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def worker(settings: Any, queues: tuple[str, ...], number: int) -> None:
        given.append((settings.data_dir, queues, number))

    monkeypatch.setattr(processes, "worker", worker)
    assert nowhere.mead("worker", "--queues", "analysis, fetch,", "--number", "3").exit_code == 0
    assert nowhere.mead("worker").exit_code == 0
    expected = [(("analysis", "fetch"), 3), (("analysis",), 1)]
    assert given == [(nowhere.directory, queues, number) for queues, number in expected]


def test_an_unknown_queue_and_a_missing_bus_are_said(nowhere: Any) -> None:
    unknown = nowhere.mead("worker", "--queues", "nope")
    assert isinstance(unknown.exception, ConfigError)
    assert "known: analysis, fetch" in str(unknown.exception)
    assert isinstance(nowhere.mead("worker").exception, BusError)
