# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real servers print stays on one line
"""`ps` and `top` of a server.

**Source:** output of procps 4.0 (Debian 12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from mead.shell.call import Call
from mead.shell.gauges import load_now, memory_now
from mead.shell.running import Running

__all__ = ["ps", "top"]

_TOP_ROWS: Final = 17
"""Processes on a terminal of 24 lines."""


def _entries(call: Call) -> list[Running]:
    table = call.machine.processes
    entries = table.entries()
    session = Running(
        max(2, table.shell.pid - 6), table.shell.parent, "root", f"sshd: {table.shell.user}@pts/0", 17_400,
        "/usr/sbin/sshd", since=table.shell.since,
    )  # fmt: skip
    if call.process.interactive and not table.has(session.pid):
        entries.append(session)
    entries.append(replace(table.current(), command=" ".join(call.argv)))
    return sorted(entries, key=lambda entry: entry.pid)


class _Cells:
    """What the columns say about one process."""

    def __init__(self, call: Call, entry: Running) -> None:
        self._entry, self._persona = entry, call.machine.persona
        self._now = call.machine.now()
        self._runs = entry.pid == call.machine.processes.current().pid

    def began(self) -> datetime:
        """When it began."""
        since = self._entry.since or self._persona.boot_time.timestamp()
        return datetime.fromtimestamp(since, UTC)

    def start(self) -> str:
        """The same, as short as possible."""
        began = self.began()
        return f"{began:%H:%M}" if self._now - began < timedelta(hours=24) else f"{began:%b%d}"

    def elapsed(self) -> str:
        """How long it has run."""
        span = self._now - self.began()
        hours, rest = divmod(span.seconds, 3600)
        clock = f"{rest // 60:02d}:{rest % 60:02d}"
        days = f"{span.days}-" if span.days else ""
        return f"{days}{hours:02d}:{clock}" if days or hours else clock

    def state(self, *, whole: bool = True) -> str:
        """Its state; whether it leads a session as well."""
        if self._runs:
            return "R+" if whole else "R"
        if not whole:
            return "S"
        return "S" if not self._entry.size_kib else "Ss"

    def terminal(self) -> str:
        """The terminal it belongs to."""
        return "pts/0" if self._entry.terminal else "?"

    def memory(self) -> str:
        """Share of the memory in percent."""
        return f"{self._entry.resident_kib * 100 / self._persona.memory_kib:.1f}"


_Cell = Callable[[Running, _Cells], str]
_COLUMNS: Final[dict[str, tuple[str, str, _Cell]]] = {
    "pid": ("PID", ">7", lambda entry, _: str(entry.pid)),
    "ppid": ("PPID", ">7", lambda entry, _: str(entry.parent)),
    "pgid": ("PGID", ">7", lambda entry, _: str(entry.pid)),
    "user": ("USER", "<8", lambda entry, _: entry.user),
    "uid": ("UID", "<8", lambda entry, _: entry.user),
    "comm": ("COMMAND", "<15", lambda entry, _: entry.name[:15]),
    "args": ("COMMAND", "<27", lambda entry, _: entry.command),
    "cmd": ("CMD", "<27", lambda entry, _: entry.command),
    "pcpu": ("%CPU", ">4", lambda _, __: "0.0"),
    "c": ("C", ">2", lambda _, __: "0"),
    "pmem": ("%MEM", ">4", lambda _, cells: cells.memory()),
    "vsz": ("VSZ", ">6", lambda entry, _: str(entry.size_kib)),
    "rss": ("RSS", ">5", lambda entry, _: str(entry.resident_kib)),
    "tty": ("TTY", "<8", lambda _, cells: cells.terminal()),
    "stat": ("STAT", "<4", lambda _, cells: cells.state()),
    "state": ("S", "<1", lambda _, cells: cells.state(whole=False)),
    "start": ("START", "<5", lambda _, cells: cells.start()),
    "stime": ("STIME", "<5", lambda _, cells: cells.start()),
    "bsdtime": ("TIME", ">6", lambda _, __: "0:00"),
    "time": ("TIME", ">8", lambda _, __: "00:00:00"),
    "etime": ("ELAPSED", ">11", lambda _, cells: cells.elapsed()),
    "ni": ("NI", ">3", lambda entry, _: "0" if entry.size_kib else "-20"),
    "pri": ("PRI", ">3", lambda _, __: "19"),
    "ucmd": ("CMD", "<15", lambda entry, _: entry.name[:15]),
    "lstart": ("STARTED", ">24", lambda _, cells: f"{cells.began():%a %b %e %H:%M:%S %Y}"),
}
_ALIASES: Final = {
    "command": "args", "ucomm": "comm", "fname": "comm", "%cpu": "pcpu", "%mem": "pmem", "vsize": "vsz", "rssize": "rss",
    "tt": "tty", "tname": "tty", "s": "state", "euser": "user", "ruser": "user", "nice": "ni", "start_time": "start",
    "euid": "uid", "uname": "user", "tid": "pid", "lwp": "pid", "cputime": "time",
}  # fmt: skip
_LAYOUTS: Final = {
    "": "pid,tty,time,ucmd", "f": "uid,pid,ppid,c,stime,tty,time,cmd", "x": "pid,tty,stat,bsdtime,args",
    "u": "user,pid,pcpu,pmem,vsz,rss,tty,stat,start,bsdtime,args", "F": "uid,pid,ppid,c,vsz,rss,stime,tty,time,cmd",
    "l": "state,uid,pid,ppid,c,pri,ni,vsz,tty,time,ucmd",
}  # fmt: skip


class _Asked:
    """What the words after `ps` ask for."""

    def __init__(self, words: list[str]) -> None:
        self.every, self.layout, self.format = False, "", list[str]()
        self.title, self.order = True, ""
        self.pids, self.names, self.users = set[int](), set[str](), set[str]()
        self.wrong = ""
        rest = list(words)
        while rest:
            self._word(rest.pop(0), rest)

    def _word(self, word: str, rest: list[str]) -> None:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            self._long(name, value or (rest.pop(0) if rest and name in {"sort", "pid", "format"} else ""))
        elif word.startswith("-"):
            self._letters(word[1:], rest, dashed=True)
        elif word.replace(",", "").isdecimal():
            self.pids |= {int(part[:9]) for part in word.split(",") if part}
        else:
            self._letters(word, rest, dashed=False)

    def _long(self, name: str, value: str) -> None:
        if name == "sort":
            self.order = value
        elif name in {"no-headers", "no-heading"}:
            self.title = False
        elif name == "pid":
            self._take("p", value)
        elif name == "format":
            self._take("o", value)

    def _letters(self, letters: str, rest: list[str], *, dashed: bool) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "opCUuG" and (dashed or letter in "opU") and not (letter == "u" and not dashed):
                self._take(letter, letters or (rest.pop(0) if rest else ""))
                return
            self._flag(letter, dashed=dashed)

    def _take(self, letter: str, value: str) -> None:
        parts = [part for part in value.replace(" ", ",").split(",") if part]
        if letter == "o":
            self.format += parts
        elif letter == "p":
            self.pids |= {int(part[:9]) for part in parts if part.isdecimal()}
        elif letter == "C":
            self.names |= set(parts)
        else:
            self.users |= set(parts)

    def _flag(self, letter: str, *, dashed: bool) -> None:
        if letter in "eAax":
            self.every = self.every or dashed or letter in "ax"
            self.layout = self.layout or ("x" if not dashed and letter in "ax" else "")
        elif letter in "fFl" and dashed:
            self.layout = letter
        elif letter == "u":
            self.layout = "u"
        elif letter == "h":
            self.title = False
        elif letter not in "wTfLHjNcl":
            self.wrong = self.wrong or letter


def ps(call: Call) -> int:
    """`ps` of procps."""
    asked = _Asked(call.argv[1:])
    names = [part.partition("=") for part in asked.format or _LAYOUTS[asked.layout].split(",")]
    unknown = next((name for name, _, _ in names if _ALIASES.get(name, name) not in _COLUMNS), None)
    if asked.wrong or unknown is not None:
        what = (
            f'unknown user-defined format specifier "{unknown}"'
            if unknown is not None
            else "unsupported option"
        )
        call.say(
            f"error: {what}\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"
        )
        return 1
    columns = [
        (_COLUMNS[_ALIASES.get(name, name)], title if equals else None) for name, equals, title in names
    ]
    if asked.title and any(title != "" for _, title in columns):
        call.write(_line((cell if title is None else title, form) for (cell, form, _), title in columns))
    entries = _selected(call, asked)
    for entry in entries:
        cells = _Cells(call, entry)
        call.write(_line((text(entry, cells), form) for (_, form, text), _ in columns))
    return 0 if entries else 1


def _line(cells: Iterable[tuple[str, str]]) -> str:
    *columns, last = list(cells)
    shown = [f"{text:{form}}" for text, form in columns]
    text, form = last
    return " ".join([*shown, text if form[0] == "<" else f"{text:{form}}"]) + "\n"


def _selected(call: Call, asked: _Asked) -> list[Running]:
    entries = _entries(call)
    if asked.pids or asked.names or asked.users:
        entries = [
            entry
            for entry in entries
            if entry.pid in asked.pids or entry.name in asked.names or entry.user in asked.users
        ]
    elif not asked.every:
        entries = [entry for entry in entries if entry.terminal]
    if asked.order.lstrip("-+") in {"rss", "pmem", "%mem", "vsz"}:
        entries.sort(key=lambda entry: entry.size_kib, reverse=asked.order.startswith("-"))
    return entries


def top(call: Call) -> int:
    """`top` of procps, one picture."""
    machine, persona = call.machine, call.machine.persona
    free, buffers, cached = (value / 1024 for value in memory_now(persona, machine.uptime()))
    total = persona.memory_kib / 1024
    up = timedelta(seconds=int(machine.uptime()))
    clock = f"{up.seconds // 3600:>2}:{up.seconds // 60 % 60:02d}"
    days = f"{up.days} day{'s' if up.days != 1 else ''}, " if up.days else ""
    load = load_now(persona, machine.uptime()).replace(" ", ", ")
    entries = _entries(call)
    call.write(
        f"top - {machine.now():%H:%M:%S} up {days}{clock},  1 user,  load average: {load}\n"
        f"Tasks: {len(entries):>3} total,   1 running, {len(entries) - 1:>3} sleeping,   0 stopped,   0 zombie\n"
        "%Cpu(s):  2.9 us,  1.5 sy,  0.0 ni, 95.6 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \n"
        f"MiB Mem : {total:>8.1f} total, {free:>8.1f} free, {total - free - buffers - cached:>8.1f} used, {buffers + cached:>8.1f} buff/cache     \n"
        f"MiB Swap:      0.0 total,      0.0 free,      0.0 used. {free + cached / 2:>8.1f} avail Mem \n\n"
        "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n"
    )
    shown = entries if "b" in "".join(call.argv[1:]) else entries[:_TOP_ROWS]
    for entry in shown:
        nice = "0" if entry.size_kib else "-20"
        cells = _Cells(call, entry)
        call.write(
            f"{entry.pid:>7} {entry.user:<8} {'20' if entry.size_kib else '0':>3} {nice:>3} {entry.size_kib:>7} {entry.resident_kib:>6} "
            f"{entry.resident_kib // 2:>6} {cells.state(whole=False)} {'0.0':>5} {cells.memory():>5} {'0:00.00':>9} {entry.name[:15]}\n"
        )
    return 0
