# SPDX-License-Identifier: Apache-2.0
"""Foreign logs and captures taken in: idempotent, in batches, broken lines counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from mead.bus.publisher import Publisher
from mead.deck.embedded import Way
from mead.deck.settings import catalogue_of
from mead.model.event import Event
from mead.sensors.logs import BrokenLine
from mead.store.catalogue import Catalogue

__all__ = ["Taken", "take_in"]

_BATCH_EVENTS = 5_000


@dataclass(slots=True)
class Taken:
    """What became of the records."""

    kinds: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    """Records that could not be read, by the reason."""

    @property
    def events(self) -> int:
        """Events that were added."""
        return sum(self.kinds.values())

    @property
    def nothing_known(self) -> bool:
        """Whether there were records and not one of them could be read."""
        return bool(self.broken) and not self.events and not self.duplicates


async def take_in(
    way: Way, sensor: str, records: Iterable[Event | BrokenLine], step: Callable[[int], None]
) -> Taken:
    """Publish the events that the store does not have yet; returns once they are stored.

    Whether an event is known is decided by its `origin`, the digest of the foreign record.
    """
    await way.settled(sensor)  # what an earlier run that was killed had published is known only then
    taken = Taken()
    seen: set[str] = set()
    catalogue = Catalogue.open(catalogue_of(way.settings))
    try:
        async with Publisher(way.bus, sensor, way.settings.publisher) as publisher:
            iterator = iter(records)
            while batch := await asyncio.to_thread(_batch, iterator):
                events = [record for record in batch if isinstance(record, Event)]
                for record in batch:
                    if isinstance(record, BrokenLine):
                        taken.broken[record.reason] += 1
                new = await asyncio.to_thread(_unknown, catalogue, events, seen)
                taken.duplicates += len(events) - len(new)
                taken.kinds.update(event.kind for event in new)
                await publisher.publish_durably(new)
                step(len(batch))
    finally:
        catalogue.close()
    await way.settled(sensor)
    return taken


def _batch(records: Iterator[Event | BrokenLine]) -> Sequence[Event | BrokenLine]:
    """The next records; on a thread, so that reading them stops neither the bus nor a hub of our own."""
    return list(islice(records, _BATCH_EVENTS))


def _unknown(catalogue: Catalogue, events: Sequence[Event], seen: set[str]) -> list[Event]:
    """Those whose origin neither the store nor this run has seen."""
    origins = {event.origin for event in events if event.origin}
    with catalogue.ask() as queries:
        known = queries.seen_origins(origins) | seen
    new = []
    for event in events:
        if event.origin is None or event.origin not in known:
            new.append(event)
            if event.origin:
                known.add(event.origin)
                seen.add(event.origin)
    return new
