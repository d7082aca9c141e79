# SPDX-License-Identifier: Apache-2.0
"""The event store's one writer: append, commit, compact, retain.

An event's identity is (stream, message sequence, index). A message is stored whole or not at all, in one
commit; appending one that is stored already does nothing. So a writer that was killed at any moment asks
`last_sequence`, reads the bus from the next message on, and each event is in the store exactly once.

The layout and the commit point are described in `mead.store.manifest`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import duckdb
import msgspec

from mead.clock import Clock, SystemClock
from mead.errors import StoreError
from mead.model.event import Event
from mead.store import compact as compaction
from mead.store.durable import WriterLock, cannot_write, fsync_directory, make_directory
from mead.store.manifest import MANIFEST, Manifest, Segment, load, prepare
from mead.store.reader import StoredEvents, is_spill_of_the_living
from mead.store.rows import LAYOUT, NAMES, Batch, by_day, table_of
from mead.store.segments import write_segment
from mead.store.sequences import Sequences
from mead.store.settings import StoreSettings

__all__ = ["EventStore", "Maintained"]


@dataclass(frozen=True, slots=True)
class Maintained:
    """What one run of `compact` or `retain` did."""

    segments_before: int
    segments_after: int
    days_closed: tuple[str, ...] = ()
    events_removed: int = 0
    files_deleted: int = 0


class EventStore(StoredEvents):
    """The event store for its one writing process. `append` and `commit` may run beside `compact`."""

    def __init__(self, directory: Path, settings: StoreSettings, clock: Clock, lock: WriterLock) -> None:
        super().__init__(directory, settings)
        self._clock = clock
        self._lock = lock
        self._manifest = load(self.directory)
        self._accepted = {stream: Sequences(ranges) for stream, ranges in self._manifest.streams.items()}
        self._pending: list[Batch] = []
        self._pending_events = 0
        self._broken = ""
        self._swapping = threading.Lock()
        self._appending = threading.Lock()
        self._committing = threading.Lock()
        self._maintaining = threading.Lock()
        self.duplicates = 0

    @classmethod
    def open(
        cls, directory: Path, settings: StoreSettings | None = None, *, clock: Clock | None = None
    ) -> Self:
        """Open the store for writing, creating it if need be; what a crash left behind is cleared away.

        Raises:
            StoreError: another process writes it, or it cannot be read or written.
        """
        directory = directory.resolve()
        try:
            make_directory(directory)
            lock = WriterLock(directory)
        except OSError as error:
            raise cannot_write(directory, error) from error
        try:
            store = cls(directory, settings or StoreSettings(), clock or SystemClock(), lock)
            store._clear_leftovers()
        except OSError as error:
            lock.release()
            raise cannot_write(directory, error) from error
        except StoreError:
            lock.release()
            raise
        return store

    def close(self) -> None:
        """Let another process write. What was appended and not committed is forgotten: the bus has it."""
        with self._swapping:  # a replacement that another thread has begun is still ours
            self._broken = self._broken or "it was closed"
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def broken(self) -> bool:
        """Whether nothing more will be written until the store is opened again."""
        return bool(self._broken)

    @property
    def pending_events(self) -> int:
        """Events appended since the last commit."""
        return self._pending_events

    def last_sequence(self, stream: str) -> int:
        """The message after which to go on reading a stream: all up to it are stored (0: none).

        When messages are missing in between, it is the last one before the first that is missing.
        """
        return Sequences(self._manifest.streams.get(stream, ())).complete_until()

    def append(self, stream: str, sequence: int, events: Sequence[Event]) -> None:
        """Take the events of one message; they are stored when the next `commit` returns.

        A message that was taken before is left out and counted in `duplicates`. When
        `max_pending_events` are waiting, this commits first.

        Raises:
            StoreError: that commit failed; the message was not taken.
        """
        if self._pending_events >= self.settings.max_pending_events:
            self.commit()
        with self._appending:
            self._usable()
            accepted = self._accepted.setdefault(stream, Sequences())
            if sequence in accepted:
                self.duplicates += 1
                return
            accepted.add(sequence, sequence)
            self._pending.append((stream, sequence, events))
            self._pending_events += len(events)

    def settle(self, stream: str, sequence: int) -> None:
        """Say that no message up to `sequence` is still to come; stored at the next commit.

        Without it `last_sequence` stays before a message that was deleted from the bus.
        """
        with self._appending:
            self._usable()
            self._accepted.setdefault(stream, Sequences()).add(1, sequence)
            self._pending.append((stream, -sequence, ()))

    def commit(self) -> None:
        """Store everything appended so far; when it returns, the messages may be acknowledged.

        Raises:
            StoreError: it could not be written. Nothing of it is visible, all of it is kept for the next
                commit.
        """
        with self._committing:
            with self._appending:
                self._usable()
                batches, self._pending = self._pending, []
            if not batches:
                return
            written: list[Segment] = []
            try:
                self._write(batches, written)
                self._swap(lambda manifest: self._with(manifest, batches, written))
            except BaseException as error:
                self._give_back(batches, written)
                if isinstance(error, OSError):
                    raise cannot_write(self.directory, error) from error
                raise
            with self._appending:
                self._pending_events -= sum(len(events) for _, _, events in batches)

    def compact(self) -> Maintained:
        """Merge small segments, sort and roll up closed days, delete files whose grace is over.

        Raises:
            StoreError: the disk is full or a file cannot be read; every event is where it was.
        """
        with self._maintaining:
            before = len(self._manifest.segments)
            closed: list[str] = []
            failed: list[StoreError] = []
            for work in compaction.plan(self._manifest, self._clock.now(), self.settings):
                try:
                    self._run(work)
                except StoreError as error:
                    failed.append(error)  # the other days need not wait for this one
                else:
                    closed += [work.day] if work.closes else []
            deleted = self._delete_removed()
            if failed:
                raise failed[0]
            return Maintained(before, len(self._manifest.segments), tuple(closed), files_deleted=deleted)

    def retain(self, days: int | None = None) -> Maintained:
        """Forget events (and rollups) of days that ended more than `days` days ago; 0 keeps everything.

        Without an argument `store.retention_days` counts. The messages stay known as stored.
        """
        days = self.settings.retention_days if days is None else days
        with self._maintaining:
            before = self._manifest
            if days > 0:
                oldest = (self._clock.now() - timedelta(days=days)).date().isoformat()
                self._forget_before(oldest)
            deleted = self._delete_removed()
            rows = sum(s.rows for s in before.segments) - sum(s.rows for s in self._manifest.segments)
            return Maintained(
                len(before.segments),
                len(self._manifest.segments),
                events_removed=max(0, rows),
                files_deleted=deleted,
            )

    def _write(self, batches: list[Batch], written: list[Segment]) -> None:
        for day, part in by_day(table_of(batches)):
            written.append(
                write_segment(
                    self.directory,
                    day,
                    part,
                    generation=self._manifest.generation + 1,
                    row_group_rows=self.settings.row_group_rows,
                )
            )

    def _with(self, manifest: Manifest, batches: list[Batch], written: list[Segment]) -> Manifest:
        streams = dict(manifest.streams)
        for stream in {stream for stream, _, _ in batches}:
            stored = Sequences(streams.get(stream, ()))
            for other, sequence, _ in batches:
                if other == stream:
                    stored.add(1 if sequence < 0 else sequence, abs(sequence))
            streams[stream] = stored.ranges()
        days = {segment.day for segment in written}
        stale = {rollup.path for rollup in manifest.rollups if rollup.day in days}
        changed = manifest.exchange(out=stale, segments=tuple(written), rollups=(), at=self._clock.now())
        layouts = {**manifest.layouts, LAYOUT: NAMES}
        return msgspec.structs.replace(changed, streams=streams, layouts=layouts)

    def _give_back(self, batches: list[Batch], written: list[Segment]) -> None:
        if {segment.path for segment in written} <= {
            segment.path for segment in self._manifest.segments
        } and written:
            return  # the manifest was replaced: they are in it, durable or not
        for segment in written:
            (self.directory / segment.path).unlink(missing_ok=True)
        with self._appending:
            self._pending[:0] = batches

    def _swap(self, change: Callable[[Manifest], Manifest]) -> None:
        """Replace the manifest: the commit point."""
        with self._swapping:
            self._usable()
            changed = change(self._manifest)
            changed = msgspec.structs.replace(changed, generation=self._manifest.generation + 1)
            try:
                temporary = prepare(self.directory, changed)
                temporary.replace(self.directory / MANIFEST)
            except OSError:
                (self.directory / "tmp" / f"manifest-{changed.generation}.json").unlink(missing_ok=True)
                raise
            self._manifest = changed
            try:
                fsync_directory(self.directory)
            except OSError as error:
                self._broken = (
                    f"its directory could not be synced ({error}): check the disk, then start again"
                )
                raise

    def _run(self, work: compaction.Work) -> None:
        try:
            result = compaction.execute(self.directory, self._manifest, work, self.settings)
        except (duckdb.IOException, OSError) as error:
            raise cannot_write(self.directory, error) from error
        except duckdb.Error as error:
            raise StoreError(f"cannot compact {work.day} in {self.directory}: {error}") from error
        out = {segment.path for segment in work.segments}
        made = {result.segment.path, *(rollup.path for rollup in result.rollups)}
        try:
            self._swap(lambda manifest: self._compacted(manifest, work, result, out))
        except BaseException as error:
            if not made & self._manifest.paths():
                for path in made:
                    (self.directory / path).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise cannot_write(self.directory, error) from error
            raise

    def _compacted(
        self, manifest: Manifest, work: compaction.Work, result: compaction.Compacted, out: set[str]
    ) -> Manifest:
        others = any(segment.day == work.day and segment.path not in out for segment in manifest.segments)
        stale = {rollup.path for rollup in manifest.rollups if work.closes and rollup.day == work.day}
        late = {rollup.path for rollup in result.rollups} if others else set()
        changed = manifest.exchange(
            out=out | stale,
            segments=(result.segment,),
            rollups=result.rollups,
            at=self._clock.now(),
        )
        changed = changed.exchange(out=late, segments=(), rollups=(), at=self._clock.now())
        return msgspec.structs.replace(changed, layouts=_used_layouts(changed))

    def _forget_before(self, oldest: str) -> None:
        def change(manifest: Manifest) -> Manifest:
            return manifest.exchange(
                out=set(manifest.live(oldest)), segments=(), rollups=(), at=self._clock.now()
            )

        if self._manifest.live(oldest):
            self._swap_or_explain(change)

    def _delete_removed(self) -> int:
        """Delete the files whose grace is over, then forget them."""
        limit = self._clock.now() - timedelta(seconds=self.settings.grace_seconds)
        due = {entry.path for entry in self._manifest.removed if entry.at <= limit}
        for path in due:
            (self.directory / path).unlink(missing_ok=True)
        for folder in {(self.directory / path).parent for path in due}:
            with suppress(OSError):  # as long as there is anything in it
                folder.rmdir()
        if due:
            self._swap_or_explain(
                lambda manifest: msgspec.structs.replace(
                    manifest, removed=tuple(entry for entry in manifest.removed if entry.path not in due)
                )
            )
        return len(due)

    def _swap_or_explain(self, change: Callable[[Manifest], Manifest]) -> None:
        try:
            self._swap(change)
        except OSError as error:
            raise cannot_write(self.directory, error) from error

    def _clear_leftovers(self) -> None:
        """After a crash: files that no manifest ever listed go; what it lists is made durable again."""
        make_directory(self.directory / "tmp")
        for path in (self.directory / "tmp").iterdir():
            if not is_spill_of_the_living(path.name):
                _remove(path)
        known = self._manifest.paths()
        for path in self.directory.glob("day=*/*.parquet"):
            if str(path.relative_to(self.directory)) not in known:
                path.unlink()

    def _usable(self) -> None:
        if self._broken:
            raise StoreError(f"the event store {self.directory} cannot be written: {self._broken}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _used_layouts(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    used = {segment.layout for segment in manifest.segments}
    return {name: columns for name, columns in {**manifest.layouts, LAYOUT: NAMES}.items() if name in used}
