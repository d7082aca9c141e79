# SPDX-License-Identifier: Apache-2.0
"""The analysers that there are, and why others are not."""

from __future__ import annotations

import msgspec
import pytest

from mead.analysis import registry
from mead.analysis.registry import ANALYSERS, available
from mead.analysis.settings import AnalysisSettings
from mead.errors import ConfigError
from mead.registry import Entry, Registry


def test_the_names_are_those_that_the_analysers_use(settings: AnalysisSettings) -> None:
    ready, missing = available(settings)
    assert not missing
    assert [analyser.name for analyser in ready] == [entry.name for entry in ANALYSERS.entries()]


def test_a_name_that_is_not_there_is_refused(settings: AnalysisSettings) -> None:
    with pytest.raises(ConfigError, match="did you mean hashes"):
        available(msgspec.structs.replace(settings, analysers=("hash",)))


def test_a_missing_extra_is_named(settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("x", "mead_no_such_module:ANALYSER", "needs what is not there", "static")
    monkeypatch.setattr(registry, "ANALYSERS", Registry("analyser", (entry,), group="mead.none"))
    ready, missing = registry.available(settings)
    assert not ready
    assert "mead-deck[static]" in missing["x"]
