# SPDX-License-Identifier: Apache-2.0
"""`scripts/setup` for somebody who is not root, on a machine of stubs: nothing is installed, all is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "basename", "cat", "cp", "dirname", "grep", "mkdir", "rm", "sed", "touch", "tr")

MAKES_ENVIRONMENT = """\
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
"""


class Machine:
    """A copy of what the set-up reads, and programs that only write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.log = root, root / "bin", root / "calls"
        self.bin.mkdir()
        for name in ("scripts", "deploy/debian", "requirements"):
            shutil.copytree(ROOT / name, root / name)
        for name in NEEDED:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        self.program("python", MAKES_ENVIRONMENT)
        self.program("id", "echo 1000")
        self.program("dpkg-query", "echo 'install ok installed'")
        self.program("apt-get")

    def program(self, name: str, body: str = "", *, directory: Path | None = None) -> None:
        path = (directory or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
        path.chmod(0o755)

    def set_up(self, purpose: str = "run", *, python: str = "python") -> tuple[int, str, list[str]]:
        """Exit code, what was said, and what was called."""
        self.log.write_text("")
        environment = {"PATH": str(self.bin), "PYTHON": str(self.bin / python)}
        done = subprocess.run(
            [str(self.root / "scripts" / "setup"), purpose],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        return done.returncode, done.stderr, self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_everything_is_pinned_and_the_environment_is_our_own(machine: Machine) -> None:
    code, said, calls = machine.set_up("run")
    assert code == 0, said
    installed = [call for call in calls if " install " in call]
    assert all(call.startswith("python -m pip --quiet") for call in installed)
    assert ["--require-hashes" in call for call in installed] == [True, True, False]
    assert ["--no-deps" in call for call in installed] == [True] * 3
    assert "python -m venv .venv" in calls
    assert "requirements/runtime.txt into .venv; the first time takes a minute or two" in said
    assert (machine.root / ".venv" / ".ready").exists()
    assert not (machine.root / ".venv" / ".ready-test").exists()
    _, said, calls = machine.set_up("test")
    assert "requirements/dev.txt" in said
    assert "python -m venv .venv" not in calls
    assert (machine.root / ".venv" / ".ready-test").exists()


def test_what_is_missing_is_named_with_the_command_that_adds_it(machine: Machine) -> None:
    machine.program("dpkg-query", '[ "$4" != libmagic1 ] && echo "ok installed"')
    code, said, calls = machine.set_up("run")
    assert code == 0
    assert "without root, these stay missing and what needs them is skipped by name: libmagic1\n" in said
    assert "sudo apt-get install --no-install-recommends libmagic1\n" in said
    assert not [call for call in calls if call.startswith("apt-get")]


def test_tests_need_more_than_the_deck(machine: Machine) -> None:
    machine.program("dpkg-query", "exit 1")
    _, run, _ = machine.set_up("run")
    _, test, _ = machine.set_up("test")
    assert "libmagic1" in run
    assert "nmap" not in run
    assert "libmagic1" in test
    assert "nmap" in test


def test_elsewhere_than_on_debian_it_goes_on(machine: Machine) -> None:
    (machine.bin / "dpkg-query").unlink()
    code, said, _ = machine.set_up("run")
    assert code == 0
    assert "not a Debian system; see deploy/debian/*.txt" in said


def test_an_environment_that_was_left_half_made_is_made_anew(machine: Machine) -> None:
    broken = machine.root / ".venv" / "bin"
    machine.program("python", "exit 1", directory=broken)
    (broken / "old").touch()
    code, said, calls = machine.set_up("run")
    assert code == 0, said
    assert ".venv cannot be used; making it anew" in said
    assert "python -m venv .venv" in calls
    assert not (broken / "old").exists()


def test_a_package_that_cannot_be_compiled_is_left_out_by_name(machine: Machine) -> None:
    machine.program("python", MAKES_ENVIRONMENT + 'case "$*" in *compiled*) exit 1;; esac')
    code, said, _ = machine.set_up("run")
    assert code == 0
    assert "left out py-tlsh (needs a C++ compiler" in said


def test_without_an_index_it_ends_and_is_not_taken_for_ready(machine: Machine) -> None:
    machine.program("python", MAKES_ENVIRONMENT + 'case "$*" in *runtime.txt) exit 1;; esac')
    code, said, _ = machine.set_up("run")
    assert code == 11
    assert "could not install them (see above); this needs a package index" in said
    assert not (machine.root / ".venv" / ".ready").exists()


def test_the_lists_of_packages_are_whole() -> None:
    """They are installed without resolving anything, so nothing that they leave out would come by itself."""
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
