# SPDX-License-Identifier: Apache-2.0
"""Which doors are open: written by the sensor once it listens, read by those who want to know."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mead.deck.layout import Layout
from mead.errors import ConfigError

__all__ = ["Door", "doors", "forget", "listening"]

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Door(msgspec.Struct, frozen=True):
    """A service at an address."""

    service: str
    address: str
    port: int


class _Status(msgspec.Struct, frozen=True):
    pid: int
    listeners: list[Door]


def listening(path: Path, listeners: Iterable[tuple[str, str, int]]) -> None:
    """Write that this process listens on (service, address, port)."""
    status = _Status(os.getpid(), [Door(*listener) for listener in listeners])
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(status))
    temporary.replace(path)


def forget(path: Path) -> None:
    """Nobody listens any more."""
    path.unlink(missing_ok=True)


def doors(layout: Layout) -> list[Door]:
    """The doors of the running sensor, one per service, on an address that this machine reaches.

    Raises:
        ConfigError: no sensor is running here.
    """
    try:
        status = msgspec.json.decode(layout.status.read_bytes(), type=_Status)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"no sensor runs on {layout.root}: start the deck with `mead run`") from error
    if not Path(f"/proc/{status.pid}").exists():
        raise ConfigError(f"the sensor on {layout.root} has ended: start the deck with `mead run`")
    chosen: dict[str, Door] = {}
    for listener in status.listeners:
        address = _UNSPECIFIED.get(listener.address, listener.address)
        chosen.setdefault(listener.service, Door(listener.service, address, listener.port))
    return list(chosen.values())
