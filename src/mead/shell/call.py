# SPDX-License-Identifier: Apache-2.0
"""One call of a command: its words, its streams, and the machine that it runs on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from mead.shell.ast import encode
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Buffer, Endless, EndlessError, Null, Sink, Source
from mead.shell.vfs import Node, PathError

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter
    from mead.shell.machine import Machine
    from mead.shell.process import Process

__all__ = ["Applet", "BuiltinFaultError", "Call", "FailedError", "Options", "UsageError"]

_CHUNK: Final = 1 << 16
_ENDLESS_BYTES: Final = 1 << 18


class FailedError(Exception):
    """The command ends with a message on standard error."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message, self.status = message, status
        self.output = ""
        """What it had printed until then."""


class BuiltinFaultError(Exception):
    """A command of the shell itself cannot do what it is asked; ash says which one, and where."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class UsageError(Exception):
    """The command was called wrongly: it prints its usage; `letter` is an option that it does not have."""

    def __init__(self, message: str = "", letter: str = "") -> None:
        super().__init__(message)
        self.message, self.letter = message, letter


class Options:
    """Options of a call: letters (and long names), each with its last value, and the operands."""

    __slots__ = ("operands", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.operands: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        """The last value given to an option."""
        found = self.values.get(name)
        return found[-1] if found else default

    def all(self, name: str) -> list[str]:
        """All values given to an option."""
        return self.values.get(name, [])


class Call:
    """What an applet gets."""

    __slots__ = ("argv", "bash", "gnu", "machine", "name", "process", "shell", "title")

    def __init__(
        self, argv: list[str], process: Process, shell: Interpreter, *, busybox: bool = False
    ) -> None:
        self.argv = argv
        self.name = argv[0].rpartition("/")[2]
        self.title = self.name
        """What stands before its complaints: a command built into the shell complains as the shell."""
        self.process = process
        self.shell = shell
        self.machine: Machine = shell.machine
        self.bash = process.bash and not busybox
        """Whether a command that bash has built in is bash's."""
        self.gnu = shell.machine.persona.gnu and not busybox
        """Whether the program is GNU's, not BusyBox's."""

    @property
    def stdin(self) -> Source:
        """Standard input."""
        return self.process.stdin

    @property
    def stdout(self) -> Sink:
        """Standard output."""
        return self.process.stdout

    def write(self, text: str | bytes) -> None:
        """Write to standard output."""
        self.process.stdout.write(text if isinstance(text, bytes) else encode(text))

    def complain(self, message: str) -> None:
        """Write `name: message` to standard error."""
        self.say(f"{self.title}: {message}\n")

    def say(self, text: str) -> None:
        """Write to standard error."""
        self.process.stderr.write(encode(text))

    def path(self, name: str) -> str:
        """`name` as an absolute path; no name is none."""
        return name if name.startswith("/") or not name else f"{self.process.cwd.rstrip('/')}/{name}"

    def options(
        self, spec: str, long: dict[str, str] | None = None, *, first_operand_ends: bool = False
    ) -> Options:
        """Options as getopt(3) finds them; `long` maps long names to letters or to themselves.

        Raises:
            UsageError: an unknown option, or one without its value.
        """
        return _parse(self.argv[1:], spec, long or {}, ends=first_operand_ends)

    def flags(self, spec: str) -> Options:
        """Options of a command of the shell itself, up to the first operand.

        Raises:
            BuiltinFaultError: an unknown option, or one without its value.
        """
        try:
            return _parse(self.argv[1:], spec, {}, ends=True)
        except UsageError as error:
            if self.process.bash:
                raise BuiltinFaultError(f"-{error.letter}: invalid option") from None
            what = "No arg for" if error.message.startswith("option requires") else "illegal option"
            tail = " option" if what.startswith("No") else ""
            raise BuiltinFaultError(f"{what} -{error.letter}{tail}") from None

    # Input

    def source(self, name: str) -> Source:
        """A file (or `-`, standard input) to read from.

        Raises:
            PathError: it cannot be opened.
        """
        if name == "-":
            return self.process.stdin
        return self.shell.open_source(self.path(name), self.process)

    def read(self, name: str, *, raw: bool = False) -> bytes:
        """The content of a file (or `-`); at most a megabyte of a device that never ends.

        Raises:
            PathError: it cannot be opened.
        """
        return self.drain(self.source(name), raw=raw)

    def drain(self, source: Source, *, raw: bool = False) -> bytes:
        """Everything a source has; a source that waits for a body gives that body, or nothing yet.

        With `raw`, nobody looks at each of the bytes.
        """
        if isinstance(source, Endless):
            data = source.read(_ENDLESS_BYTES)
            self.machine.limit(LimitReachedError("endless_input", _ENDLESS_BYTES, "bytes"))
        else:
            data = self._whole(source)
        (self.machine.budget.charge_copy if raw else self.machine.budget.charge_bytes)(len(data))
        return data

    def _whole(self, source: Source) -> bytes:
        data = source.read()
        if source.waits is not None:
            data = self.machine.body(source.waits) or data
        return data

    def inputs(
        self, names: list[str], complaint: str = "can't open '{}': {}", *, raw: bool = False
    ) -> Iterator[tuple[str, bytes | None]]:
        """Name and content of each operand, or standard input; None after a complaint about a file."""
        for name in names or ["-"]:
            try:
                yield name, self.read(name, raw=raw)
            except PathError as error:
                self.complain(complaint.format(name, error.reason))
                yield name, None

    def all_input(
        self, names: list[str], complaint: str = "can't open '{}': {}", *, raw: bool = False
    ) -> tuple[bytes, int]:
        """The operands' content one after the other, and 1 when one could not be read."""
        pieces: list[bytes] = []
        status = 0
        for _, data in self.inputs(names, complaint, raw=raw):
            if data is None:
                status = 1
            else:
                pieces.append(data)
        return b"".join(pieces), status

    def pour(self, source: Source, sink: Sink) -> None:
        """Copy a source to a sink, with what it waits for."""
        if not isinstance(source, Endless):
            waits = source.waits
            data = self._whole(source)
            self.machine.budget.charge_copy(len(data))
            sink.write(data)
            if waits is not None and waits not in self.machine.bodies:
                sink.waits = waits
            return
        room = _CHUNK if isinstance(sink, Null) else 1 << 18 if isinstance(sink, Buffer) else 1 << 20
        for _ in range(0, room, _CHUNK):
            self.machine.budget.charge_bytes(_CHUNK)
            sink.write(source.read())
        raise EndlessError

    # Files

    def node(self, name: str, *, follow: bool = True) -> Node:
        """The node called `name`.

        Raises:
            PathError: there is none.
        """
        return self.machine.fs.node(self.path(name), follow=follow)

    def lacks(self, error: PathError) -> str:
        """The reason of `error`; what is not there may come out of an archive that is still awaited."""
        if error.reason == "No such file or directory":
            self.machine.wait_for_last()
        return error.reason

    def save(
        self, name: str, data: bytes, *, waits: str | None = None, how: str = "", growing: bool = False
    ) -> None:
        """Write a file, from its start.

        Raises:
            PathError: it cannot be written.
        """
        sink = self.shell.open_sink(self.path(name), self.process, append=growing, how=how or self.name)
        sink.write(data)
        if waits is not None:
            sink.waits = waits

    def execute(self, argv: list[str], complaint: str = "‘{}’: {}", process: Process | None = None) -> int:
        """Run another program with the same streams; 126 or 127, after a complaint, when that fails.

        `complaint` is what GNU's program says then; `process` is what it runs in, if not in its own.
        """

        def missing(reason: str) -> None:
            if self.gnu:
                self.complain(complaint.encode().decode("latin-1").format(argv[0], reason))
            else:
                self.complain(f"can't execute '{argv[0]}': {reason}")

        return self.shell.execute(argv, process or self.process, missing)


Applet: TypeAlias = Callable[[Call], int]

_SHORT: Final = re.compile(r"-[^-]", re.DOTALL)


def _parse(words: list[str], spec: str, long: dict[str, str], *, ends: bool) -> Options:
    found = Options()
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            found.operands.extend(words[index:])
            break
        if word.startswith("--"):
            index = _long(word, words, index, long, found)
        elif _SHORT.match(word):
            index = _letters(word, words, index, spec, found)
        else:
            found.operands.append(word)
            if ends:
                found.operands.extend(words[index:])
                break
    return found


def _letters(word: str, words: list[str], index: int, spec: str, found: Options) -> int:
    position = 1
    while position < len(word):
        letter = word[position]
        position += 1
        at = spec.find(letter)
        if at < 0 or letter == ":":
            raise UsageError(f"invalid option -- '{letter}'", letter)
        values = found.values.setdefault(letter, [])
        if spec[at + 1 : at + 2] == ":":
            if position < len(word):
                values.append(word[position:])
            elif index < len(words):
                values.append(words[index])
                index += 1
            else:
                raise UsageError(f"option requires an argument -- '{letter}'", letter)
            return index
    return index


def _long(word: str, words: list[str], index: int, long: dict[str, str], found: Options) -> int:
    name, equals, value = word[2:].partition("=")
    meant = long.get(name)
    if meant is None:
        raise UsageError(f"unrecognized option '--{name}'")
    values = found.values.setdefault(meant.rstrip(":"), [])
    if meant.endswith(":"):
        if not equals and index < len(words):
            value = words[index]
            index += 1
        values.append(value)
    return index
