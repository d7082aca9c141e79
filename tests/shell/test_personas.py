# SPDX-License-Identifier: Apache-2.0
"""The built-in devices."""

from __future__ import annotations

from datetime import UTC, datetime

from mead.shell import default_personas
from mead.shell.machines import ARCHITECTURES


def test_there_is_a_device_for_every_architecture_that_bots_ask_for() -> None:
    personas = default_personas()
    assert len(personas) >= 10
    wanted = {"armv7l", "aarch64", "mips", "mipsel", "x86_64", "i686", "ppc", "sh4"}
    assert {persona.architecture for persona in personas} == wanted
    assert wanted <= set(ARCHITECTURES)
    assert len({persona.name for persona in personas}) == len(personas)


def test_boot_times_lie_before_now_and_differ() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    boots = [persona.boot_time for persona in default_personas(b"x", now=now)]
    assert all(boot < now for boot in boots)
    assert len(set(boots)) == len(boots)
    assert boots != [persona.boot_time for persona in default_personas(b"y", now=now)]
