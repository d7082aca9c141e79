# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mead.bus.queue import Job
from mead.deck.jobs import FetchJob, buried
from mead.egress.result import Request

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = Request(
    url="http://h.example/x", offer="q-1", sensor="s", session="q", src="198.51.100.7", dst_port=23
)


def test_an_offer_comes_out_of_its_job_as_it_went_in() -> None:
    job = FetchJob(request=REQUEST, attempt=2, room=7)
    assert FetchJob.of(job.job()) == job
    assert (job.job().kind, job.job().session) == ("fetch", "q")


def test_the_same_offer_is_the_same_job_unless_it_is_given_back() -> None:
    job = FetchJob(request=REQUEST)
    assert job.job().message_id == FetchJob(request=REQUEST, attempt=2).job().message_id
    assert len({job.job(again=True).message_id for _ in range(3)} | {job.job().message_id}) == 4


def test_what_is_no_job_of_ours_is_none() -> None:
    for detail in (None, "", "{", "[]", '{"request": 1}'):
        assert FetchJob.of(Job(kind="fetch", sha256="a" * 64, detail=detail)) is None


def test_an_offer_that_was_given_up_ends_as_a_failed_fetch_of_its_session() -> None:
    job = msgspec.structs.replace(FetchJob(request=REQUEST, attempt=2))
    (event,) = buried(job.job(), "given up after 3 attempts: its worker died", NOW) or []
    assert (event.kind, event.session, event.src) == ("fetch.failed", "q", "198.51.100.7")
    assert msgspec.to_builtins(event)["reason"].startswith("given up after 3")
    assert msgspec.to_builtins(event)["final"] is True
    assert buried(Job(kind="static", sha256="a" * 64), "x", NOW) is None
    assert buried(Job(kind="fetch", sha256="a" * 64), "x", NOW) is None
