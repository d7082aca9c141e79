from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mead.clock import FakeClock
from mead.errors import StoreError
from mead.model.event import Event
from mead.store.events import EventStore
from mead.store.manifest import MANIFEST
from mead.store.reader import StoredEvents
from mead.store.settings import StoreSettings

Attacks = Callable[..., list[list[Event]]]
Open = Callable[..., EventStore]


def _stored(store: StoredEvents) -> list[tuple[str, int, int]]:
    return [(stream, sequence, index) for stream, sequence, index, _ in store.snapshot().events()]


def _expected(stream: str, messages: dict[int, list[Event]]) -> list[tuple[str, int, int]]:
    return [(stream, number, at) for number in sorted(messages) for at in range(len(messages[number]))]


def _listed(store: EventStore) -> set[str]:
    return store.snapshot().manifest.paths()


def _on_disk(store: EventStore) -> set[str]:
    return {str(path.relative_to(store.directory)) for path in store.directory.rglob("*.parquet")}


def test_what_is_appended_is_there_after_the_commit_and_not_before(
    open_store: Open, attacks: Attacks
) -> None:
    store = open_store()
    events = attacks(1)[0]
    store.append("s", 1, events)
    assert _stored(store) == []
    assert store.last_sequence("s") == 0
    assert store.pending_events == len(events)
    store.commit()
    assert _stored(store) == _expected("s", {1: events})
    assert store.last_sequence("s") == 1
    assert store.pending_events == 0


def test_a_message_is_stored_once_however_often_it_is_appended(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    events = attacks(1)[0]
    for _ in range(3):
        store.append("s", 1, events)
        store.append("s", 1, events)
        store.commit()
    store.append("t", 1, events)
    store.commit()
    assert _stored(store) == _expected("s", {1: events}) + _expected("t", {1: events})
    assert store.duplicates == 5
    store.close()
    store = open_store()
    store.append("s", 1, events)
    store.commit()
    assert store.duplicates == 1
    assert len(_stored(store)) == 2 * len(events)


def test_a_message_that_comes_late_is_not_taken_for_a_stored_one(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    messages = dict(enumerate(attacks(5), 1))
    for number in (1, 2, 5, 4):
        store.append("s", number, messages[number])
        store.commit()
    assert store.last_sequence("s") == 2
    store.append("s", 3, messages[3])
    store.commit()
    assert store.last_sequence("s") == 5
    assert _stored(store) == _expected("s", messages)


def test_messages_that_do_not_exist_any_more_do_not_hold_the_reader_back(
    open_store: Open, attacks: Attacks
) -> None:
    store = open_store()
    store.append("s", 7, attacks(1)[0])
    store.commit()
    assert store.last_sequence("s") == 0
    store.settle("s", 6)
    store.commit()
    assert store.last_sequence("s") == 7
    store.close()
    assert open_store().last_sequence("s") == 7


def test_an_empty_message_is_remembered(open_store: Open) -> None:
    store = open_store()
    store.append("s", 1, [])
    store.commit()
    store.close()
    assert open_store().last_sequence("s") == 1


def test_what_was_not_committed_is_forgotten_and_the_bus_asked_for_it(
    open_store: Open, attacks: Attacks
) -> None:
    store = open_store()
    store.append("s", 1, attacks(1)[0])
    store.close()
    with pytest.raises(StoreError, match="it was closed"):
        store.commit()
    store = open_store()
    assert (_stored(store), store.last_sequence("s")) == ([], 0)


def test_a_commit_of_nothing_changes_nothing(open_store: Open) -> None:
    store = open_store()
    store.commit()
    assert not (store.directory / MANIFEST).exists()


def test_there_is_one_writer_and_readers_do_not_mind(
    open_store: Open, attacks: Attacks, tmp_path: Path
) -> None:
    store = open_store()
    with pytest.raises(StoreError, match="is being written by process"):
        EventStore.open(tmp_path / "events")
    assert list(StoredEvents(tmp_path / "events").select()) == []
    store.close()
    with EventStore.open(tmp_path / "events") as second:
        second.append("s", 1, attacks(1)[0])
        second.commit()
    open_store()


def test_events_are_filed_under_their_own_day(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    store.append("s", 1, attacks(1, days=3, sessions=40)[0])
    store.commit()
    segments = store.snapshot().manifest.segments
    assert [segment.path.split("/")[0] for segment in segments] == [
        f"day={segment.day}" for segment in segments
    ]
    assert [segment.day for segment in segments] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_memory_is_bounded_by_committing(open_store: Open, attacks: Attacks) -> None:
    store = open_store(max_pending_events=50)
    for number, events in enumerate(attacks(20), 1):
        store.append("s", number, events)
        assert store.pending_events <= 50 + len(events)
    assert store.last_sequence("s") > 0


def test_files_that_no_manifest_lists_are_cleared_away(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    store.append("s", 1, attacks(1, days=1)[0])
    store.commit()
    live = store.directory / store.snapshot().manifest.segments[0].path
    for path in (live.with_name("raw-99.parquet"), store.directory / "tmp" / "x.parquet"):
        path.write_bytes(live.read_bytes())
    (store.directory / "tmp" / "manifest-9.json").write_text("{")
    for owner in (os.getpid(), 1 << 30):
        (store.directory / "tmp" / f"spill-{owner}-0").mkdir()
    store.close()
    store = open_store()
    assert _on_disk(store) == _listed(store)
    left = [path.name for path in (store.directory / "tmp").iterdir()]
    assert left == [f"spill-{os.getpid()}-0"], "a reader that still runs needs it"


def test_retention_forgets_whole_days(open_store: Open, attacks: Attacks, clock: FakeClock) -> None:
    store = open_store(grace_seconds=60, retention_days=2)
    messages = dict(enumerate(attacks(10), 1))
    for number, events in messages.items():
        store.append("s", number, events)
    store.commit()
    store.compact()
    assert store.retain(0).events_removed == 0
    old = sum(event.time.day < 2 for events in messages.values() for event in events)
    assert store.retain().events_removed == old > 0
    assert {row["time"].day for row in store.select()} == {2, 3}
    assert {rollup.day for rollup in store.snapshot().manifest.rollups} == {"2026-03-02", "2026-03-03"}
    assert store.retain(2).events_removed == 0
    clock.advance(61)
    assert store.retain().files_deleted > 0
    assert _on_disk(store) == _listed(store)
    assert {path.name for path in store.directory.glob("day=*")} == {"day=2026-03-02", "day=2026-03-03"}
    store.append("s", 1, messages[1])
    store.commit()
    assert {row["time"].day for row in store.select()} == {2, 3}


def test_appending_goes_on_while_another_thread_compacts(open_store: Open, attacks: Attacks) -> None:
    store = open_store(merge_width=2, grace_seconds=0)
    messages = dict(enumerate(attacks(30, sessions=4), 1))
    done = threading.Event()
    failures: list[BaseException] = []

    def compacting() -> None:
        try:
            while not done.is_set():
                store.compact()
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    thread = threading.Thread(target=compacting)
    thread.start()
    try:
        for number, events in messages.items():
            store.append("s", number, events)
            store.commit()
    finally:
        done.set()
        thread.join()
    assert failures == []
    assert _stored(store) == _expected("s", messages)
    store.compact()
    assert _stored(store) == _expected("s", messages)
    assert _on_disk(store) == _listed(store)


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """Lets no file grow beyond a size: what a full disk or a quota does, without filling one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 100, 5_000])
def test_a_commit_that_does_not_fit_leaves_nothing_and_can_be_repeated(
    open_store: Open, attacks: Attacks, file_size_limit: Callable[[int], None], size: int
) -> None:
    store = open_store()
    messages = dict(enumerate(attacks(3), 1))
    store.append("s", 1, messages[1])
    store.commit()
    before = (store.directory / MANIFEST).read_bytes(), _on_disk(store)
    store.append("s", 2, messages[2])
    file_size_limit(size)
    try:
        with pytest.raises(StoreError, match=r"cannot write to .*events: File too large.*free some space"):
            store.commit()
    finally:
        file_size_limit(resource.RLIM_INFINITY)
    assert ((store.directory / MANIFEST).read_bytes(), _on_disk(store)) == before
    assert _stored(store) == _expected("s", {1: messages[1]})
    store.append("s", 2, messages[2])
    store.append("s", 3, messages[3])
    store.commit()
    assert _stored(store) == _expected("s", messages)


def test_a_compaction_that_does_not_fit_changes_nothing(
    open_store: Open, attacks: Attacks, file_size_limit: Callable[[int], None]
) -> None:
    store = open_store()
    messages = dict(enumerate(attacks(6), 1))
    for number, events in messages.items():
        store.append("s", number, events)
        store.commit()
    before = (store.directory / MANIFEST).read_bytes(), _on_disk(store)
    file_size_limit(5_000)
    try:
        with pytest.raises(StoreError, match="cannot write to"):
            store.compact()
    finally:
        file_size_limit(resource.RLIM_INFINITY)
    assert ((store.directory / MANIFEST).read_bytes(), _on_disk(store)) == before
    assert len(store.compact().days_closed) == 3
    assert _stored(store) == _expected("s", messages)


@pytest.mark.root
@pytest.mark.tool("mount")
def test_a_full_disk_stops_commits_until_there_is_room(
    tmp_path: Path, attacks: Attacks, clock: FakeClock
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    try:
        with EventStore.open(disk / "events", StoreSettings(), clock=clock) as store:
            messages = dict(enumerate(attacks(4), 1))
            store.append("s", 1, messages[1])
            store.commit()
            ballast = disk / "ballast"
            with pytest.raises(OSError, match="No space left"):
                ballast.write_bytes(b"x" * (2 << 20))
            for number in (2, 3):
                store.append("s", number, messages[number])
                with pytest.raises(StoreError, match=r"cannot write to .*: .*No space left.*free some space"):
                    store.commit()
                assert _stored(store) == _expected("s", {1: messages[1]})
            with pytest.raises(StoreError, match="No space left"):
                store.compact()
            assert _stored(store) == _expected("s", {1: messages[1]})
            ballast.unlink()
            store.append("s", 4, messages[4])
            store.commit()
            assert _stored(store) == _expected("s", messages)
            assert _on_disk(store) == _listed(store)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_when_the_commit_point_may_not_be_durable_nothing_more_is_written(
    open_store: Open, attacks: Attacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    messages = attacks(2)

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("mead.store.events.fsync_directory", fail)
        store.append("s", 1, messages[0])
        with pytest.raises(StoreError, match="check the disk"):
            store.commit()
    with pytest.raises(StoreError, match="could not be synced"):
        store.append("s", 2, messages[1])
    store.close()
    store = open_store()
    store.append("s", 1, messages[0])
    store.append("s", 2, messages[1])
    store.commit()
    assert _stored(store) == _expected("s", {1: messages[0], 2: messages[1]})


def test_a_store_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to .*file"):
        EventStore.open(tmp_path / "file" / "events")


def test_a_damaged_manifest_does_not_keep_the_lock(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / MANIFEST).write_text("{")
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot read"):
            EventStore.open(tmp_path / "events")


def test_a_clock_that_goes_back_does_not_shorten_the_grace(
    open_store: Open, attacks: Attacks, clock: FakeClock
) -> None:
    store = open_store(grace_seconds=60)
    store.append("s", 1, attacks(1, days=1)[0])
    store.commit()
    store.compact()
    clock.advance(-timedelta(days=1).total_seconds())
    assert store.compact().files_deleted == 0
