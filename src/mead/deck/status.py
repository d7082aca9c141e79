# SPDX-License-Identifier: Apache-2.0
"""Who is at work: written by sensor and hub once they are, read by those who want to know."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mead.deck.layout import Layout
from mead.errors import BusError

__all__ = ["Door", "doors", "forget", "is_at_work", "listeners", "listening"]

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Door(msgspec.Struct, frozen=True):
    """A service at an address."""

    service: str
    address: str
    port: int

    @property
    def place(self) -> str:
        """`192.0.2.1:23`, `[2001:db8::1]:23`."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class _Status(msgspec.Struct, frozen=True):
    pid: int
    started: str
    """When the process began, in the kernel's words: another one may have got its number since."""
    listeners: list[Door]


def listening(path: Path, listeners: Iterable[tuple[str, str, int]]) -> None:
    """Write that this process is at work, and listens on (service, address, port)."""
    pid = os.getpid()
    status = _Status(pid, _started(pid) or "", [Door(*listener) for listener in listeners])
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(status))
    temporary.replace(path)


def is_at_work(path: Path) -> bool:
    """Whether the process that wrote this is still there."""
    try:
        status = msgspec.json.decode(path.read_bytes(), type=_Status)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return _started(status.pid) == status.started


def forget(path: Path) -> None:
    """Nobody is at work any more."""
    path.unlink(missing_ok=True)


def listeners(layout: Layout) -> list[Door]:
    """Every door of the running sensor, as it is configured.

    Raises:
        BusError: no sensor is running here.
    """
    try:
        status = msgspec.json.decode(layout.status.read_bytes(), type=_Status)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BusError(f"no sensor runs on {layout.root}: start the deck with `mead run`") from error
    if _started(status.pid) != status.started:
        raise BusError(f"the sensor on {layout.root} has ended: start the deck with `mead run`")
    return status.listeners


def doors(layout: Layout) -> list[Door]:
    """The doors of the running sensor, one per service, on an address that this machine reaches.

    Raises:
        BusError: no sensor is running here.
    """
    chosen: dict[str, Door] = {}
    for listener in listeners(layout):
        address = _UNSPECIFIED.get(listener.address, listener.address)
        chosen.setdefault(listener.service, Door(listener.service, address, listener.port))
    return list(chosen.values())


def _started(pid: int) -> str | None:
    """Ticks from boot to the start of a process (proc(5), field 22 of stat); `None`: there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return stat.rpartition(b")")[2].split()[19].decode("ascii")
