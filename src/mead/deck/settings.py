# SPDX-License-Identifier: Apache-2.0
"""The whole configuration tree: every part's own settings, put together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from mead.analysis.settings import AnalysisSettings
from mead.bus.publisher import PublisherSettings
from mead.bus.server import BusSettings
from mead.config import load
from mead.deck.layout import Layout
from mead.egress.addresses import parse_network
from mead.egress.policy import EgressSettings
from mead.errors import ConfigError
from mead.sensors.credentials import CredentialsSettings
from mead.sensors.desk import CaptureSettings
from mead.sensors.host import Limits
from mead.store.settings import StoreSettings

__all__ = [
    "LOOPBACK_PORTS", "HubSettings", "SensorSettings", "Settings", "SiteSettings", "catalogue_of",
    "egress_of", "is_name", "load_settings",
]  # fmt: skip

LOOPBACK_PORTS: dict[str, tuple[int, ...]] = {
    "telnet": (2323,), "ssh": (2222,), "http": (8080,), "https": (8443,),
}  # fmt: skip
"""Where a deck listens until `mead init` took it to real ports."""

Port = Annotated[int, Meta(ge=0, le=65535)]
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z"
Name = Annotated[str, Meta(pattern=_NAME)]


class SiteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are.

    Attributes:
        name: short name of this installation, shown in listings; never shown to an attacker.
    """

    name: Name = "home"


class SensorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sensor listens on.

    Attributes:
        name: name of the sensor; letters, digits, - and _.
        addresses: our addresses that are listened on, IPv4 and IPv6; `0.0.0.0` and `::` are all.
        services: ports by service; port 0 takes any free one. `mead services` lists the services.
        processes: processes that share the ports (SO_REUSEPORT).
        user: user that is changed to once the ports are bound, when started as root.
        capture: bounds on what sessions may bring.
        limits: bounds on connections.
        credentials: which logins are let in.
    """

    name: Name = "sensor"
    addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    services: dict[str, tuple[Port, ...]] = field(default_factory=lambda: dict(LOOPBACK_PORTS))
    processes: Annotated[int, Meta(ge=1, le=64)] = 1
    user: str = "nobody"
    capture: CaptureSettings = CaptureSettings()
    limits: Limits = Limits()
    credentials: CredentialsSettings = CredentialsSettings()


class HubSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the hub stores and hands out work.

    Attributes:
        commit_seconds: longest time between an event's arrival and its being in the store.
        maintain_seconds: time between two rounds of compaction and retention.
        workers: analysis processes that `mead run` starts; 0 leaves analysis to `mead worker`.
        clamd: whether `mead run` starts a clamd of its own when clamd is installed and has signatures.
        rescan_days: when an engine gets new signatures, bodies that came within so many days are scanned
            again; 0 for none.
    """

    commit_seconds: Annotated[float, Meta(gt=0, le=60)] = 0.5
    maintain_seconds: Annotated[float, Meta(ge=1)] = 60.0
    workers: Annotated[int, Meta(ge=0, le=64)] = 1
    clamd: bool = True
    rescan_days: Annotated[int, Meta(ge=0)] = 30


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The deck.

    Attributes:
        data_dir: where bodies, events, catalogue and keys are kept.
    """

    data_dir: Path = Path("var")
    site: SiteSettings = SiteSettings()
    sensor: SensorSettings = SensorSettings()
    egress: EgressSettings = EgressSettings()
    hub: HubSettings = HubSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    store: StoreSettings = StoreSettings()
    bus: BusSettings = BusSettings()
    publisher: PublisherSettings = PublisherSettings()


def egress_of(settings: Settings, *, shares: int = 1) -> EgressSettings:
    """The egress settings of one process.

    Args:
        settings: those of the deck; what the sensor listens on is added to our own addresses.
        shares: processes that share what may be fetched a minute.
    """
    listens = [text for text in settings.sensor.addresses if text not in {"0.0.0.0", "::"}]
    known = [text for text in listens if parse_network(text)]
    egress = settings.egress
    return msgspec.structs.replace(
        egress,
        own_addresses=[*egress.own_addresses, *known],
        per_host_per_minute=-(-egress.per_host_per_minute // shares),
        per_network_per_minute=-(-egress.per_network_per_minute // shares),
        per_asn_per_minute=-(-egress.per_asn_per_minute // shares),
    )


def is_name(text: str) -> bool:
    """Whether `text` may be the name of a site or sensor."""
    return re.fullmatch(_NAME, text) is not None


def catalogue_of(settings: Settings) -> str | Path:
    """Where the catalogue is: a URL, or a file."""
    return settings.store.catalogue or Layout(settings.data_dir).catalogue


def load_settings(path: Path | None) -> Settings:
    """The settings of a file, or the embedded defaults.

    Raises:
        ConfigError: the file cannot be used; names the line.
    """
    if path is None:
        return Settings()
    settings = load(path, Settings)
    _refuse_unknown_services(settings, path)
    return settings


def _refuse_unknown_services(settings: Settings, path: Path) -> None:
    from mead.sensors.services import SERVICES  # noqa: PLC0415 - only when a file names services

    known = [entry.name for entry in SERVICES.entries()]
    for name in settings.sensor.services:
        if name not in known:
            pattern = re.compile(rf'^\s*"?{re.escape(name)}"?\s*=|services.*{re.escape(name)}')
            lines = path.read_text("utf-8").splitlines()
            line = next((number for number, text in enumerate(lines, 1) if pattern.search(text)), 1)
            raise ConfigError(f"{path}:{line}: no service is called {name!r}; known: {', '.join(known)}")
