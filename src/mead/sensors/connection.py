# SPDX-License-Identifier: Apache-2.0
"""One connection: bytes to its dialogue, outputs to its socket, one turn at a time.

A peer can ask for much work in few bytes (a loop in the shell, a thousand requests in a packet). A turn is
one piece of it; then the other connections have theirs, and a turn that took long is followed by a rest.
While there is work, an answer waits for its time, or the peer does not read, nothing is read from it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mead.sensors.capture import Capture
from mead.sensors.dialogue import Context, Dialogue, Service, Work
from mead.sensors.session import Session
from mead.wire.core import Close, Fact, Output, Send, Wait

if TYPE_CHECKING:
    from mead.sensors.host import Host

__all__ = ["Connection"]

_FREE_SECONDS = 0.02
"""What a turn may take without a rest after it."""
_REST = 3.0
"""Length of a rest, in turns as long as the one before: no peer gets more than a quarter of a process."""
_MAX_WAIT_SECONDS = 30.0


class _Unopened(asyncio.Transport):
    """Stands for the transport of a connection that is accepted and not opened yet."""

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def is_closing(self) -> bool:
        return True


_UNOPENED = _Unopened()


class Connection(asyncio.Protocol):
    """One connection of a host."""

    __slots__ = (
        "_alarm", "_closing", "_dialogue", "_full", "_gone", "_host", "_last", "_left", "_paused", "_reason",
        "_service", "_since", "_timer", "_transport", "_until", "_work", "capture", "session",
    )  # fmt: skip

    def __init__(self, host: Host, service: Service, session: Session) -> None:
        self.session = session
        self.capture = Capture(session, host.desk)
        self._transport: asyncio.Transport = _UNOPENED
        self._host = host
        self._service = service
        self._since = self._last = asyncio.get_running_loop().time()
        self._dialogue: Dialogue | None = None
        self._reason = ""
        self._closing = self._left = self._gone = self._full = self._paused = False
        self._work: list[Work] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is not of asyncio's class
        if self._closing:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(self._host.limits.write_buffer_bytes)
        self._turn(self._begin)

    def data_received(self, data: bytes) -> None:
        dialogue = self._dialogue
        if dialogue is None or self._closing:
            return
        self._last = asyncio.get_running_loop().time()
        session, limit = self.session, self._host.limits.max_bytes_per_connection
        session.bytes_in += len(data)
        if session.bytes_in > limit:
            session.limit("max_bytes_per_connection", limit, "bytes")
            self.end("too many bytes")
            return
        self._turn(lambda: dialogue.receive(data))

    def eof_received(self) -> bool:
        dialogue = self._dialogue
        if dialogue is None or self._closing:
            return False
        self._reason = self._reason or "closed by peer"
        self._left = True
        self._turn(lambda: dialogue.receive(b""))
        return self._timer is not None or self._full

    def pause_writing(self) -> None:
        self._full = True
        self._hold()

    def resume_writing(self) -> None:
        self._full = False
        self._arrange()

    def connection_lost(self, exc: Exception | None) -> None:
        if self not in self._host.connections:
            return
        self._reason = self._reason or ("reset by peer" if exc else "closed by peer")
        self._gone = True
        self._arrange()

    # Called by dialogues and the host

    def send(self, data: bytes) -> None:
        """Send bytes to the peer."""
        if not self._closing and not self._gone:
            self.session.bytes_out += len(data)
            self._transport.write(data)

    def close(self, reason: str) -> None:
        """End the connection after what was sent."""
        self._over(reason)
        self._transport.close()

    def end(self, reason: str) -> None:
        """End the connection now, whether or not the peer reads."""
        self._over(reason)
        self._transport.abort()
        if self._gone:
            self._finish()

    def later(self, work: Work) -> None:
        """Do `work` at this connection's next turn."""
        if not self._closing:
            if self._work is None:
                self._work = []
            self._work.append(work)
            self._arrange()

    def alarm(self, seconds: float, work: Work) -> None:
        """Do `work` in so many seconds; an alarm that was set before is forgotten."""
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._closing and not self._gone:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._ring, work)

    def _ring(self, work: Work) -> None:
        self._alarm = None
        if not self._gone:
            self.later(work)

    def check(self, now: float) -> None:
        """Close the connection when it was silent or open for too long."""
        limits = self._host.limits
        if now - self._since > limits.session_seconds:
            self.session.limit("session_seconds", int(limits.session_seconds), "seconds")
            self.end("too long")
        elif now - self._last > limits.idle_seconds and self._timer is None:
            self.end("idle")

    # Turns

    def _begin(self) -> list[Output]:
        host = self._host
        context = Context(self.session, self.capture, host.persona, host.credentials, self)
        self._dialogue = self._service(context)
        return self._dialogue.open()

    def _turn(self, work: Work) -> None:
        """Do one piece of work; one that took long is followed by a rest."""
        clock = self._host.clock
        began = clock.monotonic()
        try:
            self._perform(work())
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self.session.failed(error)
            self.end("internal error")
            return
        spent = clock.monotonic() - began
        if spent > _FREE_SECONDS:
            self._rest(spent * _REST)
        self._arrange()

    def _rest(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._until = max(self._until, now + min(seconds, _MAX_WAIT_SECONDS))

    def _arrange(self) -> None:
        """Take the next turn when it is due; once nothing is left to do, read on or finish."""
        if self._timer is not None:
            return
        if self._work or self._until:
            self._hold()
            if self._gone or not self._full:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(max(0.0, self._until - loop.time()), self._next)
        elif self._gone:
            self._finish()
        elif self._left and not self._full:
            self.close("closed by peer")
        elif not self._full:
            self._release()

    def _next(self) -> None:
        self._timer = None
        self._until = 0.0
        if self._work:
            self._turn(self._work.pop(0))
        else:
            self._arrange()

    def _hold(self) -> None:
        """Read nothing for now; the peer's bytes wait in the kernel, and then at the peer."""
        if not self._paused and not self._gone and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _release(self) -> None:
        if self._paused and not self._gone and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _perform(self, outputs: list[Output]) -> None:
        pieces: list[bytes] = []
        for index, output in enumerate(outputs):
            if isinstance(output, Send):
                pieces.append(output.data)
            elif isinstance(output, Fact):
                self.session.observe(output)
            elif isinstance(output, Wait):
                self._put_off(outputs[index + 1 :], output.seconds)
                break
            elif isinstance(output, Close):
                self._flush(pieces)
                self.close(output.reason)
                return
        self._flush(pieces)

    def _flush(self, pieces: list[bytes]) -> None:
        if pieces:
            self.send(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            pieces.clear()

    def _put_off(self, rest: list[Output], seconds: float) -> None:
        """Say the rest after a while, and before anything else."""
        if not self._gone:
            self._rest(seconds)
        self._work = [lambda: rest, *(self._work or ())]

    # The end

    def _over(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._closing = True
        self._work = None
        self._until = 0.0
        for timer in (self._timer, self._alarm):
            if timer is not None:
                timer.cancel()
        self._timer = self._alarm = None

    def _finish(self) -> None:
        """Nothing more is to be done: close the books."""
        dialogue = self._dialogue
        if not self._host.leave(self):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._dialogue = None
        self._transport = _UNOPENED  # which holds us: the collector need not look for what is gone
        try:
            if dialogue is not None:
                dialogue.lost()
            self.capture.finish(self._reason)
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self.session.failed(error)
            self.session.closed("internal error")
