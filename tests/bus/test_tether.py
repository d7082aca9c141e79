# SPDX-License-Identifier: Apache-2.0
"""A tethered child does not outlive its parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mead.bus.tether import die_with_parent, tethered


def test_the_command_becomes_the_program() -> None:
    done = subprocess.run(tethered(Path("/bin/echo"), ["a b", "c"]), capture_output=True, check=True)
    assert done.stdout == b"a b c\n"


def test_a_child_whose_parent_is_gone_does_not_start() -> None:
    command = tethered(Path("/bin/echo"), ["started"])
    command[5] = "1"  # as if the parent had been replaced by init in between
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""


def test_a_killed_parent_takes_the_child_with_it() -> None:
    code = (
        "import subprocess, pathlib, os, signal\n"
        "from mead.bus.tether import tethered\n"
        "subprocess.Popen(tethered(pathlib.Path('/bin/sh'), ['-c', 'echo up; exec sleep 60']))\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"up\n"
        parent.kill()
        # The child holds the pipe: it ends only when the child is dead too.
        assert parent.stdout.read() == b""


def test_a_process_that_changed_its_mind_is_tethered_again() -> None:
    code = (
        "import os, sys, time\n"
        "from mead.bus.tether import die_with_parent\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    die_with_parent(os.getppid())\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{child}/stat").exists() and " Z " not in Path(f"/proc/{child}/stat").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_process_whose_parent_is_gone_does_not_begin() -> None:
    with pytest.raises(SystemExit):
        die_with_parent(parent=1 << 22)
