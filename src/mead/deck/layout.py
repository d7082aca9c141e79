# SPDX-License-Identifier: Apache-2.0
"""Where things are below the data directory; the one place that knows the names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mead.errors import ConfigError

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one data directory."""

    root: Path

    @property
    def bus(self) -> Path:
        """The child nats-server: store, keys, address."""
        return self.root / "bus"

    @property
    def bodies(self) -> Path:
        """Bodies by digest."""
        return self.root / "bodies"

    @property
    def events(self) -> Path:
        """Event segments and their manifest."""
        return self.root / "events"

    @property
    def catalogue(self) -> Path:
        """The catalogue's SQLite file."""
        return self.root / "catalogue.sqlite"

    @property
    def sensor(self) -> Path:
        """The sensor's own secrets: seed, host keys, certificates."""
        return self.root / "sensor"

    @property
    def clamd(self) -> Path:
        """The deck's own clamd: configuration, socket."""
        return self.root / "clamd"

    @property
    def status(self) -> Path:
        """Which doors are open: written by the sensor, read by `mead run` and `mead selftest`."""
        return self.root / "running.json"

    @property
    def hub_status(self) -> Path:
        """Whether events are being stored: written by the hub, read by `mead run`."""
        return self.root / "hub.json"

    def make(self) -> None:
        """Create the directories, private to the user who runs MEAD.

        Raises:
            ConfigError: they cannot be created or written.
        """
        try:
            for path in (self.root, self.bus, self.bodies, self.events, self.sensor):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not os.access(path, os.W_OK | os.X_OK):
                    raise PermissionError(13, "not writable", str(path))
        except OSError as error:
            why = f"{error.strerror}; set data_dir in mead.toml to one you may write"
            message = f"data directory {self.root}: {why}"
            raise ConfigError(message) from error
