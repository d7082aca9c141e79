# SPDX-License-Identifier: Apache-2.0
"""Redirections: `<`, `>`, `>>`, `2>&1`, here-documents.

**Source:** POSIX.1-2017, Shell Command Language §2.7; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mead.shell.ast import Document, Redirection, encode
from mead.shell.files import FileSink
from mead.shell.process import Process
from mead.shell.streams import Null, Sink, Source
from mead.shell.vfs import PathError

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["redirect"]


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
            process.stdin = Source(encode(shell.expander.text(target.body, process)))
            continue
        text = shell.expander.text(target, process)
        try:
            _one(shell, entry, text, process, how)
        except PathError as error:
            process.complain(_complaint(entry.operator, text, error.reason, gnu=shell.machine.persona.gnu))
            return False
    return True


def _name(argv: list[str]) -> str:
    """The command that the redirections belong to, without `busybox` in front."""
    names = [word.rpartition("/")[2] for word in argv[:2]]
    if names[:1] == ["busybox"] and len(names) > 1:
        return names[1]
    return names[0] if names else "redirection"


def _complaint(operator: str, name: str, reason: str, *, gnu: bool) -> str:
    if gnu:
        return f"{name}: {reason}"
    creating = operator != "<"
    if reason in {"No such file or directory", "Not a directory"}:
        reason = "nonexistent directory" if creating else "no such file"
    return f"can't {'create' if creating else 'open'} {name}: {reason}"


def _one(shell: Interpreter, entry: Redirection, text: str, process: Process, how: str) -> None:
    operator = entry.operator
    path = text if text.startswith("/") else f"{process.cwd}/{text}"
    if operator == "<<<":
        process.stdin = Source(encode(text + "\n"))
    elif operator in {">&", "<&"} and (text == "-" or text.isdigit()):
        _duplicate(entry.fd, text, process)
    elif operator in {"<", "<>"}:
        _set(entry.fd, shell.open_source(path, process), process)
    else:
        append = operator in {">>", "&>>"}
        sink = shell.open_sink(path, process, append=append, how=how)
        if isinstance(sink, FileSink) and how == "heredoc":
            sink.how = "heredoc"
        _set(entry.fd, sink, process)
        if operator in {"&>", "&>>", ">&"}:
            process.stderr = sink


def _set(fd: int, stream: Source | Sink, process: Process) -> None:
    if isinstance(stream, Source):
        if fd == 0:
            process.stdin = stream
        else:
            process.fds[fd] = stream
    elif fd == 1:
        process.stdout = stream
    elif fd == 2:
        process.stderr = stream
    elif len(process.fds) < 64:
        process.fds[fd] = stream


def _duplicate(fd: int, text: str, process: Process) -> None:
    if text == "-":
        _set(fd, Source() if fd == 0 else Null(), process)
        process.fds.pop(fd, None)
        return
    number = int(text[:6])
    standard: dict[int, Source | Sink] = {0: process.stdin, 1: process.stdout, 2: process.stderr}
    stream = standard.get(number) or process.fds.get(number)
    if stream is None:
        raise PathError("Bad file descriptor")
    _set(fd, stream, process)
