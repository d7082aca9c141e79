# SPDX-License-Identifier: Apache-2.0
"""Limits that count what belongs to a user, and what a process that is confined can still reach."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from mead.jail.confine import threads_of

FORBIDDEN = """
import ctypes, os, sys
from mead.jail import confine
from mead.jail.limits import JailLimits
real = ctypes.CDLL
class Library:
    def __init__(self, *arguments, **options): self._library = real(*arguments, **options)
    def __getattr__(self, name):
        return (lambda flags: -1) if name == "unshare" else getattr(self._library, name)
confine.ctypes.CDLL = Library
limits = JailLimits(programs=("/bin/true",), processes=4)
print(confine.confine(limits, network=confine.close_network(), parent=os.getppid()))
import subprocess
print(subprocess.run(["/bin/true"]).returncode)
"""


def test_threads_of_this_user_are_counted() -> None:
    before = threads_of(os.getuid())
    wait = threading.Event()
    threads = [threading.Thread(target=wait.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert threads_of(os.getuid()) >= before + 5 - 2  # others of this user may end meanwhile
    wait.set()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to begin as an ordinary user with many threads")
def test_programs_start_where_namespaces_are_forbidden_and_the_user_runs_much_else() -> None:
    ordinary = {"user": 65534, "group": 65534, "extra_groups": []}
    others = [subprocess.Popen(["/bin/sleep", "60"], **ordinary) for _ in range(12)]  # type: ignore[call-overload]
    try:
        command = [sys.executable, "-c", FORBIDDEN]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **ordinary)  # type: ignore[call-overload]
    finally:
        for other in others:
            other.kill()
            other.wait()
    level, status = done.stdout.split() or ["", done.stderr]
    assert status == "0"
    assert "seccomp" in level
    assert "netns" not in level
