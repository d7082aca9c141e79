# SPDX-License-Identifier: Apache-2.0
"""One jailed process seen from outside: hand it a job, read its answer, kill it, say why it died."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
import time

import msgspec

from mead.jail.limits import Failure, JailLimits
from mead.jail.spawn import Template
from mead.jail.template import ENDED, FRAME, Answer

__all__ = ["Child"]

_START_SECONDS = 20.0
_DEATH_SECONDS = 10.0
_ENVELOPE_BYTES = 4096


class _Ended(Exception):  # noqa: N818 - a turn of the protocol, not an error
    """The child has closed its side."""


class Child:
    """One jailed process and what we know of it."""

    def __init__(self, template: Template, limits: JailLimits) -> None:
        self.limits = limits
        self.jobs_done = 0
        self.level = ""
        self._cpu_seconds = 0.0
        self._wall_seconds = _START_SECONDS
        self._end: tuple[int, float] | None = None
        self._dead = False
        self._lock = threading.Lock()
        self._jobs, self._report = template.order(limits)

    def start(self) -> Answer:
        """Wait until it is confined."""
        answer = self._answer(time.monotonic() + _START_SECONDS)
        self.level = answer.level
        return answer

    def work(self, request: bytes, wall_seconds: float) -> Answer:
        """Hand it one job and wait for the answer, its death or the time limit."""
        self._wall_seconds = min(wall_seconds, self.limits.wall_seconds)
        deadline = time.monotonic() + self._wall_seconds
        try:
            self._send(request, deadline)
        except (TimeoutError, OSError):
            return self._failed(deadline)
        answer = self._answer(deadline)
        self.jobs_done += 1
        self._cpu_seconds += answer.cpu_seconds
        return answer

    def interrupt(self) -> None:
        """Have it killed without waiting; may be called while another thread waits for its answer."""
        with contextlib.suppress(OSError):
            self._report.send(b"k", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def kill(self) -> tuple[int, float] | None:
        """Kill it with all its group; its wait status and processor time, if the template still tells."""
        with self._lock:
            if not self._dead:
                self._dead = True
                self.interrupt()
                self._report.settimeout(_DEATH_SECONDS)
                told = b""
                with contextlib.suppress(OSError):
                    told = self._report.recv(ENDED.size)
                self._report.close()
                self._jobs.close()
                self._end = ENDED.unpack(told) if len(told) == ENDED.size else None
            return self._end

    def _answer(self, deadline: float) -> Answer:
        try:
            size = FRAME.unpack(self._receive(FRAME.size, deadline))[0]
            if size > self.limits.result_bytes + _ENVELOPE_BYTES:
                return Answer(
                    "result", f"the result has {size} bytes, allowed are {self.limits.result_bytes}"
                )
            return msgspec.msgpack.decode(self._receive(size, deadline), type=Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Answer("result", f"the child's answer cannot be read: {error}")
        except (TimeoutError, _Ended, OSError):
            return self._failed(deadline)

    def _failed(self, deadline: float) -> Answer:
        late = time.monotonic() >= deadline
        ended = self.kill()
        if ended is None:
            return Answer("crash", "the child and its template are gone")
        status, cpu_seconds = ended
        used = max(0.0, cpu_seconds - self._cpu_seconds)
        if late:
            return Answer("timeout", f"more than {self._wall_seconds:g} seconds", "", used)
        failure, reason = _cause(status, self.limits)
        return Answer(failure, reason, "", used)

    def _send(self, request: bytes, deadline: float) -> None:
        view = memoryview(FRAME.pack(len(request)) + request)
        while view:
            self._wait(select.POLLOUT, deadline)
            view = view[self._jobs.send(view[: 1 << 20], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]

    def _receive(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(select.POLLIN, deadline)
            part = self._jobs.recv(min(size - len(parts), 1 << 20), socket.MSG_DONTWAIT)
            if not part:
                raise _Ended
            parts += part
        return bytes(parts)

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._jobs, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError


def _cause(status: int, limits: JailLimits) -> tuple[Failure, str]:
    """What a wait status says about why a child died by itself."""
    code = -(status & 0x7F) if status & 0x7F else status >> 8
    if code >= 0:
        return "crash", f"the child exited with status {code}"
    number = -code
    if number == signal.SIGXCPU:
        return "cpu", f"more than {limits.cpu_seconds} seconds of processor time"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL:
        return "crash", f"the child was killed by {name} (by the kernel: out of memory, or a forbidden call)"
    return "crash", f"the child was killed by {name}"
