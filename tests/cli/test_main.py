"""Errors become one line and the exit code of the contract."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mead import errors
from mead.cli import main as command

MEAD = str(Path(sys.executable).parent / "mead")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.ConfigError("mead.toml:1: wrong"), 2, "mead: mead.toml:1: wrong"),
        (errors.StoreError("store is away"), 12, "mead: store is away"),
        (errors.MissingTool("no nats-server"), 11, "mead: no nats-server"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("oops"), 70, "unexpected ZeroDivisionError: oops"),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(command.cli, "main", fail)
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_usage_errors_exit_with_2() -> None:
    done = subprocess.run([MEAD, "evnets"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean events?" in done.stderr
    assert done.stdout == ""
