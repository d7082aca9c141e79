# SPDX-License-Identifier: Apache-2.0
"""Landlock by itself, in a child process that is confined and then tries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mead.jail import landlock

TRY = """
import sys
from mead.jail import landlock
readable, writable, forbidden = sys.argv[1:]
print(landlock.restrict(readable=[readable, "/no/such/path"], writable=[writable]))
open(readable).read()
open(writable + "/new", "w").write("x")
for path, mode in ((forbidden, "r"), (readable, "w"), (forbidden, "a")):
    try:
        open(path, mode)
    except PermissionError:
        continue
    print("opened", path, mode)
"""


@pytest.mark.skipif(landlock.abi() == 0, reason="needs a kernel with Landlock")
def test_only_the_paths_given_can_be_used(tmp_path: Path) -> None:
    readable, writable, forbidden = tmp_path / "r", tmp_path / "w", tmp_path / "f"
    readable.write_text("x")
    forbidden.write_text("x")
    writable.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", TRY, readable, writable, forbidden], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{landlock.abi()}\n"
    assert (writable / "new").read_text() == "x"
