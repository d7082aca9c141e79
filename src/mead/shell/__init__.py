# SPDX-License-Identifier: Apache-2.0
"""Command languages without I/O: what a line prints, and what it would have done."""

from __future__ import annotations

from mead.shell.effects import Decoded, Effect, Executed, FileWritten, Limit, Offer, Ran, Reply
from mead.shell.limits import ShellLimits
from mead.shell.personas import ShellPersona, default_personas
from mead.shell.shell import Shell

__all__ = [
    "Decoded", "Effect", "Executed", "FileWritten", "Limit", "Offer", "Ran", "Reply", "Shell",
    "ShellLimits", "ShellPersona", "default_personas",
]  # fmt: skip
