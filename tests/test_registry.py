"""Registries load lazily and say what is missing."""

from __future__ import annotations

import pytest

from mead.errors import ConfigError, MissingTool
from mead.registry import Entry, Registry

REGISTRY: Registry[type] = Registry(
    "thing",
    (
        Entry("clock", "mead.clock:SystemClock", "a clock"),
        Entry("absent", "no_such_module:X", "gone", "extra"),
    ),
    group="mead.test-things",
)


def test_entries_keep_their_order() -> None:
    assert [entry.name for entry in REGISTRY.entries()] == ["clock", "absent"]


def test_an_entry_is_imported_when_loaded() -> None:
    assert REGISTRY.load("clock").__name__ == "SystemClock"


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean clock"):
        REGISTRY.load("clok")
    with pytest.raises(ConfigError, match="known: clock, absent"):
        REGISTRY.load("zzz")


def test_a_missing_extra_is_named_with_its_command() -> None:
    with pytest.raises(MissingTool, match=r"pip install 'mead-deck\[extra\]'"):
        REGISTRY.load("absent")
