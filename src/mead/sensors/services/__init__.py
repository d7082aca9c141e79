# SPDX-License-Identifier: Apache-2.0
"""The doors that a sensor can open."""

from __future__ import annotations

from mead.registry import Entry, Registry
from mead.sensors.dialogue import Service

__all__ = ["SERVICES"]

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
