"""Bodies are durable before they are counted, and everything a session brings is bounded."""

from __future__ import annotations

import asyncio
from typing import Any

from mead.errors import BusError
from mead.sensors.desk import CaptureSettings
from mead.shell.effects import Decoded, Executed, FileWritten, Limit, Offer, Ran, Reply


class Shell:
    def __init__(self) -> Any:
        self.delivered = []

    def deliver(self, url: Any, body: Any) -> Any:
        self.delivered.append((url, body))
        return Reply(b"", (), 0)


def offer(url: Any = "http://198.51.100.9/a", tool: Any = "wget", depth: Any = 0) -> Any:
    return Offer(url, tool, "/tmp/a", "Wget/1.21", depth)


async def test_a_body_is_durable_before_it_is_counted(bench: Any) -> Any:
    b = bench("telnet")
    durable = asyncio.Event()
    put = b.bodies.put

    async def slow(data: Any) -> Any:
        await durable.wait()
        return await put(data)

    b.bodies.put = slow
    b.capture.body(b"payload", how="scp", name="x", path="/tmp/x")
    b.capture.finish("closed by peer")
    await asyncio.sleep(0)
    assert b.events == []
    durable.set()
    await b.desk.drain(5)
    assert [event.kind for event in b.events] == ["file.uploaded", "sample.captured", "session.close"]


async def test_a_file_that_grows_is_one_body(bench: Any) -> Any:
    b = bench("telnet")
    for end in (10, 20, 30):
        b.capture.effects([FileWritten("/tmp/x", b"A" * end, "echo")], None)
    b.capture.finish("closed by peer")
    await b.desk.drain(5)
    assert [event.size for event in b.events.of("sample.captured")] == [30]


async def test_a_file_that_is_replaced_was_a_body_too(bench: Any) -> Any:
    b = bench("telnet")
    b.capture.effects([FileWritten("/tmp/x", b"first", "echo"), FileWritten("/tmp/x", b"other", "cat")], None)
    b.capture.finish("closed by peer")
    await b.desk.drain(5)
    assert {b.bodies[event.sha256] for event in b.events.of("sample.captured")} == {b"first", b"other"}


async def test_effects_become_events(bench: Any) -> Any:
    b = bench("telnet")
    b.capture.effects(
        [
            Ran(("wget", "x"), 0, 0),
            Ran(("chmod", "777", "a b"), 0, 2),
            Decoded("base64", b"#!/bin/sh"),
            Executed("/tmp/x", "./x arg", b"\x7fELF", None),
            Limit("steps", 5, "steps"),
        ],
        None,
    )
    b.capture.finish("closed by peer")
    await b.desk.drain(5)
    assert [(event.command, event.depth) for event in b.events.of("command.input")] == [
        ("chmod 777 'a b'", 2)
    ]
    assert b.bodies[b.events.of("layer.decoded")[0].sha256] == b"#!/bin/sh"
    assert b.events.of("program.executed")[0].command == "./x arg"
    assert b.events.of("limit.reached")[0].limit == "steps"


async def test_each_tool_that_offers_a_place_has_an_outcome_of_its_own(bench: Any) -> Any:
    asked = []

    async def follow(offer: Any, publish: Any) -> Any:
        asked.append((offer.offer, offer.tool))
        return b"body"

    b, shell = bench("telnet", follow=follow), Shell()
    b.capture.effects([offer(), offer(), offer(tool="curl")], shell)
    await b.desk.drain(5)
    assert asked == [(event.offer, event.tool) for event in b.events.of("offer.seen")]
    assert [tool for _, tool in asked] == ["wget", "curl"]
    assert [event.offer for event in b.events.of("sample.captured")] == [offer for offer, _ in asked]
    assert shell.delivered == [("http://198.51.100.9/a", b"body")] * 2


async def test_a_failed_fetch_is_told_to_the_shell(bench: Any) -> Any:
    async def follow(offer: Any, publish: Any) -> Any:
        return None

    b, shell = bench("telnet", follow=follow), Shell()
    b.capture.effects([offer()], shell)
    await b.desk.drain(5)
    assert shell.delivered == [("http://198.51.100.9/a", None)]
    assert b.events.of("sample.captured") == []


async def test_offers_and_bodies_of_a_session_are_bounded(bench: Any) -> Any:
    settings = CaptureSettings(
        max_offers_per_session=3, max_bodies_per_session=2, max_body_bytes=4, max_pending_bytes=100
    )
    b = bench("telnet", settings=settings)
    b.capture.effects([offer(f"http://198.51.100.9/{n}") for n in range(9)], None)
    for n in range(5):
        b.capture.body(b"%d" % n * 50, how="scp", name="n")
    b.capture.finish("closed by peer")
    await b.desk.drain(5)
    assert len(b.events.of("offer.seen")) == 3
    assert [event.size for event in b.events.of("sample.captured")] == [4, 4]
    assert {event.limit for event in b.events.of("limit.reached")} == {
        "max_offers_per_session", "max_bodies_per_session", "max_body_bytes",
    }  # fmt: skip


async def test_a_body_that_cannot_be_kept_is_counted_as_lost(bench: Any) -> Any:
    b = bench("telnet")

    async def fail(data: Any) -> Any:
        raise BusError("the bus is away")

    b.bodies.put = fail
    b.capture.body(b"payload", how="scp", name="x")
    b.capture.finish("closed by peer")
    await b.desk.drain(5)
    (loss,) = b.events.of("loss.counted")
    assert (loss.what, loss.count) == ("body", 1)
    assert b.events.of("sample.captured") == []
    assert b.events[-1].kind == "session.close"


async def test_bodies_waiting_for_the_bus_are_bounded_over_all_sessions(bench: Any) -> Any:
    b = bench("telnet", settings=CaptureSettings(max_pending_bytes=10))
    b.capture.body(b"x" * 8, how="scp", name="x")
    b.capture.body(b"y" * 8, how="scp", name="y")
    await b.desk.drain(5)
    assert len(b.events.of("sample.captured")) == 1
    assert b.events.of("loss.counted")[0].what == "body"
    assert b.desk.pending_bytes == 0


async def test_a_session_is_closed_also_when_its_bodies_are_given_up(bench: Any) -> None:
    b = bench("telnet")

    class Stuck:
        async def put(self, _: bytes) -> str:
            await asyncio.sleep(60)
            return ""

    b.desk.bodies = Stuck()
    b.capture.typed(b"root\r\n")
    b.capture.body(b"body", how="post", name="x")
    b.capture.finish("closed by peer")
    assert not b.events.of("session.close")
    assert await b.desk.drain(0.01) == 2
    (closed,) = b.events.of("session.close")
    assert (closed.reason, closed.transcript) == ("closed by peer", None)
    assert b.desk.pending_bytes == 0
