# SPDX-License-Identifier: Apache-2.0
"""Bodies and how they belong together.

A *sample* is a unique body; a *sighting* is one way in which it reached us (an event
`sample.captured`). An *artifact* is any body we look at, captured or taken out of another one.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

__all__ = ["Relation", "Stored", "is_sha256"]

_SHA256 = re.compile(r"[0-9a-f]{64}")

Relation = Literal[
    "contains", "unpacked_with", "embeds_url", "drops", "fetched",
    "redirected_to", "delivered", "contacted", "attacked", "announced",
]  # fmt: skip
"""How a child artifact belongs to its parent."""


class Stored(Struct, frozen=True, kw_only=True):
    """A body that is durably on disk."""

    sha256: str
    size: int
    new: bool
    """Whether this body was not there before."""


def is_sha256(text: str) -> bool:
    """Whether `text` is a digest as we write it: 64 hex digits in lower case."""
    return _SHA256.fullmatch(text) is not None
