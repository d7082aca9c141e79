# SPDX-License-Identifier: Apache-2.0
"""What a session brings, made durable and told: files, offers, decoded layers, programs, transcript.

A body is durable before the event that counts it (`sample.captured`, `file.uploaded`, `fetch.done`).
Offers are followed while the session goes on and after it; what they give is handed back to the shell
that made them, so that scripts are followed where they were started.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Coroutine, Iterable
from hashlib import sha256
from typing import Any, Protocol

from mead.egress.telling import name_in
from mead.errors import MeadError
from mead.model.codec import excerpt, text
from mead.model.event import (
    CommandInput,
    FetchRefused,
    FileUploaded,
    LayerDecoded,
    LossCounted,
    OfferSeen,
    PayloadReceived,
    ProgramExecuted,
    SampleCaptured,
)
from mead.sensors.desk import Desk, Follow
from mead.sensors.session import Session
from mead.sensors.transcript import Transcript
from mead.shell.effects import Decoded, Effect, Executed, FileWritten, Limit, Offer, Ran, Reply

__all__ = ["Capture"]


class Delivered(Protocol):
    """The part of a shell that takes fetched bodies."""

    def deliver(self, url: str, body: bytes | None) -> Reply: ...


class Capture:
    """Turns what one session did into durable bodies and events."""

    __slots__ = (
        "_bodies", "_commands", "_desk", "_digest", "_files", "_own", "_reason", "_seen", "_session",
        "_transcript", "on_written",
    )  # fmt: skip

    def __init__(self, session: Session, desk: Desk) -> None:
        self._session = session
        self._desk = desk
        # Dictionaries for sets: empty, as they stay in most sessions, they are a third of the size.
        self._files: dict[str, FileWritten] = {}
        self._seen: dict[tuple[str, str, str], None] = {}
        self._own: dict[asyncio.Task[None], None] = {}
        self._bodies = 0
        self._commands = 0
        self._transcript: Transcript | None = None
        self._digest: str | None = None
        self._reason: str | None = None
        self.on_written: Callable[[str, bytes], None] | None = None
        """Told of every file that was written: path and content."""

    @property
    def transcript(self) -> Transcript:
        """The session's recording, begun when first asked for."""
        if self._transcript is None:
            limit = self._desk.settings.max_transcript_bytes
            self._transcript = Transcript(self._session.now(), max_bytes=limit)
        return self._transcript

    def typed(self, data: bytes) -> None:
        """Record in the transcript what the peer sent."""
        self.transcript.typed(self._session.elapsed(), data)

    def shown(self, data: bytes) -> None:
        """Record in the transcript what we sent."""
        self.transcript.shown(self._session.elapsed(), data)

    def effects(self, effects: Iterable[Effect], shell: Delivered | None) -> None:
        """Tell what a command did, and follow what it offered into `shell`."""
        for effect in effects:
            match effect:
                case Offer():
                    self.offer(effect, shell)
                case FileWritten():
                    self._written(effect)
                case Executed():
                    self._executed(effect)
                case Decoded():
                    self._decoded(effect)
                case Ran():
                    self._ran(effect)
                case Limit():
                    self._session.limit(effect.name, effect.value, effect.unit)

    def body(self, data: bytes, *, how: str, name: str, path: str | None = None, tool: str = "") -> None:
        """Keep a body that the peer brought; `path` makes it a file of the emulated system."""
        if not data or not self._admit(data):
            return
        data = self._cut(data)
        self._begin(self._keep_body(data, how, name, path, tool or how), len(data))

    def payload(self, data: bytes) -> None:
        """Keep the first bytes of a peer that speaks no protocol that we know."""
        if data and self._admit(data):
            self._begin(self._keep_payload(self._cut(data)), len(data))

    def keep(self, data: bytes, then: Callable[[str], None]) -> None:
        """Make `data` durable as part of another event, and say `then` its digest."""
        if self._admit(data):
            data = self._cut(data)
            self._begin(self._keep_then(data, then), len(data))

    def offer(self, offer: Offer, shell: Delivered | None) -> None:
        """Record an offer and follow it, unless the session made the same one before."""
        session, settings = self._session, self._desk.settings
        if len(self._seen) >= settings.max_offers_per_session:
            session.limit("max_offers_per_session", settings.max_offers_per_session, "offers")
            return
        key = (offer.url, offer.tool, offer.path or "")
        if key in self._seen:
            return
        self._seen[key] = None
        name = session.next_offer()
        url = text(offer.url.encode("utf-8", "surrogateescape"))
        seen = session.emit(
            OfferSeen, offer=name, url=url, tool=offer.tool, user_agent=offer.user_agent, depth=offer.depth
        )
        if self._desk.follow is None:
            policy = settings.fetch_policy
            reason = "this sensor only records offers"
            session.emit(FetchRefused, offer=name, url=url, reason=reason, policy=policy)
            return
        self._desk.start(self._follow(self._desk.follow, seen, shell))

    def flush(self) -> None:
        """Keep the files as they are now: the session ended or starts something."""
        files, self._files = self._files, {}
        for written in files.values():
            self._keep_file(written)

    def finish(self, reason: str) -> None:
        """Close the session's books: files, transcript and, when they are durable, `session.close`."""
        self.flush()
        self._reason = reason
        if self._transcript:
            if self._transcript.dropped_bytes:
                limit = self._transcript.max_bytes
                self._session.limit("max_transcript_bytes", limit, "bytes")
            data = self._transcript.encode()
            self._begin(self._keep_transcript(data), len(data))
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._reason is not None and not self._own:
            reason, self._reason = self._reason, None
            self._session.closed(reason, self._digest)

    def _written(self, written: FileWritten) -> None:
        before = self._files.get(written.path)
        if before is not None and before.data and not written.data.startswith(before.data):
            self._keep_file(before)
        self._files[written.path] = written
        if self.on_written is not None:
            self.on_written(written.path, written.data)

    def _keep_file(self, written: FileWritten) -> None:
        name = written.path.rpartition("/")[2]
        self.body(written.data, how=written.how, name=name, path=written.path, tool=written.how)

    def _executed(self, executed: Executed) -> None:
        written = self._files.pop(executed.path, None)
        if written is not None:
            self._keep_file(written)
        digest = sha256(executed.data).hexdigest() if executed.data else None
        path, command = text(executed.path.encode("utf-8", "surrogateescape")), executed.command
        self._session.emit(
            ProgramExecuted,
            path=path,
            command=text(command.encode("utf-8", "surrogateescape")),
            sha256=digest,
            url=executed.url,
        )

    def _decoded(self, decoded: Decoded) -> None:
        def tell(digest: str) -> None:
            self._session.emit(
                LayerDecoded,
                layer=decoded.layer,
                sha256=digest,
                size=len(decoded.data),
                excerpt=excerpt(decoded.data),
            )

        if decoded.data:
            self.keep(decoded.data, tell)

    def _ran(self, ran: Ran) -> None:
        if not ran.depth:
            return
        limit = self._desk.settings.max_script_commands
        if self._commands >= limit:
            self._session.limit("max_script_commands", limit, "commands")
            return
        self._commands += 1
        command = text(shlex.join(ran.argv).encode("utf-8", "surrogateescape"))
        self._session.emit(CommandInput, command=command, exit_status=ran.status, depth=ran.depth)

    def _admit(self, data: bytes) -> bool:
        settings, session = self._desk.settings, self._session
        if self._bodies >= settings.max_bodies_per_session:
            session.limit("max_bodies_per_session", settings.max_bodies_per_session, "bodies")
            return False
        if self._desk.pending_bytes + len(data) > settings.max_pending_bytes:
            session.emit(
                LossCounted, what="body", count=1, unit="bodies", reason="too much waits for the bus"
            )
            return False
        self._bodies += 1
        return True

    def _cut(self, data: bytes) -> bytes:
        limit = self._desk.settings.max_body_bytes
        if len(data) > limit:
            self._session.limit("max_body_bytes", limit, "bytes")
            return data[:limit]
        return data

    def _begin(self, work: Coroutine[Any, Any, None], size: int) -> None:
        self._desk.pending_bytes += size
        task = self._desk.start(work)
        self._own[task] = None

        def done(task: asyncio.Task[None]) -> None:
            self._own.pop(task, None)
            self._desk.pending_bytes -= size
            self._close_if_done()

        task.add_done_callback(done)

    async def _put(self, data: bytes) -> str | None:
        try:
            return await self._desk.bodies.put(data)
        except (MeadError, OSError) as error:
            reason = text(str(error).encode("utf-8", "backslashreplace"))
            self._session.emit(LossCounted, what="body", count=1, unit="bodies", reason=reason)
            return None

    async def _keep_body(self, data: bytes, how: str, name: str, path: str | None, tool: str) -> None:
        digest = await self._put(data)
        if digest is None:
            return
        name = text(name.encode("utf-8", "surrogateescape"))
        if path is not None:
            path = text(path.encode("utf-8", "surrogateescape"))
            self._session.emit(FileUploaded, path=path, sha256=digest, size=len(data), tool=tool)
        self._session.emit(SampleCaptured, sha256=digest, size=len(data), how=how, name=name)

    async def _keep_transcript(self, data: bytes) -> None:
        self._digest = await self._put(data)

    async def _keep_payload(self, data: bytes) -> None:
        if digest := await self._put(data):
            self._session.emit(PayloadReceived, sha256=digest, size=len(data), excerpt=excerpt(data))

    async def _keep_then(self, data: bytes, then: Callable[[str], None]) -> None:
        if digest := await self._put(data):
            then(digest)

    async def _follow(self, follow: Follow, offer: OfferSeen, shell: Delivered | None) -> None:
        session, url = self._session, offer.url
        body = await follow(offer, session.publish)
        if body:
            session.emit(
                SampleCaptured,
                sha256=sha256(body).hexdigest(),
                size=len(body),
                how="fetch",
                name=name_in(url),
                url=url,
                offer=offer.offer,
            )
        if shell is not None:
            self.effects(shell.deliver(url, body).effects, shell)
            self.flush()
