# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands about disks: df, mount, umount."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.call import Applet, Call, Options, UsageError
from mead.shell.vfs import Mount, PathError

__all__ = ["TABLE", "rounded_up"]

_HIDDEN: Final = frozenset({"proc", "sysfs", "devpts", "cgroup", "debugfs", "rootfs"})
_SIZE: Final = re.compile(r"(?:^|,)size=(\d{1,9})k")
_BUSY: Final = frozenset({"/", "/dev", "/dev/pts", "/proc", "/sys", "/usr"})
_NEVER_WRITABLE: Final = frozenset({"squashfs", "cramfs"})
_MEMORY_TYPES: Final = frozenset({"tmpfs", "devtmpfs"})


@dataclass(frozen=True, slots=True)
class _Space:
    """How full a mount is, in KiB or in files."""

    mount: Mount
    size: int
    used: int

    @property
    def free(self) -> int:
        """What is left."""
        return max(0, self.size - self.used)

    @property
    def percent(self) -> int:
        """How full it is, rounded up."""
        return -(-self.used * 100 // max(self.size, 1))


def _space(call: Call, mount: Mount) -> _Space:
    persona = call.machine.persona
    if mount.type in _MEMORY_TYPES:
        found = _SIZE.search(mount.options)
        size = int(found[1]) if found else persona.memory_kib // 2
        brought = call.machine.fs.used_bytes // 1_024 if mount.point in {"/tmp", "/var"} else 0  # noqa: S108 - of the emulated device
        used = 0 if mount.type == "devtmpfs" else persona.number(f"used:{mount.point}", 0, 400) + brought
        return _Space(mount, size, min(used, size))
    size, used = persona.storage_kib(mount.point)
    return _Space(mount, size, size if mount.read_only else used)


def _df(call: Call) -> int:
    options = call.options(
        "PkmhTaiB:t:l",
        {
            "human-readable": "h",
            "portability": "P",
            "print-type": "T",
            "inodes": "i",
            "total": "",
            "type": "t:",
        },
    )
    mounts = _df_mounts(call, options)
    spaces = [_space(call, mount) for mount in mounts if mount is not None]
    if "i" in options:
        spaces = [_Space(entry.mount, entry.size // 4, entry.used // 40) for entry in spaces]
    if spaces or not call.gnu:
        call.write(_df_server(spaces, options) if call.gnu else _df_device(spaces, options))
    return 1 if None in mounts else 0


def _df_device(spaces: list[_Space], options: Options) -> str:
    rows = [_df_head(options)]
    for entry in spaces:
        cells = [_df_cell(value, options) for value in (entry.size, entry.used, entry.free)]
        kind = f"{entry.mount.type:<10} " if "T" in options else ""
        rows.append(
            f"{entry.mount.device:<20} {kind}{cells[0]:>9} {cells[1]:>9} {cells[2]:>9} {entry.percent:>3}% {entry.mount.point}\n"
        )
    return "".join(rows)


def _df_head(options: Options) -> str:
    kind = "Type       " if "T" in options else ""
    if "i" in options:
        return f"Filesystem           {kind}   Inodes      Used Available Use% Mounted on\n"
    if "P" in options:
        return f"Filesystem           {kind}1024-blocks    Used Available Capacity Mounted on\n"
    size = "     Size" if "h" in options else "1M-blocks" if "m" in options else "1K-blocks"
    return f"Filesystem           {kind}{size}      Used Available Use% Mounted on\n"


def _df_cell(value: int, options: Options) -> str:
    if "h" not in options or "i" in options:
        return str(value >> 10 if "m" in options else value)
    shown, letters = float(value), "KMGT"
    while shown >= 1024 and len(letters) > 1:
        shown, letters = shown / 1024, letters[1:]
    return f"{shown:.1f}{letters[0]}" if value else "0"


def _df_server(spaces: list[_Space], options: Options) -> str:
    human = "h" in options
    if "i" in options:
        head = ["Filesystem", "Inodes", "IUsed", "IFree", "IUse%", "Mounted on"]
    elif human:
        head = ["Filesystem", "Size", "Used", "Avail", "Use%", "Mounted on"]
    else:
        size = "1024-blocks" if "P" in options else "1M-blocks" if "m" in options else "1K-blocks"
        head = [
            "Filesystem",
            size,
            "Used",
            "Available",
            "Capacity" if "P" in options else "Use%",
            "Mounted on",
        ]
    rows = [head]
    for entry in spaces:
        cells = [_server_cell(value, options) for value in (entry.size, entry.used, entry.free)]
        rows.append([entry.mount.device, *cells, f"{entry.percent}%", entry.mount.point])
    widths = [14, 5, 5, 5, 4, 0]
    if "T" in options:
        kinds = ["Type", *(entry.mount.type for entry in spaces)]
        rows = [[row[0], kind, *row[1:]] for row, kind in zip(rows, kinds, strict=True)]
        widths.insert(1, 4)
    return _table(rows, widths, left=2 if "T" in options else 1)


def _server_cell(value: int, options: Options) -> str:
    if "h" in options:
        return rounded_up(value if "i" in options else value * 1_024)
    return str(-(-value >> 10) if "m" in options and "i" not in options else value)


def _table(rows: list[list[str]], minimum: list[int], *, left: int) -> str:
    widths = [max(low, *(len(row[column]) for row in rows)) for column, low in enumerate(minimum)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row[:-1], widths, strict=False))
        ]
        lines.append(" ".join([*cells, row[-1]]) + "\n")
    return "".join(lines)


def rounded_up(size: int) -> str:
    """Bytes as GNU tools show them to people: never less than there are."""
    if size < 1_024:
        return str(size)
    letters, divisor = "KMGTP", 1_024
    while size >= divisor * 1_024 and len(letters) > 1:
        letters, divisor = letters[1:], divisor * 1_024
    tenths = -(-size * 10 // divisor)
    if tenths < 100:  # below ten
        return f"{tenths // 10}.{tenths % 10}{letters[0]}"
    whole = -(-size // divisor)
    return f"{whole}{letters[0]}" if whole < 1_024 or len(letters) == 1 else f"1.0{letters[1]}"


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
        for entry in call.machine.fs.mounts:
            call.write(f"{entry.device} on {entry.point} type {entry.type} ({entry.options})\n")
        return 0
    settings = options.get("o")
    if "remount" in settings:
        mode = "rw" if "rw" in settings.split(",") else "ro" if "ro" in settings.split(",") else "rw"
        point = words[-1].rstrip("/") or "/"
        mount = next((entry for entry in call.machine.fs.mounts if entry.point == point), None)
        if mount is not None:
            mode = "ro" if mount.type in _NEVER_WRITABLE else mode
            call.machine.fs.remount(point, ",".join([mode, *mount.options.split(",")[1:]]))
            return 0
        return _no_mount(call, words[-1], "/proc/mounts")
    if len(words) < 2:
        return _no_mount(call, words[0], "/etc/fstab")
    if not call.machine.fs.is_directory(call.path(words[1])):
        call.complain(f"mounting {words[0]} on {words[1]} failed: No such file or directory")
        return 255
    return _add_mount(call, words[0], call.path(words[1]).rstrip("/") or "/", options)


def _add_mount(call: Call, what: str, point: str, options: Options) -> int:
    fs, settings = call.machine.fs, options.get("o")
    device, kind, shown = what, options.get("t", "auto"), settings or "rw,relatime"
    if "bind" in settings.split(","):
        source = fs.mount_of(call.path(what)) if fs.exists(call.path(what)) else None
        if source is None:
            call.complain(f"mounting {what} on {point} failed: No such file or directory")
            return 255
        device, kind, shown = source.device, source.type, source.options
    fs.add_mount(Mount(device, point, kind, shown))
    return 0


def _no_mount(call: Call, name: str, where: str) -> int:
    call.complain(f"can't find {name} in {where}")
    return 1


def _umount(call: Call) -> int:
    options = call.options("lfandrt:D")
    if not options.operands and "a" not in options:
        raise UsageError
    status = 0
    fs = call.machine.fs
    for name in options.operands:
        point = call.path(name).rstrip("/") or "/"
        mount = next(
            (entry for entry in reversed(fs.mounts) if point == entry.point or name == entry.device), None
        )
        if mount is None:
            reason = "Invalid argument" if fs.exists(point) else "No such file or directory"
            call.complain(f"can't unmount {name}: {reason}" if not call.gnu else f"{name}: not mounted.")
            status = 1 if not call.gnu else 32
        elif mount.point in _BUSY and "l" not in options:
            call.complain(
                f"can't unmount {mount.point}: Device or resource busy"
                if not call.gnu
                else f"{mount.point}: target is busy."
            )
            status = 1 if not call.gnu else 32
        elif mount.point != "/":
            fs.remove_mount(mount)
    return status


TABLE: Final[dict[str, Applet]] = {"df": _df, "mount": _mount, "umount": _umount}
