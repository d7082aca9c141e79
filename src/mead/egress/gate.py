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
from mead.egress.asn import AsnLookup, open_asn_database
from mead.egress.budget import Budget
from mead.egress.policy import EgressSettings, Policy, denied, own_networks
from mead.egress.ports import refused_port
from mead.egress.resolver import FixedResolver, Resolver, SystemResolver
from mead.egress.target import Target, Unusable, parse_target

__all__ = ["Allowed", "Decision", "Gate", "Refused"]

_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private",
                "arpa", "onion", "i2p", "test", "example", "invalid", "alt")  # fmt: skip
"""Last labels that never name a public host (RFC 6761, RFC 8375, ICANN's reserved strings)."""


_NEVER_LEAVE = ("loopback", "link-local")
"""Ranges whose addresses are of no use as a source for any other."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go there, to this address and no other."""

    url: str
    target: Target
    address: Address
    dns_answers: tuple[str, ...]
    source: str | None = None
    """The address of ours to go from; None: whichever the system takes."""

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
        self._asn_of = asn_of or open_asn_database(settings.asn_database)
        self._own_host = own_host
        self._denied_networks, self._denied_names = denied(settings.deny)
        self._own_networks = own_networks(settings.own_addresses)

    async def decide(self, url: str, *, sensor: str | None = None, turn: int = 0) -> Decision:
        """Whether `url` may be contacted now; takes a token from its budgets when it may.

        Args:
            url: what was offered, as it was offered.
            sensor: address of ours at which it was offered. It is never contacted; when this machine has
                it, it is the one to go from, as a victim would.
            turn: which of a name's addresses is wanted, counted round; hosts of malware have many, and
                few that answer.
        """
        if self.settings.policy != "fetch":
            return self._refused(url, f"policy is {self.settings.policy}")
        target = parse_target(url)
        if isinstance(target, Unusable):
            return self._refused(url, target.reason)
        if reason := self.port_reason(target.scheme, target.port):
            return self._refused(url, reason)
        if target.address is not None:
            return self._pinned(url, target, [target.address], (), sensor, turn)
        if reason := self._name_reason(target.host):
            return self._refused(url, reason)
        try:
            answers = await self._resolver.resolve(target.host)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            return self._refused(url, f"name does not resolve: {str(error) or 'time is up'}", passing=True)
        told = tuple(str(answer) for answer in answers)
        return self._pinned(url, target, answers, told, sensor, turn)

    def port_reason(self, scheme: str, port: int) -> str | None:
        """Why `port` may not be contacted with `scheme`; None when it may."""
        if port in self.settings.deny_ports:
            return "port is on the operator's list"
        return refused_port(scheme, port)

    def address_reason(self, address: Address, sensor: Network | None = None) -> str | None:
        """Why `address` may not be contacted; None when it may."""
        if any(address in network for network in self._denied_networks):
            return "target is on the operator's list"
        kind = special_range(address)
        if self.settings.allow_loopback_for_tests:
            return None if kind == "loopback" else "target is not loopback (test setting)"
        if kind is not None:
            return f"target is {kind}"
        own = self._own_networks if sensor is None else [*self._own_networks, sensor]
        listed = any(address in network for network in own)
        return "target is one of our own" if listed or self._own_host(address) else None

    def _pinned(
        self,
        url: str,
        target: Target,
        answers: Sequence[Address],
        dns_answers: tuple[str, ...],
        sensor: str | None,
        turn: int,
    ) -> Decision:
        if not answers:
            return self._refused(url, "name has no address", passing=True)
        attacked = parse_network(sensor) if sensor else None
        for answer in answers:
            if reason := self.address_reason(answer, attacked):
                return self._refused(url, reason, answer, dns_answers)
        version = min(answer.version for answer in answers)  # not every machine has a way out by IPv6
        fit = [answer for answer in answers if answer.version == version]
        address = fit[turn % len(fit)]
        if empty := self._budget.take(self._budgets(target, address)):
            reason = f"budget of the {empty.partition(' ')[0]} is used up"
            return self._refused(url, reason, address, dns_answers, passing=True)
        return Allowed(url, target, address, dns_answers, self._source(attacked, address))

    def _source(self, attacked: Network | None, address: Address) -> str | None:
        """The address that was attacked, when this machine has it and `address` can be reached from it."""
        if attacked is None or attacked.version != address.version:
            return None
        source = attacked.network_address
        stays = special_range(source) in _NEVER_LEAVE and special_range(source) != special_range(address)
        return str(source) if not stays and self._own_host(source) else None

    def _budgets(self, target: Target, address: Address) -> Iterator[tuple[str, int]]:
        yield f"host {target.host}", self.settings.per_host_per_minute
        yield f"network {network_of(address)}", self.settings.per_network_per_minute
        asn = self._asn_of(address) if self._asn_of else None
        if asn is not None:
            yield f"AS {asn}", self.settings.per_asn_per_minute

    def _name_reason(self, host: str) -> str | None:
        for name in self._denied_names:
            if host == name.removeprefix(".") or (name.startswith(".") and host.endswith(name)):
                return "target is on the operator's list"
        if self.settings.allow_loopback_for_tests:
            return None
        first, _, last = host.rpartition(".")
        if not first or last in _LOCAL_NAMES:
            return "target is not a public name"
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
