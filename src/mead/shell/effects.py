# SPDX-License-Identifier: Apache-2.0
"""What a command did, besides printing: the part that an observer wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Decoded", "Effect", "Executed", "FileWritten", "Limit", "Offer", "Ran", "Reply"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A command named a place to get a body from. Nothing was fetched."""

    url: str
    """Normalised URL with a scheme: http, https, ftp, tftp or tcp (nc, /dev/tcp)."""
    tool: str
    """Program that would have fetched it: wget, curl, tftp, ftpget, nc …"""
    path: str | None
    """Where it would have been stored on the emulated system; None: standard output."""
    user_agent: str | None
    """User agent that this tool would send, with the options that were given."""
    depth: int = 0
    """How many scripts deep it was found."""


@dataclass(frozen=True, slots=True)
class FileWritten:
    """A file of the emulated system has new content that the peer brought."""

    path: str
    data: bytes
    how: str
    """`echo`, `printf`, `base64`, `cat`, `dd`, `heredoc` … : the command that made it."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A file that the peer brought or offered was to be started. Nothing was."""

    path: str
    command: str
    data: bytes | None
    """Its content, when we have it."""
    url: str | None
    """The offer that it would have come from, when we do not."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A layer of encoding came off."""

    layer: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ran:
    """One simple command was run, with its words expanded."""

    argv: tuple[str, ...]
    status: int
    depth: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound was reached and the rest was not emulated."""

    name: str
    value: int
    unit: str


Effect: TypeAlias = Offer | FileWritten | Executed | Decoded | Ran | Limit


@dataclass(frozen=True, slots=True)
class Reply:
    """What the terminal shows and what was done."""

    output: bytes
    effects: tuple[Effect, ...]
    status: int
    closed: bool = False
    """Whether the shell ended (`exit`)."""
