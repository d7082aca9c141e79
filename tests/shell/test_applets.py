# SPDX-License-Identifier: Apache-2.0
"""The commands: the same output and the same complaints as the real BusyBox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

COMPARED = ("commands", "applets")


@pytest.mark.tool("busybox")
def test_a_command_prints_what_busybox_prints(compared: str, same_as_busybox: Callable[[str], None]) -> None:
    same_as_busybox(compared)


@pytest.mark.tool("busybox")
def test_the_real_one_sees_nothing_of_this_machine_that_a_case_could_harm(
    real: Callable[[str], tuple[bytes, bytes, int]],
) -> None:
    here = Path(__file__).resolve().parent
    output, errors, _ = real(
        f"ls / /tmp; echo; ls {here}; touch /usr/x /etc/x; ls -A /dev; touch /tmp/work/x"
    )
    top, below, devices = output.decode().split("\n\n")
    assert set(top.split()) <= {
        "/:", "applets", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "tmp",
        "usr", "var",
    }  # fmt: skip
    assert below == "/tmp:\nwork"
    assert set(devices.split()) == {"fd", "full", "null", "random", "urandom", "zero"}
    said = errors.decode().splitlines()
    assert said == [f"ls: {here}: No such file or directory", "touch: /usr/x: Permission denied"]
    assert not Path("/usr/x").exists()
    assert not Path("/etc/x").exists()
