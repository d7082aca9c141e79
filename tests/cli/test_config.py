# SPDX-License-Identifier: Apache-2.0
"""`mead config`: what is in force, and what each key means."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest


def test_every_key_has_value_default_and_meaning(nowhere: Any) -> None:
    with nowhere.configuration.open("a") as stream:
        stream.write("[sensor.services]\ntelnet = [0]\n")
    result = nowhere.mead("config")
    rows = {row["key"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert rows["data_dir"]["value"] == str(nowhere.directory)
    assert rows["data_dir"]["default"] == "var"
    assert rows["sensor.services"]["value"] == {"telnet": [0]}
    assert all(row["meaning"] for row in rows.values())
    assert f"from: {nowhere.configuration}" in result.stderr


def test_every_format_is_whole(nowhere: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(nowhere.mead("config", "-o", "csv").stdout)))
    assert len(rows) == len(json.loads(nowhere.mead("config", "-o", "json").stdout))
    assert "egress.policy" in nowhere.mead("config", "-o", "table").stdout


def test_without_a_file_the_defaults_are_named(
    mead: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEAD_CONFIG", raising=False)
    assert "from: embedded defaults" in mead("config").stderr
