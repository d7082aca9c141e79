# SPDX-License-Identifier: Apache-2.0
"""The catalogue as its users hold it: open, apply, ask; killed at any moment, nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from mead.model import event as kinds
from mead.store.catalogue import Catalogue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A = "a" * 64


def test_what_is_applied_can_be_asked_for_after_reopening(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    captured = kinds.SampleCaptured(time=NOW, sensor="e", sha256=A, size=3, how="echo", origin="r1")
    scanned = kinds.AnalysisDone(
        time=NOW, sensor="w", sha256=A, analyser="clamav", database="d", verdict="found"
    )
    claimed = kinds.FindingMade(time=NOW, sensor="w", sha256=A, analyser="clamav", claim="malware")
    with Catalogue.open(file) as catalogue:
        catalogue.apply([("s", 1, 0, captured), ("s", 1, 1, scanned), ("s", 2, 0, claimed)])
    with Catalogue.open(file) as catalogue:
        assert [row.sha256 for row in catalogue.samples().rows] == [A]
        assert catalogue.sample(A) == catalogue.samples().rows[0]
        assert [row.claim for row in catalogue.findings(A).rows] == ["malware"]
        assert [row.engine for row in catalogue.scan_history(A).rows] == ["clamav"]
        assert [row.seconds for row in catalogue.time_to_detection(A)] == [0.0]
        assert catalogue.seen_origins(["r1", "r2"]) == {"r1"}
        with catalogue.ask() as queries:
            assert queries.positions() == {"s": 2}


def test_a_reader_is_not_held_up_by_a_writer(tmp_path: Path) -> None:
    captured = kinds.SampleCaptured(time=NOW, sensor="e", sha256=A, size=3, how="echo")
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue, catalogue.ask() as queries:
        assert queries.sample(A) is None
        catalogue.apply([("s", 1, 0, captured)])
        assert queries.sample(A) is None  # one question, one state
        assert catalogue.sample(A) is not None


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from mead.model.event import SampleCaptured
from mead.store.catalogue import Catalogue

now = datetime(2026, 1, 1, tzinfo=UTC)
with Catalogue.open(Path(sys.argv[1])) as catalogue:
    with catalogue.ask() as queries:
        position = queries.positions().get("s", 0)
    # what was delivered but perhaps not acknowledged comes again
    for sequence in range(max(1, position - 2), int(sys.argv[2]) + 1):
        events = [SampleCaptured(time=now, sensor="e", sha256="a" * 64, size=1, how="echo") for _ in range(3)]
        catalogue.apply([("s", sequence, index, event) for index, event in enumerate(events)])
        print(sequence, flush=True)
"""


def test_a_killed_writer_leaves_each_event_exactly_once(tmp_path: Path) -> None:
    file, messages, chance = tmp_path / "c.sqlite", 120, random.Random(5)
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(file), str(messages)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for _ in range(chance.randrange(1, 25)):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
    subprocess.run([sys.executable, "-c", WRITER, file, str(messages)], check=True, stdout=subprocess.DEVNULL)
    with Catalogue.open(file) as catalogue:
        sample = catalogue.sample(A)
    assert sample
    assert sample.sightings == messages * 3
