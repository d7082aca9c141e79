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
import itertools
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from mead.bus import streams
from mead.bus.address import BusAddress
from mead.clock import Clock, SystemClock
from mead.errors import BusError

__all__ = [
    "NO_STREAM",
    "Bus",
    "BusAddress",
    "BusAwayError",
    "BusFullError",
    "BusRefusedError",
    "Inbox",
    "Stored",
]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_API = "$JS.API"
_ANSWER_SECONDS = 10.0
_CONNECT_SECONDS = 2
_PING_SECONDS = 5
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
NO_STREAM = 10059
"""Error code of a stream that does not exist."""
_NO_MESSAGE = 10037
_NAME_IN_USE = 10058
_FULL = frozenset({10077, 10023, 10002, 10047})
"""Error codes of a stream, a server or an account without room."""
_SEQUENCES_PER_SECOND = 1000


class BusAwayError(BusError):
    """The bus does not answer now; the same call may succeed later."""


class BusFullError(BusAwayError):
    """The bus has no room now (discard new): back-pressure."""


class BusRefusedError(BusError):
    """The bus answered, and the answer is no.

    Attributes:
        code: the server's error number, as in its `errors.json`.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Stored(msgspec.Struct, frozen=True, rename={"sequence": "seq"}):
    """The server's word that a message is on disk."""

    stream: str
    sequence: int
    duplicate: bool = False
    """The message id was seen before; nothing was stored again."""


class _ApiError(msgspec.Struct, frozen=True):
    code: int
    err_code: int = 0
    description: str = ""


class _Failure(msgspec.Struct, frozen=True):
    error: _ApiError | None = None


class _StreamState(msgspec.Struct, frozen=True):
    messages: int
    first_seq: int
    last_seq: int
    subjects: dict[str, int] = {}


class StreamInfo(msgspec.Struct, frozen=True):
    """What the server says of a stream."""

    config: dict[str, Any]
    state: _StreamState
    total: int = 0


class _StreamNames(msgspec.Struct, frozen=True):
    total: int
    offset: int
    streams: list[str] | None = None


class _Done(msgspec.Struct, frozen=True):
    success: bool = True


class Inbox(Protocol):
    """Messages sent to a subject of our own."""

    subject: str

    async def next(self, timeout_seconds: float) -> Msg:
        """The next message; `BusAwayError` when the connection is lost, `TimeoutError` when none comes."""

    async def close(self) -> None:
        """Stop receiving."""


class _Connection:
    """One connection, from its making to its loss. It never comes back; `Bus` makes a new one."""

    def __init__(self) -> None:
        self.client = Client()
        self.lost = asyncio.Event()
        self.waiting: dict[str, asyncio.Future[Msg]] = {}
        self.queues: set[asyncio.Queue[Msg | None]] = set()
        self.inbox = ""
        self.error: Exception | None = None
        self._tokens = itertools.count()

    async def open(self, address: BusAddress, name: str) -> None:
        try:
            await self.client.connect(
                address.url,
                name=name,
                nkeys_seed_str=address.seed().decode("ascii", "replace"),
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_SECONDS,
                ping_interval=_PING_SECONDS,
                error_cb=self._failed,
                closed_cb=self._closed,
            )
            self.inbox = self.client.new_inbox()
            await self.client.subscribe(f"{self.inbox}.*", cb=self._answered)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self.client.close()
        await self._closed()

    async def _failed(self, error: Exception) -> None:
        self.error = error
        _log.debug("bus connection: %s", error)

    async def _closed(self) -> None:
        self.lost.set()
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(BusAwayError("the connection to the bus was lost"))
        for queue in self.queues:
            queue.put_nowait(None)

    async def _answered(self, message: Msg) -> None:
        future = self.waiting.get(message.subject.rpartition(".")[2])
        if future and not future.done():
            future.set_result(message)

    async def send(self, subject: str, data: bytes, reply: str, headers: Mapping[str, str] | None) -> None:
        try:
            await self.client.publish(subject, data, reply=reply, headers=dict(headers) if headers else None)
        except (NatsError, OSError) as error:
            raise BusAwayError(f"the bus took no message: {error}") from error

    async def request(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None, timeout_seconds: float
    ) -> Msg:
        token = str(next(self._tokens))
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self.waiting[token] = future
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.send(subject, data, f"{self.inbox}.{token}", headers)
                return await future
        except TimeoutError as error:
            why = f" ({self.error})" if self.error else ""
            raise BusAwayError(f"the bus gave no answer within {timeout_seconds:g} s{why}") from error
        finally:
            del self.waiting[token]
            if future.done() and not future.cancelled():
                future.exception()  # was raised above, or nobody waits any more


class _Subscription:
    """An inbox for as long as its connection lives."""

    def __init__(self, connection: _Connection) -> None:
        self.subject = connection.client.new_inbox()
        self._connection = connection
        self._queue: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._id: Any = None

    async def open(self) -> None:
        self._connection.queues.add(self._queue)
        try:
            self._id = await self._connection.client.subscribe(self.subject, cb=self._queue.put)
        except (NatsError, OSError) as error:
            self._connection.queues.discard(self._queue)
            raise BusAwayError(f"the bus cannot be listened to: {error}") from error

    async def next(self, timeout_seconds: float) -> Msg:
        async with asyncio.timeout(timeout_seconds):
            message = await self._queue.get()
        if message is None:
            self._queue.put_nowait(None)
            raise BusAwayError("the connection to the bus was lost")
        return message

    async def close(self) -> None:
        self._connection.queues.discard(self._queue)
        with suppress(NatsError, OSError):
            await self._id.unsubscribe()


class Bus:
    """The bus as one process sees it; made by `Bus.connect`."""

    def __init__(
        self, address: BusAddress, name: str, settings: streams.StreamSettings, clock: Clock
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._address = address
        self._name = name
        self._connection: _Connection | None = None
        self._connected = asyncio.Event()
        self._connected_at = 0.0
        self._known: set[str] = set()
        self._ensuring = asyncio.Lock()

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
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
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
        connection = _Connection()
        try:
            await connection.open(address, self._name)
        except (NatsError, OSError, TimeoutError, ValueError) as error:
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
        while True:
            if self._connection:
                await self._connection.lost.wait()
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

    async def _drop(self) -> None:
        self._connected.clear()
        self._known.clear()  # a server that comes back may have another store
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    def _live(self) -> _Connection:
        if self._connection is None or self._connection.lost.is_set():
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
        subscription = _Subscription(self._live())
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
        return _decode(await self.request(subject, data, fields or None), Stored)

    async def api(self, verb: str, body: object, answer: type[T]) -> T:
        """One call of JetStream's API, `verb` without its prefix; errors as of `publish`."""
        return _decode(await self.request(f"{_API}.{verb}", msgspec.json.encode(body)), answer)

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
                    if error.code != _NAME_IN_USE:
                        raise
                    await self._make(wanted)  # another process made it in between
                self._known.add(wanted.name)
        return wanted.name

    async def _make(self, wanted: streams.StreamConfig) -> None:
        fields = {key: value for key, value in msgspec.to_builtins(wanted).items() if key != "first_seq"}
        info = await self.stream_info(wanted.name)
        if info is None:
            await self.api(f"STREAM.CREATE.{wanted.name}", wanted, _Done)
        elif any(info.config.get(key, value) != value for key, value in fields.items() if value):
            await self.api(f"STREAM.UPDATE.{wanted.name}", info.config | fields, _Done)

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
        names: list[str] = []
        while True:
            page = await self.api("STREAM.NAMES", {"subject": "in.>", "offset": len(names)}, _StreamNames)
            names.extend(page.streams or [])
            if not page.streams or len(names) >= page.total:
                return sorted(names)

    async def purge(self, stream: str, *, below: int = 0, subject: str = "") -> None:
        """Remove messages below a sequence, or those of one subject."""
        body: dict[str, object] = {"seq": below} if below else {"filter": subject}
        await self.api(f"STREAM.PURGE.{stream}", body, _Done)

    async def delete(self, stream: str, sequence: int) -> None:
        """Remove one message; nothing happens when it is not there."""
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence}, _Done)
        except BusRefusedError as error:
            if error.code not in {_NO_MESSAGE, 10043, 10057}:
                raise


def _decode(message: Msg, answer: type[T]) -> T:
    """The answer of the server, or its error as an exception."""
    status = (message.headers or {}).get("Status")
    if status == "503":
        raise BusAwayError(
            "nobody on the bus answers to this: the stream is missing or JetStream is starting"
        )
    failure = msgspec.json.decode(message.data, type=_Failure).error
    if failure is None:
        return msgspec.json.decode(message.data, type=answer)
    text = f"the bus refuses: {failure.description} ({failure.err_code})"
    if failure.err_code in _FULL and "per subject" not in failure.description:
        raise BusFullError(text)
    if failure.code == 503:
        raise BusAwayError(text)
    raise BusRefusedError(text, failure.err_code)
