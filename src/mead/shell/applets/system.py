# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that ask about the machine or run it: uname, id, free, df, mount, uptime, crontab, reboot and their like."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.system_files import load_now, memory_now
from mead.shell.vfs import Mount, PathError

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
    user = next((user for user in call.machine.persona.users if user.name == name), None)
    if options.operands and user is None:
        quoted = f"‘{name}’: no such user".encode().decode("latin-1")
        raise FailedError(quoted if call.gnu else f"unknown user {name}")
    uid, gid = (user.uid, user.gid) if user else (call.machine.uid, call.machine.uid)
    groups = {entry.gid: entry.name for entry in call.machine.persona.users}
    group = groups.get(gid, name)
    if "u" in options:
        call.write(f"{name if 'n' in options else uid}\n")
    elif options.values.keys() & {"g", "G"}:
        call.write(f"{group if 'n' in options else gid}\n")
    else:
        call.write(f"uid={uid}({name}) gid={gid}({group}) groups={gid}({group})\n")
    return 0


def _whoami(call: Call) -> int:
    if len(call.argv) > 1 and call.name == "whoami":
        raise UsageError
    call.write(call.machine.username + "\n")
    return 0


def _hostname(call: Call) -> int:
    options = call.options("sidfIF:Av" if call.gnu else "sidfF:")
    persona = call.machine.persona
    if options.operands:
        if call.machine.uid:
            raise FailedError("sethostname: Operation not permitted")
        return 0
    call.write((persona.address if options.values.keys() & {"I", "i"} else persona.hostname) + "\n")
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
    if _recent(persona.busybox_version):
        call.write("              total        used        free      shared  buff/cache   available\n")
        call.write(
            "Mem:    " + "".join(f"{value // unit:>12}" for value in numbers).lstrip(" ").rjust(71) + "\n"
        )
        call.write(f"Swap:   {0:>11} {0:>11} {0:>11}\n")
        return 0
    call.write("             total       used       free     shared    buffers     cached\n")
    call.write(
        f"Mem:  {total // unit:>12}{(total - free) // unit:>11}{free // unit:>11}{0:>11}{buffers // unit:>11}{cached // unit:>11}\n"
    )
    call.write(
        f"-/+ buffers/cache: {(total - free - buffers - cached) // unit:>9}{(free + buffers + cached) // unit:>11}\nSwap: {0:>12}{0:>11}{0:>11}\n"
    )
    return 0


def _recent(version: str) -> bool:
    """Whether BusyBox shows `available` memory, as it does since 1.27."""
    found = re.match(r"v1\.(\d+)", version)
    return found is not None and int(found[1]) >= 27


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


_HIDDEN: Final = frozenset({"proc", "sysfs", "devpts", "cgroup", "debugfs", "rootfs"})


def _df(call: Call) -> int:
    options = call.options(
        "PkmhTaiB:t:", {"human-readable": "h", "portability": "P", "print-type": "T", "inodes": "i"}
    )
    unit = 1 << 10 if "m" in options else 1
    call.write(_df_head(options))
    status = 0
    for mount in _df_mounts(call, options):
        if mount is None:
            status = 1
            continue
        size, used = _space(call, mount)
        if "i" in options:
            size, used = size // 4, used // 40
        cells = [_df_cell(value, unit, options) for value in (size, used, size - used)]
        kind = f"{mount.type:<10} " if "T" in options else ""
        percent = -(-used * 100 // max(size, 1))
        call.write(
            f"{mount.device:<20} {kind}{cells[0]:>9} {cells[1]:>9} {cells[2]:>9} {percent:>3}% {mount.point}\n"
        )
    return status


def _df_head(options: Options) -> str:
    kind = "Type       " if "T" in options else ""
    if "i" in options:
        return f"Filesystem           {kind}   Inodes      Used Available Use% Mounted on\n"
    if "P" in options:
        return f"Filesystem           {kind}1024-blocks    Used Available Capacity Mounted on\n"
    size = "     Size" if "h" in options else "1M-blocks" if "m" in options else "1K-blocks"
    return f"Filesystem           {kind}{size}      Used Available Use% Mounted on\n"


def _df_cell(value: int, unit: int, options: Options) -> str:
    if "h" not in options or "i" in options:
        return str(value // unit)
    shown, letters = float(value), "KMGT"
    while shown >= 1024 and len(letters) > 1:
        shown, letters = shown / 1024, letters[1:]
    return f"{shown:.1f}{letters[0]}" if value else "0"


def _df_mounts(call: Call, options: Options) -> list[Mount | None]:
    fs = call.machine.fs
    if not options.operands:
        return [mount for mount in fs.mounts if mount.type not in _HIDDEN or "a" in options]
    found: list[Mount | None] = []
    for name in options.operands:
        try:
            call.node(name)
            found.append(fs.mount_of(fs.find(call.path(name))[1]))
        except PathError as error:
            text = f"{name}: {error.reason}" if call.gnu else f"{name}: can't find mount point"
            call.complain(text)
            found.append(None)
    return found


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
        point = words[-1].rstrip("/") or "/"
        if call.machine.fs.remount(point, f"{mode},relatime"):
            return 0
        return _no_mount(call, words[-1], "/proc/mounts")
    if len(words) < 2:
        return _no_mount(call, words[0], "/etc/fstab")
    if not call.machine.fs.is_directory(call.path(words[1])):
        call.complain(f"mounting {words[0]} on {words[1]} failed: No such file or directory")
        return 255
    call.machine.fs.add_mount(
        Mount(words[0], words[1].rstrip("/") or "/", options.get("t", "auto"), settings or "rw,relatime")
    )
    return 0


def _no_mount(call: Call, name: str, where: str) -> int:
    call.complain(f"can't find {name} in {where}")
    return 1


def _umount(call: Call) -> int:
    options = call.options("lfandrt:D")
    if not options.operands and "a" not in options:
        raise UsageError
    status = 0
    for name in options.operands:
        point = call.path(name).rstrip("/") or "/"
        if not any(point == mount.point or name == mount.device for mount in call.machine.fs.mounts):
            known = call.machine.fs.exists(point)
            reason = "Invalid argument" if known else "No such file or directory"
            call.complain(f"can't unmount {name}: {reason}")
            status = 1
    return status


def _up_text(call: Call) -> str:
    up = timedelta(seconds=int(call.machine.uptime()))
    hours, minutes = up.seconds // 3600, up.seconds // 60 % 60
    days = f"{up.days} day{'s' if up.days != 1 else ''}, " if up.days else ""
    clock = f"{hours:>2}:{minutes:02d}" if hours else f"{minutes} min"
    load = load_now(call.machine.persona, call.machine.uptime()).replace(" ", ", ")
    users = "1 user, " if call.gnu else ""
    return f" {call.machine.now():%H:%M:%S} up {days}{clock},  {users} load average: {load}\n"


def _uptime(call: Call) -> int:
    call.write(_up_text(call))
    return 0


def _w(call: Call) -> int:
    peer = call.machine.peer or "-"
    moment = f"{call.machine.now():%H:%M}"
    if call.gnu:
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


def _nproc(call: Call) -> int:
    call.options("", {"all": "a", "ignore": "i:"})
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
    if call.gnu:
        call.write(
            "00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:02.0 VGA compatible controller: Cirrus Logic GD 5446\n00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
        )
    return 0


def _tty(call: Call) -> int:
    options = call.options("s")
    terminal = call.stdin.interactive and call.process.interactive
    if "s" not in options:
        call.write("/dev/pts/0\n" if terminal else "not a tty\n")
    return 0 if terminal else 1


def _stty(call: Call) -> int:
    words = call.argv[1:]
    if any(
        word.startswith("-") and word not in {"-a", "-g", "-F"} and not word[1:].isalpha() for word in words
    ):
        raise FailedError(f"invalid argument '{words[0]}'")
    if not words or "-a" in words:
        call.write("speed 38400 baud; rows 24; columns 80;\n")
    elif "size" in words:
        call.write("24 80\n")
    elif words == ["-z"]:
        raise FailedError("invalid argument '-z'")
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
    "nproc": _nproc,
    "lscpu": _lscpu,
    "dmesg": _dmesg,
    "lspci": _lspci,
    "tty": _tty,
    "stty": _stty,
}
