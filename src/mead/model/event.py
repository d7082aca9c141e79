# SPDX-License-Identifier: Apache-2.0
r"""The envelope that every event shares, and the events themselves.

An event says what was observed, never what we think of it (that is a finding). Its identity is not in
it: the bus gives it one, (stream, message sequence, index in the batch), so storing it twice is
impossible. Addresses are canonical text and times are UTC with microseconds, because that is what
JSON, Parquet and SQL hold; code that decides about an address parses it (`mead.model.network`).

Text that came from an attacker was decoded by `mead.model.codec.text`: valid UTF-8 stays, every other
byte stands as `\xNN`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "AbuseSeen", "AnalysisDone", "ArtifactFound", "ClientSeen", "CommandInput", "EngineReady", "Event",
    "ExploitSeen", "FetchDone", "FetchFailed", "FetchRefused", "FileUploaded", "FindingMade",
    "IndicatorSeen", "LayerDecoded", "LimitReached", "LoginAttempt", "LossCounted", "Moment", "OfferSeen",
    "PayloadReceived", "PeerErrorSeen", "ProgramExecuted", "RequestReceived", "SampleCaptured",
    "ScanSeen", "SensorStatus", "SessionClose", "SessionOpen", "TunnelRequested",
]  # fmt: skip


Moment = Annotated[datetime, Meta(tz=True)]
"""A time that says its zone: without one it cannot be compared with those of others."""


class Event(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every event carries."""

    time: Moment
    sensor: str
    session: str | None = None
    parent: str | None = None
    src: str | None = None
    src_port: int | None = None
    dst: str | None = None
    dst_port: int | None = None
    transport: str | None = None
    service: str | None = None
    origin: str | None = None

    @property
    def kind(self) -> str:
        """The event's kind, `subject.verb`, as in the catalogue."""
        return str(self.__struct_config__.tag)


class SessionOpen(Event, frozen=True, kw_only=True, tag="session.open"):
    """A peer reached a service; everything until the matching `session.close` carries its id."""


class SessionClose(Event, frozen=True, kw_only=True, tag="session.close"):
    """The session ended; the counts are complete."""

    reason: str
    duration_ms: int
    bytes_in: int = 0
    bytes_out: int = 0
    transcript: str | None = None


class LoginAttempt(Event, frozen=True, kw_only=True, tag="login.attempt"):
    """A peer tried to log in; `success` says whether the persona let it."""

    username: str
    password: str | None = None
    method: str
    success: bool
    key_fingerprint: str | None = None


class ClientSeen(Event, frozen=True, kw_only=True, tag="client.seen"):
    """What the peer's software gave away about itself (banner, JA3, JA4, HASSH)."""

    fingerprint_kind: str
    fingerprint: str
    fingerprint_text: str | None = None
    client_version: str | None = None
    server_name: str | None = None


class CommandInput(Event, frozen=True, kw_only=True, tag="command.input"):
    """A line that the peer gave to a shell."""

    command: str
    exit_status: int | None = None
    depth: int = 0


class RequestReceived(Event, frozen=True, kw_only=True, tag="request.received"):
    """A whole request of a request/response protocol."""

    method: str
    target: str
    host: str | None = None
    user_agent: str | None = None
    status: int | None = None
    sha256: str | None = None
    size: int = 0
    content_type: str | None = None
    headers: list[tuple[str, str]] = []


class PayloadReceived(Event, frozen=True, kw_only=True, tag="payload.received"):
    """The first bytes of a peer that no protocol core understood, or that a foreign log kept."""

    sha256: str
    size: int
    excerpt: str


class ExploitSeen(Event, frozen=True, kw_only=True, tag="exploit.seen"):
    """A known exploit, recognised by a rule."""

    rule: str
    cve: str | None = None
    interface: str | None = None
    opnum: int | None = None
    command: str | None = None


class LayerDecoded(Event, frozen=True, kw_only=True, tag="layer.decoded"):
    """A layer of encoding that the peer's command took off (base64, hex, printf …)."""

    layer: str
    sha256: str
    size: int
    excerpt: str


class OfferSeen(Event, frozen=True, kw_only=True, tag="offer.seen"):
    """Somebody named a place to get a body from."""

    offer: str
    url: str
    tool: str
    user_agent: str | None = None
    depth: int = 0


class FetchDone(Event, frozen=True, kw_only=True, tag="fetch.done"):
    """An offer was followed and gave a whole body."""

    offer: str
    url: str
    sha256: str
    size: int
    address: str | None = None
    status: int | None = None
    content_type: str | None = None
    attempt: int = 1
    duration_ms: int = 0
    redirects: list[str] = []
    dns_answers: list[str] = []
    certificate: str | None = None
    certificate_subject: str | None = None
    certificate_issuer: str | None = None
    headers: list[tuple[str, str]] = []
    same_as: str | None = None


class FetchFailed(Event, frozen=True, kw_only=True, tag="fetch.failed"):
    """One attempt to follow an offer failed; `final` says that there will be no other."""

    offer: str
    url: str
    reason: str
    final: bool
    address: str | None = None
    status: int | None = None
    attempt: int = 1
    duration_ms: int = 0
    size: int = 0
    redirects: list[str] = []
    dns_answers: list[str] = []
    certificate: str | None = None
    certificate_subject: str | None = None
    certificate_issuer: str | None = None
    headers: list[tuple[str, str]] = []
    same_as: str | None = None


class FetchRefused(Event, frozen=True, kw_only=True, tag="fetch.refused"):
    """The egress gate did not follow an offer: policy, address or budget."""

    offer: str
    url: str
    reason: str
    policy: str
    address: str | None = None
    attempt: int = 0
    duration_ms: int = 0
    redirects: list[str] = []
    dns_answers: list[str] = []
    same_as: str | None = None


class FileUploaded(Event, frozen=True, kw_only=True, tag="file.uploaded"):
    """The peer brought a file through the session itself (echo loader, scp, sftp, POST …)."""

    path: str
    sha256: str
    size: int
    tool: str


class ProgramExecuted(Event, frozen=True, kw_only=True, tag="program.executed"):
    """The peer tried to start a file that it had brought or offered; nothing was executed."""

    path: str
    command: str
    sha256: str | None = None
    url: str | None = None


class SampleCaptured(Event, frozen=True, kw_only=True, tag="sample.captured"):
    """A body is durably ours: one sighting of one sample."""

    sha256: str
    size: int
    how: str
    name: str | None = None
    url: str | None = None
    offer: str | None = None


class TunnelRequested(Event, frozen=True, kw_only=True, tag="tunnel.requested"):
    """The peer asked to be forwarded elsewhere (SSH direct-tcpip, proxy), or to be reached by us; it was not.

    With `listen`, the target is where we were to listen for it (`ssh -R`).
    """

    target_host: str
    target_port: int
    listen: bool = False
    sha256: str | None = None
    size: int = 0


class AbuseSeen(Event, frozen=True, kw_only=True, tag="abuse.seen"):
    """An attempt to use us against a third party (amplification, relay, proxy)."""

    abuse: str
    victim: str
    requests: int = 1


class ScanSeen(Event, frozen=True, kw_only=True, tag="scan.seen"):
    """Unanswered traffic of one source, aggregated."""

    packets: int
    ports: list[int] = []
    last_time: Moment | None = None


class PeerErrorSeen(Event, frozen=True, kw_only=True, tag="peer.error"):
    """The peer broke its protocol; we went on observing."""

    reason: str
    offset: int
    excerpt: str


class LimitReached(Event, frozen=True, kw_only=True, tag="limit.reached"):
    """A bound that hostile input can choose was hit."""

    limit: str
    limit_value: int
    unit: str


class AnalysisDone(Event, frozen=True, kw_only=True, tag="analysis.done"):
    """One analyser finished with one artifact; `verdict` failed or skipped is never clean."""

    sha256: str
    analyser: str
    engine_version: str | None = None
    database: str | None = None
    verdict: str
    reason: str | None = None
    jail_level: str | None = None
    duration_ms: int = 0


class EngineReady(Event, frozen=True, kw_only=True, tag="engine.ready"):
    """An engine answers with these signatures from now on; told at start, at a change, and hourly."""

    analyser: str
    engine_version: str | None = None
    database: str | None = None


class ArtifactFound(Event, frozen=True, kw_only=True, tag="artifact.found"):
    """A child came out of an artifact."""

    sha256: str
    parent_sha256: str
    relation: str
    size: int
    name: str | None = None
    detail: str | None = None


class FindingMade(Event, frozen=True, kw_only=True, tag="finding.made"):
    """A claim about an artifact, with its evidence."""

    sha256: str
    analyser: str
    claim: str
    value: str | None = None
    rule: str | None = None
    engine_version: str | None = None
    database: str | None = None
    confidence: int = 50
    jail_level: str | None = None
    evidence: list[str] = []


class IndicatorSeen(Event, frozen=True, kw_only=True, tag="indicator.seen"):
    """A URL, address, domain, wallet … found inside an artifact, raw."""

    sha256: str
    indicator: str
    indicator_kind: str
    analyser: str
    offset: int | None = None


class SensorStatus(Event, frozen=True, kw_only=True, tag="sensor.status"):
    """A sensor's heartbeat: what it listens on and how busy it is."""

    state: str
    version: str
    sessions_open: int = 0
    sessions_total: int = 0
    rss_bytes: int = 0
    listeners: list[str] = []


class LossCounted(Event, frozen=True, kw_only=True, tag="loss.counted"):
    """Something was lost or dropped on purpose, and this is how much."""

    what: str
    count: int
    unit: str
    reason: str
