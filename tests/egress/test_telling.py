# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mead.egress.certificate import Certificate
from mead.egress.result import Failed, Fetched, RefusedFetch, Request, Trace
from mead.egress.telling import as_told_to, name_in, refused, told
from mead.model.event import FetchDone, FetchFailed, FetchRefused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = Request(
    url="http://h.example/x", offer="o1", sensor="s", session="q", src="198.51.100.7", src_port=4,
    dst="192.0.2.8", dst_port=23, transport="tcp", service="telnet",
)  # fmt: skip
TRACE = Trace(
    address="8.8.8.8", status=200, content_type="text/plain",
    certificate=Certificate("c" * 64, "CN=a", "CN=b"),
    redirects=["http://h.example/y"], dns_answers=["8.8.8.8"], headers=[("Server", "x")],
    size=4, duration_ms=12,
)  # fmt: skip


def test_a_body_is_told_with_all_that_was_learned() -> None:
    event = told(Fetched(REQUEST, b"body", TRACE), NOW, 2, final=True, sha256="d" * 64)
    assert event == FetchDone(
        time=NOW, sensor="s", session="q", src="198.51.100.7", src_port=4, dst="192.0.2.8", dst_port=23,
        transport="tcp", service="telnet", offer="o1", url="http://h.example/x", sha256="d" * 64, size=4,
        address="8.8.8.8", status=200, content_type="text/plain", attempt=2, duration_ms=12,
        redirects=["http://h.example/y"], dns_answers=["8.8.8.8"], certificate="c" * 64,
        certificate_subject="CN=a", certificate_issuer="CN=b", headers=[("Server", "x")],
    )  # fmt: skip


def test_a_body_is_told_when_it_is_durable() -> None:
    with pytest.raises(AssertionError):
        told(Fetched(REQUEST, b"body", TRACE), NOW, 1, final=True)


def test_a_failure_and_a_refusal_say_why() -> None:
    failed = told(Failed(REQUEST, "status 404", TRACE), NOW, 1, final=False)
    assert isinstance(failed, FetchFailed)
    assert (failed.reason, failed.final, failed.size, failed.certificate) == (
        "status 404",
        False,
        4,
        "c" * 64,
    )
    left = told(RefusedFetch(REQUEST, "target is private", "fetch", TRACE), NOW, 3, final=True)
    assert isinstance(left, FetchRefused)
    assert (left.reason, left.policy, left.attempt, left.address) == (
        "target is private",
        "fetch",
        3,
        "8.8.8.8",
    )
    nothing = refused(REQUEST, NOW, "policy is observe", "observe")
    assert (nothing.reason, nothing.attempt, nothing.session) == ("policy is observe", 0, "q")


def test_a_body_is_called_as_its_url_ends() -> None:
    urls = ("http://h.example/a/b.sh?x=/y", "http://h.example/a/", "tcp://192.0.2.1:4444", "x")
    assert [name_in(url) for url in urls] == ["b.sh", "a", "192.0.2.1:4444", "x"]


def test_an_outcome_for_another_offer_took_no_time() -> None:
    other = Request(url="http://h.example/x", offer="o2", sensor="t")
    shared = as_told_to(other, Failed(REQUEST, "status 404", TRACE))
    event = told(shared, NOW, 1, final=True, same_as="o1")
    assert (event.offer, event.sensor, event.same_as, event.duration_ms, event.address) == (
        "o2",
        "t",
        "o1",
        0,
        "8.8.8.8",
    )
    assert TRACE.duration_ms == 12
