# SPDX-License-Identifier: Apache-2.0
"""One device."""

from __future__ import annotations

from mead.shell import ShellPersona, default_personas


def test_numbers_belong_to_install_and_label(persona: ShellPersona) -> None:
    assert persona.number("a", 5, 9) in range(5, 10)
    assert persona.digest("a") != persona.digest("b")
    assert persona.digest("a") != default_personas(b"other")[0].digest("a")


def test_accounts_are_known(persona: ShellPersona) -> None:
    assert (persona.uid_of("root"), persona.uid_of("nobody"), persona.uid_of("support")) == (0, 65534, 0)
    assert (persona.home_of("root"), persona.home_of("support")) == ("/root", None)


def test_addresses_look_real(persona: ShellPersona) -> None:
    assert persona.address.startswith("192.168.")
    assert len(persona.hardware_address.split(":")) == 6
