# SPDX-License-Identifier: Apache-2.0
"""Shells to talk to, and the real BusyBox to compare them with."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
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
def server_persona() -> ShellPersona:
    return PERSONAS["server-x86_64"]


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
NEWLINE = "⏎"
"""Stands for a line end inside a case of `comparison/`."""
_NOBODY = 65_534
_PERSONA = replace(PERSONAS["router-aarch64"], busybox_version="v1.35.0 ()")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of `compared` runs once for each case of the files that its module names in COMPARED."""
    if "compared" in metafunc.fixturenames:
        cases = [
            pytest.param(line.replace(NEWLINE, "\n"), id=f"{name}-{number}")
            for name in metafunc.module.COMPARED
            for number, line in enumerate(_lines(name), 1)
            if line.strip() and not line.startswith("##")
        ]
        metafunc.parametrize("compared", cases)


def _lines(name: str) -> list[str]:
    return (Path(__file__).parent / "comparison" / f"{name}.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def applets() -> Iterator[Path]:
    """A directory with the real BusyBox under each of its names."""
    listing = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    program = subprocess.run(["sh", "-c", "command -v busybox"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory(prefix="mead-applets-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        for applet in ["busybox", *listing.stdout.split()]:
            (directory / applet).symlink_to(program.stdout.strip())
        yield directory


_OWN_ROOT = """
umask 022
root=$1 applets=$2 work=$3; shift 3
mount -t tmpfs none "$root"
cd "$root"
mkdir -p usr etc/init.d dev proc sys/kernel var tmp/work applets
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then ln -s "usr/$name" "$name"
  elif [ -d "/$name" ]; then mkdir "$name"; mount --rbind "/$name" "$name"; fi
done
mount --rbind /usr usr
mount --rbind "$applets" applets
mount -t proc none proc
cp /etc/passwd /etc/group /etc/hostname /etc/shells etc
: > etc/fstab
for name in null zero full random urandom; do : > "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
ln -s /proc/self/fd dev/fd
mount --bind "$work" tmp/work
chmod 1777 tmp
exec chroot . /usr/bin/env --chdir=/tmp/work "$@"
"""
"""What the comparison sees: programs, nothing of this machine's files, and a `/tmp` that ends with it."""


@pytest.fixture(scope="session")
def enclosure(applets: Path) -> Iterator[list[str]]:
    """What the real shells are started through: root of nothing, with a file system of their own; then a
    directory to work in and the command are to follow.

    Nobody on this machine (as whoever runs the tests, if that is not root), in user, mount, process and
    network namespaces. A case that removes everything removes what `_OWN_ROOT` made.
    """
    nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="mead-oracle-") as root:
        Path(root).chmod(0o755)
        unshare = ["unshare", "-rnpm", "--fork", "sh", "-ec", _OWN_ROOT, "enclosure", root, str(applets)]
        prefix = [*(nobody if os.geteuid() == 0 else []), *unshare]
        if subprocess.run([*prefix, root, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("needs user namespaces to compare with the real shells as root of nothing")
        yield prefix


@pytest.fixture
def same_as_busybox(enclosure: list[str]) -> Oracle:
    """Checks that a script does the same here as in the real ash: both streams and the status."""

    def compare(script: str) -> None:
        command = ["env", "-i", "PATH=/applets", "sh", "-c", script]
        assert _mine(_PERSONA, script) == _real(command, enclosure)

    return compare


@pytest.fixture
def real(enclosure: list[str]) -> Callable[[str], tuple[bytes, bytes, int]]:
    """What the real ash answers to a script: both streams and the status."""
    return lambda script: _real(["env", "-i", "PATH=/applets", "sh", "-c", script], enclosure)


@pytest.fixture
def same_as_bash(enclosure: list[str]) -> Oracle:
    """Checks that a script does the same here as in the bash of this machine."""

    def compare(script: str) -> None:
        command = ["env", "-i", "PATH=/usr/bin:/bin", "bash", "-c", script]
        assert _mine(PERSONAS["server-x86_64"], script) == _real(command, enclosure)

    return compare


def _mine(persona: ShellPersona, script: str) -> tuple[bytes, bytes, int]:
    shell = Shell(persona, now=lambda: datetime.now(UTC), interactive=False)
    shell.machine.fs.make_directory("/tmp/work")
    process, errors = shell._process, Buffer("output_bytes", 1 << 20)
    process.cwd, process.stderr, process.stdin = "/tmp/work", errors, Source()
    process.variables = {
        "IFS": " \t\n",
        "PS4": "+ ",
        "OPTIND": "1",
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "PWD": "/tmp/work",
    }
    process.exported = {"PATH"}
    reply, rest = shell.run(script.encode()), shell.close()
    return reply.output + rest.output, bytes(errors.data), rest.status


def _real(command: list[str], enclosure: list[str]) -> tuple[bytes, bytes, int]:
    with tempfile.TemporaryDirectory(prefix="mead-oracle-") as work:
        Path(work).chmod(0o777)
        real = subprocess.run(
            [*enclosure, work, *command],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
    return real.stdout, real.stderr, real.returncode
