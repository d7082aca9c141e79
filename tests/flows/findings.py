# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a store after a crash: events, bodies and catalogue beside what was acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from tests.flows.crashing import SETTLE_SECONDS, Promised

from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.reader import StoredEvents


class Findings:
    """What is wrong with a deck's store, in words; none of it may be."""

    def __init__(self, data: Path, promised: Promised) -> None:
        self._data = data
        self._promised = promised

    def unsettled(self) -> list[str]:
        """What may still be on its way."""
        connection = StoredEvents(self._data / "events").connect()
        stored = {int(row[0]) for row in connection.execute(_NUMBERS).fetchall()}
        analysed = {row[0] for row in connection.execute(_ANALYSED).fetchall()}
        connection.close()
        numbers, digests = set(self._promised.numbers), set(self._promised.digests)
        with Catalogue.open(self._data / "catalogue.sqlite") as catalogue, catalogue.ask() as queries:
            known = queries.known_samples(digests)
        missing = {
            "acknowledged events": numbers - stored,
            "samples in the catalogue": digests - known,
            "analyses": digests - analysed,
        }
        return [f"{len(what)} {name} are missing" for name, what in missing.items() if what]

    def all(self) -> list[str]:
        """Everything, once the deck has stopped."""
        return [*self.unsettled(), *self._of_events(), *self._of_bodies(), *self._of_catalogue()]

    def _of_events(self) -> Iterator[str]:
        store = StoredEvents(self._data / "events")
        connection = store.connect()
        for what, query in _DOUBLED.items():
            if doubled := connection.execute(query).fetchall():
                yield f"{len(doubled)} {what} are stored more than once, first {doubled[0]}"
        for name, column in (("hourly", "events"), ("source_day", "events")):
            rolled, raw = connection.execute(_ROLLED[name].format(column=column)).fetchall()[0]
            if rolled != raw:
                yield f"the rollup {name} counts {rolled} events, there are {raw}"
        connection.close()
        yield from store.problems()
        listed = store.snapshot().manifest.paths()
        found = {str(path.relative_to(store.directory)) for path in store.directory.rglob("*.parquet")}
        if orphans := found - listed:
            yield f"{len(orphans)} files belong to nothing, first {min(orphans)}"

    def _of_bodies(self) -> Iterator[str]:
        bodies = BodyStore(self._data / "bodies")
        for digest in bodies.digests():
            if hashlib.sha256(bodies.path(digest).read_bytes()).hexdigest() != digest:
                yield f"body {digest} is torn"
        for digest in self._promised.digests:
            if not bodies.has(digest):
                yield f"body {digest} was acknowledged and is missing"
        for name in ("tmp", "quarantine"):
            if left := list((bodies.directory / name).iterdir()):
                yield f"{len(left)} files are left in bodies/{name}"

    def _of_catalogue(self) -> Iterator[str]:
        with Catalogue.open(self._data / "catalogue.sqlite") as catalogue, catalogue.ask() as queries:
            for digest in self._promised.digests:
                sample = queries.sample(digest)
                if sample and sample.sightings != 1:
                    yield f"the catalogue counts {sample.sightings} sightings of {digest}, there was one"


_OURS = "sensor = 'crashing' AND kind = 'login.attempt' AND session <> 'old'"
_NUMBERS = f"SELECT password FROM events WHERE {_OURS}"
_ANALYSED = "SELECT DISTINCT sha256 FROM events WHERE kind = 'analysis.done'"
_DOUBLED = {
    "events": f"SELECT password FROM events WHERE {_OURS} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    "captures": "SELECT sha256 FROM events WHERE sensor = 'crashing' AND kind = 'sample.captured'"
    " GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    "identities": "SELECT stream, seq, idx FROM events GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
}
_ROLLED = {
    "hourly": "SELECT (SELECT sum({column}) FROM hourly), (SELECT count(*) FROM events)",
    "source_day": "SELECT (SELECT sum({column}) FROM source_day),"
    " (SELECT count(*) FROM events WHERE src IS NOT NULL)",
}


async def settle(findings: Findings) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while unsettled := await asyncio.to_thread(findings.unsettled):
        assert time.monotonic() < deadline, unsettled
        await asyncio.sleep(0.5)
