# SPDX-License-Identifier: Apache-2.0
"""New signatures have old bodies scanned again, and the catalogue tells how long an engine took to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.analysis.settings import AnalysisSettings
from mead.analysis.worker import Worker
from mead.bus.client import Bus
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, WorkQueue
from mead.bus.server import NatsServer
from mead.clock import FakeClock
from mead.deck import rescans
from mead.deck.embedded import way_in
from mead.deck.hub import ANALYSIS_QUEUE
from mead.deck.layout import Layout
from mead.deck.rescans import MAX_WAITING, Rescans
from mead.deck.settings import HubSettings, Settings
from mead.model.event import AnalysisDone, EngineReady, Event, SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[WorkQueue]:
    async with NatsServer(tmp_path / "bus") as server, Bus.connect(server.credentials) as bus:
        yield WorkQueue(bus, ANALYSIS_QUEUE)


def _ready(database: str, hours: float = 0) -> Event:
    time = NOW + timedelta(hours=hours)
    return EngineReady(time=time, sensor="w", analyser="clamav", engine_version="1", database=database)


def _known(catalogue: Catalogue, count: int) -> list[str]:
    digests = [f"{number:064x}" for number in range(count)]
    events: list[Event] = []
    for sha256 in digests:
        events.append(
            SampleCaptured(time=NOW - timedelta(days=1), sensor="s", sha256=sha256, size=1, how="echo")
        )
        events.append(
            AnalysisDone(
                time=NOW - timedelta(hours=5), sensor="w", sha256=sha256, analyser="clamav",
                engine_version="1", database="d1", verdict="clean",
            )
        )  # fmt: skip
    catalogue.apply([("EVENTS", number, 0, event) for number, event in enumerate(events, 1)])
    return digests


async def _taken(queue: WorkQueue) -> list[Job]:
    jobs = []
    async with queue.consume() as leases:
        while lease := await leases.next(0.3):
            jobs.append(lease.job)
            await lease.done()
    return jobs


async def test_new_signatures_order_every_body_once_and_a_few_at_a_time(
    tmp_path: Path, queue: WorkQueue
) -> None:
    clock = FakeClock(NOW)
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        digests = _known(catalogue, MAX_WAITING + 5)
        orders = Rescans(queue, catalogue, clock, days=30)
        assert await orders.order() == 0
        orders.see([_ready("d1")])
        assert await orders.order() == 0
        orders.see([_ready("d2", 1)])
        assert await orders.order() == MAX_WAITING
        assert await orders.order() == 0  # the queue has no room for more
        first = await _taken(queue)
        assert await orders.order() == 5
        assert {job.sha256 for job in first + await _taken(queue)} == set(digests)
        assert {job.kind for job in first} == {"rescan"}
        assert await orders.order() == 0


async def test_what_nobody_scanned_is_ordered_again_after_an_hour(tmp_path: Path, queue: WorkQueue) -> None:
    clock = FakeClock(NOW)
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        _known(catalogue, 1)
        orders = Rescans(queue, catalogue, clock, days=30)
        orders.see([_ready("d2")])
        assert await orders.order() == 1
        await _taken(queue)
        clock.advance(1800)
        assert await orders.order() == 0
        clock.advance(1900)
        assert await orders.order() == 1


async def test_a_body_at_its_first_look_is_not_forgotten(tmp_path: Path, queue: WorkQueue) -> None:
    clock = FakeClock(NOW)
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        orders = Rescans(queue, catalogue, clock, days=30)
        orders.see([_ready("d2")])
        captured = SampleCaptured(time=NOW, sensor="s", sha256="a" * 64, size=1, how="echo")
        clean = AnalysisDone(
            time=NOW, sensor="w", sha256="a" * 64, analyser="clamav", engine_version="1", database="d1",
            verdict="clean",
        )  # fmt: skip
        catalogue.apply([("EVENTS", 1, 0, captured), ("EVENTS", 2, 0, clean)])
        assert await orders.order() == 0
        clock.advance(150)
        assert await orders.order() == 1


async def test_two_engines_with_new_signatures_are_asked_in_one_job(tmp_path: Path, queue: WorkQueue) -> None:
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        _known(catalogue, 3)
        orders = Rescans(queue, catalogue, FakeClock(NOW), days=30)
        yara = EngineReady(time=NOW, sensor="w", analyser="yara", engine_version="1", database="r2")
        orders.see([_ready("d2"), yara])
        assert await orders.order() == 3
        assert await orders.order() == 0


async def test_a_worker_that_lags_behind_does_not_turn_the_clock_back(
    tmp_path: Path, queue: WorkQueue
) -> None:
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        _known(catalogue, 1)
        orders = Rescans(queue, catalogue, FakeClock(NOW), days=30)
        orders.see([_ready("d1"), _ready("d2", 1), _ready("d1", 2)])
        assert await orders.order() == 1


async def test_it_can_be_turned_off(tmp_path: Path, queue: WorkQueue) -> None:
    with Catalogue.open(tmp_path / "catalogue.db") as catalogue:
        async with asyncio.timeout(5):
            await Rescans(queue, catalogue, FakeClock(NOW), days=0).run()


async def test_a_rule_that_comes_later_gives_a_time_to_detection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hub and worker together: captured, clean, a new rule, scanned again, found."""
    monkeypatch.setattr(rescans, "_FIRST_LOOK", timedelta(0))
    monkeypatch.setattr(rescans, "_SETTLED", timedelta(0))
    monkeypatch.setattr(rescans, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr("mead.analysis.worker._WATCH_SECONDS", 0.1)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "old.yar").write_text('rule old { strings: $a = "something else" condition: $a }')
    analysis = AnalysisSettings(
        clamd_socket="", yara_rules=str(rules), analysers=("hashes", "unpack", "yara")
    )
    settings = Settings(data_dir=tmp_path / "var", hub=HubSettings(commit_seconds=0.05), analysis=analysis)
    body = b"a body that nobody knows yet" * 10
    async with way_in(settings) as way:
        sha256 = await way.bodies().put(body)
        async with Publisher(way.bus, "s1") as sensor, Publisher(way.bus, "w1") as publisher:
            queue, bodies = WorkQueue(way.bus, ANALYSIS_QUEUE), BodyStore(way.layout.bodies)
            worker = asyncio.create_task(
                Worker(queue, bodies, publisher, settings.analysis, sensor="w1").run()
            )
            captured = SampleCaptured(
                time=datetime.now(UTC), sensor="s1", sha256=sha256, size=len(body), how="echo"
            )
            await sensor.publish_durably([captured])
            assert await _verdicts(settings, sha256, "clean") == ["clean"]
            (rules / "new.yar").write_text('rule fresh { strings: $a = "nobody knows" condition: $a }')
            assert await _verdicts(settings, sha256, "found") == ["clean", "found"]
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
    with Catalogue.open(way.layout.catalogue) as catalogue:
        (detection,) = [row for row in catalogue.time_to_detection(sha256) if row.engine == "yara"]
        history = [scan for scan in catalogue.scan_history(sha256).rows if scan.engine == "yara"]
    assert detection.last_clean is not None
    assert detection.first_found is not None
    assert detection.seconds is not None
    assert detection.first_seen < detection.last_clean < detection.first_found
    assert history[0].database != history[1].database == detection.database


async def _verdicts(settings: Settings, sha256: str, wanted: str) -> list[str]:
    """YARA's verdicts on a body, once there is the wanted one among them."""
    with Catalogue.open(Layout(settings.data_dir).catalogue) as catalogue:
        async with asyncio.timeout(60):
            while True:
                scans = await asyncio.to_thread(catalogue.scan_history, sha256)
                verdicts = [scan.verdict for scan in scans.rows if scan.engine == "yara"]
                if wanted in verdicts:
                    return verdicts
                await asyncio.sleep(0.05)
