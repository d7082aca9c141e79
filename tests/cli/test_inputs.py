# SPDX-License-Identifier: Apache-2.0
"""What a user names is opened, or refused in one sentence."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mead.cli.inputs import SensorName, opened, regular
from mead.errors import InputError


def test_files_and_pipes_are_read(tmp_path: Path) -> None:
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.write_bytes(b"content")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"piped"))
    writer.start()
    for place, content in ((path, b"content"), (pipe, b"piped"), (Path("/dev/null"), b"")):
        with opened(place) as file:
            assert file.read() == content
    writer.join()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/zero", "a device, not a file"),
        ("a\0b", "null byte"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"cannot be read: .*{said}"), opened(tmp_path / name):
        pytest.fail("it was opened")


def test_what_is_read_twice_must_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert regular(path) == path
    with pytest.raises(InputError, match="save it first"):
        regular(Path("/dev/null"))


def test_a_dash_is_standard_input(mead: Any) -> None:
    result = mead("shell", "-", "-o", "jsonl", given="echo from stdin\n")
    assert '"from stdin\\n"' in result.stdout


@pytest.mark.parametrize("name", ["", "a b", "a.b", "_a", "ü", "x" * 41, "a\n"])
def test_a_name_that_no_stream_can_have_is_refused(name: str) -> None:
    import click

    @click.command()
    @click.option("--sensor", type=SensorName())
    def command(sensor: str) -> None:
        raise AssertionError(sensor)

    result = CliRunner().invoke(command, ["--sensor", name])
    assert result.exit_code == 2
    assert "letters, digits" in result.stderr
