# SPDX-License-Identifier: Apache-2.0
"""Which names of hosts no resolver knows: those that are told apart from real ones by their form alone."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_unknown"]

_RESERVED: Final = frozenset(
    {"invalid", "test", "example", "local", "localdomain", "internal", "lan", "home"}
)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)


def is_unknown(host: str) -> bool:
    """Whether `host` is a name that cannot exist on the Internet.

    **Source:** RFC 6761; a name without a dot is looked up in the device's own domain, which has none.
    """
    if host == "localhost" or ":" in host or re.fullmatch(r"[0-9.]+|0[xX][0-9a-fA-F]+", host):
        return False
    labels = host.rstrip(".").split(".")
    return len(labels) < 2 or labels[-1].lower() in _RESERVED or not all(map(_LABEL.fullmatch, labels))
