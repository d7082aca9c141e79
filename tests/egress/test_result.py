# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mead.egress.result import Request
from mead.model.event import OfferSeen


def test_a_request_keeps_the_identity_of_the_session() -> None:
    event = OfferSeen(
        time=datetime(2026, 1, 1, tzinfo=UTC), sensor="s", session="x", src="198.51.100.7", src_port=4,
        dst="192.0.2.8", dst_port=23, transport="tcp", service="telnet", offer="o", url="http://h.example/",
        tool="wget", user_agent="Wget", depth=1,
    )  # fmt: skip
    request = Request.of(event)
    assert (request.session, request.src, request.service, request.url, request.depth) == (
        "x", "198.51.100.7", "telnet", "http://h.example/", 1,
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request
