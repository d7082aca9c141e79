# SPDX-License-Identifier: Apache-2.0
"""Work queues: done once, redone when the worker dies, kept by heartbeat, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError
from mead.bus.queue import Job, Lease, Leases, WorkQueue, decode_job
from mead.bus.server import NatsServer

Kill = Callable[[NatsServer], None]


def job(number: int = 0, **fields: object) -> Job:
    return Job(kind="static", sha256=f"{number:064x}", **fields)  # type: ignore[arg-type]


@pytest.fixture
def queue(bus: Bus) -> WorkQueue:
    return WorkQueue(bus, "analysis")


async def lease(leases: Leases, seconds: float = 5.0) -> Lease:
    taken = await leases.next(seconds)
    assert taken is not None
    return taken


async def test_a_job_is_leased_with_all_that_was_said(queue: WorkQueue) -> None:
    wanted = job(1, depth=2, name="ä\x1b.exe", parent_sha256="f" * 64, relation="contains", session="s")
    assert await queue.submit(wanted)
    async with queue.consume() as leases:
        taken = await anext(leases)
        assert (taken.job, taken.attempt, taken.last) == (wanted, 1, False)
        await taken.done()
        assert await leases.next(0.05) is None
    assert await queue.length() == 0


async def test_the_same_job_is_queued_once(queue: WorkQueue) -> None:
    assert await queue.submit(job(1))
    assert not await queue.submit(job(1, depth=5))
    assert await queue.submit(job(1, key="rules-2"))
    assert await queue.length() == 2


async def test_jobs_come_in_order_and_to_one_worker_each(queue: WorkQueue) -> None:
    for number in range(20):
        await queue.submit(job(number))
    done: list[list[str]] = [[], []]

    async def work(mine: list[str]) -> None:
        async with queue.consume() as leases:
            while taken := await leases.next(0.2):
                mine.append(taken.job.sha256)
                await taken.done()

    await asyncio.gather(*(work(mine) for mine in done))
    assert sorted(done[0] + done[1]) == [job(number).sha256 for number in range(20)]
    assert all(mine == sorted(mine) for mine in done)


async def test_a_job_of_a_silent_worker_goes_to_another(queue: WorkQueue) -> None:
    await queue.submit(job(1))
    async with queue.consume() as silent, queue.consume() as other:
        first = await lease(silent)
        second = await lease(other)
        assert (first.attempt, second.attempt) == (1, 2)
        await second.done()
    assert await queue.length() == 0


async def test_a_long_job_is_kept_by_its_heartbeat(queue: WorkQueue) -> None:
    await queue.submit(job(1))
    async with queue.consume() as leases, queue.consume() as other:
        taken = await lease(leases)
        async with taken.kept():
            assert await other.next(1.0) is None, "more than three times the lease"
        await taken.done()
    assert await queue.length() == 0


async def test_a_job_that_is_given_back_comes_again_after_the_delay(queue: WorkQueue) -> None:
    await queue.submit(job(1))
    async with queue.consume() as leases:
        await (await lease(leases)).retry(0.15)
        assert await leases.next(0.05) is None
        again = await lease(leases)
        assert again.attempt == 2
        await again.retry()
        last = await lease(leases)
        assert (last.attempt, last.last) == (3, True)


async def test_a_reason_is_kept_with_the_job(bus: Bus, queue: WorkQueue) -> None:
    await queue.submit(job(1))
    async with queue.consume() as leases:
        taken = await lease(leases)
        await taken.retry(reason="clamd is not there \udcff")
        sequence = taken._message.sequence
    message = await bus.last(streams.REASONS, streams.reason_subject(queue.stream, sequence))
    assert message
    assert message.data == b"clamd is not there \\udcff"


async def test_a_job_is_tried_a_bounded_number_of_times(queue: WorkQueue) -> None:
    await queue.submit(job(1))
    async with queue.consume() as leases:
        for _ in range(3):
            await (await lease(leases)).retry()
        assert await leases.next(0.5) is None
    assert await queue.length() == 1, "dead, for the reaper"


async def test_kill_9_of_the_server_loses_no_job(server: NatsServer, kill: Kill) -> None:
    done: list[str] = []
    patient = streams.StreamSettings(ack_wait_seconds=3, queue_bytes=8 << 20)

    async def work(queue: WorkQueue) -> None:
        async with queue.consume() as leases:
            while len(set(done)) < 60:
                if taken := await leases.next(1.0):
                    with suppress(BusAwayError):  # away for longer than the lease: it comes again
                        await taken.done()
                        done.append(taken.job.sha256)

    async with Bus.connect(server.credentials, settings=patient) as bus:
        queue = WorkQueue(bus, "analysis")
        working = asyncio.create_task(work(queue))
        for number in range(60):
            await queue.submit(job(number))
            if number in {20, 40} and server.pid:
                kill(server)
        async with asyncio.timeout(60):
            await working
        assert set(done) == {job(number).sha256 for number in range(60)}
        assert await queue.length() == 0


async def test_a_full_queue_holds_back(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mead.bus.queue._FULL_PAUSE_SECONDS", 0.02)
    small = streams.StreamSettings(queue_bytes=1000)
    async with Bus.connect(server.credentials, settings=small) as narrow:
        queue = WorkQueue(narrow, "analysis")

        async def submit() -> None:
            for number in range(20):
                await queue.submit(job(number))

        submitting = asyncio.create_task(submit())
        await asyncio.sleep(0.1)
        assert not submitting.done()
        async with queue.consume() as leases:
            for _ in range(20):
                await (await lease(leases)).done()
        await submitting


async def test_what_is_no_job_is_removed(
    bus: Bus, queue: WorkQueue, caplog: pytest.LogCaptureFixture
) -> None:
    await queue.ensure()
    await bus.publish("work.analysis", b"\xff")
    await queue.submit(job(1))
    async with queue.consume() as leases:
        await (await lease(leases)).done()
    assert await queue.length() == 0
    assert "is no job" in caplog.text


async def test_a_server_that_forgot_whom_it_gave_a_job_to_takes_it_as_done(
    bus: Bus, queue: WorkQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.queue._ACK_SECONDS", 0.1)
    await queue.submit(job(1))
    async with queue.consume() as leases:
        taken = await lease(leases)
        await bus.api(f"CONSUMER.DELETE.{queue.stream}.workers", {}, dict)
        await taken.done()
    assert await queue.length() == 0


async def test_a_lease_that_cannot_be_returned_says_so(
    server: NatsServer, queue: WorkQueue, kill: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.sleep(3600)

    await queue.submit(job(1))
    async with queue.consume() as leases:
        taken = await lease(leases)
        monkeypatch.setattr(server, "_start", never)
        kill(server)
        with pytest.raises(BusAwayError):
            await taken.done()


async def test_closing_gives_back_what_was_on_its_way(bus: Bus, queue: WorkQueue) -> None:
    leases = queue.consume()
    assert await leases.next(0.05) is None  # the request is on the server
    await queue.submit(job(1))
    async with asyncio.timeout(5):
        while not leases._puller or not leases._puller._inbox or not leases._puller._inbox._queue.qsize():  # type: ignore[attr-defined]
            await asyncio.sleep(0.005)
    await leases.close()
    started = asyncio.get_running_loop().time()
    async with queue.consume() as other:
        taken = await lease(other)
        await taken.done()
    assert asyncio.get_running_loop().time() - started < bus.settings.ack_wait_seconds


def test_only_a_job_is_a_job() -> None:
    assert decode_job(b'{"kind":"static","sha256":"00","unknown":1}') == Job(kind="static", sha256="00")
    assert decode_job(b'{"kind":"static"}') is None
    assert decode_job(b"") is None
