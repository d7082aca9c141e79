# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands about processes: ps, top, kill, killall, pidof and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.system_files import load_now, memory_now, running

__all__ = ["TABLE"]

_SIGNALS: Final = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
]  # fmt: skip


def _list(call: Call) -> list[tuple[int, str, str, int]]:
    """What runs now: the device's own processes that were not killed, this shell and the command."""
    machine = call.machine
    found = [entry for entry in running(machine.persona) if entry[0] not in machine.killed]
    shell = "-bash" if machine.persona.gnu else "-sh"
    found.append((machine.shell_pid, machine.username, shell, 1_580))
    found.append((machine.shell_pid + 7, machine.username, " ".join(call.argv), 1_576))
    return found


def _ps(call: Call) -> int:
    flags = "".join(call.argv[1:]).replace("-", "")
    entries = _list(call)
    if call.machine.persona.gnu:
        if "u" in flags or "f" in flags:
            call.write("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
            for pid, user, command, size in entries:
                call.write(
                    f"{user:<8} {pid:>7}  0.0  0.1 {size:>6} {size // 3:>5} ?        Ss   Jan01   0:00 {command}\n"
                )
        else:
            shown = entries if {"e", "A", "x", "a"} & set(flags) else entries[-2:]
            call.write("    PID TTY          TIME CMD\n")
            for pid, _, command, _ in shown:
                call.write(
                    f"{pid:>7} pts/0    00:00:00 {command.split(' ')[0].lstrip('-').rpartition('/')[2]}\n"
                )
        return 0
    call.write("  PID USER       VSZ STAT COMMAND\n")
    for pid, user, command, size in entries:
        state = "SW " if size == 0 else "S  "
        call.write(f"{pid:>5} {user:<8} {size or 0:>5} {state} {command}\n")
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


def _signal_list(call: Call) -> int:
    call.write("".join(f"{number:>2}) {name}\n" for number, name in enumerate(_SIGNALS, 1)))
    return 0


def _kill(call: Call) -> int:
    words = call.argv[1:]
    if words[:1] == ["-l"]:
        return _signal_list(call)
    if words and re.fullmatch(r"-(\d+|[A-Z0-9]+|s)", words[0]):
        words = words[2:] if words[0] == "-s" else words[1:]
    if not words:
        raise FailedError("you need to specify whom to kill") if call.title != "kill" else UsageError
    status = 0
    for word in words:
        status = _kill_one(call, word) or status
    return status


def _kill_one(call: Call, word: str) -> int:
    if not re.fullmatch(r"[-%]?\d{1,9}", word):
        call.complain(
            f"invalid number '{word}'"
            if not call.machine.persona.gnu
            else f"{word}: arguments must be process or job IDs"
        )
        return 1
    pid = abs(int(word.lstrip("%")))
    if pid in {entry[0] for entry in _list(call)} or word.startswith("%") or pid == call.process.background:
        call.machine.kill(pid)
        return 0
    call.complain(
        f"can't kill pid {word}: No such process"
        if not call.machine.persona.gnu
        else f"({word}) - No such process"
    )
    return 1


def _killall(call: Call) -> int:
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    if not names:
        raise UsageError
    status = 0
    for name in names:
        pids = _pids(call, name)
        for pid in pids:
            call.machine.kill(pid)
        if not pids:
            status = 1
            if call.name == "killall" and "-q" not in call.argv:
                call.complain(f"{name}: no process {'found' if call.machine.persona.gnu else 'killed'}")
    return status


def _pids(call: Call, name: str) -> list[int]:
    found: list[int] = []
    for pid, _, command, _ in running(call.machine.persona):
        program = command.split(" ")[0].strip("[]").rpartition("/")[2]
        if pid > 1 and pid not in call.machine.killed and program == name:
            found.append(pid)
    return found


def _pidof(call: Call) -> int:
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    pids = [pid for name in names for pid in _pids(call, name)]
    if not pids:
        return 1
    end = "\n" if call.name == "pgrep" else " "
    call.write(end.join(map(str, pids)) + "\n")
    return 0


def _renice(call: Call) -> int:
    if len(call.argv) < 2:
        raise FailedError("missing argument")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "ps": _ps, "top": _top, "htop": _top, "kill": _kill, "killall": _killall, "pkill": _killall, "killall5": _killall,
    "pidof": _pidof, "pgrep": _pidof, "renice": _renice,
}  # fmt: skip
