# SPDX-License-Identifier: Apache-2.0
"""Heralding's logs: sessions as JSON lines, logins and sessions as CSV.

Session lines carry their logins, so import either `log_session.json` or `log_auth.csv`, not both. A session
may be logged twice, when it begins and when it ends: its opening is told once. Heralding lets nobody in.

Source: Heralding heralding/reporting/file_logger.py, heralding/misc/session.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeAlias

from mead.model.event import ClientSeen, Event, LoginAttempt, SessionClose, SessionOpen
from mead.sensors.logs.events import Maker, Peer, Recent, service_name
from mead.sensors.logs.fields import address_of, count_of, dicts_of, moment_of, port_of, text_of
from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Record
from mead.sensors.logs.rows import rows_or_records

__all__ = ["read"]

Fields: TypeAlias = dict[str, Any]

_AUTH = ("timestamp", "auth_id", "session_id", "source_ip", "source_port", "destination_ip",
         "destination_port", "protocol", "username", "password", "password_hash")  # fmt: skip
_SESSION = ("timestamp", "duration", "session_id", "source_ip", "source_port", "destination_ip",
            "destination_port", "protocol", "num_auth_attempts")  # fmt: skip
_HEADERS = {len(_SESSION): _SESSION, len(_AUTH): _AUTH, len(_AUTH) - 1: _AUTH[:-1]}
"""Columns of a rotated file, whose header is in the file before."""


def read(stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
    """The events of a Heralding log, JSON or CSV."""
    opened: Recent[bool] = Recent()
    for record in rows_or_records(stream, headers=_HEADERS):
        if isinstance(record, BrokenLine):
            yield record
        else:
            yield from _events(record, sensor, opened)


def _events(record: Record, sensor: str, opened: Recent[bool]) -> Iterator[Event | BrokenLine]:
    fields = record.fields
    time = moment_of(fields, "timestamp")
    if time is None:
        yield BrokenLine.of(record.line, "no timestamp", record.data)
        return
    peer = Peer(
        src=address_of(fields, "source_ip"),
        src_port=port_of(fields, "source_port") or port_of(fields, "souce_port"),  # sic, in old versions
        dst=address_of(fields, "destination_ip"),
        dst_port=port_of(fields, "destination_port"),
        transport="tcp",
        service=service_name(text_of(fields, "protocol")),
    )
    maker = Maker(sensor, record.digest, time, text_of(fields, "session_id"), peer)
    if "num_auth_attempts" not in fields and "auth_attempts" not in fields:
        yield _login(maker, fields)
        return
    if not opened.get(maker.session):
        opened.put(maker.session, value=True)
        yield maker.make(SessionOpen)
    if fields.get("session_ended", True) is not False:
        yield from _ended(maker, fields)


def _ended(maker: Maker, fields: Fields) -> Iterator[Event]:
    extra = fields.get("auxiliary_data")
    if isinstance(extra, dict) and (version := text_of(extra, "client_version")):
        yield maker.make(ClientSeen, fingerprint_kind="banner", fingerprint=version, client_version=version)
    for attempt in dicts_of(fields.get("auth_attempts")):
        yield _login(maker, attempt)
    seconds = min(count_of(fields, "duration") or 0, 10**8)
    try:
        end = maker.time + timedelta(seconds=seconds)
    except OverflowError:
        end = maker.time
    yield maker.make(SessionClose, time=end, reason="closed", duration_ms=seconds * 1000)


def _login(maker: Maker, fields: Fields) -> LoginAttempt:
    return maker.make(
        LoginAttempt,
        time=moment_of(fields, "timestamp"),
        username=text_of(fields, "username") or "",
        password=text_of(fields, "password") or text_of(fields, "password_hash"),
        method=text_of(fields, "method") or "password",
        success=False,
    )
