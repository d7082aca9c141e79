# SPDX-License-Identifier: Apache-2.0
"""One process's connection to the bus, which comes back by itself.

nats-py can reconnect, but it then replays what it had buffered and leaves callers waiting for answers that
never come. Here a lost connection fails every waiting call at once with `BusAwayError`, and a new one is made
from the address file (the server may have moved). Who reads or publishes starts over from what was
acknowledged; nothing in between is guessed.

Counterpart: `mead.bus.server`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias, TypeVar

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from mead.bus import streams
from mead.bus.address import BusAddress
from mead.bus.answers import (
    NAME_IN_USE,
    NO_STREAM,
    NOT_THERE,
    NOT_TOGETHER,
    Done,
    Got,
    Held,
    Stored,
    StreamInfo,
    StreamNames,
    decode,
)
from mead.bus.connection import BusAwayError, BusFullError, BusRefusedError, Connection, Inbox, Subscription
from mead.clock import Clock, SystemClock
from mead.errors import BusError

__all__ = [
    "NO_STREAM",
    "Bus",
    "BusAddress",
    "BusAwayError",
    "BusFullError",
    "BusRefusedError",
    "Held",
    "Inbox",
    "Stored",
    "StreamInfo",
    "Together",
]

_log = logging.getLogger(__name__)

T = TypeVar("T")
Together: TypeAlias = tuple[str, bytes, Mapping[str, str]]
"""Subject, content and headers of a message that is published with others."""

_API = "$JS.API"
_ANSWER_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_SEQUENCES_PER_SECOND = 1000


class Bus:
    """The bus as one process sees it; made by `Bus.connect`."""

    def __init__(
        self, address: BusAddress, name: str, settings: streams.StreamSettings, clock: Clock
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._address = address
        self._name = name
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._connected_at = 0.0
        self._known: set[str] = set()
        self._ensuring = asyncio.Lock()
        self._over = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        address: BusAddress,
        *,
        name: str = "mead",
        settings: streams.StreamSettings | None = None,
        clock: Clock | None = None,
        timeout_seconds: float = 10.0,
    ) -> AsyncIterator[Bus]:
        """Connect, and stay connected until the end of the block.

        Raises:
            BusError: the bus cannot be reached within `timeout_seconds`, or refuses the key.
        """
        bus = cls(address, name, settings or streams.StreamSettings(), clock or SystemClock())
        await bus._open(timeout_seconds)
        keeper = asyncio.create_task(bus._keep(), name=f"bus connection of {name}")
        try:
            yield bus
        finally:
            bus._over = True  # nats-py, while it connects, may overhear that the keeper is cancelled
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await bus._drop()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connected.is_set()

    @property
    def connected_seconds(self) -> float:
        """How long the present connection has held; 0 without one."""
        return asyncio.get_running_loop().time() - self._connected_at if self.connected else 0.0

    async def wait_connected(self) -> None:
        """Return when there is a connection."""
        await self._connected.wait()

    async def pause(self) -> None:
        """What to do before trying again after `BusAwayError`: wait for the bus, and never spin."""
        await asyncio.sleep(_FIRST_PAUSE_SECONDS)
        await self._connected.wait()

    async def _open(self, timeout_seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            try:
                return await self._try()
            except BusAwayError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)

    async def _try(self) -> None:
        address = self._address.current()
        connection = Connection()
        try:
            await connection.open(address, self._name)
        except (NatsError, OSError, TimeoutError) as error:
            cause = connection.error or error
            if "authorization" in f"{cause} {error}".lower():
                raise BusError(
                    f"the bus at {address.url} refuses the key {address.nkey_seed_path}"
                ) from error
            raise BusAwayError(
                f"the bus at {address.url} cannot be reached ({cause}): is `mead run` running?"
            ) from error
        self._connection = connection
        self._connected_at = asyncio.get_running_loop().time()
        self._connected.set()

    async def _keep(self) -> None:
        """Make a new connection whenever one is lost."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._over:
            if self._connection:
                await self._until_lost(self._connection)
                _log.info("the bus is away; trying to come back")
                await self._drop()
            try:
                await self._try()
                pause = _FIRST_PAUSE_SECONDS
                _log.info("the bus is back")
            except BusError as error:
                _log.debug("%s; next try in %.2f s", error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _until_lost(self, connection: Connection) -> None:
        """Mostly it is told; now and then it looks, since nats-py does not always tell."""
        while connection.alive:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):  # wait_for may overhear that we are cancelled
                    await connection.lost.wait()

    async def _drop(self) -> None:
        self._connected.clear()
        self._known.clear()  # a server that comes back may have another store
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    def _live(self) -> Connection:
        if self._connection is None or not self._connection.alive:
            raise BusAwayError("the bus is away")
        return self._connection

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float = _ANSWER_SECONDS,
    ) -> Msg:
        """Send and wait for one answer.

        Raises:
            BusAwayError: not connected, connection lost while waiting, or no answer in time. A missing
                permission looks the same; the server's reason is then in the message.
        """
        return await self._live().request(subject, data, headers, timeout_seconds)

    async def send(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send without waiting for anything."""
        await self._live().send(subject, data, reply, None)

    async def inbox(self) -> Inbox:
        """A subject of our own and what arrives there."""
        subscription = Subscription(self._live())
        await subscription.open()
        return subscription

    async def publish(
        self, subject: str, data: bytes, *, message_id: str = "", headers: Mapping[str, str] | None = None
    ) -> Stored:
        """Put a message into the stream that listens to `subject`; durable when this returns.

        Raises:
            BusFullError: no room; try later.
            BusAwayError: no answer; the message may or may not be there. With the same `message_id` it can be
                sent again within the stream's duplicate window.
            BusRefusedError: anything else that the server says.
        """
        fields = dict(headers or {})
        if message_id:
            fields["Nats-Msg-Id"] = message_id
        try:
            return decode(await self.request(subject, data, fields or None), Stored)
        except BusFullError:
            raise
        except BusAwayError:
            self._known.clear()  # perhaps somebody removed the stream: `ensure` makes it again
            raise

    async def publish_together(self, messages: Sequence[Together]) -> None:
        """Put messages into one stream that allows it, all or none; durable when this returns.

        The server writes them through once and not one by one. nats-server 2.12 and newer can do it.

        Raises:
            BusFullError: no room; try later.
            BusAwayError: no answer; they may or may not be there.
            BusRefusedError: one of them finds its place filled, or the server or the stream does not take
                messages together; some of them may be there.
        """
        token = secrets.token_hex(8)
        last = len(messages)
        for number, (subject, data, headers) in enumerate(messages, 1):
            fields = {**headers, "Nats-Batch-Id": token, "Nats-Batch-Sequence": str(number)}
            if number < last:
                await self._live().send(subject, data, "", fields)
            else:
                fields["Nats-Batch-Commit"] = "1"
                stored = decode(await self.request(subject, data, fields), Stored)
        if stored.count != last:
            text = "the bus takes no messages together: its nats-server is older than 2.12"
            raise BusRefusedError(text, NOT_TOGETHER)

    async def api(self, verb: str, body: object, answer: type[T]) -> T:
        """One call of JetStream's API, `verb` without its prefix; errors as of `publish`."""
        return decode(await self.request(f"{_API}.{verb}", msgspec.json.encode(body)), answer)

    async def stream_for(self, sensor: str) -> str:
        """The name of the stream of `sensor`, made if it is not there.

        It begins above every sequence that an earlier stream of that name can have reached, so that
        (stream, sequence) stays unique even when the bus's directory was removed.
        """
        first = int(self.clock.now().timestamp()) * _SEQUENCES_PER_SECOND
        return await self.ensure(streams.event_stream(sensor, self.settings, first))

    async def ensure(self, wanted: streams.StreamConfig) -> str:
        """Make the stream `wanted`, or give it the wanted limits; returns its name."""
        async with self._ensuring:
            if wanted.name not in self._known:
                try:
                    await self._make(wanted)
                except BusRefusedError as error:
                    if error.code != NAME_IN_USE:
                        raise
                    await self._make(wanted)  # another process made it in between
                self._known.add(wanted.name)
        return wanted.name

    async def _make(self, wanted: streams.StreamConfig) -> None:
        fields = {key: value for key, value in msgspec.to_builtins(wanted).items() if key != "first_seq"}
        info = await self.stream_info(wanted.name)
        if info is None:
            await self.api(f"STREAM.CREATE.{wanted.name}", wanted, Done)
        elif any(info.config.get(key, value) != value for key, value in fields.items() if value):
            await self.api(f"STREAM.UPDATE.{wanted.name}", info.config | fields, Done)

    async def stream_info(self, stream: str, subjects: str = "", offset: int = 0) -> StreamInfo | None:
        """What is in a stream; with `subjects`, also how many messages each matching subject has."""
        body = {"subjects_filter": subjects, "offset": offset} if subjects else {}
        try:
            return await self.api(f"STREAM.INFO.{stream}", body, StreamInfo)
        except BusRefusedError as error:
            if error.code == NO_STREAM:
                return None
            raise

    async def event_streams(self) -> list[str]:
        """The streams of all sensors that ever published on this bus."""
        return await self.stream_names("in.>")

    async def stream_names(self, subject: str) -> list[str]:
        """The streams that listen to a subject."""
        names: list[str] = []
        while True:
            page = await self.api("STREAM.NAMES", {"subject": subject, "offset": len(names)}, StreamNames)
            names.extend(page.streams or [])
            if not page.streams or len(names) >= page.total:
                return sorted(names)

    async def purge(self, stream: str, *, below: int = 0, subject: str = "") -> None:
        """Remove messages below a sequence, or those of one subject."""
        body: dict[str, object] = {"seq": below} if below else {"filter": subject}
        await self.api(f"STREAM.PURGE.{stream}", body, Done)

    async def get(self, stream: str, sequence: int, *, following: str = "") -> Held | None:
        """The message with that sequence; with `following`, the first of that subject from there on."""
        body: dict[str, object] = {"seq": sequence}
        if following:
            body["next_by_subj"] = following
        try:
            return (await self.api(f"STREAM.MSG.GET.{stream}", body, Got)).message
        except BusRefusedError as error:
            if error.code in NOT_THERE:
                return None
            raise

    async def last(self, stream: str, subject: str) -> Msg | None:
        """The last message of a subject in a stream that allows direct access."""
        message = await self.request(f"{_API}.DIRECT.GET.{stream}.{subject}")
        status = (message.headers or {}).get("Status")
        if status == "503":
            raise BusAwayError(f"{stream} is not there yet")
        return None if status else message

    async def delete(self, stream: str, sequence: int) -> None:
        """Remove one message; nothing happens when it is not there."""
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence}, Done)
        except BusRefusedError as error:
            if error.code not in NOT_THERE:
                raise
