# SPDX-License-Identifier: Apache-2.0
"""Errors become one line and the exit code of the contract; streams that are closed or full are no bugs."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mead import errors
from mead.cli import main as command
from mead.cli.main import COMMANDS, cli

MEAD = str(Path(sys.executable).parent / "mead")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.ConfigError("mead.toml:1: wrong"), 2, "mead: mead.toml:1: wrong"),
        (errors.InputError("x: cannot be read"), 10, "mead: x: cannot be read"),
        (errors.MissingTool("no nats-server"), 11, "mead: no nats-server"),
        (errors.StoreError("store is away"), 12, "mead: store is away"),
        (errors.ContainmentError("no proof"), 13, "mead: no proof"),
        (click.UsageError("what\x07"), 2, "Error: what\\x07"),
        (
            ExceptionGroup(
                "tasks", [ValueError("x"), ExceptionGroup("more", [errors.BusError("bus is away")])]
            ),
            12,
            "mead: bus is away",
        ),
        (ExceptionGroup("tasks", [ZeroDivisionError("oops")]), 70, "unexpected ZeroDivisionError: oops"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 12, "cannot write: No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), 12, "/x: Read-only file system"),
        (ZeroDivisionError("oops"), 70, "unexpected ZeroDivisionError: oops"),
        (errors.StoreError("name \x1b]0;x\x07 \udcff"), 12, "mead: name \\x1b]0;x\\x07 \\udcff"),
    ],
    ids=repr,
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
    monkeypatch.setattr(command, "_drop_output", lambda: None)
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1), ("text", 0)])
def test_what_a_command_answers_is_the_exit_code(
    answer: object, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.cli, "main", lambda **_: answer)
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == code


def test_the_traceback_of_a_bug_is_there_for_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command.cli, "main", fail)
    with caplog.at_level(logging.DEBUG), pytest.raises(SystemExit):
        command.main()
    assert caplog.records[0].exc_info


def test_a_typing_error_gets_the_nearest_command_and_exits_with_2() -> None:
    done = subprocess.run([MEAD, "evnets"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean events?" in done.stderr
    assert done.stdout == ""
    far = CliRunner().invoke(cli, ["\x1b[31mqqqq"])
    assert "See mead --help" in far.stderr


def test_help_is_grouped_and_names_every_command_without_importing_one() -> None:
    code = (
        "import sys; from mead.cli.main import cli; from click.testing import CliRunner;"
        "print(CliRunner().invoke(cli, ['--help']).stdout);"
        "print('IMPORTED', [name for name in sys.modules if name.startswith('mead.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for title, names in COMMANDS.items():
        assert f"{title}:" in done.stdout
        assert all(f"  {name} " in done.stdout for name in names)
    assert done.stdout.endswith("IMPORTED ['mead.cli.output', 'mead.cli.main']\n")


@pytest.mark.parametrize("arguments", [("version",), ("explain",), ("config", "-o", "csv"), ("--help",)])
def test_a_reader_who_leaves_is_no_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [MEAD, *arguments], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_connection_that_breaks_is_not_taken_for_the_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(click.Group, "invoke", broken)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(RuntimeError, match="a connection, not the output"):
            cli.main(["version"], standalone_mode=False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    done = subprocess.run(["sh", "-c", f"{MEAD} version {closed}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("version",), ("version", "-o", "csv"), ("explain", "where")])
def test_a_full_disk_behind_the_output_is_said(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([MEAD, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 12
    assert done.stderr == b"mead: cannot write: No space left on device; make room and run it again\n"


def test_log_lines_cannot_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    talk = command._Escaped("%(message)s")
    record = logging.LogRecord("x", logging.ERROR, "", 1, "typed %s", ("\x1b[2J",), None)
    assert talk.format(record) == "typed \\x1b[2J"


@pytest.mark.parametrize(("given", "level"), [((), 30), (("-v",), 20), (("-vv",), 10), (("-vvv",), 10)])
def test_more_v_say_more(given: tuple[str, ...], level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(command.logging, "basicConfig", lambda **options: asked.update(options))
    CliRunner().invoke(cli, [*given, "version"])
    assert asked["level"] == level


@pytest.mark.parametrize(("option", "colour"), [("always", True), ("never", False)])
def test_colour_can_be_chosen(option: str, colour: bool) -> None:
    shown = CliRunner().invoke(cli, ["--color", option, "version", "-o", "table"], color=True).output
    assert ("\x1b[" in shown) is colour


def test_ctrl_c_leaves_with_130(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([MEAD, "shell", str(pipe)], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    with pipe.open("wb") as writing:
        writing.write(b"echo ready\n")
        writing.flush()
        assert process.stdout
        assert b"ready" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in said
