# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mead.bus.bodies import MAX_BODY_BYTES
from mead.config import parse
from mead.deck.settings import Settings
from mead.egress.policy import EgressSettings, denied
from mead.errors import ConfigError


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


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"deny": ["198.51.100.0/33"]},
            "deny: '198.51.100.0/33' is neither an address, a network nor a name",
        ),
        ({"deny": ["example.org", "http://example.org/"]}, "deny: 'http://example.org/' is neither"),
        ({"deny": ["010.0.0.1"]}, "deny: '010.0.0.1' is neither"),
        ({"deny": ["*."]}, r"deny: '\*.' is neither"),
        ({"deny": [""]}, "deny: '' is neither"),
        ({"own_addresses": ["sensor.example"]}, "own_addresses: 'sensor.example' is neither"),
        ({"deny_ports": [70000]}, r"`int` <= 65535 - at `\$.deny_ports"),
        ({"timeout_seconds": -1}, r"`float` > 0.0 - at `\$.timeout_seconds`"),
        ({"max_body_bytes": 1 << 30}, r"`int` <= 268435456 - at `\$.max_body_bytes`"),
        ({"max_concurrent": 0}, r"`int` >= 1 - at `\$.max_concurrent`"),
        ({"retry_seconds": [1.0, -1.0]}, r"at `\$.retry_seconds"),
    ],
)
def test_a_setting_that_would_do_nothing_or_harm_is_an_error(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(given, EgressSettings)


def test_the_error_of_a_list_names_the_line() -> None:
    content = '[egress]\npolicy = "fetch"\ndeny = ["8.8.8.0/40"]\n'
    with pytest.raises(ConfigError, match=r"mead.toml:\d: egress: deny: '8.8.8.0/40' is neither"):
        parse(content, Settings, where="mead.toml")


def test_a_deny_list_is_networks_and_names() -> None:
    networks, names = denied(
        ["198.51.100.7", "2001:db8::/32", "Example.ORG.", "*.Evil.example", ".bücher.example"]
    )
    assert [str(network) for network in networks] == ["198.51.100.7/32", "2001:db8::/32"]
    assert names == ["example.org", ".evil.example", ".xn--bcher-kva.example"]


def test_no_body_is_larger_than_the_bus_carries() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"max_body_bytes": MAX_BODY_BYTES + 1}, EgressSettings)
    assert msgspec.convert({"max_body_bytes": MAX_BODY_BYTES}, EgressSettings)


def test_three_attempts_take_ten_minutes() -> None:
    assert sum(EgressSettings().retry_seconds) == 600
    assert len(EgressSettings().retry_seconds) + 1 == 3
