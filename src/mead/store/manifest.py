# SPDX-License-Identifier: Apache-2.0
"""The manifest: the one list of what is in the event store, and its only commit point.

    events/
      lock                          flock of the one writer
      manifest.json                 replaced atomically; what it does not list does not exist
      tmp/                          files being written
      day=2026-01-31/*.parquet      segments and rollups, immutable

Readers take the list from here and never look into the folders: a compacted file and the files that it
covers lie side by side until the grace has passed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from mead.errors import StoreError
from mead.store.durable import write_file
from mead.store.sequences import Range

__all__ = ["FORMAT", "MANIFEST", "SORTED", "Manifest", "Removed", "Rollup", "Segment", "load", "prepare"]

FORMAT = 1
MANIFEST = "manifest.json"
SORTED = -1
"""Level of a segment that holds a closed day, sorted by source."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable Parquet file of events of one day (UTC, by the events' own time).

    Attributes:
        path: relative to the store's directory.
        day: ISO date.
        level: 0 as committed, n after n merges, SORTED after compaction.
        rows: events in it.
        size_bytes: length of the file.
        first_time: time of the earliest event.
        last_time: time of the latest event.
        layout: key of `Manifest.layouts`, its columns.
        sequences: per stream the lowest and highest message sequence in it.
    """

    path: str
    day: str
    level: int
    rows: int
    size_bytes: int
    first_time: datetime
    last_time: datetime
    layout: str
    sequences: dict[str, Range]


class Rollup(msgspec.Struct, frozen=True, kw_only=True):
    """One small Parquet file computed from all segments of a closed day."""

    path: str
    day: str
    name: str
    version: int
    rows: int


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """A file that new readers do not see any more; it is deleted when the grace is over."""

    path: str
    at: datetime


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the store holds at one moment.

    Attributes:
        format: version of this file's own format.
        generation: counts the replacements of this file.
        streams: which messages of each stream are stored.
        layouts: names of the columns of segments, by a digest of them.
        segments: the live segments.
        rollups: the live rollups; a day that has them has no other events than those rolled up.
        removed: replaced files that are still on disk.
    """

    format: int = FORMAT
    generation: int = 0
    streams: dict[str, tuple[Range, ...]] = {}
    layouts: dict[str, tuple[str, ...]] = {}
    segments: tuple[Segment, ...] = ()
    rollups: tuple[Rollup, ...] = ()
    removed: tuple[Removed, ...] = ()

    def paths(self) -> set[str]:
        """Every file that the manifest knows, live or not."""
        return {*self.live(), *(entry.path for entry in self.removed)}

    def live(self, before: str | None = None) -> list[str]:
        """The files that readers see; with `before`, those of days before that ISO date."""
        segments = [entry.path for entry in self.segments if before is None or entry.day < before]
        rollups = [entry.path for entry in self.rollups if before is None or entry.day < before]
        return segments + rollups

    def exchange(
        self, *, out: set[str], segments: tuple[Segment, ...], rollups: tuple[Rollup, ...], at: datetime
    ) -> Manifest:
        """The manifest with the files `out` replaced by others; the old ones are removed at `at`."""
        return msgspec.structs.replace(
            self,
            segments=(*(entry for entry in self.segments if entry.path not in out), *segments),
            rollups=(*(entry for entry in self.rollups if entry.path not in out), *rollups),
            removed=(*self.removed, *(Removed(path=path, at=at) for path in sorted(out))),
        )


_decoder = msgspec.json.Decoder(Manifest)


def load(directory: Path) -> Manifest:
    """The manifest of the store in `directory`; an empty one when nothing was stored yet.

    Raises:
        StoreError: there is no such directory, or the manifest is damaged or written by a newer MEAD.
    """
    path = directory / MANIFEST
    try:
        manifest = _decoder.decode(path.read_bytes())
    except FileNotFoundError as error:
        if directory.is_dir():
            return Manifest()
        raise StoreError(
            f"no event store at {directory}: start the deck (`mead run`) or set data_dir"
        ) from error
    except (msgspec.MsgspecError, OSError) as error:
        message = f"cannot read {path}: {error}; put back a copy of it, the segments beside it are intact"
        raise StoreError(message) from error
    if manifest.format > FORMAT:
        raise StoreError(f"{path} has format {manifest.format}, this MEAD reads up to {FORMAT}: upgrade it")
    return manifest


def prepare(directory: Path, manifest: Manifest) -> Path:
    """Write the manifest under a temporary name, durably; renaming it to `MANIFEST` commits it."""
    path = directory / "tmp" / f"manifest-{manifest.generation}.json"
    write_file(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return path
