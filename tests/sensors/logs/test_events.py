# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

from mead.model.event import SessionOpen
from mead.sensors.logs.events import Maker, Peer, Recent, service_name


def test_each_event_of_a_record_has_its_own_origin() -> None:
    maker = Maker("s", "d" * 64, datetime(2026, 1, 1, tzinfo=UTC), "x", Peer(src="192.0.2.1"))
    first, second = maker.make(SessionOpen), maker.payload(b"abc")
    assert (first.origin, second.origin) == (f"{'d' * 64}-0", f"{'d' * 64}-1")
    assert second.src == "192.0.2.1"
    assert second.size == 3


def test_a_peer_is_completed_from_another() -> None:
    assert Peer(src="a").or_else(Peer(src="b", dst="c")) == Peer(src="a", dst="c")


def test_names_of_services_become_ours() -> None:
    assert [service_name(name) for name in ("smbd", "SipSession", "Odd", None)] == ["smb", "sip", "odd", None]


def test_the_oldest_session_is_forgotten_first() -> None:
    recent: Recent[int] = Recent(2)
    for number, name in enumerate("abc"):
        recent.put(name, number)
    assert [recent.get(name) for name in ("a", "b", "c", None)] == [None, 1, 2, None]
