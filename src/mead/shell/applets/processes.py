# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands about processes: ps, top, kill, killall, pidof and their like."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mead.shell.applets import processes_server, signals
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.gauges import load_now, memory_now
from mead.shell.running import Running

__all__ = ["TABLE", "running_now"]


def running_now(call: Call) -> list[Running]:
    """What runs now, by number: the program that asks is one of them."""
    return [
        *call.machine.processes.entries(),
        replace(call.machine.processes.current(), command=" ".join(call.argv)),
    ]


_COLUMNS: Final = {
    "user": ("USER", 8), "group": ("GROUP", 8), "comm": ("COMMAND", 16), "args": ("COMMAND", 256), "pid": ("PID", 5),
    "ppid": ("PPID", 5), "pgid": ("PGID", 5), "tty": ("TT", 6), "vsz": ("VSZ", 4), "rss": ("RSS", 4),
    "stat": ("STAT", 4), "time": ("TIME", 6), "etime": ("ELAPSED", 7), "nice": ("NI", 5),
}  # fmt: skip


def _ps(call: Call) -> int:
    if call.gnu:
        return processes_server.ps(call)
    entries = running_now(call)
    options = call.options("o:TlawuxefAZ" if "-" in "".join(call.argv[1:2]) else "", {})
    if "o" in options:
        return _ps_columns(call, entries, options.get("o"))
    call.write("  PID USER       VSZ STAT COMMAND\n")
    for entry in entries:
        state = "SW  " if not entry.size_kib else "R   " if entry is entries[-1] else "S   "
        call.write(f"{entry.pid:>5} {entry.user:<8} {entry.size_kib:>5} {state} {entry.command}\n")
    return 0


def _ps_columns(call: Call, entries: list[Running], text: str) -> int:
    names = [part.partition("=")[0] for part in text.replace(" ", ",").split(",") if part]
    wrong = next((name for name in names if name not in _COLUMNS), None)
    if wrong is not None:
        known = ",".join(_COLUMNS)
        raise FailedError(f"bad -o argument '{wrong}', supported arguments: {known}")
    rows = [{name: _COLUMNS[name][0] for name in names}]
    rows += [_cells(call, entry) for entry in entries]
    for row in rows:
        cells = [row[name].ljust(_COLUMNS[name][1])[: _COLUMNS[name][1]] for name in names[:-1]]
        call.write(" ".join([*cells, row[names[-1]]]) + "\n")
    return 0


def _cells(call: Call, entry: Running) -> dict[str, str]:
    machine = call.machine
    seconds = int(machine.now().timestamp() - (entry.since or machine.persona.boot_time.timestamp()))
    hours, minutes = divmod(seconds // 60, 60)
    elapsed = (
        f"{hours // 24}d{hours % 24:02d}"
        if hours >= 24
        else f"{hours:>2}:{minutes:02d}"
        if hours
        else f"{minutes:>2}:{seconds % 60:02d}"
    )  # a day
    return {
        "user": entry.user, "group": entry.user, "comm": entry.name[:15], "args": entry.command, "pid": str(entry.pid),
        "ppid": str(entry.parent), "pgid": str(entry.pid if entry.size_kib else 0), "tty": "136,0" if entry.terminal else "0,0",
        "vsz": str(entry.size_kib), "rss": str(entry.resident_kib), "stat": "S" if entry.size_kib else "SW", "time": "0:00",
        "etime": elapsed, "nice": "0",
    }  # fmt: skip


def _top(call: Call) -> int:
    if call.gnu:
        return processes_server.top(call)
    persona, up = call.machine.persona, call.machine.uptime()
    free, buffers, cached = memory_now(persona, up)
    entries = running_now(call)
    call.write(
        f"Mem: {persona.memory_kib - free}K used, {free}K free, 0K shrd, {buffers}K buff, {cached}K cached\n"
        f"CPU:   3% usr   2% sys   0% nic  94% idle   0% io   0% irq   0% sirq\nLoad average: {load_now(persona, up)} 1/{len(entries)} {call.machine.processes.last_pid}\n"
        "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n"
    )
    for entry in sorted(entries, key=lambda entry: -entry.size_kib)[:18]:
        part = min(99, entry.size_kib * 100 // persona.memory_kib)
        state = "SW" if not entry.size_kib else "R" if entry is entries[-1] else "S"
        call.write(
            f"{entry.pid:>5} {entry.parent:>5} {entry.user:<8} {state:<4} {entry.size_kib:>5} {part:>3}%   0   0% {entry.command}\n"
        )
    return 0


def _killall(call: Call) -> int:
    words = call.argv[1:]
    if call.name == "killall" and words[:1] == ["-l"]:
        return signals.kill(call)
    number, names = 15, list[str]()
    for word in words:
        if not word.startswith("-"):
            names.append(word)
        elif (found := signals.number_of(word[1:])) is not None:
            number = found
        elif call.name == "killall" and word != "-q" and not call.gnu:
            raise FailedError(f"bad signal name '{word[1:]}'")
    if not names:
        if call.gnu or call.name != "killall":
            raise UsageError
        raise FailedError("you need to specify whom to kill")
    status = 0
    for name in names:
        status = _kill_named(call, name, number) or status
    return status


def _kill_named(call: Call, name: str, number: int) -> int:
    pids = _pids(call, name)
    for pid in pids:
        signals.send(call, pid, number)
    if pids:
        return 0
    if call.name == "killall" and "-q" not in call.argv:
        call.complain(f"{name}: no process {'found' if call.gnu else 'killed'}")
    return 1


def _pids(call: Call, name: str) -> list[int]:
    """Ids of processes by name, the newest first; pgrep and pkill look for a part of it."""
    partly, found = call.name in {"pgrep", "pkill"}, list[int]()
    for entry in call.machine.processes.entries():
        whole = entry.command if "-f" in call.argv else entry.name
        if entry.pid > 1 and (name in whole if partly else entry.name == name):
            found.append(entry.pid)
    return found[::-1]


def _pidof(call: Call) -> int:
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    pids = [pid for name in names for pid in _pids(call, name)]
    if not pids:
        return 1
    if call.name == "pgrep":
        pids.sort()
    end = "\n" if call.name == "pgrep" else " "
    call.write(end.join(map(str, pids[:1] if "-s" in call.argv else pids)) + "\n")
    return 0


def _renice(call: Call) -> int:
    if len(call.argv) < 2:
        raise FailedError("missing argument")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "ps": _ps, "top": _top, "htop": _top, "kill": signals.kill, "killall": _killall, "pkill": _killall, "killall5": _killall,
    "pidof": _pidof, "pgrep": _pidof, "renice": _renice,
}  # fmt: skip
