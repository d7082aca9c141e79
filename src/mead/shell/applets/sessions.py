# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands about who uses the machine and how busy it is: uptime, w, who, last, free."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from mead.shell.call import Applet, Call
from mead.shell.gauges import load_now, memory_now

__all__ = ["TABLE"]


def _up_text(call: Call) -> str:
    up = timedelta(seconds=int(call.machine.uptime()))
    hours, minutes = up.seconds // 3600, up.seconds // 60 % 60
    days = f"{up.days} day{'s' if up.days != 1 else ''}, " if up.days else ""
    clock = f"{hours:>2}:{minutes:02d}" if hours else f"{minutes} min"
    load = load_now(call.machine.persona, call.machine.uptime()).replace(" ", ", ")
    users = "1 user, " if call.gnu else ""
    return f" {call.machine.now():%H:%M:%S} up {days}{clock},  {users} load average: {load}\n"


def _uptime(call: Call) -> int:
    if not call.gnu:
        call.write(_up_text(call))
        return 0
    options = call.options("ps", {"pretty": "p", "since": "s"})
    if "p" in options:
        call.write(_up_in_words(timedelta(seconds=int(call.machine.uptime()))))
    elif "s" in options:
        call.write(f"{call.machine.persona.boot_time:%Y-%m-%d %H:%M:%S}\n")
    else:
        call.write(_up_text(call))
    return 0


def _up_in_words(up: timedelta) -> str:
    weeks, days = divmod(up.days, 7)
    hours, minutes = up.seconds // 3600, up.seconds // 60 % 60
    parts = [(weeks, "week"), (days, "day"), (hours, "hour"), (minutes, "minute")]
    shown = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return f"up {', '.join(shown) or '0 minutes'}\n"


def _logged_in(call: Call) -> datetime:
    return datetime.fromtimestamp(call.machine.processes.shell.since, UTC)


def _w(call: Call) -> int:
    peer, user = call.machine.peer or "-", call.machine.username
    since = _logged_in(call)
    if call.gnu:
        call.write(_up_text(call) + "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
        call.write(f"{user:<8} pts/0    {peer:<16} {since:%H:%M}    0.00s  0.02s  0.00s w\n")
        return 0
    call.write("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
    call.write(f"{user}\t\tpts/0\t\t00:00\t{since:%b %d %H:%M:%S}  {peer}\n")
    return 0


def _who(call: Call) -> int:
    user, since = call.machine.username, _logged_in(call)
    peer = f" ({call.machine.peer})" if call.machine.peer else ""
    call.write(f"{user:<8} pts/0        {since:%Y-%m-%d %H:%M}{peer}\n")
    return 0


def _users(call: Call) -> int:
    call.write(f"{call.machine.username}\n")
    return 0


def _last(call: Call) -> int:
    persona, since = call.machine.persona, _logged_in(call)
    if not call.gnu:
        call.write("USER       TTY            HOST               LOGIN        TIME\n")
        return 0
    peer, booted = call.machine.peer or "0.0.0.0", persona.boot_time
    call.write(
        f"{call.machine.username:<8} pts/0        {peer:<16} {since:%a %b %e %H:%M}   still logged in\n"
    )
    call.write(
        f"{'reboot':<8} system boot  {persona.kernel[:16]:<16} {booted:%a %b %e %H:%M}   still running\n"
    )
    call.write(f"\nwtmp begins {booted:%a %b %e %H:%M:%S %Y}\n")
    return 0


def _free(call: Call) -> int:
    options = call.options(
        "bkmghtwls:c:",
        {
            "human": "h",
            "mega": "m",
            "mebi": "m",
            "giga": "g",
            "kilo": "k",
            "bytes": "b",
            "total": "t",
            "wide": "w",
        },
    )
    persona = call.machine.persona
    free, buffers, cached = memory_now(persona, call.machine.uptime())
    total = persona.memory_kib
    numbers = [total, total - free - buffers - cached, free, 0, buffers + cached, free + cached // 2]
    if call.gnu:
        return _free_server(call, numbers, human="h" in options, unit=_unit(options.values))
    unit = max(1, _unit(options.values) >> 10)
    if _recent(persona.busybox_version):
        call.write("              total        used        free      shared  buff/cache   available\n")
        call.write(
            "Mem:    " + "".join(f"{value // unit:>12}" for value in numbers).lstrip(" ").rjust(71) + "\n"
        )
        call.write(f"Swap:   {0:>11} {0:>11} {0:>11}\n")
        return 0
    used = total - free - buffers - cached
    call.write("             total       used       free     shared    buffers     cached\n")
    call.write(
        f"Mem:  {total // unit:>12}{(total - free) // unit:>11}{free // unit:>11}{0:>11}{buffers // unit:>11}{cached // unit:>11}\n"
    )
    call.write(
        f"-/+ buffers/cache: {used // unit:>9}{(total - used) // unit:>11}\nSwap: {0:>12}{0:>11}{0:>11}\n"
    )
    return 0


def _unit(letters: Iterable[str]) -> int:
    """Bytes of one unit that is shown."""
    known = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return next((size for letter, size in known.items() if letter in letters), 1 << 10)


def _free_server(call: Call, numbers: list[int], *, human: bool, unit: int) -> int:
    cells = [_in_words(value) if human else str(value * 1_024 // unit) for value in numbers]
    none = "0B" if human else "0"
    call.write("               total        used        free      shared  buff/cache   available\n")
    call.write(
        "Mem:    " + "".join(f"{cell:>12}" for cell in cells) + f"\nSwap:   {none:>12}{none:>12}{none:>12}\n"
    )
    return 0


def _in_words(kib: int) -> str:
    if not kib:
        return "0B"
    value, units = float(kib), ["Ki", "Mi", "Gi", "Ti"]
    while value >= 1_000 and len(units) > 1:
        value, units = value / 1_024, units[1:]
    return f"{value:.1f}{units[0]}" if value < 10 else f"{value:.0f}{units[0]}"  # two figures


def _recent(version: str) -> bool:
    """Whether BusyBox shows `available` memory, as it does since 1.27."""
    found = re.match(r"v1\.(\d+)", version)
    return found is not None and int(found[1]) >= 27


TABLE: Final[dict[str, Applet]] = {
    "uptime": _uptime, "w": _w, "who": _who, "users": _users, "last": _last, "free": _free,
}  # fmt: skip
