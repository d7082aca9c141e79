# SPDX-License-Identifier: Apache-2.0
"""The built-in devices as one install shows them: what could tell two installs apart is its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mead.shell.persona import ShellPersona, User
from mead.shell.personas_tables import PERSONAS

__all__ = ["ShellPersona", "User", "default_personas"]


def default_personas(seed: bytes = b"mead", *, now: datetime | None = None) -> tuple[ShellPersona, ...]:
    """The built-in devices as the install of `seed` shows them; `now` places their boot times in the past."""
    personas: list[ShellPersona] = []
    for template in PERSONAS:
        persona = replace(template, seed=seed)
        up = timedelta(seconds=persona.number("uptime", 40_000, 9_000_000))
        personas.append(replace(persona, boot_time=(now or template.boot_time) - up))
    return tuple(personas)
