# SPDX-License-Identifier: Apache-2.0
"""What a fetched script offers, when the session that offered it is far away.

A sensor that fetches hands the script back to the shell of the session. The central fetcher has no such
shell: it runs the script in fresh ones, once per kind of machine that loaders ask for. Nothing is executed.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mead.analysis.static.scripts import MAX_SCRIPT_BYTES, effects_of, is_shell_script
from mead.egress.result import Request
from mead.model.codec import text
from mead.shell import Offer

__all__ = ["MAX_DEPTH", "offers_of"]

MAX_DEPTH = 5
"""How many scripts deep an offer is followed, as in a session (`ShellLimits.follow_depth`)."""


def offers_of(body: bytes, request: Request) -> Iterator[Request]:
    """The places that a script names, each once, as offers of the same session.

    O(emulated steps), which the shell bounds.
    """
    if request.depth >= MAX_DEPTH or not is_shell_script(body):
        return
    found: dict[str, Offer] = {}
    for effect in effects_of(body[:MAX_SCRIPT_BYTES]):
        if isinstance(effect, Offer):
            found.setdefault(effect.url, effect)
    for number, offer in enumerate(found.values(), start=1):
        yield msgspec.structs.replace(
            request,
            url=text(offer.url.encode("utf-8", "surrogateescape")),
            offer=f"{request.offer}.{number}",
            user_agent=offer.user_agent,
            tool=offer.tool,
            depth=request.depth + 1 + offer.depth,
        )
