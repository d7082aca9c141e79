# SPDX-License-Identifier: Apache-2.0
"""Events in words for people: what matters of each kind, short, escaped and without live links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mead.cli.output import defang, defang_text, escape, plain, short_digest
from mead.model.catalogue import ENVELOPE, KINDS

__all__ = ["fields", "row_for_people", "summary"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INDICATORS = {"url", "indicator", "address"}
_ENVELOPE = {column.name for column in ENVELOPE}
_NOISE = {"stream", "seq", "idx", "engine_version", "database", "jail_level", "version", "rss_bytes"}
"""Fields that the machine formats have and a line has no room for."""


def summary(event: Mapping[str, Any], *, max_characters: int = 160) -> str:
    """The kind's own fields in the order of the catalogue: `username=root, password=admin, …`."""
    return ", ".join(f"{name}={value}" for name, value in fields(event, max_characters=max_characters))


def row_for_people(event: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: the envelope in short, the kind's own fields in one column."""
    shown = {name: event.get(name) for name in ("time", "kind", "src", "service", "session")}
    return {**shown, "what": summary(event)}


def fields(event: Mapping[str, Any], *, max_characters: int = 160) -> Iterator[tuple[str, str]]:
    """Name and readable value of what the kind adds to the envelope."""
    kind = KINDS.get(event["kind"])
    known = kind.__struct_fields__ if kind else ()
    for name in dict.fromkeys((*known, *event)):
        value = event.get(name)
        if name not in _ENVELOPE and name not in _NOISE and value not in (None, "", []):
            yield name, _readable(name, value, max_characters)


def _readable(name: str, value: Any, max_characters: int) -> str:
    if isinstance(value, list):
        value = " ".join(str(plain(part)) for part in value)
    text = str(plain(value))
    if _DIGEST.fullmatch(text):
        return short_digest(text)
    shown = escape(text, max_characters=max_characters)
    return defang(shown) if name in _INDICATORS else defang_text(shown)
