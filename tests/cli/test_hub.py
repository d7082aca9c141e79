# SPDX-License-Identifier: Apache-2.0
"""`mead hub` runs the store side with the settings in force, and says when there is no bus."""

from __future__ import annotations

from typing import Any

import pytest

from mead.deck import processes
from mead.errors import BusError


def test_the_hub_gets_the_settings(nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def hub(settings: Any) -> None:
        given.append(settings)

    monkeypatch.setattr(processes, "hub", hub)
    assert nowhere.mead("hub").exit_code == 0
    assert given[0].data_dir == nowhere.directory


def test_without_a_bus_it_says_so(nowhere: Any) -> None:
    result = nowhere.mead("hub")
    assert isinstance(result.exception, BusError)
    assert "mead run" in str(result.exception)
