"""The command's face: quick, grouped, complete, and kind to typing errors."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mead.cli.main import COMMANDS, cli

NAMES = [name for group in COMMANDS.values() for name in group]


def test_help_starts_quickly() -> None:
    mead = str(Path(sys.executable).parent / "mead")
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([mead, "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3, f"mead --help took {min(seconds):.2f} CPU seconds at best"


def test_help_brings_no_library_along() -> None:
    code = (
        "import sys; from mead.cli.main import cli; from click.testing import CliRunner;"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"asyncio", "asyncssh", "duckdb", "lief", "msgspec", "nats", "pyarrow", "rich", "sqlalchemy"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_a_typing_error_gets_the_nearest_command() -> None:
    result = CliRunner().invoke(cli, ["evnets"])
    assert result.exit_code == 2
    assert "Did you mean events?" in result.output


@pytest.mark.parametrize("name", ["events", "sessions", "samples"])
def test_every_listing_takes_the_same_options(name: str) -> None:
    text = CliRunner().invoke(cli, [name, "--help"]).output
    for option in ("--output", "--where", "--since", "--limit"):
        assert option in text
