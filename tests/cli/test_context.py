# SPDX-License-Identifier: Apache-2.0
"""Which configuration is in force, and how to call the same `mead` again."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mead.cli.context import called, config_path, settings
from mead.errors import ConfigError


def _context(chosen: Path | None) -> click.Context:
    root = click.Context(click.Command("mead"))
    root.obj = chosen
    return click.Context(click.Command("sub"), parent=root)


def test_the_option_comes_before_the_variable_and_that_before_the_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEAD_CONFIG", raising=False)
    assert config_path(_context(None)) is None
    Path("mead.toml").touch()
    assert config_path(_context(None)) == Path("mead.toml")
    monkeypatch.setenv("MEAD_CONFIG", "/variable.toml")
    assert config_path(_context(None)) == Path("/variable.toml")
    assert config_path(_context(Path("/option.toml"))) == Path("/option.toml")


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        settings(_context(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("program", "on_path", "config", "words"),
    [
        (".venv/bin/mead", None, None, ".venv/bin/mead"),
        (".venv/bin/mead", "/usr/bin/mead", Path("mead.toml"), ".venv/bin/mead"),
        ("/usr/bin/mead", "/usr/bin/mead", Path("/etc/a b.toml"), "mead -c '/etc/a b.toml'"),
        ("-c", None, Path("x.toml"), "mead -c x.toml"),
    ],
)
def test_a_command_to_copy_calls_this_very_mead(
    program: str, on_path: str | None, config: Path | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    monkeypatch.setattr("shutil.which", lambda _: on_path)
    assert called(config) == words
