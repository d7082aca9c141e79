# SPDX-License-Identifier: Apache-2.0
"""Cowrie's JSON log: one object a line, told apart by `eventid`.

`cowrie.command.failed` and `.success` repeat a `cowrie.command.input` and give no event of their own, as
do ids of Cowrie's operation and of its look-ups elsewhere. Of a key that was offered and refused, some
versions write one line and some two. An id that no table here names is counted.

Source: Cowrie docs/OUTPUT.rst, src/cowrie/core/eventids.py; logs of Cowrie 2.5 to 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from mead.model.event import (
    ClientSeen,
    CommandInput,
    Event,
    ExploitSeen,
    FetchDone,
    FetchFailed,
    FileUploaded,
    LoginAttempt,
    PeerErrorSeen,
    SessionClose,
    SessionOpen,
    TunnelRequested,
)
from mead.sensors.logs.events import Maker, Peer, Recent, service_name
from mead.sensors.logs.fields import address_of, count_of, digest_of, moment_of, port_of, text_of
from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Record, json_records

__all__ = ["read"]

Fields: TypeAlias = dict[str, Any]
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[nrt0'\"\\])")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}
_SILENT_PREFIXES = (
    "cowrie.abuseipdb.", "cowrie.greynoise.", "cowrie.log.", "cowrie.malwarebazaar.",
    "cowrie.proxy.", "cowrie.reversedns.", "cowrie.urlhaus.", "cowrie.virustotal.",
    "cowrie.client.size", "cowrie.client.var", "cowrie.command.", "cowrie.session.params",
    "cowrie.telnet.option", "cowrie.direct-tcpip.redirect", "cowrie.direct-tcpip.tunnel",
)  # fmt: skip


def read(stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
    """The events of a Cowrie log."""
    peers: Recent[Peer] = Recent()
    keys: Recent[str] = Recent()
    for record in json_records(stream):
        if isinstance(record, BrokenLine):
            yield record
        elif not _repeats(record.fields, keys):
            yield from _events(record, sensor, peers)


def _repeats(fields: Fields, keys: Recent[str]) -> bool:
    """Whether this is the second line of a key that was refused."""
    kind, session = text_of(fields, "eventid"), text_of(fields, "session")
    fingerprint = text_of(fields, "fingerprint")
    if kind == "cowrie.client.fingerprint" and fingerprint:
        keys.put(session, fingerprint)
    return kind == "cowrie.login.failed" and fingerprint is not None and keys.get(session) == fingerprint


def _events(record: Record, sensor: str, peers: Recent[Peer]) -> Iterator[Event | BrokenLine]:
    fields = record.fields
    kind, time = text_of(fields, "eventid"), moment_of(fields, "timestamp")
    if kind is None or time is None:
        yield BrokenLine.of(record.line, f"no {'eventid' if kind is None else 'timestamp'}", record.data)
        return
    make = _KINDS.get(kind)
    if make is None:
        if not kind.startswith(_SILENT_PREFIXES):
            yield BrokenLine.of(record.line, "unknown eventid", record.data)
        return
    session = text_of(fields, "session")
    maker = Maker(sensor, record.digest, time, session, _peer(kind, fields, peers.get(session)))
    if kind == "cowrie.session.connect":
        peers.put(session, maker.peer)
    yield from make(maker, fields)


def _peer(kind: str, fields: Fields, known: Peer | None) -> Peer:
    """The session's peer: in tunnel records, `src_ip` and `dst_ip` are what the peer claims and wants."""
    if kind.startswith("cowrie.direct-tcpip.") or kind == "cowrie.tunnelproxy-tcpip.data":
        return known or Peer(src=address_of(fields, "src_ip"), transport="tcp", service="ssh")
    protocol = text_of(fields, "protocol")
    own = Peer(
        src=address_of(fields, "src_ip"),
        src_port=port_of(fields, "src_port"),
        dst=address_of(fields, "dst_ip"),
        dst_port=port_of(fields, "dst_port"),
        transport="tcp",
        service=service_name(protocol) if protocol in {"ssh", "telnet"} else None,
    )
    return own.or_else(known or Peer())


def _connect(maker: Maker, _: Fields) -> Iterator[Event]:
    yield maker.make(SessionOpen)


def _closed(maker: Maker, fields: Fields) -> Iterator[Event]:
    milliseconds = count_of(fields, "duration_ms")
    yield maker.make(SessionClose, reason="closed", duration_ms=milliseconds or _milliseconds(fields))


def _milliseconds(fields: Fields) -> int:
    """How long the session was by older versions, in seconds."""
    try:
        seconds = float(fields.get("duration") or 0)
    except (TypeError, ValueError):
        return 0
    return round(seconds * 1000) if 0 <= seconds < 1e9 else 0


def _login(maker: Maker, fields: Fields) -> Iterator[Event]:
    if text_of(fields, "fingerprint"):
        yield from _key(maker, fields)
        return
    yield maker.make(
        LoginAttempt,
        username=text_of(fields, "username") or "",
        password=text_of(fields, "password"),
        method="password",
        success=fields.get("eventid") == "cowrie.login.success",
    )


def _key(maker: Maker, fields: Fields) -> Iterator[Event]:
    yield maker.make(
        LoginAttempt,
        username=text_of(fields, "username") or "",
        method="publickey",
        success=fields.get("eventid") == "cowrie.login.success",
        key_fingerprint=text_of(fields, "fingerprint"),
    )


def _version(maker: Maker, fields: Fields) -> Iterator[Event]:
    version = text_of(fields, "version") or ""
    yield maker.make(ClientSeen, fingerprint_kind="banner", fingerprint=version, client_version=version)


def _fingerprint(name: str, of: str = "") -> Callable[[Maker, Fields], Iterator[Event]]:
    def make(maker: Maker, fields: Fields) -> Iterator[Event]:
        value = text_of(fields, name)
        if value:
            of_text = text_of(fields, of) if of else None
            yield maker.make(ClientSeen, fingerprint_kind=name, fingerprint=value, fingerprint_text=of_text)

    return make


def _input(maker: Maker, fields: Fields) -> Iterator[Event]:
    yield maker.make(CommandInput, command=text_of(fields, "input") or "")


def _download(maker: Maker, fields: Fields) -> Iterator[Event]:
    """With a URL, a fetched offer; without one, a file made by redirection."""
    url, sha256 = text_of(fields, "url"), digest_of(fields, "shasum")
    size = count_of(fields, "size") or 0
    if url:
        offer = maker.offer(url, "download")
        yield offer
        if sha256:
            yield maker.make(FetchDone, offer=offer.offer, url=url, sha256=sha256, size=size)
    elif sha256:
        path = text_of(fields, "destfile", "filename", "outfile") or ""
        yield maker.make(FileUploaded, path=path, sha256=sha256, size=size, tool="redirect")


def _download_failed(maker: Maker, fields: Fields) -> Iterator[Event]:
    if url := text_of(fields, "url"):
        offer = maker.offer(url, "download")
        yield offer
        yield maker.make(FetchFailed, offer=offer.offer, url=url, reason="failed at Cowrie", final=True)


def _upload(maker: Maker, fields: Fields) -> Iterator[Event]:
    if sha256 := digest_of(fields, "shasum"):
        path = text_of(fields, "destfile", "filename", "outfile") or ""
        size = count_of(fields, "size") or 0
        yield maker.make(FileUploaded, path=path, sha256=sha256, size=size, tool="upload")


def _tunnel(maker: Maker, fields: Fields) -> Iterator[Event]:
    yield maker.make(
        TunnelRequested,
        target_host=text_of(fields, "dst_ip", "dst_host") or "",
        target_port=port_of(fields, "dst_port") or 0,
    )


def _tunnel_data(maker: Maker, fields: Fields) -> Iterator[Event]:
    data = fields.get("data")
    if isinstance(data, str) and data:
        yield maker.payload(_bytes(data))


def _bytes(text: str) -> bytes:
    """The bytes that Cowrie wrote, by version as text or as a Python literal `b'…'`."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) >= 3 and raw[:2] in {b"b'", b'b"'} and raw[-1:] == raw[1:2]:
        return _ESCAPE.sub(_unescaped, raw[2:-1])
    return raw


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return bytes([int(escape[1:], 16)]) if escape[:1] == b"x" else _ESCAPED.get(escape, escape)


def _exploit(maker: Maker, fields: Fields) -> Iterator[Event]:
    rule = (text_of(fields, "eventid") or "").removeprefix("cowrie.")
    yield maker.make(ExploitSeen, rule=f"cowrie:{rule}", cve=text_of(fields, "cve"))


def _broke(maker: Maker, fields: Fields) -> Iterator[Event]:
    message = text_of(fields, "message", "error") or "protocol error"
    yield maker.make(PeerErrorSeen, reason=message[:200], offset=0, excerpt="")


_KINDS: dict[str, Callable[[Maker, Fields], Iterator[Event]]] = {
    "cowrie.session.connect": _connect,
    "cowrie.session.closed": _closed,
    "cowrie.login.success": _login,
    "cowrie.login.failed": _login,
    "cowrie.client.fingerprint": _key,
    "cowrie.client.version": _version,
    "cowrie.client.kex": _fingerprint("hassh", "hasshAlgorithms"),
    "cowrie.direct-tcpip.ja4": _fingerprint("ja4"),
    "cowrie.direct-tcpip.ja4h": _fingerprint("ja4h"),
    "cowrie.client.malformed_packet": _broke,
    "cowrie.command.input": _input,
    "cowrie.session.input": _input,
    "cowrie.session.file_download": _download,
    "cowrie.session.file_download.failed": _download_failed,
    "cowrie.session.file_upload": _upload,
    "cowrie.direct-tcpip.request": _tunnel,
    "cowrie.direct-tcpip.data": _tunnel_data,
    "cowrie.tunnelproxy-tcpip.data": _tunnel_data,
    "cowrie.telnet.exploit_attempt": _exploit,
    "cowrie.telnet.exploit_success": _exploit,
    "cowrie.telnet.error": _broke,
}
