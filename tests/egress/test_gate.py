# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from mead.clock import FakeClock
from mead.egress.addresses import Address
from mead.egress.gate import Allowed, Gate, Refused
from mead.egress.policy import EgressSettings


class Names:
    """A resolver that gives the next answer each time and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [ip_address(text) for text in answer]


def _gate(names: Names | None = None, clock: FakeClock | None = None, **options: Any) -> Gate:
    asn_of, own_host = options.pop("asn_of", None), options.pop("own_host", lambda address: False)
    settings = EgressSettings(**{"policy": "fetch"} | options)
    return Gate(settings, clock or FakeClock(), names or Names(["8.8.8.8"]), asn_of=asn_of, own_host=own_host)


async def _reason(gate: Gate, url: str) -> str:
    decision = await gate.decide(url)
    assert isinstance(decision, Refused), decision
    return decision.reason


async def test_a_public_name_is_resolved_once_and_pinned() -> None:
    names = Names(["2a00::5", "8.8.8.8"], ["127.0.0.1"])
    decision = await _gate(names).decide("http://h.example.org:8080/x")
    assert isinstance(decision, Allowed)
    assert (str(decision.address), decision.host, decision.port) == ("8.8.8.8", "h.example.org", 8080)
    assert decision.dns_answers == ("2a00::5", "8.8.8.8")
    assert names.asked == ["h.example.org"]


@pytest.mark.parametrize("policy", ["observe", "queue"])
async def test_other_policies_refuse_before_the_resolver_is_asked(policy: str) -> None:
    names = Names(["8.8.8.8"])
    decision = await _gate(names, policy=policy).decide("http://h.example.org/")
    assert decision == Refused("http://h.example.org/", f"policy is {policy}", policy)  # type: ignore[arg-type]
    assert not names.asked


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["127.0.0.1"], "target is loopback"),
        (["8.8.8.8", "10.0.0.1"], "target is private"),
        (["10.0.0.1", "8.8.8.8"], "target is private"),
        (["8.8.8.8", "::ffff:10.0.0.1"], "target is IPv4-mapped"),
        (["64:ff9b::a00:1"], "target is NAT64"),
        (["169.254.169.254"], "target is cloud metadata"),
    ],
)
async def test_one_forbidden_answer_refuses_the_name(answers: list[str], reason: str) -> None:
    decision = await _gate(Names(answers)).decide("http://h.example.org/")
    assert isinstance(decision, Refused)
    assert decision.reason == reason
    assert decision.dns_answers == tuple(str(ip_address(answer)) for answer in answers)
    assert decision.address is not None
    assert not decision.passing


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.1/", "target is loopback"),
        ("http://0x0a.1/", "target is private"),
        ("http://2852039166/", "target is cloud metadata"),
        ("http://[::ffff:10.0.0.1]/", "target is IPv4-mapped"),
        ("http://[64:ff9b::a00:1]/", "target is NAT64"),
        ("http://８.８.８.８:25/", "port belongs to another service"),
        ("http://localhost/", "target is not a public name"),
        ("http://a.localhost./", "target is not a public name"),
        ("http://router/", "target is not a public name"),
        ("http://localhost.localdomain/", "target is not a public name"),
        ("http://metadata.google.internal/", "target is not a public name"),
        ("http://x.onion/", "target is not a public name"),
        ("http://bad.example.org/", "target is on the operator's list"),
        ("http://deep.evil.org/", "target is on the operator's list"),
        ("http://evil.org/", "target is on the operator's list"),
        ("http://9.9.9.9/", "target is on the operator's list"),
        ("http://8.8.4.4:1234/", "port is on the operator's list"),
        ("http://5.6.7.8/", "target is one of our own"),
        ("http://a@b@c/", "more than one @ in authority"),
    ],
)
async def test_what_must_not_be_contacted_is_refused_without_asking_anybody(url: str, reason: str) -> None:
    names = Names(["8.8.8.8"])
    deny = ["bad.example.org", "*.evil.org", "9.9.9.0/24"]
    gate = _gate(names, deny=deny, own_addresses=["5.6.7.0/24"], deny_ports=[1234])
    decision = await gate.decide(url)
    assert isinstance(decision, Refused)
    assert decision.reason == reason
    assert not names.asked


async def test_addresses_of_this_machine_are_its_own() -> None:
    gate = _gate(own_host=lambda address: str(address) == "8.8.8.8")
    assert await _reason(gate, "http://8.8.8.8/") == "target is one of our own"


async def test_the_sensor_that_was_attacked_is_never_contacted() -> None:
    gate = _gate(Names(["8.8.8.8"]))
    assert isinstance(await gate.decide("http://8.8.8.8/", sensor="9.9.9.9"), Allowed)
    for url in ("http://8.8.8.8/", "http://0x08080808/", "http://h.example.org/"):
        decision = await gate.decide(url, sensor="8.8.8.8")
        assert isinstance(decision, Refused)
        assert decision.reason == "target is one of our own"


@pytest.mark.parametrize(
    ("sensor", "source"),
    [
        ("5.6.7.8", "5.6.7.8"), ("10.0.0.5", "10.0.0.5"), ("9.9.9.9", None), ("2a00::9", None), (None, None),
        ("", None), ("127.0.0.1", None), ("169.254.1.1", None),
    ],
)  # fmt: skip
async def test_a_fetch_goes_from_the_address_that_was_attacked(
    sensor: str | None, source: str | None
) -> None:
    own = {"5.6.7.8", "2a00::9", "10.0.0.5", "127.0.0.1", "169.254.1.1"}
    gate = _gate(own_host=lambda address: str(address) in own)
    decision = await gate.decide("http://8.8.8.8/", sensor=sensor)
    assert isinstance(decision, Allowed)
    assert decision.source == source


async def test_each_turn_takes_the_next_address_of_one_family() -> None:
    gate = _gate(Names(["2a00::1", "8.8.8.8", "8.8.4.4", "2a00::2"]))
    decisions = [await gate.decide("http://h.example.org/", turn=turn) for turn in range(4)]
    found = [str(decision.address) for decision in decisions]
    assert found == ["8.8.8.8", "8.8.4.4", "8.8.8.8", "8.8.4.4"]
    gate = _gate(Names(["2a00::1", "2a00::2"]))
    decisions = [await gate.decide("http://h.example.org/", turn=turn) for turn in range(2)]
    assert [str(decision.address) for decision in decisions] == ["2a00::1", "2a00::2"]


async def test_a_name_that_points_elsewhere_later_gains_nothing() -> None:
    gate = _gate(Names(["8.8.8.8"], ["127.0.0.1"]))
    first = await gate.decide("http://rebind.example.org/")
    assert isinstance(first, Allowed)
    assert await _reason(gate, "http://rebind.example.org/") == "target is loopback"


@pytest.mark.parametrize("error", [OSError("no such name"), TimeoutError()])
async def test_a_name_without_answer_may_have_one_later(error: OSError) -> None:
    decision = await _gate(Names(error)).decide("http://h.example.org/")
    assert isinstance(decision, Refused)
    assert decision.passing
    assert decision.reason.startswith("name does not resolve: ")
    empty = await _gate(Names([])).decide("http://h.example.org/")
    assert isinstance(empty, Refused)
    assert empty.reason == "name has no address"


async def test_budgets_hold_per_host_network_and_autonomous_system() -> None:
    clock = FakeClock()
    limits = {"per_host_per_minute": 2, "per_network_per_minute": 3, "per_asn_per_minute": 4}
    gate = _gate(clock=clock, asn_of=lambda address: 15169, **limits)
    for url in ("http://8.8.8.8/", "http://8.8.8.8/"):
        assert isinstance(await gate.decide(url), Allowed)
    assert await _reason(gate, "http://8.8.8.8/") == "budget of the host is used up"
    assert isinstance(await gate.decide("http://8.8.8.9/"), Allowed)
    assert await _reason(gate, "http://8.8.8.10/") == "budget of the network is used up"
    assert isinstance(await gate.decide("http://8.8.9.1/"), Allowed)
    assert await _reason(gate, "http://8.8.10.1/") == "budget of the AS is used up"
    clock.advance(60)
    assert isinstance(await gate.decide("http://8.8.8.8/"), Allowed)


async def test_an_unknown_autonomous_system_has_no_budget() -> None:
    gate = _gate(asn_of=lambda address: None, per_asn_per_minute=0)
    assert isinstance(await gate.decide("http://8.8.8.8/"), Allowed)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://8.8.8.8/", "target is not loopback (test setting)"),
        ("http://10.0.0.1/", "target is not loopback (test setting)"),
        ("http://h.example.org/", "name does not resolve: [Errno -2] name is not in the table"),
        ("http://127.0.0.9/", "target is on the operator's list"),
    ],
)
async def test_the_test_setting_allows_loopback_and_nothing_else(url: str, reason: str) -> None:
    settings = EgressSettings(
        policy="fetch", allow_loopback_for_tests=True, own_addresses=["127.0.0.1"], deny=["127.0.0.9"]
    )
    gate = Gate(settings, FakeClock())
    assert isinstance(await gate.decide("http://localhost:8080/"), Allowed)
    assert isinstance(await gate.decide("http://127.0.0.1:8080/"), Allowed)
    assert isinstance(await gate.decide("http://[::1]:8080/"), Allowed)
    assert await _reason(gate, url) == reason


async def test_decisions_at_the_same_time_share_the_budget() -> None:
    gate = _gate(per_host_per_minute=5)
    decisions = await asyncio.gather(*(gate.decide("http://h.example.org/") for _ in range(20)))
    assert sum(isinstance(decision, Allowed) for decision in decisions) == 5
