"""The server's errors are told apart by what to do about them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from mead.bus.answers import Done, Stored, decode
from mead.bus.connection import BusAwayError, BusFullError, BusRefusedError


def answer(data: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> Msg:
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return Msg(Client(), subject="inbox", data=raw, headers=headers)


def error(code: int, err_code: int, description: str) -> Msg:
    return answer({"error": {"code": code, "err_code": err_code, "description": description}})


def test_an_answer_is_what_was_asked_for() -> None:
    stored = decode(answer({"stream": "EVENTS_s1", "seq": 7, "domain": "x"}), Stored)
    assert (stored.stream, stored.sequence, stored.duplicate, stored.count) == ("EVENTS_s1", 7, False, 1)
    together = decode(answer({"stream": "BODIES", "seq": 9, "batch": "b", "count": 3}), Stored)
    assert together.count == 3


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (answer(b"", {"Status": "503"}), BusAwayError),
        (error(503, 10008, "jetstream system temporarily unavailable"), BusAwayError),
        (error(503, 10077, "maximum bytes exceeded"), BusFullError),
        (error(503, 10077, "write /x/1.blk: no space left on device"), BusFullError),
        (error(500, 10047, "insufficient storage resources available"), BusFullError),
        (error(503, 10077, "maximum messages per subject exceeded"), BusRefusedError),
        (error(404, 10059, "stream not found"), BusRefusedError),
    ],
)
def test_errors_are_told_apart(message: Msg, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        decode(message, Done)


def test_a_refusal_keeps_code_and_words() -> None:
    with pytest.raises(BusRefusedError, match=r"stream not found \(10059\)") as refused:
        decode(error(404, 10059, "stream not found"), Done)
    assert refused.value.code == 10059
