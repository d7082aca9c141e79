# SPDX-License-Identifier: Apache-2.0
"""Commands that say what files there are: ls, stat, du, readlink, basename, which."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mead.shell.call import Applet, Call, Options, UsageError
from mead.shell.vfs import Node, PathError, normal

__all__ = ["TABLE", "mode_text"]

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
    text = "".join("rwx"[2 - bit % 3] if node.mode >> bit & 1 else "-" for bit in range(8, -1, -1))
    if node.mode & 0o1000:
        text = text[:8] + ("t" if node.mode & 1 else "T")
    if node.mode & 0o4000:
        text = text[:2] + "s" + text[3:]
    return _LETTERS[node.kind] + text


def size_of(call: Call, node: Node) -> int:
    """What `ls` shows; a file whose body has not arrived has a plausible size."""
    if node.kind == "link":
        return len(node.target)
    if node.kind == "dir":
        return 4_096 if call.machine.persona.gnu else 60 + 20 * len(node.children)
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


def _row(call: Call, name: str, node: Node, options: Options) -> str:
    size = size_of(call, node)
    shown = _human(size) if "h" in options else str(size)
    moment = datetime.fromtimestamp(node.modified, UTC)
    recent = abs((call.machine.now() - moment).total_seconds()) < 182 * 86_400
    when = f"{moment:%b} {moment.day:>2} " + (f"{moment:%H:%M}" if recent else f" {moment:%Y}")
    links = 2 if node.kind == "dir" else 1
    arrow = f" -> {node.target}" if node.kind == "link" else ""
    users = {user.uid: user.name for user in call.machine.persona.users}
    owner, group = users.get(node.uid, str(node.uid)), users.get(node.gid, str(node.gid))
    if "n" in options:
        owner, group = str(node.uid), str(node.gid)
    inode = f"{call.machine.persona.number(name, 2, 60_000):>7} " if "i" in options else ""
    if call.machine.persona.gnu:
        return f"{inode}{mode_text(node)} {links:>2} {owner} {group} {shown:>8} {when} {name}{arrow}\n"
    return f"{inode}{mode_text(node)} {links:>4} {owner:<8} {group:<8} {shown:>9} {when} {name}{arrow}\n"


def _show(call: Call, entries: list[tuple[str, Node]], options: Options) -> None:
    call.machine.budget.charge(1 + len(entries) // 8)
    if "S" in options:
        entries.sort(key=lambda entry: -size_of(call, entry[1]))
    if "t" in options:
        entries.sort(key=lambda entry: -entry[1].modified)
    if "r" in options:
        entries.reverse()
    if {"l", "n", "o", "g"} & options.values.keys():
        call.write("".join(_row(call, name, node, options) for name, node in entries))
        return
    names = [
        name + ("/" if node.kind == "dir" and {"F", "p"} & options.values.keys() else "")
        for name, node in entries
    ]
    interactive = call.machine.interactive and call.stdout is call.machine.terminal
    call.write(
        _columns(names) if interactive and "1" not in options else "".join(f"{name}\n" for name in names)
    )


def _columns(names: list[str], width: int = 80) -> str:
    if not names:
        return ""
    cell = max(map(len, names)) + 2
    across = max(1, width // cell)
    rows = -(-len(names) // across)
    lines = ("".join(name.ljust(cell) for name in names[row::rows]).rstrip() for row in range(rows))
    return "".join(f"{line}\n" for line in lines)


def _ls(call: Call) -> int:
    options = call.options(
        "1AaCxdLHRFplinsehrSXvctukgow:ZGNTI:", {"color": "color", "all": "a", "help": "help"}
    )
    files: list[tuple[str, Node]] = []
    folders: list[tuple[str, Node]] = []
    status = 0
    for name in options.operands or ["."]:
        try:
            node = call.node(name, follow="l" not in options and "d" not in options)
        except PathError as error:
            call.complain(
                f"cannot access '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"{name}: {error.reason}"
            )
            status = 2 if call.machine.persona.gnu else 1
            continue
        (folders if node.kind == "dir" and "d" not in options else files).append((name, node))
    if files:
        _show(call, files, options)
    for index, (name, node) in enumerate(folders):
        _folder(
            call,
            name,
            node,
            options,
            titled=len(options.operands) > 1 or "R" in options,
            spaced=bool(files) or index > 0,
        )
    return status


def _folder(call: Call, name: str, node: Node, options: Options, *, titled: bool, spaced: bool) -> None:
    if titled:
        call.write(("\n" if spaced else "") + f"{name}:\n")
    hidden = {"a", "A"} & options.values.keys()
    entries = sorted(
        (entry for entry in node.children.items() if hidden or entry[0][0] != "."), key=lambda entry: entry[0]
    )
    if "a" in options:
        above, _ = call.machine.fs.find(normal(call.path(name) + "/.."))
        entries = [(".", node), ("..", above or node), *entries]
    if {"l", "n", "o", "g"} & options.values.keys():
        call.write(
            f"total {sum(-(-size_of(call, child) // 1024) for _, child in entries if child.kind == 'file')}\n"
        )
    _show(call, entries, options)
    if "R" in options:
        for child_name, child in entries:
            if child.kind == "dir" and child_name not in {".", ".."}:
                call.machine.budget.charge()
                _folder(call, f"{name.rstrip('/')}/{child_name}", child, options, titled=True, spaced=True)


def _stat(call: Call) -> int:
    options = call.options("c:fLt", {"format": "c:"})
    status = 0
    for name in options.operands:
        try:
            node = call.node(name, follow="L" in options)
        except PathError as error:
            call.complain(
                f"cannot stat '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"can't stat '{name}': {error.reason}"
            )
            status = 1
            continue
        moment = datetime.fromtimestamp(node.modified, UTC)
        size = size_of(call, node)
        if "c" in options:
            fields = {
                "%s": str(size),
                "%n": name,
                "%a": f"{node.mode:o}",
                "%Y": str(int(node.modified)),
                "%U": "root",
                "%A": mode_text(node),
            }
            text = options.get("c")
            for key, value in fields.items():
                text = text.replace(key, value)
            call.write(text + "\n")
            continue
        kind = {"file": "regular file", "dir": "directory", "link": "symbolic link"}.get(node.kind, node.kind)
        call.write(
            f"  File: {name}\n  Size: {size:<15}\tBlocks: {-(-size // 512):<10} IO Block: 4096   {kind}\n"
            f"Device: 1fh/31d\tInode: {call.machine.persona.number(name, 2, 60_000):<11} Links: 1\n"
            f"Access: ({node.mode & 0o7777:04o}/{mode_text(node)})  "
            f"Uid: ({node.uid:>5}/    root)   Gid: ({node.gid:>5}/    root)\n"
            + "".join(
                f"{label}: {moment:%Y-%m-%d %H:%M:%S}.000000000 +0000\n"
                for label in ("Access", "Modify", "Change")
            )
        )
    return status


def _du(call: Call) -> int:
    options = call.options("sahkmcd:x", {"max-depth": "d:"})
    for name in options.operands or ["."]:
        try:
            total = sum(-(-size_of(call, node) // 1024) for _, node in _walk(call, name))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            return 1
        call.write(f"{_human(total * 1024) if 'h' in options else total}\t{name}\n")
    return 0


def _walk(call: Call, name: str) -> list[tuple[str, Node]]:
    found: list[tuple[str, Node]] = []
    for entry in call.machine.fs.walk(call.path(name)):
        call.machine.budget.charge()
        found.append(entry)
    return found


def _readlink(call: Call) -> int:
    options = call.options("fnemsvqz")
    for name in options.operands:
        try:
            if "f" in options or call.name == "realpath":
                call.write(call.machine.fs.find(call.path(name))[1] + "\n")
                continue
            node = call.node(name, follow=False)
        except PathError as error:
            if call.name == "realpath":
                call.complain(f"{name}: {error.reason}")
            return 1
        if node.kind != "link":
            return 1
        call.write(node.target + "\n")
    return 0


def _basename(call: Call) -> int:
    if not 2 <= len(call.argv) <= 3:
        raise UsageError
    name = call.argv[1].rstrip("/").rpartition("/")[2] or "/"
    if len(call.argv) > 2 and name != call.argv[2]:
        name = name.removesuffix(call.argv[2])
    call.write(name + "\n")
    return 0


def _dirname(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError
    head, slash, _ = call.argv[1].rstrip("/").rpartition("/")
    call.write((head or ("/" if slash or call.argv[1].startswith("/") else ".")) + "\n")
    return 0


def _which(call: Call) -> int:
    status = 0
    for name in call.argv[1:]:
        found = (
            (name if call.machine.fs.exists(call.path(name)) else None)
            if "/" in name
            else call.shell.which(name, call.process)
        )
        if found is None:
            status = 1
        else:
            call.write(found + "\n")
    return status


TABLE: Final[dict[str, Applet]] = {
    "ls": _ls, "dir": _ls, "stat": _stat, "du": _du, "readlink": _readlink, "realpath": _readlink,
    "basename": _basename, "dirname": _dirname, "which": _which, "whereis": _which,
}  # fmt: skip
