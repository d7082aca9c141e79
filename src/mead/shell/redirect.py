# SPDX-License-Identifier: Apache-2.0
"""Redirections: `<`, `>`, `>>`, `2>&1`, here-documents.

**Source:** POSIX.1-2017, Shell Command Language §2.7; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mead.shell.ast import Document, Redirection, encode
from mead.shell.files import FileSink, open_both
from mead.shell.nodes import PathError
from mead.shell.process import Process
from mead.shell.streams import Closed, Duplex, Sink, Source

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["redirect"]

_MAX_DESCRIPTORS: Final = 64
_READING: Final = frozenset({"<", "<&", "<<<"})


def redirect(
    shell: Interpreter, redirections: tuple[Redirection, ...], process: Process, argv: list[str] | None = None
) -> bool:
    """Apply redirections to `process`; False, after a complaint, when one is impossible."""
    how = _name(argv or [])
    if how == "cat" and any(isinstance(entry.target, Document) for entry in redirections):
        how = "heredoc"
    for entry in redirections:
        target = entry.target
        if isinstance(target, Document):
            _set(entry.fd, Source(encode(shell.expander.text(target.body, process))), process)
            continue
        text = shell.expander.text(target, process)
        try:
            _one(shell, entry, text, process, how)
        except PathError as error:
            process.complain(_complaint(entry.operator, text, error.reason, bash=process.bash))
            return False
    return True


def _name(argv: list[str]) -> str:
    """The command that the redirections belong to, without `busybox` in front."""
    names = [word.rpartition("/")[2] for word in argv[:2]]
    if names[:1] == ["busybox"] and len(names) > 1:
        return names[1]
    return names[0] if names else "redirection"


def _complaint(operator: str, name: str, reason: str, *, bash: bool) -> str:
    if bash or reason == "Bad file descriptor":
        return f"{name}: {reason}"
    creating = operator != "<"
    if reason in {"No such file or directory", "Not a directory"}:
        reason = "nonexistent directory" if creating else "no such file"
    return f"can't {'create' if creating else 'open'} {name}: {reason}"


def _one(shell: Interpreter, entry: Redirection, text: str, process: Process, how: str) -> None:
    operator = entry.operator
    path = text if text.startswith("/") or not text else f"{process.cwd}/{text}"
    if operator == "<<<":
        _set(entry.fd, Source(encode(text + "\n")), process)
    elif operator in {">&", "<&"} and (text == "-" or text.isdigit()):
        _duplicate(entry.fd, text, process, reading=operator in _READING)
    elif operator == "<":
        _set(entry.fd, shell.open_source(path, process), process)
    elif operator == "<>":
        _set(entry.fd, open_both(shell.machine, path, process, how=how), process)
    else:
        if operator == ">" and "C" in process.options:
            _refuse_existing(shell, path)
        append = operator in {">>", "&>>"}
        sink = shell.open_sink(path, process, append=append, how=how)
        if isinstance(sink, FileSink) and how == "heredoc":
            sink.how = "heredoc"
        _set(entry.fd, sink, process)
        if operator in {"&>", "&>>", ">&"}:
            process.stderr = sink


def _refuse_existing(shell: Interpreter, path: str) -> None:
    node, _ = shell.machine.fs.find(path)
    if node is not None and node.kind == "file":
        raise PathError("File exists")


def _set(fd: int, stream: Source | Sink, process: Process) -> None:
    if fd == 0 and isinstance(stream, Source):
        process.stdin = stream
    elif fd == 1 and not _only_reads(stream):
        process.stdout = stream  # type: ignore[assignment]  # it can be written
    elif fd == 2 and not _only_reads(stream):  # standard error
        process.stderr = stream  # type: ignore[assignment]  # it can be written
    elif fd > 2 and len(process.fds) < _MAX_DESCRIPTORS:  # not a standard one
        process.fds[fd] = stream


def _only_reads(stream: Source | Sink) -> bool:
    return isinstance(stream, Source) and not isinstance(stream, Duplex)


def _duplicate(fd: int, text: str, process: Process, *, reading: bool) -> None:
    if text == "-":
        if fd in process.fds:
            del process.fds[fd]
        else:
            _set(fd, Source() if fd == 0 else Closed(), process)
        return
    number = int(text[:6])
    standard: dict[int, Source | Sink] = {0: process.stdin, 1: process.stdout, 2: process.stderr}
    stream = standard.get(number) or process.fds.get(number)
    if stream is None or (isinstance(stream, Closed) and not reading):
        raise PathError("Bad file descriptor")
    _set(fd, stream, process)
