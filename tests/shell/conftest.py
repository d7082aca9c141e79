# SPDX-License-Identifier: Apache-2.0
"""Shells to talk to, and the real BusyBox to compare them with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.shell import Reply, Shell, ShellPersona, default_personas
from mead.shell.streams import Buffer, Source

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
PERSONAS = {persona.name: persona for persona in default_personas(b"test")}


def make(name: str = "camera-armv7l", *, interactive: bool = True, **options: object) -> Shell:
    return Shell(PERSONAS[name], now=lambda: NOW, interactive=interactive, **options)  # type: ignore[arg-type]


@pytest.fixture
def persona() -> ShellPersona:
    return PERSONAS["camera-armv7l"]


@pytest.fixture
def shell() -> Shell:
    return make()


@pytest.fixture
def server() -> Shell:
    return make("server-x86_64")


@pytest.fixture
def say(shell: Shell) -> Callable[[str], str]:
    """What the terminal shows for a line, bytes as Latin-1."""
    return lambda line: shell.run(line.encode("latin-1")).output.decode("latin-1")


@pytest.fixture
def run(shell: Shell) -> Callable[[str], Reply]:
    return lambda line: shell.run(line.encode("latin-1"))


Oracle = Callable[[str], None]


@pytest.fixture(scope="session")
def applets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the real BusyBox under each of its names."""
    directory = tmp_path_factory.mktemp("applets")
    listing = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    program = subprocess.run(["sh", "-c", "command -v busybox"], capture_output=True, text=True, check=True)
    for name in listing.stdout.split():
        (directory / name).symlink_to(program.stdout.strip())
    return directory


@pytest.fixture
def same_as_busybox(request: pytest.FixtureRequest, tmp_path: Path) -> Oracle:
    """Checks that a script prints the same here as in the real ash, on both streams."""
    directory = request.getfixturevalue("applets")

    def compare(script: str) -> None:
        real = subprocess.run(
            ["sh", "-c", script], executable=directory / "sh", cwd=tmp_path, env={"PATH": str(directory)},
            capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False,
        )  # fmt: skip
        mine = replace(PERSONAS["router-aarch64"], busybox_version="v1.35.0 ()")
        shell = Shell(mine, now=lambda: NOW, interactive=False)
        shell.run(b"mkdir /tmp/work; cd /tmp/work")
        errors = Buffer("output_bytes", 1 << 20)
        shell._process.stderr, shell._process.stdin = errors, Source()
        reply = shell.run(script.encode())
        assert (reply.output, bytes(errors.data)) == (real.stdout, real.stderr)

    return compare
