# SPDX-License-Identifier: Apache-2.0
"""Every event kind, every field: the one list that code, store and documentation share.

A field name has the same type and meaning in every kind. Scalar fields are columns of the event store;
lists travel in its one JSON column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mead.model import event

__all__ = ["COLUMNS", "ENVELOPE", "FIELDS", "KINDS", "Column", "columns_of"]

ColumnType = Literal["text", "int64", "int32", "bool", "time", "json"]

KINDS: dict[str, type[event.Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        event.SessionOpen, event.SessionClose, event.LoginAttempt, event.ClientSeen,
        event.CommandInput, event.RequestReceived, event.PayloadReceived, event.ExploitSeen,
        event.LayerDecoded, event.OfferSeen, event.FetchDone, event.FetchFailed,
        event.FetchRefused, event.FileUploaded, event.ProgramExecuted, event.SampleCaptured,
        event.TunnelRequested, event.AbuseSeen, event.ScanSeen, event.PeerErrorSeen,
        event.LimitReached, event.EngineReady, event.AnalysisDone, event.ArtifactFound, event.FindingMade,
        event.IndicatorSeen, event.SensorStatus, event.LossCounted,
    )
}  # fmt: skip

FIELDS: dict[str, str] = {
    # envelope
    "time": "when it was observed, UTC",
    "sensor": "name of the sensor (or worker) that observed it",
    "kind": "what happened, `subject.verb`",
    "session": "id of the session that it belongs to",
    "parent": "id of the session that caused this one",
    "src": "address of the peer",
    "src_port": "port of the peer",
    "dst": "our address that was reached",
    "dst_port": "our port that was reached",
    "transport": "`tcp` or `udp`",
    "service": "name of the service that answered",
    "origin": "digest of the foreign record that it was imported from",
    # kinds
    "abuse": "how we were to be used: `amplification`, `relay`, `proxy`",
    "address": "address that was contacted, after resolving once",
    "analyser": "name of the analyser",
    "attempt": "number of the attempt, from 1; 0: none was made",
    "bytes_in": "bytes received from the peer",
    "bytes_out": "bytes sent to the peer",
    "certificate": "sha256 of the server's certificate, hex",
    "certificate_issuer": "who signed the server's certificate, as it says (RFC 4514)",
    "certificate_subject": "whom the server's certificate names (RFC 4514)",
    "claim": "what is claimed, as a short name",
    "client_version": "version banner that the peer sent",
    "command": "command line as text",
    "confidence": "how sure, 0 to 100",
    "content_type": "media type that the peer claimed",
    "count": "how many",
    "cve": "CVE identifier",
    "database": "version or fingerprint of the rules or signatures",
    "depth": "how many scripts deep the command or offer was found; 0 is typed by the peer",
    "detail": "what more is known of the relation, for example the password",
    "dns_answers": "addresses that the name resolved to",
    "duration_ms": "how long it took, milliseconds",
    "engine_version": "version of the engine",
    "evidence": "where the claim can be checked (offset, line, member)",
    "excerpt": "first bytes, as escaped text",
    "exit_status": "exit status that the shell reported",
    "final": "whether no further attempt will be made",
    "fingerprint": "value of the fingerprint",
    "fingerprint_kind": "`banner`, `hassh`, `ja3`, `ja4`, `p0f`, `telnet` and what begins with it",
    "fingerprint_text": "text that the fingerprint was computed from",
    "headers": "header names and values in their order",
    "host": "host that the request named",
    "how": "how the body came: `fetch`, `echo`, `scp`, `sftp`, `stdin`, `post` …",
    "indicator": "value of the indicator, raw",
    "indicator_kind": "`url`, `ip`, `domain`, `email`, `wallet` …",
    "interface": "interface uuid of a remote procedure call",
    "jail_level": "how the hostile bytes were confined while they were parsed",
    "key_fingerprint": "fingerprint of a public key, `SHA256:…`",
    "last_time": "time of the last packet of an aggregate",
    "layer": "name of the encoding that was taken off",
    "limit": "name of the limit",
    "limit_value": "the bound that was reached",
    "listen": "whether we were to listen at the target for the peer, instead of connecting to it",
    "listeners": "what the sensor listens on, `service address:port`",
    "method": "request or authentication method",
    "name": "name that the peer gave to it",
    "offer": "id of the offer",
    "offset": "byte offset in the stream or file",
    "opnum": "operation number of a remote procedure call",
    "packets": "number of packets",
    "parent_sha256": "digest of the artifact that it came out of",
    "password": "password that was tried",
    "path": "path on the emulated system",
    "policy": "egress policy in force",
    "ports": "ports that were reached",
    "reason": "why, as a short sentence",
    "redirects": "URLs on the way, in order",
    "relation": "how a child belongs to its parent",
    "requests": "number of requests",
    "rss_bytes": "resident memory of the process",
    "rule": "id of the rule that matched",
    "same_as": "offer of the same URL whose fetch this was; nothing was contacted for this one",
    "server_name": "server name that the peer asked for (TLS SNI)",
    "sessions_open": "sessions open now",
    "sessions_total": "sessions since the start",
    "sha256": "digest of the body, hex",
    "size": "size of the body, bytes",
    "state": "`up`, `busy` or `down`",
    "status": "status code that was answered or received",
    "success": "whether the persona accepted it",
    "target": "target of the request",
    "target_host": "host that the peer wanted to reach",
    "target_port": "port that the peer wanted to reach",
    "tool": "program that the peer used or named",
    "transcript": "digest of the session's asciinema transcript, hex",
    "unit": "unit of the count",
    "url": "URL, raw",
    "user_agent": "user agent that the peer sent, or that its tool would send",
    "username": "user name that was tried",
    "value": "what the finding found",
    "verdict": "`found`, `clean`, `skipped`, `failed` or `done`",
    "version": "version of MEAD",
    "victim": "address that the abuse was aimed at",
    "what": "what was lost",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field as the event store and the query language see it."""

    name: str
    type: ColumnType


def _column_type(hint: object) -> ColumnType:
    options = [arg for arg in get_args(hint) if arg is not NoneType]
    base: Any = options[0] if get_origin(hint) in {Union, UnionType} else hint
    if get_origin(base) is list:
        return "json"
    return {str: "text", int: "int64", bool: "bool", datetime: "time"}[base]  # type: ignore[return-value]  # the table's values are the literal's


def columns_of(kind: type[event.Event]) -> tuple[Column, ...]:
    """The columns of one event kind, envelope first."""
    hints = get_type_hints(kind)
    return tuple(Column(name, _column_type(hints[name])) for name in kind.__struct_fields__)


ENVELOPE: tuple[Column, ...] = (
    *columns_of(event.Event)[:2],
    Column("kind", "text"),
    *columns_of(event.Event)[2:],
)
"""Columns that every event has, in the store's order."""


def _all_columns() -> tuple[Column, ...]:
    seen = {column.name: column for column in ENVELOPE}
    for kind in KINDS.values():
        for column in columns_of(kind):
            if seen.setdefault(column.name, column) != column:
                raise TypeError(f"{kind.__name__}.{column.name} has two types: {column.type}")
    return tuple(column for column in seen.values() if column.type != "json")


COLUMNS: tuple[Column, ...] = _all_columns()
"""Typed columns of the event store, envelope first; list fields are in its JSON column `data`."""
