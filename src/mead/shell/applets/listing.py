# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that say what files there are: ls, stat, du."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from mead.shell.applets.space import rounded_up
from mead.shell.call import Applet, Call, Options, UsageError
from mead.shell.vfs import Node, PathError, normal

__all__ = ["TABLE", "mode_text", "size_of"]

_LETTERS: Final = {
    "file": "-",
    "dir": "d",
    "link": "l",
    "char": "c",
    "block": "b",
    "fifo": "p",
    "socket": "s",
}


def mode_text(node: Node) -> str:
    """`drwxr-xr-x`."""
    letters = ["rwx"[2 - bit % 3] if node.mode >> bit & 1 else "-" for bit in range(8, -1, -1)]
    for bit, at, low, high in ((0o4000, 2, "s", "S"), (0o2000, 5, "s", "S"), (0o1000, 8, "t", "T")):
        if node.mode & bit:
            letters[at] = low if letters[at] == "x" else high
    return _LETTERS[node.kind] + "".join(letters)


def size_of(call: Call, node: Node) -> int:
    """What `ls` shows; a file whose body has not arrived has a plausible size."""
    if node.kind == "link":
        return len(node.target)
    if node.kind == "dir":
        return 4_096
    if node.kind != "file" or (callable(node.data) and not node.applet):
        return 0
    if node.waits is not None:
        body = call.machine.bodies.get(node.waits)
        return (
            len(body)
            if body is not None
            else call.machine.persona.number(f"size:{node.waits}", 1_200, 98_000)
        )
    return node.size


def _human(size: int) -> str:
    if size < 1_024:
        return str(size)
    value = float(size)
    for unit in "KMGT":
        value /= 1_024
        if value < 1_024:
            return f"{value:.1f}{unit}"
    return f"{value:.0f}P"


def blocks_of(call: Call, node: Node) -> int:
    """KiB that a file takes on its disk."""
    if node.kind not in {"file", "dir"}:
        return 0
    size = size_of(call, node)
    return 4 if node.kind == "dir" else -(-size // 4_096) * 4


def _names(call: Call, node: Node) -> tuple[str, str]:
    users = {user.uid: user.name for user in call.machine.persona.users}
    return users.get(node.uid, str(node.uid)), users.get(node.gid, str(node.gid))


def links_of(node: Node) -> int:
    """How many names a file has; a directory, one for each of those in it as well."""
    if node.kind != "dir":
        return node.names
    return 2 + sum(child.kind == "dir" for child in node.children.values())


_MARKS: Final = {"dir": "/", "link": "@", "fifo": "|", "socket": "="}


def _marked(name: str, node: Node, options: Options) -> str:
    """The name with what `-F` and `-p` put behind it."""
    if node.kind == "dir" and options.values.keys() & {"F", "p"}:
        return name + "/"
    if "F" not in options:
        return name
    executable = node.kind == "file" and node.mode & 0o111
    return name + ("*" if executable else _MARKS.get(node.kind, ""))


def _rows(call: Call, entries: list[tuple[str, Node]], options: Options) -> str:
    """The lines of `ls -l`; GNU's makes each column as wide as it must be."""
    if not call.gnu:
        return "".join(_row(call, name, node, options) for name, node in entries)
    rows = [_cells(call, name, node, options) for name, node in entries]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(1, 5)]
    lines = []
    for (mode, count, owner, group, size, when, shown), entry in zip(rows, entries, strict=True):
        before = _before(call, *entry, options)
        owners = [
            text.ljust(width)
            for text, width, letter in ((owner, widths[1], "g"), (group, widths[2], "o"))
            if letter not in options
        ]
        lines.append(
            " ".join([f"{before}{mode}", count.rjust(widths[0]), *owners, size.rjust(widths[3]), when, shown])
            + "\n"
        )
    return "".join(lines)


def _cells(call: Call, name: str, node: Node, options: Options) -> tuple[str, ...]:
    """Mode, links, owner, group, size, time and name."""
    size = size_of(call, node)
    shown = str(size) if "h" not in options else rounded_up(size) if call.gnu else _human(size)
    if node.kind in {"char", "block"}:
        major, minor = (
            call.machine.persona.number(node.target, 1, 31),
            call.machine.persona.number(name, 0, 9),
        )
        shown = f"{major}, {minor}" if call.gnu else f"{major:>3}, {minor:>3}"
    moment = datetime.fromtimestamp(node.modified, UTC)
    recent = abs((call.machine.now() - moment).total_seconds()) < 182 * 86_400
    when = f"{moment:%b} {moment.day:>2} " + (f"{moment:%H:%M}" if recent else f" {moment:%Y}")
    arrow = f" -> {node.target}" if node.kind == "link" else ""
    owner, group = (str(node.uid), str(node.gid)) if "n" in options else _names(call, node)
    name = name if arrow else _marked(name, node, options)
    return mode_text(node), str(links_of(node)), owner, group, shown, when, name + arrow


def _row(call: Call, name: str, node: Node, options: Options) -> str:
    mode, count, owner, group, size, when, shown = _cells(call, name, node, options)
    width = 7 if "h" in options else 9
    before = _before(call, name, node, options)
    return f"{before}{mode} {count:>4} {owner:<8} {group:<8} {size:>{width}} {when} {shown}\n"


def _before(call: Call, name: str, node: Node, options: Options) -> str:
    """The inode and the blocks in front of a name."""
    inode = f"{call.machine.persona.number(name, 2, 60_000):>7} " if "i" in options else ""
    return inode + (f"{blocks_of(call, node):>6} " if "s" in options else "")


def _sorted(call: Call, entries: list[tuple[str, Node]], options: Options) -> list[tuple[str, Node]]:
    entries = sorted(entries, key=lambda entry: entry[0])
    if "X" in options:
        entries.sort(key=lambda entry: entry[0].rpartition(".")[2])
    if "S" in options:
        entries.sort(key=lambda entry: -size_of(call, entry[1]))
    if "t" in options:
        entries.sort(key=lambda entry: -entry[1].modified)
    if "r" in options:
        entries.reverse()
    return entries


def _show(call: Call, entries: list[tuple[str, Node]], options: Options) -> None:
    call.machine.budget.charge(1 + len(entries) // 8)
    entries = _sorted(call, entries, options)
    if options.values.keys() & {"l", "n", "o", "g"}:
        call.write(_rows(call, entries, options))
        return
    names = [_before(call, name, node, options) + _marked(name, node, options) for name, node in entries]
    terminal = call.process.interactive and call.stdout is call.machine.terminal
    if "1" not in options and (terminal or options.values.keys() & {"C", "x"}):
        width = int(options.get("w")[:4]) if options.get("w").isdecimal() else 80
        call.write(_columns(names, width, by_rows="x" in options))
    else:
        call.write("".join(f"{name}\n" for name in names))


def _columns(names: list[str], width: int, *, by_rows: bool) -> str:
    if not names:
        return ""
    cell = max(map(len, names)) + 2
    across = max(1, width // cell)
    rows = -(-len(names) // across)
    if by_rows:
        lines = (names[at : at + across] for at in range(0, len(names), across))
    else:
        lines = (names[row::rows] for row in range(rows))
    return "".join("".join(name.ljust(cell) for name in line[:-1]) + line[-1] + "\n" for line in lines)


def _ls(call: Call) -> int:
    letters = "1AaCxdLHRFplinshrSXvctukgow:" if call.gnu else "1AaCxdLHRFplinshrSXvctuw:"
    options = call.options(letters, {"color": "color", "all": "a", "full-time": "l", "help": "help"})
    files: list[tuple[str, Node]] = []
    folders: list[tuple[str, Node]] = []
    status = 0
    for name in options.operands or ["."]:
        try:
            node = call.node(name, follow="L" in options or ("l" not in options and "d" not in options))
        except PathError as error:
            text = f"cannot access '{name}': {error.reason}" if call.gnu else f"{name}: {error.reason}"
            call.complain(text)
            status = 2 if call.gnu else 1
            continue
        (folders if node.kind == "dir" and "d" not in options else files).append((name, node))
    if files:
        _show(call, files, options)
    titled = len(options.operands) > 1 or "R" in options
    for index, (name, node) in enumerate(_sorted(call, folders, options)):
        _folder(call, name, node, options, titled=titled, spaced=bool(files) or index > 0)
    return status


def _folder(call: Call, name: str, node: Node, options: Options, *, titled: bool, spaced: bool) -> None:
    if titled:
        call.write(("\n" if spaced else "") + f"{name}:\n")
    hidden = options.values.keys() & {"a", "A"}
    entries = [entry for entry in node.children.items() if hidden or entry[0][0] != "."]
    if "L" in options:
        entries = [(child, _target(call, f"{name}/{child}", found)) for child, found in entries]
    if "a" in options:
        above, _ = call.machine.fs.find(normal(call.path(name) + "/.."))
        entries = [(".", node), ("..", above or node), *entries]
    if options.values.keys() & {"l", "n", "o", "g", "s"}:
        call.write(f"total {sum(blocks_of(call, child) for _, child in entries)}\n")
    _show(call, entries, options)
    if "R" in options:
        for child_name, child in _sorted(call, entries, options):
            if child.kind == "dir" and child_name not in {".", ".."}:
                call.machine.budget.charge()
                below = f"{name.rstrip('/')}/{child_name}"
                _folder(call, below, child, options, titled=True, spaced=True)


def _target(call: Call, path: str, node: Node) -> Node:
    try:
        return call.node(path)
    except PathError:
        return node


def _stat(call: Call) -> int:
    options = call.options("c:fLt", {"format": "c:", "printf": "c:"})
    if not options.operands:
        raise UsageError("" if not call.gnu else "missing operand")
    status = 0
    for name in options.operands:
        try:
            node = call.node(name, follow="L" in options)
        except PathError as error:
            verb = "cannot" if call.gnu else "can't"
            call.complain(f"{verb} stat '{name}': {error.reason}")
            status = 1
            continue
        if "c" in options:
            fields = _stat_fields(call, name, node)
            call.write(_filled(options.get("c"), fields) + "\n")
        elif "t" in options:
            fields = _stat_fields(call, name, node)
            call.write(" ".join([name, *(fields[letter] for letter in "sbfugDihtTXYZo")]) + "\n")
        else:
            _stat_whole(call, name, node)
    return status


def _filled(template: str, fields: dict[str, str]) -> str:
    return re.sub(r"%([a-zA-Z])", lambda found: fields.get(found[1], "?"), template)


_KINDS: Final = {
    "file": "regular file", "dir": "directory", "link": "symbolic link", "char": "character special file",
    "block": "block special file", "fifo": "fifo", "socket": "socket",
}  # fmt: skip
_KIND_BITS: Final = {
    "file": 0o100000, "dir": 0o040000, "link": 0o120000, "char": 0o020000, "block": 0o060000, "fifo": 0o010000,
    "socket": 0o140000,
}  # fmt: skip


def _kind(call: Call, node: Node) -> str:
    return "regular empty file" if node.kind == "file" and size_of(call, node) == 0 else _KINDS[node.kind]


def _stat_fields(call: Call, name: str, node: Node) -> dict[str, str]:
    owner, group = _names(call, node)
    moment = datetime.fromtimestamp(node.modified, UTC)
    seconds = str(int(node.modified))
    shown = f"{moment:%Y-%m-%d %H:%M:%S}.000000000 +0000"
    return {
        "n": name, "N": f"'{name}'" + (f" -> '{node.target}'" if node.kind == "link" else ""), "F": _kind(call, node),
        "s": str(size_of(call, node)), "b": str(blocks_of(call, node) * 2), "B": "512", "o": "4096",
        "a": f"{node.mode:o}", "A": mode_text(node), "f": f"{_KIND_BITS[node.kind] | node.mode:x}",
        "u": str(node.uid), "g": str(node.gid), "U": owner, "G": group, "h": str(links_of(node)),
        "i": str(call.machine.persona.number(name, 2, 60_000)), "D": "1f", "d": "31", "t": "0", "T": "0",
        "X": seconds, "Y": seconds, "Z": seconds, "W": "0", "x": shown, "y": shown, "z": shown,
    }  # fmt: skip


def _stat_whole(call: Call, name: str, node: Node) -> None:
    fields = _stat_fields(call, name, node)
    shown = fields["N"].replace("'", "") if not call.gnu else fields["N"].strip("'")
    owner, group = f"({node.uid:>5}/{fields['U']:>8})", f"({node.gid:>5}/{fields['G']:>8})"
    call.write(
        f"  File: {shown}\n  Size: {fields['s']:<10}\tBlocks: {fields['b']:<10} IO Block: 4096   {fields['F']}\n"
        f"Device: 1fh/31d\tInode: {fields['i']:<11} Links: {fields['h']}\n"
        f"Access: ({node.mode & 0o7777:04o}/{mode_text(node)})  Uid: {owner}   Gid: {group}\n"
    )
    for label in ("Access", "Modify", "Change"):
        call.write(f"{label}: {fields['y']}\n")


def _du(call: Call) -> int:
    options = call.options("aHLdclsxhmkbd:", {"max-depth": "d:", "apparent-size": "b"})
    unit = 1 << 10 if "m" in options else 1
    for name in options.operands or ["."]:
        try:
            total = sum(blocks_of(call, node) for _, node in _walk(call, name))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            return 1
        if "b" in options:
            total = sum(size_of(call, node) for _, node in _walk(call, name))
        call.write(f"{_human_blocks(total) if 'h' in options else -(-total // unit)}\t{name}\n")
    return 0


def _human_blocks(total: int) -> str:
    return f"{total:.1f}K" if total < 1_024 else _human(total * 1_024)


def _walk(call: Call, name: str) -> list[tuple[str, Node]]:
    found: list[tuple[str, Node]] = []
    for entry in call.machine.fs.walk(call.path(name)):
        call.machine.budget.charge()
        found.append(entry)
    return found


TABLE: Final[dict[str, Applet]] = {"ls": _ls, "dir": _ls, "stat": _stat, "du": _du}
