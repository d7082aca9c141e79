# SPDX-License-Identifier: Apache-2.0
"""Jobs become durable events and bodies; a job that fails is given back with its reason."""

from __future__ import annotations

import asyncio
import hashlib
import io
import lzma
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
import pyzipper

from mead.analysis.settings import AnalysisSettings
from mead.analysis.worker import ANALYSE, RESCAN, Worker
from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, WorkQueue
from mead.bus.reaper import Reaper
from mead.bus.server import NatsServer
from mead.bus.streams import StreamSettings
from mead.model.event import AnalysisDone, ArtifactFound, EngineReady, Event, FindingMade
from mead.store.bodies import BodyStore

SHORT = StreamSettings(
    ack_wait_seconds=2.0, events_bytes=32 << 20, bodies_bytes=32 << 20, queue_bytes=8 << 20
)


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with (
        NatsServer(tmp_path / "bus") as server,
        Bus.connect(server.credentials, settings=SHORT) as connected,
    ):
        yield connected


@asynccontextmanager
async def _working(bus: Bus, bodies: BodyStore, settings: AnalysisSettings) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue(bus, "analysis")
    async with Publisher(bus, "worker-1") as publisher:
        worker = Worker(queue, bodies, publisher, settings, sensor="worker-1")
        task = asyncio.create_task(worker.run())
        try:
            yield queue
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _events(bus: Bus, sensor: str, enough: Callable[[list[Event]], bool]) -> list[Event]:
    gathered: list[Event] = []
    stream = await bus.stream_for(sensor)
    info = await bus.stream_info(stream)
    async with asyncio.timeout(30):
        async for batch in EventReader(bus, stream, info.state.first_seq if info else 1):
            gathered.extend(batch.events)
            if enough(gathered):
                break
    return gathered


async def test_a_job_gives_events_and_children(
    bus: Bus, tmp_path: Path, program: bytes, settings: AnalysisSettings
) -> None:
    bodies = BodyStore(tmp_path / "bodies")
    whole = _zip({"x.exe": program})
    sha256, inner = bodies.put(whole).sha256, hashlib.sha256(program).hexdigest()
    async with _working(bus, bodies, settings) as queue:
        await queue.submit(Job(kind=ANALYSE, sha256=sha256, name="x.zip", session="s1"))
        events = await _events(
            bus, "worker-1", lambda e: any(isinstance(x, AnalysisDone) and x.sha256 == inner for x in e)
        )
    assert bodies.read(inner) == program
    (child,) = [event for event in events if isinstance(event, ArtifactFound)]
    assert (child.sha256, child.parent_sha256, child.name) == (inner, sha256, "x.exe")
    done = {(event.sha256, event.analyser): event for event in events if isinstance(event, AnalysisDone)}
    assert done[inner, "pe"].jail_level
    assert all(event.session == "s1" for event in events if not isinstance(event, EngineReady))
    assert any(isinstance(event, FindingMade) and event.claim == "hash.md5" for event in events)


async def test_a_rescan_asks_only_the_engines_and_is_one_more_scan(
    bus: Bus, tmp_path: Path, program: bytes, settings: AnalysisSettings
) -> None:
    bodies = BodyStore(tmp_path / "bodies")
    sha256 = bodies.put(_zip({"x.exe": program})).sha256
    async with _working(bus, bodies, settings) as queue:
        await queue.submit(Job(kind=RESCAN, sha256=sha256, key="signatures of today"))
        events = await _events(bus, "worker-1", lambda e: any(isinstance(x, AnalysisDone) for x in e))
    scans = [event for event in events if isinstance(event, AnalysisDone)]
    assert [scan.analyser for scan in scans] == ["yara"]
    assert scans[0].database
    assert not [event for event in events if isinstance(event, ArtifactFound)]


async def test_what_is_encrypted_is_not_clean_at_a_rescan_either(
    bus: Bus, tmp_path: Path, settings: AnalysisSettings
) -> None:
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"nobody knows 81")
        archive.writestr("x", b"content" * 20)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yar").write_text('rule r { strings: $a = "not in there" condition: $a }')
    judging = msgspec.structs.replace(settings, yara_rules=str(tmp_path / "rules"))
    bodies = BodyStore(tmp_path / "bodies")
    sha256 = bodies.put(out.getvalue()).sha256
    async with _working(bus, bodies, judging) as queue:
        await queue.submit(Job(kind=RESCAN, sha256=sha256))
        events = await _events(bus, "worker-1", lambda e: any(isinstance(x, AnalysisDone) for x in e))
    (scan,) = [event for event in events if isinstance(event, AnalysisDone)]
    assert scan.verdict == "skipped"
    assert "encrypted" in (scan.reason or "")


async def test_signatures_are_told_at_the_start_and_when_they_change(
    bus: Bus, tmp_path: Path, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.analysis.worker._WATCH_SECONDS", 0.02)
    rules = tmp_path / "rules"
    rules.mkdir()
    chosen = msgspec.structs.replace(settings, yara_rules=str(rules))

    def ready(events: list[Event]) -> list[EngineReady]:
        return [event for event in events if isinstance(event, EngineReady)]

    async with _working(bus, BodyStore(tmp_path / "bodies"), chosen):
        (first,) = ready(await _events(bus, "worker-1", lambda e: bool(ready(e))))
        (rules / "new.yar").write_text("rule new { condition: false }")
        events = await _events(bus, "worker-1", lambda e: len(ready(e)) > 1)
    assert [event.analyser for event in ready(events)] == ["yara", "yara"]
    assert ready(events)[1].database != first.database


async def test_what_a_bound_kept_out_becomes_jobs_of_its_own(
    bus: Bus, tmp_path: Path, settings: AnalysisSettings
) -> None:
    bodies = BodyStore(tmp_path / "bodies")
    members = {f"{n}.bin": b"body %d " % n * 50 for n in range(4)}
    sha256 = bodies.put(_zip(members)).sha256
    narrow = msgspec.structs.replace(settings, max_artifacts=2, analysers=("hashes", "unpack"))
    async with _working(bus, bodies, narrow) as queue:
        await queue.submit(Job(kind=ANALYSE, sha256=sha256))
        wanted = {hashlib.sha256(data).hexdigest() for data in members.values()}
        events = await _events(
            bus, "worker-1", lambda e: wanted <= {x.sha256 for x in e if isinstance(x, AnalysisDone)}
        )
    assert any(isinstance(event, FindingMade) and event.claim == "limit.tree.artifacts" for event in events)


async def test_a_job_without_a_body_ends_as_a_finding(
    bus: Bus, tmp_path: Path, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.analysis.worker._RETRY_SECONDS", 0.05)
    bodies = BodyStore(tmp_path / "bodies")
    quick = msgspec.structs.replace(settings, analysers=("hashes",))
    async with _working(bus, bodies, quick) as queue:
        reaper = asyncio.create_task(Reaper(bus, "hub").run())
        await queue.submit(Job(kind=ANALYSE, sha256="0" * 64))
        events = await _events(bus, "hub", lambda e: any(isinstance(x, FindingMade) for x in e))
        reaper.cancel()
        with suppress(asyncio.CancelledError):
            await reaper
    (finding,) = [event for event in events if isinstance(event, FindingMade)]
    assert "StoreError" in str(finding.value) + " ".join(finding.evidence)


async def test_a_body_that_takes_all_memory_costs_only_its_own_result(
    bus: Bus, tmp_path: Path, program: bytes, settings: AnalysisSettings
) -> None:
    """A dictionary of 400 MB in a jail of 300: the other analysers and the next body are looked at."""
    greedy = (
        b"\x5d"
        + (400 << 20).to_bytes(4, "little")
        + b"\xff" * 8
        + lzma.compress(b"x", lzma.FORMAT_ALONE)[13:]
    )
    bodies = BodyStore(tmp_path / "bodies")
    first, second = bodies.put(greedy).sha256, bodies.put(program).sha256
    small = msgspec.structs.replace(
        settings, analysers=("hashes", "unpack", "filetype"), memory_bytes=300 << 20, external_tools=False
    )
    async with _working(bus, bodies, small) as queue:
        for sha256 in (first, second):
            await queue.submit(Job(kind=ANALYSE, sha256=sha256))
        events = await _events(
            bus, "worker-1", lambda e: any(isinstance(x, AnalysisDone) and x.sha256 == second for x in e)
        )
    done = {(event.sha256, event.analyser): event for event in events if isinstance(event, AnalysisDone)}
    assert done[first, "unpack"].verdict == "failed"
    assert (done[first, "unpack"].reason or "").startswith("memory: ")
    assert done[first, "hashes"].verdict == "done"
    assert done[second, "hashes"].verdict == "done"
