# SPDX-License-Identifier: Apache-2.0
"""The emulated machine of one session: its files, its budget, and what happened on it.

It keeps the effects, and what waits for bodies: a command that read a body which had not arrived is
*deferred* and run again when the body is delivered; a command that a successful download made
unnecessary (`wget … || tftp …`) is an *alternative*, run when the download is reported to have failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mead.model.codec import text
from mead.shell.ast import Node as Tree
from mead.shell.ast import encode
from mead.shell.effects import Decoded, Effect, Executed, FileWritten, Limit, Offer, Ran
from mead.shell.limits import Budget, LimitReachedError, ShellLimits
from mead.shell.persona import ShellPersona
from mead.shell.proc_files import live_files
from mead.shell.process import Process
from mead.shell.process_table import ProcessTable
from mead.shell.streams import Buffer, Source, Typed
from mead.shell.system_files import base_tree
from mead.shell.vfs import FileSystem, PathError, Snapshot, file

__all__ = ["Deferred", "Machine"]

_LARGE_BYTES: Final = 1 << 17
_MAX_RAN: Final = 1_024
_MAX_DECODED: Final = 1 << 20
_MAX_LEVELS: Final = 32
_MAX_SLEPT_SECONDS: Final = 30 * 86_400.0


@dataclass(slots=True)
class _Written:
    how: str
    growing: bool
    touched: bool = True


@dataclass(frozen=True, slots=True)
class Deferred:
    """A command to run when something is known about one of `urls`."""

    command: Tree
    process: Process
    urls: frozenset[str]
    after_failure: bool
    files: Snapshot
    """The files as they were."""
    unseen: bool
    """Whether it is done among those, and leaves no trace."""
    then: Tree | None = None
    """What `&&` leads to when it succeeds: it was not run, since the command failed without the body."""


class Machine:
    """What all commands of one session share."""

    def __init__(
        self, persona: ShellPersona, now: Callable[[], datetime], limits: ShellLimits, username: str
    ) -> None:
        self.persona = persona
        self._clock = now
        self._slept = 0.0
        self.limits = limits
        self.username = username
        self.uid = persona.uid_of(username)
        self.budget = Budget(limits.steps_per_line)
        self.fs = FileSystem(
            base_tree(persona), persona.mounts, limits, lambda: self.now().timestamp(), uid=self.uid
        )
        self.typed = Typed()
        self.terminal = Buffer("output_bytes", limits.output_bytes)
        self.interactive = True
        self.peer = ""
        self.down = False
        """Whether the machine was halted."""
        self.ahead: float | None = None
        """How many seconds what runs in the background now takes; None: nothing does."""
        self.resource_limits: dict[str, str] = {}
        self._levels: list[Process] = []
        self.effects: list[Effect] = []
        self.offers: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.failed: set[str] = set()
        self.passed: dict[str, Source] = {}
        """What `<(…)` gave, by path."""
        self.touched: set[str] = set()
        self.deferred: list[Deferred] = []
        self.history: list[str] = []
        self.resuming = False
        self.unseen = False
        """Whether what runs now is none of what the peer sees."""
        self._resumed_depth = 0
        self._ran = 0
        self._settled_bytes = 0
        self._written: dict[str, _Written] = {}
        self._random_counter = 0
        self.processes = ProcessTable(persona, self.fs, lambda: self.now().timestamp(), username)
        self._live_files()

    def _live_files(self) -> None:
        for path, content in live_files(self.persona, self.uptime, lambda: self.peer).items():
            self.fs.install(path, file(content, 0o444))

    def now(self) -> datetime:
        """The time on the machine: what was slept has passed."""
        return self._clock() + timedelta(seconds=self._slept)

    def sleep(self, seconds: float) -> None:
        """Let time pass: here, or for what runs in the background."""
        if self.ahead is None:
            self._slept = min(self._slept + seconds, _MAX_SLEPT_SECONDS)
        else:
            self.ahead += seconds

    def uptime(self) -> float:
        """Seconds since the machine was started."""
        return max(1.0, (self.now() - self.persona.boot_time).total_seconds())

    def deeper(self, process: Process) -> int:
        """Start a shell inside the shell: `exit` comes back from it."""
        if len(self._levels) < _MAX_LEVELS:
            self._levels.append(process)
        return 0

    def take_levels(self) -> list[Process]:
        """Shells that were started since the last call."""
        levels, self._levels = self._levels, []
        return levels

    # Effects

    def start_line(self) -> None:
        """Refill what one line may spend."""
        self.budget.refill()
        self._settled_bytes = 0
        self.processes.tidy()
        self._ran = 0
        for written in self._written.values():
            written.touched = False

    def emit(self, effect: Effect) -> None:
        """Note an effect; too many of them end the line."""
        if len(self.effects) >= self.limits.effects_per_line:
            raise LimitReachedError("effects_per_line", self.limits.effects_per_line, "effects")
        self.effects.append(effect)

    def limit(self, error: LimitReachedError) -> None:
        """Note that a bound was reached."""
        self.effects.append(Limit(error.name, error.value, error.unit))

    def ran(self, argv: list[str], status: int, depth: int) -> None:
        """Note a simple command; those of a command that is run again were noted before."""
        if self.resuming and depth <= self._resumed_depth:
            return
        self._ran += 1
        if self._ran <= _MAX_RAN:
            self.emit(Ran(tuple(text(encode(word)) for word in argv), status, depth))
        elif self._ran == _MAX_RAN + 1:
            self.emit(Limit("commands_noted_per_line", _MAX_RAN, "commands"))

    def decoded(self, layer: str, data: bytes) -> None:
        """Note that a layer of encoding came off."""
        if data:
            self.emit(Decoded(layer, data[:_MAX_DECODED]))

    def executed(self, path: str, argv: list[str], data: bytes | None, url: str | None, depth: int) -> None:
        """Note that a file of the peer was to be started; that of a command that is run again was noted."""
        if self.resuming and depth <= self._resumed_depth:
            return
        self.settle(path)
        self.emit(Executed(text(encode(path)), text(encode(" ".join(argv))), data, url))

    # Offers and bodies

    def offer(self, url: str, tool: str, path: str | None, user_agent: str | None, depth: int) -> None:
        """Note that a place to get a body was named."""
        if self.resuming and (url in self.bodies or (depth <= self._resumed_depth and url in self.offers)):
            return
        if len(self.offers) >= self.limits.offers:
            raise LimitReachedError("offers", self.limits.offers, "offers")
        self.offers.append(url)
        self.failed.discard(url)
        shown = None if path is None else text(encode(path))
        self.emit(Offer(_noted(url), tool, shown, user_agent, depth))

    def begin_delivery(self, noted: str) -> str:
        """Get ready for the body of an offer; its URL as the shell spells it. O(offers)."""
        self.start_line()
        return next((url for url in self.offers if _noted(url) == noted), noted)

    def body(self, url: str | None) -> bytes | None:
        """The body of `url`, if it was delivered; otherwise the command that asks is run again then."""
        if url is None:
            return None
        found = self.bodies.get(url)
        if found is None and url not in self.failed:
            self.touched.add(url)
        return found

    def wait_for_last(self) -> None:
        """What is missing now may come out of a body that other commands wait for."""
        if self.deferred and not self.resuming:
            self.touched |= self.deferred[-1].urls

    def defer(
        self,
        command: Tree,
        process: Process,
        urls: set[str],
        *,
        after_failure: bool = False,
        bound_for: str = "",
    ) -> None:
        """Run `command` again when one of `urls` is known, in the directory that `cd` was bound for."""
        if process.depth >= self.limits.follow_depth:
            self.limit(LimitReachedError("follow_depth", self.limits.follow_depth, "scripts"))
        elif len(self.deferred) >= self.limits.deferred:
            self.limit(LimitReachedError("deferred", self.limits.deferred, "commands"))
        else:
            snapshot = process.fork()
            snapshot.detach()
            snapshot.bound_for = bound_for
            files = self.fs.snapshot()
            entry = Deferred(command, snapshot, frozenset(urls), after_failure, files, self.unseen)
            self.deferred.append(entry)

    def then(self, command: Tree) -> None:
        """Run `command` after the one that was deferred last, if that succeeds then."""
        if not self.deferred[-1].after_failure:
            self.deferred[-1] = replace(self.deferred[-1], then=command)

    def due(self, url: str, *, failed: bool) -> list[Deferred]:
        """Commands that wait for `url`, taken off the list; a failure also drops those that needed it."""
        waiting = [entry for entry in self.deferred if url in entry.urls]
        self.deferred = [entry for entry in self.deferred if url not in entry.urls]
        return [entry for entry in waiting if entry.after_failure == failed]

    def resume(self, depth: int) -> None:
        """What runs now, at `depth`, ran before."""
        self.resuming, self._resumed_depth = True, depth

    def came_now(self, depth: int) -> bool:
        """Whether a text that is run at `depth` came with the body that is being followed."""
        return self.resuming and depth <= self._resumed_depth

    # Files

    def wrote(self, path: str, how: str, *, growing: bool) -> None:
        """Note that the file at `path` (without links) was written by `how`."""
        known = self._written.get(path)
        if known is None:
            self._written[path] = _Written(how, growing)
        else:
            known.how, known.touched = how, True
            known.growing = known.growing or growing

    def settle(self, path: str) -> None:
        """The file at `path` is complete: report its content.

        Raises:
            LimitReachedError: one line has as much to report already as all files may hold; the file stays
                to be reported.
        """
        written = self._written.get(path)
        if written is None:
            return
        data = self._content(path)
        if data:
            self._settled_bytes += len(data)
            if self._settled_bytes > self.limits.file_system_bytes:
                raise LimitReachedError("file_system_bytes", self.limits.file_system_bytes, "bytes")
            self.emit(FileWritten(text(encode(path)), data, written.how))
        del self._written[path]

    def settle_below(self, path: str) -> None:
        """The file, or those in the directory, at `path` are complete. O(files written)."""
        for known in [known for known in self._written if known == path or known.startswith(f"{path}/")]:
            self.settle(known)

    def _content(self, path: str) -> bytes:
        """What the file at `path` holds; nothing when there is none, or its body is still awaited."""
        try:
            node = self.fs.node(path)
        except PathError:
            return b""
        return node.content() if node.kind == "file" and node.waits is None else b""

    def forget(self, path: str) -> None:
        """The file at `path` starts anew."""
        self._written.pop(path, None)

    def settle_all(self, *, ended: bool) -> None:
        """Report files that were written; a large one that grows, once a line leaves it alone."""
        for path, written in list(self._written.items()):
            growing = written.growing and written.touched and self._is_large(path)
            if ended or not growing:
                self.settle(path)

    def _is_large(self, path: str) -> bool:
        try:
            return self.fs.node(path).size > _LARGE_BYTES
        except PathError:
            return False

    # Chance

    def random(self, size: int) -> bytes:
        """The next bytes of the session's /dev/urandom. O(size)."""
        self._random_counter += 1
        stamp = f"{self.now().isoformat()}:{self._random_counter}".encode()
        return hashlib.shake_256(self.persona.seed + stamp).digest(size)


def _noted(url: str) -> str:
    """A URL as an offer has it: bytes that are no UTF-8 are percent-encoded, as tools send them."""
    found = encode(url).decode("utf-8", "surrogateescape")
    plain = "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in found)
    return text(plain.encode())
