# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that ask about the machine or run it: uname, id, free, df, mount, uptime, crontab, reboot and their like."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.system_files import load_now, memory_now
from mead.shell.vfs import Mount

__all__ = ["TABLE"]


def _uname(call: Call) -> int:
    options = call.options(
        "snrvmpioa", {"all": "a", "machine": "m", "kernel-release": "r", "kernel-name": "s"}
    )
    persona = call.machine.persona
    system = "GNU/Linux" if persona.gnu or not persona.busybox_version.startswith("v1.0") else "unknown"
    values = {
        "s": "Linux",
        "n": persona.hostname,
        "r": persona.kernel,
        "v": persona.kernel_build,
        "m": persona.machine_name,
        "p": "unknown",
        "i": "unknown",
        "o": system,
    }
    letters = "snrvmo" if "a" in options else "".join(letter for letter in values if letter in options) or "s"
    call.write(" ".join(values[letter] for letter in letters) + "\n")
    return 0


def _arch(call: Call) -> int:
    call.write(call.machine.persona.machine_name + "\n")
    return 0


def _id(call: Call) -> int:
    options = call.options("ugGnr")
    name = options.operands[0] if options.operands else call.machine.username
    known = any(user.name == name for user in call.machine.persona.users)
    if options.operands and not known:
        raise FailedError(
            f"unknown user {name}"
            if not call.machine.persona.gnu
            else f"‘{name}’: no such user".encode().decode("latin-1")
        )
    uid = call.machine.persona.uid_of(name)
    if options.values:
        call.write(f"{name if 'n' in options else uid}\n")
    else:
        call.write(
            f"uid={uid}({name}) gid={uid}({name})"
            + (f" groups={uid}({name})" if call.machine.persona.gnu else "")
            + "\n"
        )
    return 0


def _whoami(call: Call) -> int:
    call.write(call.machine.username + "\n")
    return 0


def _hostname(call: Call) -> int:
    if len(call.argv) < 2 or call.argv[1].startswith("-"):
        call.write(
            (
                call.machine.persona.address
                if call.argv[1:2] in (["-I"], ["-i"])
                else call.machine.persona.hostname
            )
            + "\n"
        )
    return 0


def _free(call: Call) -> int:
    options = call.options("bkmght", {"human": "h", "mega": "m"})
    persona = call.machine.persona
    free, buffers, cached = memory_now(persona, call.machine.uptime())
    unit = (
        1
        if "k" in options
        else 1 << 20
        if "g" in options
        else 1 << 10
        if "m" in options or "h" in options
        else 1
    )
    suffix = "Mi" if "h" in options else ""
    total = persona.memory_kib
    numbers = [total, total - free - buffers - cached, free, 0, buffers + cached, free + cached // 2]
    cells = [f"{value // unit}{suffix}" for value in numbers]
    if persona.gnu:
        call.write("               total        used        free      shared  buff/cache   available\n")
        call.write(
            "Mem:    " + "".join(f"{cell:>12}" for cell in cells) + f"\nSwap:   {'0':>12}{'0':>12}{'0':>12}\n"
        )
        return 0
    call.write("             total       used       free     shared    buffers     cached\n")
    call.write(
        f"Mem:  {total // unit:>12}{(total - free) // unit:>11}{free // unit:>11}{0:>11}{buffers // unit:>11}{cached // unit:>11}\n"
    )
    call.write(
        f"-/+ buffers/cache: {(total - free - buffers - cached) // unit:>9}{(free + buffers + cached) // unit:>11}\nSwap: {0:>12}{0:>11}{0:>11}\n"
    )
    return 0


def _space(call: Call, mount: Mount) -> tuple[int, int]:
    """Size and use of a mount in KiB."""
    persona = call.machine.persona
    if mount.type == "tmpfs":
        size = persona.memory_kib // 2
        return size, persona.number(f"used:{mount.point}", 0, 400) + call.machine.fs.used_bytes // 1024
    size = (
        persona.number(f"size:{mount.point}", 18_000_000, 80_000_000)
        if persona.gnu
        else persona.number(f"size:{mount.point}", 3_000, 14_000)
    )
    return size, size if mount.read_only else size * persona.number(f"used:{mount.point}", 12, 70) // 100


def _df(call: Call) -> int:
    options = call.options("kmhTPai")
    call.write(
        f"{'Filesystem':<20} {'Size' if 'h' in options else '1K-blocks':>9} {'Used':>9} Available Use% Mounted on\n"
    )
    for mount in call.machine.fs.mounts:
        if mount.type in {"proc", "sysfs", "devpts", "cgroup", "debugfs", "rootfs"}:
            continue
        size, used = _space(call, mount)
        cells = [
            f"{value / 1024:.1f}M" if "h" in options else str(value) for value in (size, used, size - used)
        ]
        call.write(
            f"{mount.device:<20} {cells[0]:>9} {cells[1]:>9} {cells[2]:>9} {used * 100 // max(size, 1):>3}% {mount.point}\n"
        )
    return 0


def _mount(call: Call) -> int:
    options = call.options("o:t:arwvnOi", first_operand_ends=False)
    words = options.operands
    if not words:
        for mount in call.machine.fs.mounts:
            call.write(f"{mount.device} on {mount.point} type {mount.type} ({mount.options})\n")
        return 0
    settings = options.get("o")
    if "remount" in settings:
        mode = "rw" if "rw" in settings.split(",") else "ro" if "ro" in settings.split(",") else "rw"
        return (
            0
            if call.machine.fs.remount(words[-1].rstrip("/") or "/", f"{mode},relatime")
            else _no_mount(call, words[-1])
        )
    if len(words) < 2:
        return _no_mount(call, words[0])
    call.machine.fs.add_mount(
        Mount(words[0], words[1].rstrip("/") or "/", options.get("t", "auto"), settings or "rw,relatime")
    )
    return 0


def _no_mount(call: Call, name: str) -> int:
    call.complain(f"can't find {name} in /etc/fstab")
    return 1


def _umount(call: Call) -> int:
    return 0 if len(call.argv) > 1 else _usage()


def _usage() -> int:
    raise UsageError


def _up_text(call: Call) -> str:
    up = timedelta(seconds=int(call.machine.uptime()))
    hours, minutes = up.seconds // 3600, up.seconds // 60 % 60
    days = f"{up.days} day{'s' if up.days != 1 else ''}, " if up.days else ""
    clock = f"{hours:>2}:{minutes:02d}" if hours else f"{minutes} min"
    load = load_now(call.machine.persona, call.machine.uptime()).replace(" ", ", ")
    users = "1 user, " if call.machine.persona.gnu else ""
    return f" {call.machine.now():%H:%M:%S} up {days}{clock},  {users} load average: {load}\n"


def _uptime(call: Call) -> int:
    call.write(_up_text(call))
    return 0


def _w(call: Call) -> int:
    peer = call.machine.peer or "-"
    moment = f"{call.machine.now():%H:%M}"
    if call.machine.persona.gnu:
        call.write(_up_text(call) + "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
        call.write(f"{call.machine.username:<8} pts/0    {peer:<16} {moment}    0.00s  0.00s  0.00s w\n")
    else:
        call.write("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
        call.write(
            f"{call.machine.username}\t\tpts/0\t\t00:00\t{call.machine.now():%b %d %H:%M:%S}  {peer}\n"
        )
    return 0


def _who(call: Call) -> int:
    call.write(
        f"{call.machine.username:<8} pts/0        {call.machine.now():%Y-%m-%d %H:%M} ({call.machine.peer or '-'})\n"
    )
    return 0


def _last(call: Call) -> int:
    call.write(f"\nwtmp begins {call.machine.persona.boot_time:%a %b %d %H:%M:%S %Y}\n")
    return 0


def _date(call: Call) -> int:
    now = call.machine.now()
    words = [word for word in call.argv[1:] if word.startswith("+")]
    if words:
        text = (
            words[0][1:]
            .replace("%s", str(int(now.timestamp())))
            .replace("%N", f"{now.microsecond * 1000:09d}")
        )
        call.write(
            re.sub(
                r"%([a-zA-Z%])",
                lambda found: (
                    now.strftime(found[0]) if found[1] in "aAbBcdDeFHIjklmMnpRStTuUwWxXyYzZGV%h" else found[0]
                ),
                text,
            )
            + "\n"
        )
    else:
        call.write(f"{now:%a %b} {now.day:>2} {now:%H:%M:%S} UTC {now:%Y}\n")
    return 0


def _nproc(call: Call) -> int:
    call.write(f"{call.machine.persona.cpus}\n")
    return 0


def _lscpu(call: Call) -> int:
    persona = call.machine.persona
    wide = "32-bit, 64-bit" if persona.architecture in {"x86_64", "aarch64"} else "32-bit"
    call.write(
        f"Architecture:            {persona.machine_name}\n  CPU op-mode(s):        {wide}\n  Byte Order:            Little Endian\n"
        f"CPU(s):                  {persona.cpus}\n  On-line CPU(s) list:   0-{persona.cpus - 1}\nVendor ID:               "
        f"{'GenuineIntel' if 'Intel' in persona.cpu_model else 'AuthenticAMD' if 'AMD' in persona.cpu_model else 'ARM'}\n"
        f"  Model name:            {persona.cpu_model}\n    Thread(s) per core:  1\n    Core(s) per socket:  {persona.cpus}\n    Socket(s):           1\n"
    )
    return 0


def _dmesg(call: Call) -> int:
    persona = call.machine.persona
    call.write(
        f"[    0.000000] Linux version {persona.kernel} ({persona.compiler}) {persona.kernel_build}\n"
        f"[    0.000000] CPU: {persona.cpu_model}\n[    0.000000] Memory: {persona.memory_kib - 2048}k/{persona.memory_kib}k available\n"
        f"[    0.{persona.number('cal', 1000, 9999)}00] Calibrating delay loop...\n[    1.{persona.number('eth', 100000, 999999)}] eth0: link up\n"
    )
    return 0


def _lspci(call: Call) -> int:
    if call.machine.persona.gnu:
        call.write(
            "00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:02.0 VGA compatible controller: Cirrus Logic GD 5446\n00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
        )
    return 0


def _tty(call: Call) -> int:
    call.write("/dev/pts/0\n" if call.stdin.interactive else "not a tty\n")
    return 0 if call.stdin.interactive else 1


def _stty(call: Call) -> int:
    if len(call.argv) < 2 or "-a" in call.argv:
        call.write("speed 38400 baud; rows 24; columns 80;\n")
    elif "size" in call.argv:
        call.write("24 80\n")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "uname": _uname,
    "arch": _arch,
    "id": _id,
    "whoami": _whoami,
    "logname": _whoami,
    "hostname": _hostname,
    "free": _free,
    "df": _df,
    "mount": _mount,
    "umount": _umount,
    "uptime": _uptime,
    "w": _w,
    "who": _who,
    "users": _whoami,
    "last": _last,
    "date": _date,
    "nproc": _nproc,
    "lscpu": _lscpu,
    "dmesg": _dmesg,
    "lspci": _lspci,
    "tty": _tty,
    "stty": _stty,
}
