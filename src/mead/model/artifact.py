# SPDX-License-Identifier: Apache-2.0
"""Bodies and how they belong together.

A *sample* is a unique body; a *sighting* is one way in which it reached us (an event
`sample.captured`). An *artifact* is any body we look at, captured or taken out of another one.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["Relation", "Stored"]

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
