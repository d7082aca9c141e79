# SPDX-License-Identifier: Apache-2.0
"""Dionaea's `log_json`: one object for each connection, written when it ends.

Credentials and FTP commands come as a list of objects or, with `flat_data`, as an object of lists. The log
does not say whether a login was let in, so `success` is false. Names of services become ours (`smbd` is
`smb`).

Source: Dionaea modules/python/dionaea/log_json.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mead.model.event import ClientSeen, Event, LoginAttempt, RequestReceived, SessionOpen
from mead.sensors.logs.events import Maker, Peer, service_name
from mead.sensors.logs.fields import address_of, dicts_of, moment_of, port_of, text_of, texts_of
from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Record, json_records

__all__ = ["read"]

_TRANSPORTS = {"tcp": "tcp", "tls": "tcp", "udp": "udp"}


def read(stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
    """The events of a Dionaea log."""
    for record in json_records(stream):
        if isinstance(record, BrokenLine):
            yield record
        else:
            yield from _events(record, sensor)


def _events(record: Record, sensor: str) -> Iterator[Event | BrokenLine]:
    fields = record.fields
    connection, time = fields.get("connection"), moment_of(fields, "timestamp")
    if not isinstance(connection, dict) or time is None:
        missing = "timestamp" if isinstance(connection, dict) else "connection"
        yield BrokenLine.of(record.line, f"no {missing}", record.data)
        return
    peer = Peer(
        src=address_of(fields, "src_ip"),
        src_port=port_of(fields, "src_port"),
        dst=address_of(fields, "dst_ip"),
        dst_port=port_of(fields, "dst_port"),
        transport=_TRANSPORTS.get(text_of(connection, "transport") or ""),
        service=service_name(text_of(connection, "protocol")),
    )
    maker = Maker(sensor, record.digest, time, record.digest[:32], peer)
    yield maker.make(SessionOpen)
    yield from _logins(maker, fields.get("credentials"))
    yield from _commands(maker, fields.get("ftp"))
    yield from _system(maker, fields.get("p0f"))


def _logins(maker: Maker, credentials: object) -> Iterator[Event]:
    for login in dicts_of(credentials):
        yield maker.make(
            LoginAttempt,
            username=text_of(login, "username") or "",
            password=text_of(login, "password"),
            method="password",
            success=False,
        )


def _commands(maker: Maker, ftp: object) -> Iterator[Event]:
    for command in dicts_of(ftp.get("commands") if isinstance(ftp, dict) else None):
        yield maker.make(
            RequestReceived,
            method=text_of(command, "command") or "",
            target=" ".join(word for word in texts_of(command, "arguments") if word),
        )


def _system(maker: Maker, p0f: Any) -> Iterator[Event]:
    if isinstance(p0f, dict) and (genre := text_of(p0f, "genre")):
        detail = text_of(p0f, "detail") or ""
        yield maker.make(ClientSeen, fingerprint_kind="p0f", fingerprint=f"{genre} {detail}".strip())
