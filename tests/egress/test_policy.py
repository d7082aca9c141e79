# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import msgspec
import pytest

from mead.egress.policy import EgressSettings


def test_until_the_operator_says_so_nothing_is_fetched() -> None:
    assert EgressSettings().policy == "observe"
    assert not EgressSettings().allow_loopback_for_tests


def test_every_setting_is_described() -> None:
    for name in EgressSettings.__struct_fields__:
        assert f"        {name}: " in (EgressSettings.__doc__ or "")


def test_an_unknown_setting_or_policy_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"polcy": "fetch"}, EgressSettings)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"policy": "open"}, EgressSettings)


def test_three_attempts_take_ten_minutes() -> None:
    assert sum(EgressSettings().retry_seconds) == 600
    assert len(EgressSettings().retry_seconds) + 1 == 3
