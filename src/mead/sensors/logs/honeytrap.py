# SPDX-License-Identifier: Apache-2.0
"""Two honeypots called honeytrap: the one in C, and the one in Go.

The one in C writes an object a connection, in an array `attacks` or bare, with the first payload in hex.
A virtual attack has neither peer nor port there (all zero, 1970); it stays a record, since the log has it.
The one in Go writes an object an event, with keys such as `source-ip` and `telnet.password`.

Source: the array form observed in a public corpus (`attacks`, hex payloads); Go honeytrap event/event.go,
services/telnet, services/ssh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from mead.model.event import (
    CommandInput,
    Event,
    LoginAttempt,
    RequestReceived,
    SessionClose,
    SessionOpen,
    TunnelRequested,
)
from mead.sensors.logs.events import Maker, Peer, service_name
from mead.sensors.logs.fields import address_of, dicts_of, moment_of, port_of, text_of, texts_of
from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Record, json_records

__all__ = ["read"]

Fields: TypeAlias = dict[str, Any]


def read(stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
    """The events of a honeytrap log."""
    for record in json_records(stream, wrapper="attacks"):
        if isinstance(record, BrokenLine):
            yield record
        elif isinstance(attack := record.fields.get("attack_connection"), dict):
            yield from _attack(record, attack, sensor)
        else:
            yield from _event(record, sensor)


def _attack(record: Record, attack: Fields, sensor: str) -> Iterator[Event | BrokenLine]:
    start = moment_of(record.fields, "start_time", "@timestamp")
    if start is None:
        yield BrokenLine.of(record.line, "no start_time", record.data)
        return
    protocol = text_of(attack, "protocol")
    peer = Peer(
        src=address_of(attack, "remote_ip"),
        src_port=port_of(attack, "remote_port"),
        dst=address_of(attack, "local_ip"),
        dst_port=port_of(attack, "local_port"),
        transport=protocol if protocol in {"tcp", "udp"} else None,
    )
    maker = Maker(sensor, record.digest, start, record.digest[:32], peer)
    yield maker.make(SessionOpen)
    payload = attack.get("payload")
    data = _hex(payload.get("data_hex") if isinstance(payload, dict) else None)
    if data is None:
        yield BrokenLine.of(record.line, "payload is not hex", record.data)
    elif data:
        yield maker.payload(data)
    yield from _downloads(maker, record.fields.get("downloads"))
    end = max(start, moment_of(record.fields, "end_time") or start)
    milliseconds = round((end - start).total_seconds() * 1000)
    yield maker.make(
        SessionClose, time=end, reason="closed", duration_ms=milliseconds, bytes_in=len(data or b"")
    )


def _hex(value: object) -> bytes | None:
    """Bytes of a hex text; none when there is no text; None when it is no hex."""
    if not value:
        return b""
    try:
        return bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _downloads(maker: Maker, downloads: object) -> Iterator[Event]:
    entries = dicts_of(list(downloads.values()) if isinstance(downloads, dict) else downloads)
    for entry in entries:
        if url := text_of(entry, "url", "uri"):
            yield maker.offer(url, "download")


def _event(record: Record, sensor: str) -> Iterator[Event | BrokenLine]:
    fields = record.fields
    time, category = moment_of(fields, "date"), text_of(fields, "category")
    if time is None or category is None:
        missing = "category" if time else "date and no attack_connection"
        yield BrokenLine.of(record.line, f"no {missing}", record.data)
        return
    peer = Peer(
        src=address_of(fields, "source-ip"),
        src_port=port_of(fields, "source-port"),
        dst=address_of(fields, "destination-ip"),
        dst_port=port_of(fields, "destination-port"),
        transport=_transport(text_of(fields, "protocol")),
        service=service_name(category.removesuffix("-simulator")),
    )
    if peer.src is None:  # heartbeats and the honeypot's own affairs
        return
    session = (
        text_of(fields, f"{category}.sessionid") or f"{peer.src}:{peer.src_port}>{peer.dst}:{peer.dst_port}"
    )
    yield from _said(Maker(sensor, record.digest, time, session, peer), category, fields)


def _transport(protocol: str | None) -> str | None:
    return protocol if protocol in {None, "tcp", "udp"} else "tcp"


def _said(maker: Maker, category: str, fields: Fields) -> Iterator[Event]:
    """What one event of the Go honeytrap says; several things may be in one."""
    kind = (text_of(fields, "type") or "").lower()
    if kind in {"connect", "connection:opened"}:
        yield maker.make(SessionOpen)
    if kind in {"connection:closed", "service:ended"}:
        yield maker.make(SessionClose, reason="closed", duration_ms=0)
    username = text_of(fields, f"{category}.username")
    if username is not None and ("auth" in kind or f"{category}.password" in fields):
        yield _login(maker, category, kind, username, fields)
    for command in (text_of(fields, f"{category}.command"), *texts_of(fields, f"{category}.exec")):
        if command:
            yield maker.make(CommandInput, command=command)
    if host := text_of(fields, "ssh.direct-tcpip.host-to-connect"):
        port = port_of(fields, "ssh.direct-tcpip.port-to-connect") or 0
        yield maker.make(TunnelRequested, target_host=host, target_port=port)
    if method := text_of(fields, "http.method"):
        yield _request(maker, method, fields)
    if data := _hex(fields.get("payload-hex")):
        yield maker.payload(data)


def _login(maker: Maker, category: str, kind: str, username: str, fields: Fields) -> LoginAttempt:
    public = kind.startswith("publickey")
    return maker.make(
        LoginAttempt,
        username=username,
        password=text_of(fields, f"{category}.password"),
        method="publickey" if public else "password",
        success=False,
    )


def _request(maker: Maker, method: str, fields: Fields) -> RequestReceived:
    return maker.make(
        RequestReceived,
        method=method,
        target=text_of(fields, "http.url", "http.uri") or "",
        host=text_of(fields, "http.host", "http.header.host"),
        user_agent=text_of(fields, "http.user-agent", "http.header.user-agent"),
    )
