# SPDX-License-Identifier: Apache-2.0
"""Opening the store: what is missing or broken is said with what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mead.errors import ConfigError, StoreError


@pytest.fixture
def broken(store: Any, nowhere: Any) -> Any:
    """A copy of the store that may be damaged."""
    shutil.copytree(store.directory, nowhere.directory)
    return nowhere


@pytest.mark.parametrize("listing", ["events", "sessions", "samples", "stats", "show 1234567"])
def test_without_a_store_every_listing_says_how_to_get_one(nowhere: Any, listing: str) -> None:
    result = nowhere.mead(*listing.split())
    assert isinstance(result.exception, StoreError)
    assert "mead run" in str(result.exception)


def _garbage(path: Path) -> None:
    path.write_bytes(b"\xff garbage")


@pytest.mark.parametrize(
    ("damaged", "damage", "said"),
    [
        ("events/manifest.json", _garbage, "manifest.json"),
        ("events/day=2026-01-02/*.parquet", _garbage, "cannot read the event store"),
        ("events/day=2026-01-02/*.parquet", Path.unlink, "put it back from a copy"),
    ],
)
@pytest.mark.parametrize("listing", ["events", "sessions", "samples", "stats", "show aaaaaaa"])
def test_a_broken_event_store_is_named(
    broken: Any, listing: str, damaged: str, damage: Any, said: str
) -> None:
    for path in list(broken.directory.glob(damaged)):
        damage(path)
    result = broken.mead(*listing.split())
    assert isinstance(result.exception, StoreError), result.exception
    assert said in str(result.exception)


@pytest.mark.parametrize("listing", ["samples", "show 1234567"])
@pytest.mark.parametrize("damage", [_garbage, Path.unlink])
def test_a_broken_catalogue_is_named_and_the_events_are_still_there(
    broken: Any, listing: str, damage: Any
) -> None:
    damage(broken.directory / "catalogue.sqlite")
    result = broken.mead(*listing.split())
    assert isinstance(result.exception, StoreError)
    assert "catalogue" in str(result.exception)
    assert len(broken.rows("events")) == 14


def test_a_file_in_place_of_the_data_directory_is_said(nowhere: Any) -> None:
    nowhere.directory.touch()
    assert isinstance(nowhere.mead("events").exception, StoreError)
    assert isinstance(nowhere.mead("import", "cowrie", "/dev/null").exception, ConfigError)
