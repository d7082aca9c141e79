# SPDX-License-Identifier: Apache-2.0
"""Dead jobs end as a finding that says why, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
import pytest

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusRefusedError
from mead.bus.events import EventReader
from mead.bus.queue import WORKERS, Job, WorkQueue
from mead.bus.reaper import CLAIM, Reaper, _ConsumerInfo
from mead.bus.server import NatsServer
from mead.model.event import AnalysisDone, Event, FindingMade, LossCounted

PATIENCE_SECONDS = 60
"""A busy machine is slow; nothing here waits that long on an idle one."""
POISON = Job(kind="static", sha256="a" * 64, session="s-1")


@asynccontextmanager
async def running(reaper: Reaper) -> AsyncIterator[Reaper]:
    task = asyncio.create_task(reaper.run())
    try:
        yield reaper
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def buried(reaper: Reaper, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while reaper.buried < count:
            await asyncio.sleep(0.01)


async def advisories(bus: Bus) -> int:
    """How many advisories wait for the reaper; -1 while nobody keeps them."""
    info = await bus.stream_info(streams.DEAD)
    return info.state.messages if info else -1


async def until_advisories(bus: Bus, wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await advisories(bus) != wanted:
            await asyncio.sleep(0.01)


async def events(bus: Bus) -> list[Event]:
    info = await bus.stream_info("EVENTS_worker")
    assert info
    async with EventReader(bus, "EVENTS_worker") as reader:
        batches = [await anext(reader) for _ in range(info.state.messages)]
    return [event for batch in batches for event in batch.events]


async def kill_job(queue: WorkQueue, bus: Bus, reason: str = "") -> None:
    """Workers take the job and fail, or (without a reason) fall silent, until the server gives it up."""
    async with queue.consume() as leases, asyncio.timeout(PATIENCE_SECONDS):
        while not await is_given_up(bus, queue.stream):
            # The server gives up only when somebody asks once more.
            lease = await leases.next(0.1)
            if lease and reason:
                await lease.retry(reason=reason)


async def look_twice(bus: Bus) -> int:
    """How many jobs a new reaper found that the server had lost."""
    reaper = Reaper(bus, "worker")
    return await reaper.look_through() + await reaper.look_through()


async def is_given_up(bus: Bus, stream: str) -> bool:
    """Whether the server delivered everything and expects no acknowledgement any more."""
    try:
        info = await bus.api(f"CONSUMER.INFO.{stream}.{WORKERS}", {}, _ConsumerInfo)
        queue = await bus.stream_info(stream)
    except (BusRefusedError, BusAwayError):
        return False
    return (
        queue is not None and info.delivered.stream_seq == queue.state.last_seq and not info.num_ack_pending
    )


async def test_a_poisonous_job_becomes_a_failed_analysis_and_a_finding(bus: Bus) -> None:
    queue = WorkQueue(bus, "analysis")
    async with running(Reaper(bus, "worker")) as reaper:
        await queue.submit(POISON)
        await kill_job(queue, bus, "unpacking took 60 s")
        await buried(reaper)
    done, finding = await events(bus)
    assert isinstance(done, AnalysisDone)
    assert isinstance(finding, FindingMade)
    assert (done.sha256, done.analyser, done.session) == (POISON.sha256, "static", "s-1")
    assert done.verdict == "failed"
    assert done.reason == "given up after 3 attempts: unpacking took 60 s"
    assert (finding.claim, finding.value) == (CLAIM, done.reason)
    assert finding.evidence[0].startswith("QUEUE_analysis:")
    assert await queue.length() == 0


async def test_a_job_that_is_no_analysis_has_an_epitaph_of_its_own(bus: Bus) -> None:
    def epitaph(job: Job, reason: str, time: datetime) -> list[Event] | None:
        if job.kind != "fetch":
            return None
        return [LossCounted(time=time, sensor="far", what=job.key, count=1, unit="offers", reason=reason)]

    queue = WorkQueue(bus, "fetch")
    async with running(Reaper(bus, "worker", epitaph=epitaph)) as reaper:
        await queue.submit(Job(kind="fetch", sha256="a" * 64, key="q-1"))
        await queue.submit(POISON)
        await kill_job(queue, bus, "its worker ran away")
        await buried(reaper, 2)
    told = await events(bus)
    assert sorted(event.kind for event in told) == ["analysis.done", "finding.made", "loss.counted"]
    loss = next(event for event in told if isinstance(event, LossCounted))
    assert (loss.what, loss.reason) == ("q-1", "given up after 3 attempts: its worker ran away")


async def test_a_job_that_kills_its_workers_says_so(bus: Bus) -> None:
    queue = WorkQueue(bus, "analysis")
    await queue.submit(POISON)
    async with running(Reaper(bus, "worker")) as reaper:
        await kill_job(queue, bus)
        await buried(reaper)
    done = (await events(bus))[0]
    assert isinstance(done, AnalysisDone)
    assert done.reason
    assert "died or fell silent" in done.reason


async def test_an_advisory_waits_for_a_reaper_that_was_away(bus: Bus) -> None:
    async with running(Reaper(bus, "worker")):
        await until_advisories(bus, 0)
    queue = WorkQueue(bus, "analysis")
    await queue.submit(POISON)
    await kill_job(queue, bus, "bad")
    await until_advisories(bus, 1)
    async with running(Reaper(bus, "worker")) as reaper:
        await buried(reaper)
    assert len(await events(bus)) == 2


async def test_a_dead_job_without_an_advisory_is_found(bus: Bus) -> None:
    queue, living = WorkQueue(bus, "analysis"), Job(kind="static", sha256="b" * 64)
    await queue.submit(POISON)
    await kill_job(queue, bus, "bad")  # nobody keeps advisories yet
    await queue.submit(living)
    reaper = Reaper(bus, "worker")
    assert await reaper.look_through() == 0, "the advisory may be on its way"
    assert await reaper.look_through() == 1
    assert reaper.buried == 0, "perhaps only the server forgot the lease: it gets another chance"
    async with queue.consume() as leases:
        lease = await leases.next(PATIENCE_SECONDS)
        assert lease
        assert lease.job == living, "what waits is not dead"
        assert await reaper.look_through() == 0, "what is leased is not dead"
        await lease.done()
    await kill_job(queue, bus, "bad again")
    assert [await reaper.look_through() for _ in range(3)] == [0, 1, 0]
    assert reaper.buried == 1
    done = (await events(bus))[0]
    assert isinstance(done, AnalysisDone)
    assert done.reason == "given up after up to 6 attempts: bad again"
    assert await queue.length() == 0


async def test_a_job_that_the_server_lost_is_done_after_all(bus: Bus) -> None:
    """Its lease is gone from the consumer's state, and nothing else will ever hand it out."""
    queue, reaper = WorkQueue(bus, "analysis"), Reaper(bus, "worker")
    await queue.submit(POISON)
    await kill_job(queue, bus, "bad")
    assert [await reaper.look_through() for _ in range(4)] == [0, 1, 0, 0], "then it waits and is not lost"
    assert await queue.length() == 1
    async with queue.consume() as leases:
        lease = await leases.next(PATIENCE_SECONDS)
        assert lease
        assert lease.job == msgspec.structs.replace(POISON, revived=True)
        assert lease.attempt == 1
        await lease.done()
    assert await queue.length() == 0


async def test_a_reaper_killed_while_it_revives_queues_once(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, real = WorkQueue(bus, "analysis"), Bus.delete
    await queue.submit(POISON)
    await kill_job(queue, bus, "bad")

    async def dies(*_: object) -> None:
        monkeypatch.setattr(Bus, "delete", real)
        raise BusAwayError("killed before it removed the job")

    monkeypatch.setattr(Bus, "delete", dies)
    with pytest.raises(BusAwayError):
        await look_twice(bus)
    await look_twice(bus)
    assert await queue.length() == 1


async def test_a_reaper_killed_half_way_buries_once(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = WorkQueue(bus, "analysis")
    await queue.submit(msgspec.structs.replace(POISON, revived=True))
    await kill_job(queue, bus, "bad")

    async def dies(*_: object) -> None:
        raise BusAwayError("killed before it removed the job")

    with monkeypatch.context() as patch:
        patch.setattr(Bus, "delete", dies)
        with pytest.raises(BusAwayError):
            await look_twice(bus)
    assert await look_twice(bus) == 1
    assert len(await events(bus)) == 2
    assert await queue.length() == 0


async def test_a_queue_that_nobody_ever_worked_on_is_left_alone(bus: Bus) -> None:
    queue = WorkQueue(bus, "analysis")
    await queue.submit(POISON)
    assert await look_twice(bus) == 0
    assert await queue.length() == 1


async def test_it_survives_the_bus_and_nonsense(server: NatsServer, bus: Bus) -> None:
    queue = WorkQueue(bus, "analysis")
    async with running(Reaper(bus, "worker", ack_wait_seconds=0.5)) as reaper:
        await until_advisories(bus, 0)
        await bus.publish("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.QUEUE_x.workers", b"nonsense")
        assert server._process
        server._process.kill()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while bus.connected:
                await asyncio.sleep(0.01)
            await bus.wait_connected()
        await queue.submit(POISON)
        await kill_job(queue, bus, "bad")
        await buried(reaper)
        await until_advisories(bus, 0)
    assert len(await events(bus)) == 2
