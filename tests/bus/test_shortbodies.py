"""Short bodies leave together when they are many, and none is the worse for it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence

import msgspec
import pytest

from mead.bus import streams
from mead.bus.answers import NOT_TOGETHER
from mead.bus.bodies import BodyReceiver, BodySender
from mead.bus.client import Bus, BusRefusedError, Stored, Together
from mead.bus.server import NatsServer

Kill = Callable[[NatsServer], None]


def bodies(count: int) -> dict[str, bytes]:
    made = [b"transcript %d" % number for number in range(count)]
    return {hashlib.sha256(data).hexdigest(): data for data in made}


async def on_bus(bus: Bus) -> int:
    info = await bus.stream_info(streams.BODIES)
    return info.state.messages if info else 0


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many left together, each time."""
    sizes: list[int] = []
    real = Bus.publish_together

    async def watch(self: Bus, messages: Sequence[Together]) -> None:
        sizes.append(len(messages))
        await real(self, messages)

    monkeypatch.setattr(Bus, "publish_together", watch)
    return sizes


@pytest.fixture
def singles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Subjects that were published alone."""
    subjects: list[str] = []
    real = Bus.publish

    async def watch(self: Bus, subject: str, data: bytes, **options: object) -> Stored:
        subjects.append(subject)
        return await real(self, subject, data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Bus, "publish", watch)
    return subjects


async def test_many_leave_together_and_arrive_whole(bus: Bus, batches: list[int]) -> None:
    wanted = bodies(450)
    sender = BodySender(bus)
    assert set(await asyncio.gather(*map(sender.put, wanted.values()))) == set(wanted)
    assert batches == [200, 200, 50]
    assert await on_bus(bus) == 450
    receiver = BodyReceiver(bus)
    for sha256, data in wanted.items():
        assert await receiver.take(sha256) == data


async def test_few_leave_alone(bus: Bus, batches: list[int], singles: list[str]) -> None:
    sender = BodySender(bus)
    await asyncio.gather(*map(sender.put, bodies(5).values()))
    assert not batches
    assert len(singles) == 5
    assert await on_bus(bus) == 5


async def test_one_that_is_there_already_holds_up_none(bus: Bus, batches: list[int]) -> None:
    wanted = bodies(20)
    await BodySender(bus).put(wanted[next(reversed(wanted))])
    sender = BodySender(bus)
    await asyncio.gather(*map(sender.put, wanted.values()))
    assert await on_bus(bus) == 20
    await asyncio.gather(*(sender.put(b"more %d" % number) for number in range(20)))
    assert batches == [20, 20], "what was refused once for a body that was there is tried again"


async def test_a_stream_of_an_older_mead_gets_them_one_by_one(
    bus: Bus, batches: list[int], singles: list[str]
) -> None:
    await bus.ensure(msgspec.structs.replace(streams.bodies_stream(bus.settings), allow_atomic=False))
    sender = BodySender(bus)
    for _ in range(2):
        await asyncio.gather(*(sender.put(random.Random(len(singles) + n).randbytes(9)) for n in range(10)))
    assert batches == [10], "it is not tried again"
    assert len(singles) == await on_bus(bus) == 20


async def test_an_older_server_is_found_out(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    real = Bus.request

    async def without_batches(self: Bus, subject: str, data: bytes, *_: object) -> object:
        return await real(self, subject, data)

    monkeypatch.setattr(Bus, "request", without_batches)
    messages = [(streams.body_subject(sha256, 0), data, {}) for sha256, data in bodies(3).items()]
    with pytest.raises(BusRefusedError, match="nats-server is older") as refused:
        await bus.publish_together(messages)
    assert refused.value.code == NOT_TOGETHER


async def test_a_refusal_for_the_moment_is_not_for_ever(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, singles: list[str]
) -> None:
    refusals = [BusRefusedError("the bus refuses: batch publish too many inflight (10210)", 10210)]
    real = Bus.publish_together

    async def refuses(self: Bus, messages: Sequence[Together]) -> None:
        if refusals:
            raise refusals.pop()
        await real(self, messages)

    monkeypatch.setattr(Bus, "publish_together", refuses)
    sender = BodySender(bus)
    for start in (0, 10):
        await asyncio.gather(*(sender.put(b"transcript %d" % (start + number)) for number in range(10)))
    assert len(singles) == 10, "the second ten left together"
    assert await on_bus(bus) == 20


async def test_a_failure_is_told_to_whom_it_concerns(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    sender, wanted = BodySender(bus), bodies(4)
    real, bad = BodySender._try, next(iter(wanted))

    async def fails(self: BodySender, sha256: str, data: bytes) -> bool:
        if sha256 == bad:
            raise BusRefusedError("not this one", 10059)
        return await real(self, sha256, data)

    monkeypatch.setattr(BodySender, "_try", fails)
    results = await asyncio.gather(*map(sender.put, wanted.values()), return_exceptions=True)
    assert isinstance(results[0], BusRefusedError)
    assert results[1:] == list(wanted)[1:]


async def test_what_was_said_to_be_durable_is_there_after_kill_9(
    server: NatsServer, bus: Bus, kill: Kill, batches: list[int]
) -> None:
    draw, sender, done = random.Random(5), BodySender(bus), set[str]()

    async def bring(number: int) -> None:
        await asyncio.sleep(draw.random() * 0.5)
        done.add(await sender.put(b"transcript %d of a session" % number))

    tasks = [asyncio.create_task(bring(number)) for number in range(1500)]
    for _ in range(3):
        await asyncio.sleep(0.1)
        kill(server)
        said = set(done)
        await server.wait_ready()
        await bus.wait_connected()
        receiver = BodyReceiver(bus)
        for sha256 in draw.sample(sorted(said), min(len(said), 50)):
            assert await receiver.take(sha256) is not None
    await asyncio.gather(*tasks)
    assert await on_bus(bus) == len(done) == 1500
    assert any(size > 8 for size in batches)


async def test_a_sender_can_give_up_what_is_gathered(server: NatsServer, bus: Bus, kill: Kill) -> None:
    await server.__aexit__(None, None, None)
    sender = BodySender(bus)
    waiting = [asyncio.create_task(sender.put(data)) for data in bodies(30).values()]
    await asyncio.sleep(0.05)
    await sender.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
