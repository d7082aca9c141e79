# SPDX-License-Identifier: Apache-2.0
"""Events made of one foreign record: identity, time and origin bound once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from mead.model import codec
from mead.model.event import Event, OfferSeen, PayloadReceived

__all__ = ["Maker", "Peer", "Recent", "service_name"]

E = TypeVar("E", bound=Event)
T = TypeVar("T")

_MAX_SESSIONS = 50_000
_SERVICES = {
    "smbd": "smb", "httpd": "http", "httpsd": "https", "ftpd": "ftp", "ftpdata": "ftp-data", "tftpd": "tftp",
    "ftpdatalisten": "ftp-data", "ftpdataconnect": "ftp-data", "mysqld": "mysql",
    "mssqld": "mssql", "mqttd": "mqtt",
    "mongod": "mongodb", "pptpd": "pptp", "SipSession": "sip", "SipCall": "sip", "upnpd": "upnp",
    "mirrord": "mirror", "mirrorc": "mirror", "memcached": "memcache", "printerd": "printer", "nfqd": "nfq",
    "blackholed": "blackhole", "remoteshell": "shell", "postgresql": "postgres",
}  # fmt: skip


def service_name(protocol: str | None) -> str | None:
    """Our name of a service that another honeypot calls `protocol`; unknown names stay, in lower case."""
    return _SERVICES.get(protocol, protocol.lower()[:64]) if protocol else None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who talked to whom."""

    src: str | None = None
    src_port: int | None = None
    dst: str | None = None
    dst_port: int | None = None
    transport: str | None = None
    service: str | None = None

    def or_else(self, other: Peer) -> Peer:
        """This peer, with what is not known here from `other`."""
        names = ("src", "src_port", "dst", "dst_port", "transport", "service")
        return replace(other, **{name: value for name in names if (value := getattr(self, name)) is not None})


@dataclass(slots=True)
class Maker:
    """Makes the events of one record. The n-th one has the origin `digest-n`."""

    sensor: str
    digest: str
    time: datetime
    session: str | None
    peer: Peer
    made: int = field(default=0, init=False)

    def make(self, kind: type[E], *, time: datetime | None = None, **fields: Any) -> E:
        """The next event of this record."""
        peer = self.peer
        event = kind(
            time=time or self.time,
            sensor=self.sensor,
            session=self.session,
            src=peer.src,
            src_port=peer.src_port,
            dst=peer.dst,
            dst_port=peer.dst_port,
            transport=peer.transport,
            service=peer.service,
            origin=f"{self.digest}-{self.made}",
            **fields,
        )
        self.made += 1
        return event

    def offer(self, url: str, tool: str) -> OfferSeen:
        """An offer, named after the record."""
        return self.make(OfferSeen, offer=self.digest[:32], url=url, tool=tool)

    def payload(self, data: bytes) -> PayloadReceived:
        """What the peer sent, as its digest and first bytes."""
        digest = hashlib.sha256(data).hexdigest()
        return self.make(PayloadReceived, sha256=digest, size=len(data), excerpt=codec.excerpt(data))


class Recent(Generic[T]):
    """What was said of the sessions seen last; the oldest are forgotten."""

    def __init__(self, max_sessions: int = _MAX_SESSIONS) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()
        self._max_sessions = max_sessions

    def get(self, session: str | None) -> T | None:
        return self._values.get(session) if session else None

    def put(self, session: str | None, value: T) -> None:
        if session:
            self._values[session] = value
            self._values.move_to_end(session)
            if len(self._values) > self._max_sessions:
                self._values.popitem(last=False)
