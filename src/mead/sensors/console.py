# SPDX-License-Identifier: Apache-2.0
"""The emulated shell behind a door: prompts, lines and standard input in; output, events and bodies out.

Telnet, SSH and the web services put what the peer typed in here; none of them knows the shell itself.
"""

from __future__ import annotations

from functools import partial

from mead.model.codec import text
from mead.model.event import CommandInput
from mead.sensors.capture import Capture
from mead.sensors.credentials import Credentials
from mead.sensors.dialogue import Context
from mead.sensors.session import Session
from mead.shell.effects import Reply
from mead.shell.shell import Shell
from mead.shell.vfs import FileSystem

__all__ = ["Console"]

_MAX_READERS = 16
"""Commands of one line that may each read what the peer types, when it leaves."""
_MAX_COMMANDS = 5000
"""Lines of one session that become events; a loader of a large body by `echo` needs two thousand."""


class Console:
    """One shell and the books about it."""

    __slots__ = (
        "_capture",
        "_commands",
        "_context",
        "_session",
        "_status",
        "closed",
        "door",
        "shell",
        "username",
    )

    def __init__(self, context: Context, username: bytes, *, door: str, interactive: bool) -> None:
        self._context = context
        self._session: Session = context.session
        self._capture: Capture = context.capture
        self._commands = 0
        self._status = 0
        self.closed = False
        self.door = door
        self.username = text(username, max_bytes=32) or "root"
        self.shell = Shell(
            context.persona.shell_for(context.session.source, door),
            now=context.session.now,
            username=self.username,
            interactive=interactive,
            peer=context.session.source,
        )
        self._capture.on_written = partial(_written, context.credentials)

    def __del__(self) -> None:
        if hasattr(self, "shell"):
            self.shell.release()

    @property
    def reading(self) -> bool:
        """Whether a command waits for standard input."""
        return self.shell.reading

    @property
    def status(self) -> int:
        """Exit status of the last command."""
        return self._status

    @property
    def files(self) -> FileSystem:
        """The session's file system."""
        return self.shell.machine.fs

    @property
    def home(self) -> str:
        """Where a login begins."""
        return self.shell.persona.home_of(self.username) or "/"

    @property
    def users(self) -> dict[int, str]:
        """Names of the accounts by their number."""
        return {user.uid: user.name for user in self.shell.persona.users}

    @property
    def prompt(self) -> bytes:
        """What stands before the cursor now; empty while a command reads."""
        return b"" if self.closed or self.shell.reading else self.shell.prompt

    def line(self, line: bytes) -> bytes:
        """Run a line that the peer entered; returns what the terminal shows of it, without the prompt."""
        reply = self.shell.run(line)
        self._told(line, reply)
        return self._done(reply)

    def command(self, line: bytes) -> Reply:
        """Run a command that the peer gave as a whole (SSH exec, an injection)."""
        reply = self.shell.run(line)
        self._told(line, reply)
        self._done(reply)
        return reply

    def feed(self, data: bytes) -> bytes:
        """Hand standard input to the command that reads it."""
        return self._done(self.shell.feed(data))

    def feed_eof(self) -> Reply:
        """End the standard input of the command that reads."""
        reply = self.shell.feed_eof()
        self._done(reply)
        return reply

    def interrupt(self) -> bytes:
        """The peer pressed control-C; what a command has read until then stays read."""
        if self.shell.reading:
            return self._done(self.shell.feed_eof())
        return self._done(self.shell.interrupt())

    def deliver(self, url: str, body: bytes | None) -> Reply:
        """A body that a command asked for has come, or will not come."""
        return self.shell.deliver(url, body)

    def close(self) -> None:
        """The session ends: what was still growing is whole now, and so is what was still being read."""
        for _ in range(_MAX_READERS):
            if not self.shell.reading:
                break
            self._done(self.shell.feed_eof())
        self._done(self.shell.close())

    def _told(self, line: bytes, reply: Reply) -> None:
        if not line.strip():
            return
        self._commands += 1
        if self._commands > _MAX_COMMANDS:
            self._session.limit("max_commands", _MAX_COMMANDS, "commands")
            return
        self._session.emit(CommandInput, command=text(line), exit_status=reply.status)

    def _done(self, reply: Reply) -> bytes:
        self._capture.effects(reply.effects, self)
        self.closed = self.closed or reply.closed
        self._status = reply.status
        return reply.output


def _written(credentials: Credentials, path: str, data: bytes) -> None:
    if path.rpartition("/")[2].startswith("authorized_keys"):
        credentials.learn_keys(data)
