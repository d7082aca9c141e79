# SPDX-License-Identifier: Apache-2.0
"""The commands: the same output and the same complaints as the real BusyBox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

COMPARED = ("commands", "applets")


@pytest.mark.tool("busybox")
def test_a_command_prints_what_busybox_prints(compared: str, same_as_busybox: Callable[[str], None]) -> None:
    same_as_busybox(compared)
