# SPDX-License-Identifier: Apache-2.0
"""May this URL be contacted, and at which address? Everything that wants out asks here, redirects too.

The gate resolves a name once and checks every answer; one forbidden answer refuses the whole name, because
a name that points both ways is an attempt to get past us. Whoever is allowed connects to the address in
the decision and never resolves again, so a name that changes its answers in between (DNS rebinding) gains
nothing. What cannot be classified is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mead.clock import Clock
from mead.egress.addresses import Address, Network, is_own_host, network_of, parse_network, special_range
from mead.egress.budget import Budget
from mead.egress.policy import EgressSettings, Policy
from mead.egress.ports import refused_port
from mead.egress.resolver import FixedResolver, Resolver, SystemResolver
from mead.egress.target import Target, Unusable, parse_target
from mead.errors import ConfigError

__all__ = ["Allowed", "Decision", "Gate", "Refused"]

AsnLookup = Callable[[Address], int | None]
"""The autonomous system of an address; None when it is not known."""

_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private",
                "arpa", "onion", "i2p", "test", "example", "invalid", "alt")  # fmt: skip
"""Last labels that never name a public host (RFC 6761, RFC 8375, ICANN's reserved strings)."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go there, to this address and no other."""

    url: str
    target: Target
    address: Address
    dns_answers: tuple[str, ...]

    @property
    def host(self) -> str:
        return self.target.host

    @property
    def port(self) -> int:
        return self.target.port


@dataclass(frozen=True, slots=True)
class Refused:
    """Do not go there."""

    url: str
    reason: str
    policy: Policy
    address: str | None = None
    dns_answers: tuple[str, ...] = ()
    passing: bool = False
    """Whether a later attempt may be allowed (an empty budget, a resolver that did not answer)."""


Decision = Allowed | Refused


class Gate:
    """Decides; opens no connection itself, and asks the resolver only about names that may be asked."""

    def __init__(
        self,
        settings: EgressSettings,
        clock: Clock,
        resolver: Resolver | None = None,
        *,
        asn_of: AsnLookup | None = None,
        own_host: Callable[[Address], bool] = is_own_host,
    ) -> None:
        self.settings = settings
        self._resolver = resolver or _default_resolver(settings)
        self._budget = Budget(clock)
        self._asn_of = asn_of
        self._own_host = own_host
        self._denied_networks = [net for text in settings.deny if (net := parse_network(text))]
        self._denied_names = [_denied_name(text) for text in settings.deny if not parse_network(text)]
        self._own_networks = [_own_network(text) for text in settings.own_addresses]

    async def decide(self, url: str) -> Decision:
        """Whether `url` may be contacted now; takes a token from its budgets when it may."""
        if self.settings.policy != "fetch":
            return self._refused(url, f"policy is {self.settings.policy}")
        target = parse_target(url)
        if isinstance(target, Unusable):
            return self._refused(url, target.reason)
        if reason := self.port_reason(target.scheme, target.port):
            return self._refused(url, reason)
        if target.address is not None:
            return self._pinned(url, target, [target.address], ())
        if reason := self._name_reason(target.host):
            return self._refused(url, reason)
        try:
            answers = await self._resolver.resolve(target.host)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            return self._refused(url, f"name does not resolve: {str(error) or 'time is up'}", passing=True)
        return self._pinned(url, target, answers, tuple(str(answer) for answer in answers))

    def port_reason(self, scheme: str, port: int) -> str | None:
        """Why `port` may not be contacted with `scheme`; None when it may."""
        if port in self.settings.deny_ports:
            return f"port {port} is on the operator's list"
        return refused_port(scheme, port)

    def address_reason(self, address: Address) -> str | None:
        """Why `address` may not be contacted; None when it may."""
        listed = any(address in network for network in self._denied_networks)
        if listed:
            return f"{address} is on the operator's list"
        kind = special_range(address)
        if self.settings.allow_loopback_for_tests:
            return None if kind == "loopback" else f"{address} is not loopback (test setting)"
        if kind is not None:
            return f"{address} is {kind}"
        if any(address in network for network in self._own_networks) or self._own_host(address):
            return f"{address} is one of our own"
        return None

    def _pinned(
        self, url: str, target: Target, answers: Sequence[Address], dns_answers: tuple[str, ...]
    ) -> Decision:
        if not answers:
            return self._refused(url, "name has no address", passing=True)
        for answer in answers:
            if reason := self.address_reason(answer):
                return self._refused(url, reason, answer, dns_answers)
        address = min(answers, key=lambda answer: answer.version)
        if empty := self._budget.take(self._budgets(target, address)):
            return self._refused(url, f"budget of {empty} is used up", address, dns_answers, passing=True)
        return Allowed(url, target, address, dns_answers)

    def _budgets(self, target: Target, address: Address) -> Iterator[tuple[str, int]]:
        yield f"host {target.host}", self.settings.per_host_per_minute
        yield f"network {network_of(address)}", self.settings.per_network_per_minute
        asn = self._asn_of(address) if self._asn_of else None
        if asn is not None:
            yield f"AS{asn}", self.settings.per_asn_per_minute

    def _name_reason(self, host: str) -> str | None:
        for name in self._denied_names:
            if host == name.removeprefix(".") or (name.startswith(".") and host.endswith(name)):
                return f"{host} is on the operator's list"
        if self.settings.allow_loopback_for_tests:
            return None
        first, _, last = host.rpartition(".")
        if not first or last in _LOCAL_NAMES:
            return f"{host} is not a public name"
        return None

    def _refused(
        self,
        url: str,
        reason: str,
        address: Address | None = None,
        dns_answers: tuple[str, ...] = (),
        *,
        passing: bool = False,
    ) -> Refused:
        where = str(address) if address is not None else None
        return Refused(url, reason, self.settings.policy, where, dns_answers, passing)


def _default_resolver(settings: EgressSettings) -> Resolver:
    """Under the test setting, asking the machine's resolver would already send packets elsewhere."""
    if settings.allow_loopback_for_tests:
        return FixedResolver({"localhost": ["127.0.0.1", "::1"]})
    return SystemResolver()


def _own_network(text: str) -> Network:
    network = parse_network(text)
    if network is None:
        raise ConfigError(f"egress.own_addresses: {text!r} is neither an address nor a network")
    return network


def _denied_name(text: str) -> str:
    name = text.strip().lower().removeprefix("*").removesuffix(".")
    if not name.removeprefix("."):
        raise ConfigError(f"egress.deny: {text!r} is neither an address, a network nor a name")
    return name
