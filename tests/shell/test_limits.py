# SPDX-License-Identifier: Apache-2.0
"""The budget of a line."""

from __future__ import annotations

import pytest

from mead.shell import Limit, Shell, ShellLimits, default_personas
from mead.shell.limits import Budget, LimitReachedError


def test_a_budget_is_spent_and_refilled() -> None:
    budget = Budget(10)
    budget.charge(10)
    with pytest.raises(LimitReachedError) as caught:
        budget.charge()
    assert (caught.value.name, caught.value.value, caught.value.unit) == ("steps_per_line", 10, "steps")
    budget.refill()
    budget.charge_bytes(1024)
    assert budget.left == 5


@pytest.mark.parametrize(
    ("limits", "line", "name"),
    [
        (ShellLimits(output_bytes=10), b"echo 0123456789abc", "output_bytes"),
        (ShellLimits(script_bytes=10), b"echo 0123456789abc", "script_bytes"),
        (ShellLimits(file_bytes=10), b"echo 0123456789abc > /tmp/f", "file_bytes"),
        (ShellLimits(effects_per_line=2), b"echo; echo; echo; echo", "effects_per_line"),
        (ShellLimits(offers=1), b"wget http://a/b; wget http://c/d", "offers"),
    ],
)
def test_reaching_a_bound_is_told(shell: Shell, limits: ShellLimits, line: bytes, name: str) -> None:
    bounded = Shell(default_personas()[0], now=shell.machine.now, limits=limits)
    effects = bounded.run(line).effects
    assert [effect.name for effect in effects if isinstance(effect, Limit)] == [name]


def test_what_is_typed_without_end_is_cut(shell: Shell) -> None:
    bounded = Shell(
        default_personas()[0], now=shell.machine.now, limits=ShellLimits(file_bytes=100), interactive=False
    )
    bounded.run(b"cat > /tmp/f")
    bounded.feed(b"x" * 90)
    reply = bounded.feed(b"x" * 90)
    assert [effect.name for effect in reply.effects if isinstance(effect, Limit)] == ["file_bytes"]
    assert not bounded.reading
