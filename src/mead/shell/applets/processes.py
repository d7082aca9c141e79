# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands about processes: ps, top, kill, killall, pidof and their like."""

from __future__ import annotations

from typing import Final

from mead.shell.applets import signals
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.system_files import load_now, memory_now, running

__all__ = ["TABLE"]


def _list(call: Call) -> list[tuple[int, str, str, int]]:
    """What runs now: the device's own processes that were not killed, this shell and the command."""
    machine = call.machine
    found = [entry for entry in running(machine.persona) if entry[0] not in machine.killed]
    shell = "-bash" if machine.persona.gnu else "-sh"
    found.append((machine.shell_pid, machine.username, shell, 1_580))
    found += [(pid, machine.username, command, 1_412) for pid, command in machine.children.items()]
    found.append((machine.shell_pid + 7, machine.username, " ".join(call.argv), 1_576))
    return found


_COLUMNS: Final = {
    "user": ("USER", 8), "group": ("GROUP", 8), "comm": ("COMMAND", 16), "args": ("COMMAND", 256), "pid": ("PID", 5),
    "ppid": ("PPID", 5), "pgid": ("PGID", 5), "tty": ("TT", 6), "vsz": ("VSZ", 4), "rss": ("RSS", 4),
    "stat": ("STAT", 4), "time": ("TIME", 6), "etime": ("ELAPSED", 7), "nice": ("NI", 5),
}  # fmt: skip


def _ps(call: Call) -> int:
    if call.gnu:
        return _ps_server(call)
    entries = _list(call)
    options = call.options("o:TlawuxefAZ" if "-" in "".join(call.argv[1:2]) else "", {})
    if "o" in options:
        return _ps_columns(call, entries, options.get("o"))
    call.write("  PID USER       VSZ STAT COMMAND\n")
    for pid, user, command, size in entries:
        state = "SW " if size == 0 else "S  "
        call.write(f"{pid:>5} {user:<8} {size or 0:>5} {state} {command}\n")
    return 0


def _ps_columns(call: Call, entries: list[tuple[int, str, str, int]], text: str) -> int:
    names = [part.partition("=")[0] for part in text.replace(" ", ",").split(",") if part]
    wrong = next((name for name in names if name not in _COLUMNS), None)
    if wrong is not None:
        known = ",".join(_COLUMNS)
        raise FailedError(f"bad -o argument '{wrong}', supported arguments: {known}")
    rows = [{name: _COLUMNS[name][0] for name in names}]
    rows += [_cells(pid, user, command, size) for pid, user, command, size in entries]
    for row in rows:
        cells = [row[name].ljust(_COLUMNS[name][1])[: _COLUMNS[name][1]] for name in names[:-1]]
        call.write(" ".join([*cells, row[names[-1]]]) + "\n")
    return 0


def _cells(pid: int, user: str, command: str, size: int) -> dict[str, str]:
    name = command.lstrip("-").split(" ")[0].rpartition("/")[2]
    return {
        "user": user, "group": user, "comm": name[:15], "args": command, "pid": str(pid), "ppid": "1" if pid > 1 else "0",
        "pgid": str(pid), "tty": "?", "vsz": str(size), "rss": str(size // 3), "stat": "S" if size else "SW",
        "time": "0:00", "etime": "1d02", "nice": "0",
    }  # fmt: skip


def _ps_server(call: Call) -> int:
    entries = _list(call)
    flags = "".join(call.argv[1:]).replace("-", "")
    booted = f"{call.machine.persona.boot_time:%b%d}"
    if "u" in flags or "f" in flags:
        call.write("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
        for pid, user, command, size in entries:
            tty = "pts/0   " if pid >= call.machine.shell_pid else "?       "
            call.write(
                f"{user:<8} {pid:>7}  0.0  0.1 {size:>6} {size // 3:>5} {tty} Ss   {booted}   0:00 {command}\n"
            )
        return 0
    shown = entries if {"e", "A", "x", "a"} & set(flags) else entries[-2:]
    call.write("    PID TTY          TIME CMD\n")
    for pid, _, command, _ in shown:
        name = command.split(" ")[0].lstrip("-").rpartition("/")[2]
        call.write(f"{pid:>7} pts/0    00:00:00 {name}\n")
    return 0


def _top(call: Call) -> int:
    persona, up = call.machine.persona, call.machine.uptime()
    free, buffers, cached = memory_now(persona, up)
    call.write(
        f"Mem: {persona.memory_kib - free}K used, {free}K free, 0K shrd, {buffers}K buff, {cached}K cached\n"
        f"CPU:   3% usr   2% sys   0% nic  94% idle   0% io   0% irq   0% sirq\nLoad average: {load_now(persona, up)} 1/60 {call.machine.last_pid}\n"
        "  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\n"
    )
    for pid, user, command, size in _list(call)[:24]:
        call.write(f"{pid:>5} {1 if pid > 1 else 0:>5} {user:<8} S    {size:>6}   1%   0% {command}\n")
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
    machine, found = call.machine, list[int]()
    entries = [(pid, command) for pid, _, command, _ in running(machine.persona) if pid not in machine.killed]
    for pid, command in [*entries, *machine.children.items()]:
        program = command.lstrip("-").split(" ")[0].strip("[]").rpartition("/")[2]
        whole = command if "-f" in call.argv else program
        same = name in whole if call.name in {"pgrep", "pkill"} else program == name
        if pid > 1 and same:
            found.append(pid)
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
