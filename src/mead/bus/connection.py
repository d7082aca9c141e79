# SPDX-License-Identifier: Apache-2.0
"""One connection to the bus, from its making to its loss; it never comes back.

The only module that touches nats-py's client. When the connection is lost, everybody who waits on it gets
`BusAwayError` at once; `mead.bus.client.Bus` then makes the next one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError
from nats.errors import StaleConnectionError

from mead.bus.address import BusAddress
from mead.errors import BusError

__all__ = ["BusAwayError", "BusFullError", "BusRefusedError", "Connection", "Inbox", "Subscription"]

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_PING_SECONDS = 5
_CLOSE_TRIES = 3
_HEADER_BYTES = 1024
"""Room for headers in a message: beyond its limit the server does not refuse, it hangs up."""


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


class Inbox(Protocol):
    """Messages sent to a subject of our own."""

    subject: str

    async def next(self, timeout_seconds: float) -> Msg:
        """The next message; `BusAwayError` when the connection is lost, `TimeoutError` when none comes."""

    async def drain(self) -> list[Msg]:
        """Stop receiving; what had arrived and was not taken yet."""

    async def close(self) -> None:
        """Stop receiving."""


class Connection:
    """One connection, from its making to its loss. It never comes back; `Bus` makes a new one."""

    def __init__(self) -> None:
        self.client = Client()
        self.lost = asyncio.Event()
        self.waiting: dict[str, asyncio.Future[Msg]] = {}
        self.queues: set[asyncio.Queue[Msg | None]] = set()
        self.inbox = ""
        self.error: Exception | None = None
        self._tokens = itertools.count()
        self._whole = False

    async def open(self, address: BusAddress, name: str) -> None:
        seed = address.seed().decode("ascii")
        try:
            await self.client.connect(
                address.url,
                name=name,
                nkeys_seed_str=seed,
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

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return not self.lost.is_set() and self.client.is_connected

    async def close(self) -> None:
        """End it, whatever state it is in.

        nats-py flushes while it closes. On a broken socket that fails half way, and closing again then does
        nothing: sockets and tasks would stay. So it is told that it is not closed yet.
        """
        for _ in range(_CLOSE_TRIES):
            if self._whole:
                break
            if self.client.is_closed:
                self.client._status = Client.DISCONNECTED  # noqa: SLF001 - see above
            try:
                with suppress(OSError, NatsError, AssertionError):  # the last: it never began to connect
                    await self.client.close()
            except asyncio.CancelledError:
                # Of a socket that is closed already: its waiter was cancelled with nats-py's reading task.
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
        self.give_up()

    async def _failed(self, error: Exception) -> None:
        self.error = error
        _log.debug("bus connection: %s", error)
        if self.inbox and isinstance(error, (OSError, StaleConnectionError)):
            self.give_up()

    async def _closed(self) -> None:
        self._whole = True
        self.give_up()

    def give_up(self) -> None:
        """Tell everybody who waits that nothing will come any more."""
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
        if len(data) + _HEADER_BYTES > self.client.max_payload:
            raise BusRefusedError(
                f"a message of {len(data)} bytes does not travel,"
                f" at most {self.client.max_payload - _HEADER_BYTES} do (bus.max_payload_bytes)"
            )
        try:
            await self.client.publish(subject, data, reply=reply, headers=dict(headers) if headers else None)
        except (NatsError, OSError) as error:
            if not self.client.is_connected:
                self.give_up()
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


class Subscription:
    """An inbox for as long as its connection lives."""

    def __init__(self, connection: Connection) -> None:
        self.subject = connection.client.new_inbox()
        self._connection = connection
        self._queue: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._registered: NatsSubscription | None = None

    async def open(self) -> None:
        self._connection.queues.add(self._queue)
        try:
            self._registered = await self._connection.client.subscribe(self.subject, cb=self._queue.put)
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

    async def drain(self) -> list[Msg]:
        if self._registered:
            with suppress(NatsError, OSError, TimeoutError):
                await self._registered.drain()  # type: ignore[no-untyped-call]  # nats-py left it out
                self._registered = None
        left = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        return [message for message in left if message is not None]

    async def close(self) -> None:
        self._connection.queues.discard(self._queue)
        if self._registered:
            with suppress(NatsError, OSError):
                await self._registered.unsubscribe()
