# SPDX-License-Identifier: Apache-2.0
"""Signals: their names, what `kill` does with them, and what `trap` has said about them.

**Source:** signal(7) of Linux; messages observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Call, FailedError
from mead.shell.control import ExitShellError
from mead.shell.variables import quoted

__all__ = ["kill", "number_of", "send", "trap"]

_NAMES: Final = (
    "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
)  # fmt: skip
_REAL_TIME: Final = {32: "RTMIN", 64: "RTMAX"}
_HARMLESS: Final = frozenset({0, 17, 18, 19, 20, 21, 22, 23, 28})
_SURVIVED_AT_TERMINAL: Final = frozenset({3, 15, 20, 21, 22})
_EVENTS: Final = frozenset({"ERR", "DEBUG", "RETURN"})
_USAGE_OF_BASH: Final = (
    "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n"
)
_KILL: Final = 9
_TERM: Final = 15


def number_of(text: str) -> int | None:
    """The number of a signal that is named, with or without `SIG`, or numbered."""
    if text.isdigit():
        return int(text[:3]) if int(text[:9]) <= 64 else None  # the last signal of Linux
    name = text.upper().removeprefix("SIG")
    if name in _NAMES:
        return _NAMES.index(name)
    return {"IOT": 6, "CLD": 17, "IO": 29, "RTMIN": 32, "RTMAX": 64}.get(name)


def _name_of(number: int) -> str:
    return _NAMES[number] if number < len(_NAMES) else _REAL_TIME.get(number, str(number))


def send(call: Call, pid: int, number: int) -> bool:
    """Send a signal; False when there is no such process.

    Raises:
        ExitShellError: it was the shell's own end.
    """
    machine, process = call.machine, call.process
    if pid in {process.pid, machine.processes.shell.pid}:
        _receive(call, number)
        return True
    if not machine.processes.has(pid):
        return False
    if number not in _HARMLESS and pid > 1:
        machine.processes.kill(pid)
        for job in process.jobs:
            if job.pid == pid:
                job.status = 128 + number
                job.killed = {_KILL: "Killed", _TERM: "Terminated"}.get(number, _name_of(number).title())
    return True


def _receive(call: Call, number: int) -> None:
    process = call.process
    action = process.traps.get(_name_of(number))
    if action is not None and number != _KILL:
        if action:
            call.shell.script(action, process)
        return
    if number in _HARMLESS or (process.interactive and number in _SURVIVED_AT_TERMINAL):
        return
    if process.interactive:
        call.machine.down = True
    raise ExitShellError(128 + number)


def kill(call: Call) -> int:
    """`kill`: the builtin and the program."""
    words = call.argv[1:]
    if words[:1] == ["-l"]:
        return _list(call, words[1:])
    number = _TERM
    if words and words[0] == "-s" and len(words) > 1:
        words = [f"-{words[1]}", *words[2:]]
    if words and words[0].startswith("-") and words[0] != "--":
        found = number_of(words[0][1:])
        if found is None:
            raise FailedError(_bad_signal(call, words[0][1:]))
        number, words = found, words[1:]
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        if not call.process.bash:
            raise FailedError("you need to specify whom to kill")
        call.say(_USAGE_OF_BASH)
        return 2
    status = 0
    for word in words:
        status = _one(call, word, number) or status
    return status


def _bad_signal(call: Call, name: str) -> str:
    if call.process.bash:
        return f"{name}: invalid signal specification"
    return f"bad signal name '{name}'"


def _one(call: Call, word: str, number: int) -> int:
    pid = _pid_of(call, word)
    if pid is None:
        text = f"{word}: arguments must be process or job IDs"
        call.complain(text if call.process.bash else f"invalid number '{word}'")
        return 1
    if pid in {-1, 0}:
        return _all(call, number)
    if send(call, abs(pid), number):
        return 0
    gone = f"({word}) - No such process" if call.process.bash else f"can't kill pid {pid}: No such process"
    call.complain(gone)
    return 1


def _pid_of(call: Call, word: str) -> int | None:
    if re.fullmatch(r"%\d{1,4}|%[%+-]?", word):
        index = int(word[1:]) - 1 if word[1:].isdigit() else len(call.process.jobs) - 1
        jobs = call.process.jobs
        return jobs[index].pid if 0 <= index < len(jobs) else None
    return int(word) if re.fullmatch(r"-?\d{1,9}", word) else None


def _all(call: Call, number: int) -> int:
    processes = call.machine.processes
    for entry in processes.entries():
        if entry.pid not in {1, processes.shell.pid} and number not in _HARMLESS:
            processes.kill(entry.pid)
    if number == _KILL:
        _receive(call, number)
    return 0


def _list(call: Call, words: list[str]) -> int:
    if not words:
        names = [*enumerate(_NAMES[1:], 1), *_REAL_TIME.items()]
        call.write("".join(f"{number:>2}) {name}\n" for number, name in names))
        return 0
    for word in words:
        number = number_of(word)
        if number is None and word.isdecimal() and not call.process.bash:
            call.write(f"{word}\n")
            continue
        if number is None:
            raise FailedError(f"unknown signal '{word}'")
        call.write(f"{_name_of(number & 0x7F) if word.isdigit() else number}\n")
    return 0


def _condition(call: Call, word: str) -> str | None:
    """The name of what `trap` waits for: a signal, or in bash something that happens in a script."""
    name = word.upper().removeprefix("SIG")
    if call.process.bash and name in _EVENTS:
        return name
    number = number_of(word)
    return None if number is None else _name_of(number)


def trap(call: Call) -> int:
    """`trap`: what to do on a signal, or at the end."""
    traps, words = call.process.traps, call.flags("lp" if call.process.bash else "").operands
    if not words:
        for name in sorted(traps, key=lambda name: number_of(name) or 0):
            shown = f"SIG{name}" if call.process.bash and name not in {"EXIT", *_EVENTS} else name
            call.write(f"trap -- {quoted(traps[name])} {shown}\n")
        return 0
    action = words[0] if len(words) > 1 else "-"
    status = 0
    for word in words[1:] if len(words) > 1 else words:
        condition = _condition(call, word)
        if condition is None:
            call.process.complain(f"{word}: invalid signal specification")
            status = 1
        elif action == "-":
            traps.pop(condition, None)
        else:
            traps[condition] = action
    return status
