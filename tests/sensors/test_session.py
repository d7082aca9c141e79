"""A session's identity cannot be overridden, and its events are bounded."""

from __future__ import annotations

from typing import Any

from mead.model.event import LoginAttempt
from mead.wire.core import Limit, PeerError


def test_every_event_carries_the_identity_bound_at_connect(bench: Any) -> None:
    b = bench("telnet")
    b.session.emit(
        LoginAttempt, username="x", method="password", success=False, src="203.0.113.9", sensor="other"
    )
    (event,) = b.events
    assert (event.src, event.sensor, event.dst, event.dst_port, event.service) == (
        "198.51.100.7", "bench", "192.0.2.1", 23, "telnet",
    )  # fmt: skip


def test_a_limit_is_told_once(bench: Any) -> None:
    b = bench("telnet")
    for _ in range(5):
        b.session.observe(Limit("line", 10, "bytes"))
    assert [event.limit for event in b.events] == ["line"]


def test_protocol_errors_are_told_up_to_a_bound(bench: Any) -> None:
    b = bench("telnet")
    for offset in range(1000):
        b.session.observe(PeerError(offset, "wrong\ud800", b"\xff"))
    assert len(b.events) == 20
    assert b.events[0].excerpt == "\\xff"


def test_closing_counts_bytes_and_time(bench: Any) -> None:
    b = bench("telnet")
    b.session.bytes_in, b.session.bytes_out = 3, 4
    b.clock.advance(1.5)
    b.session.closed("closed by peer")
    (event,) = b.events
    assert (event.bytes_in, event.bytes_out, event.duration_ms) == (3, 4, 1500)


def test_offer_ids_are_unique_and_name_the_session(bench: Any) -> None:
    b = bench("telnet")
    names = [b.session.next_offer() for _ in range(3)]
    assert len(set(names)) == 3
    assert all(name.startswith(b.session.id) for name in names)


def test_a_fault_of_ours_is_explained_once_and_told_each_time(
    bench: Any, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("mead.sensors.session._faults", set())
    b = bench("telnet")
    for _ in range(3):
        try:
            _ = 1 // b.session.bytes_in
        except ZeroDivisionError as error:
            b.session.failed(error)
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False]
    assert "ZeroDivisionError" in caplog.records[-1].getMessage()
    assert [event.count for event in b.events] == [1, 1, 1]
