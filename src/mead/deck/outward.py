# SPDX-License-Identifier: Apache-2.0
"""What the egress settings come to, for the people who run the deck."""

from __future__ import annotations

from collections.abc import Iterator

from mead.deck.check import Item
from mead.egress.asn import open_asn_database
from mead.egress.policy import EgressSettings
from mead.errors import MeadError

__all__ = ["examine_egress", "policy_in_words"]

_WORDS = {
    "observe": "offers are recorded, not fetched; `mead init` asks",
    "queue": "offers wait for `mead worker --queues fetch`",
    "fetch": "offers are fetched at once",
}


def policy_in_words(settings: EgressSettings) -> str:
    """The policy and what it means."""
    words = _WORDS[settings.policy]
    if settings.allow_loopback_for_tests and settings.policy != "observe":
        words += ", from loopback only: allow_loopback_for_tests is on"
    return f"{settings.policy} ({words})"


def examine_egress(settings: EgressSettings) -> Iterator[Item]:
    """Which of the gate's bounds do not hold on this machine."""
    remedy = "set egress.asn_database to a MaxMind DB file of AS numbers (GeoLite2-ASN, DB-IP, IPinfo)"
    try:
        there = open_asn_database(settings.asn_database) is not None
    except MeadError as error:
        there, remedy = False, str(error)
    yield Item(
        "AS numbers", there, bool(settings.asn_database), "bounds fetches per autonomous system", remedy
    )
    yield Item(
        "egress to the world", not settings.allow_loopback_for_tests, False, "fetching what was offered",
        "take egress.allow_loopback_for_tests out of the configuration",
    )  # fmt: skip
