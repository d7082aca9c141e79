# SPDX-License-Identifier: Apache-2.0
"""`mead version`: ours, and what it stands on."""

from __future__ import annotations

import importlib.metadata
import json
import runpy
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

import mead
from mead import __version__
from mead.cli import version as module


def test_versions_are_listed_and_what_is_absent_is_said(mead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> str:
        if name == "lief":
            raise PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(module, "version", found)
    rows = {row["name"]: row["version"] for row in map(json.loads, mead("version").stdout.splitlines())}
    assert rows["mead"] == __version__
    assert (rows["duckdb"], rows["lief"]) == ("1.2.3", "not installed")


def test_the_option_says_the_same(mead: Any) -> None:
    assert __version__ in mead("--version").stdout


def test_a_tree_that_was_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    assert mead.__version__ != "0+unknown"
    monkeypatch.setattr(importlib.metadata, "version", nothing)
    assert runpy.run_path(str(mead.__file__))["__version__"] == "0+unknown"
