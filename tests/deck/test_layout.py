"""The data directory is private, and a bad one is a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.deck.layout import Layout
from mead.errors import ConfigError


def test_the_directories_are_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "var")
    layout.make()
    layout.make()
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    assert layout.bodies.is_dir()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(ConfigError, match="data directory"):
        Layout(tmp_path / "var").make()
