"""The greeting belongs to the system that the banner claims."""

from __future__ import annotations

from typing import Any

import pytest

from mead.sensors.openssh.motd import motd
from mead.sensors.openssh.versions import VERSIONS, OpenSshVersion


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.banner)
def test_the_message_names_the_claimed_system(bench: Any, version: OpenSshVersion) -> None:
    b = bench("ssh")
    b.persona.ssh = version
    shown = motd(b.context).decode()
    assert shown.splitlines()[-1].startswith("Last login: ")
    system = version.distribution.split()[0]
    if system in {"Debian", "Ubuntu"}:
        assert system in shown
        assert version.kernel in shown
    if system == "Debian":
        assert f"{version.kernel} {version.build} x86_64" in shown


def test_two_installs_greet_differently(bench: Any) -> None:
    assert motd(bench("ssh", seed=b"1" * 32).context) != motd(bench("ssh", seed=b"2" * 32).context)


def test_the_last_login_does_not_move_with_the_clock(bench: Any) -> None:
    b = bench("ssh")
    before = motd(b.context)
    b.clock.advance(12_345)
    assert motd(b.context) == before
