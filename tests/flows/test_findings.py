# SPDX-License-Identifier: Apache-2.0
"""The check after a crash notices each damage that it is for: else the crash tests would show nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.flows.crashing import EVENTS, Promised, captured, login
from tests.flows.findings import Findings

from mead.model.event import AnalysisDone, Event
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore


class Store:
    """A store as the deck leaves it behind, to damage."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.bodies = BodyStore(data / "bodies")
        self.promised = Promised()
        self.sequence = 0
        for number in range(0, 60, EVENTS):
            body = f"body {number}".encode()
            digest = self.bodies.put(body).sha256
            done = AnalysisDone(
                time=datetime.now(UTC), sensor="worker-1", sha256=digest, analyser="hashes", verdict="done"
            )
            self.take(*map(login, range(number, number + EVENTS)), captured(number, digest, 7), done)
            self.promised.numbers.extend(range(number, number + EVENTS))
            self.promised.digests.append(digest)

    def take(self, *events: Event, project: bool = True, store: bool = True) -> None:
        self.sequence += 1
        rows = [("s", self.sequence, index, event) for index, event in enumerate(events)]
        if store:
            with EventStore.open(self.data / "events") as writer:
                writer.append("s", self.sequence, events)
                writer.commit()
        if project:
            with Catalogue.open(self.data / "catalogue.sqlite") as catalogue:
                catalogue.apply(rows)

    def tear(self) -> None:
        path = self.bodies.path(self.promised.digests[0])
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1])


def _leave_a_file(store: Store) -> None:
    (store.data / "events" / "day=2026-01-01").mkdir()
    (store.data / "events" / "day=2026-01-01" / "raw-orphan.parquet").write_bytes(b"PAR1")


DAMAGES: dict[str, Callable[[Store], object]] = {
    "1 acknowledged events are missing": lambda store: store.promised.numbers.append(99),
    "1 events are stored more than once, first ('7',)": lambda store: store.take(login(7)),
    "1 captures are stored more than once": lambda store: store.take(
        captured(0, store.promised.digests[0], 7)
    ),
    "the catalogue counts 2 sightings": lambda store: store.take(
        captured(0, store.promised.digests[0], 7), store=False
    ),
    "is torn": lambda store: store.tear(),
    "was acknowledged and is missing": lambda store: store.bodies.path(store.promised.digests[1]).unlink(),
    "files are left in bodies/quarantine": lambda store: (store.data / "bodies/quarantine/x").touch(),
    "1 samples in the catalogue are missing": lambda store: store.promised.digests.append("a" * 64),
    "1 analyses are missing": lambda store: store.promised.digests.append("b" * 64),
    "1 files belong to nothing": _leave_a_file,
}


@pytest.mark.parametrize("words", DAMAGES)
def test_the_check_notices_each_damage(tmp_path: Path, words: str) -> None:
    store = Store(tmp_path)
    findings = Findings(tmp_path, store.promised)
    assert findings.all() == []
    DAMAGES[words](store)
    assert any(words in finding for finding in findings.all())
