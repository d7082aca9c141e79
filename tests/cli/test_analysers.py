# SPDX-License-Identifier: Apache-2.0
"""`mead analysers`: what can look into bodies here, and why the others cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mead.analysis import registry


def test_every_analyser_is_listed_with_its_state(mead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry.available

    def without_elf(settings: Any) -> Any:
        ready, missing = real(settings)
        return [one for one in ready if one.name != "elf"], {**missing, "elf": "lief is missing"}

    monkeypatch.setattr(registry, "available", without_elf)
    rows = {row["analyser"]: row for row in map(json.loads, mead("analysers").stdout.splitlines())}
    assert set(rows) == {entry.name for entry in registry.ANALYSERS.entries()}
    assert rows["hashes"]["state"] == "ready"
    assert (rows["elf"]["state"], rows["elf"]["needs"]) == ("unavailable", "lief is missing")
