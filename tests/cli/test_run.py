# SPDX-License-Identifier: Apache-2.0
"""`mead run`: what it says when it is up, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from mead.deck import machine
from mead.deck.status import Door

DOORS = [Door("telnet", "0.0.0.0", 23), Door("telnet", "::", 23), Door("ssh", "192.0.2.1", 22)]


@pytest.mark.parametrize(
    ("stored", "last"),
    [
        (True, "mead: stopped; everything accepted is stored"),
        (False, "mead: stopped; what is not stored yet waits on the bus for the next start"),
    ],
)
def test_all_doors_what_is_missing_and_the_next_commands_are_said(
    nowhere: Any, stored: bool, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(settings: Any, config: Any, ready: Any) -> bool:
        ready(DOORS, ["no ClamAV findings: \x1b[2J"])
        return stored

    monkeypatch.setattr(machine, "run", run)
    result = nowhere.mead("run")
    said = result.stderr
    assert result.stdout == ""
    assert "Listening: telnet 0.0.0.0:23, telnet [::]:23, ssh 192.0.2.1:22\n" in said
    assert "egress policy: observe (offers are recorded, not fetched; `mead init` asks)" in said
    assert "Not there: no ClamAV findings: \\x1b[2J" in said
    assert f"-c {nowhere.configuration} events -f " in said
    assert said.endswith(f"{last}\n")
