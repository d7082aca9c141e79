# SPDX-License-Identifier: Apache-2.0
"""The doors that a sensor can open."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from mead.registry import Entry, Registry
from mead.sensors.dialogue import Service

if TYPE_CHECKING:
    from mead.sensors.persona import Persona

__all__ = ["SERVICES", "prepare"]

SERVICES: Registry[Service] = Registry(
    "service",
    (
        Entry("telnet", "mead.sensors.services.telnet:serve", "a device's login and its BusyBox shell"),
        Entry("ssh", "mead.sensors.services.ssh:serve", "an OpenSSH server: shell, exec, scp, sftp"),
        Entry("http", "mead.sensors.services.http:serve", "a web server or a device's web pages"),
        Entry("https", "mead.sensors.services.http:serve_tls", "the same over TLS, with JA3 and JA4"),
    ),
    group="mead.services",
)
"""Built-in services first; others come from the entry points `mead.services`."""


def prepare(names: Iterable[str], persona: Persona) -> None:
    """Load services and make the keys that they need: before privileges are dropped, and before forking.

    Raises:
        ConfigError: an unknown service, or the sensor's directory cannot be written.
    """
    wanted = set(names)
    for entry in SERVICES.entries():
        if entry.name in wanted:
            wanted.discard(entry.name)
            module = import_module(entry.target.partition(":")[0])
            if (make := getattr(module, "prepare", None)) is not None:
                make(persona)
    for name in wanted:
        SERVICES.load(name)
