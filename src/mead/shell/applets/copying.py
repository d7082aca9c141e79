# SPDX-License-Identifier: Apache-2.0
"""Commands that change files: cp, mv, rm, mkdir, chmod, ln, touch, dd, tee and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Endless, EndlessError, Null
from mead.shell.vfs import Node, PathError, link, normal

__all__ = ["TABLE", "parse_mode"]


def _target(call: Call, options: Options) -> tuple[list[str], str, bool]:
    """Sources, destination and whether that is a directory."""
    words = list(options.operands)
    if "t" in options:
        return words, options.get("t"), True
    if len(words) < 2:
        raise UsageError
    destination = words.pop()
    is_directory = "T" not in options and call.machine.fs.is_directory(call.path(destination))
    if len(words) > 1 and not is_directory:
        raise FailedError(f"target '{destination}' is not a directory")
    return words, destination, is_directory


def _into(source: str, destination: str, *, is_directory: bool) -> str:
    return (
        f"{destination.rstrip('/')}/{source.rstrip('/').rpartition('/')[2]}" if is_directory else destination
    )


def _cp(call: Call) -> int:
    options = call.options("aprRdfinlsLHPuvTt:", {"force": "f", "recursive": "r"})
    sources, destination, is_directory = _target(call, options)
    recursive = bool({"a", "r", "R"} & options.values.keys())
    status = 0
    for source in sources:
        target = _into(source, destination, is_directory=is_directory)
        try:
            node = call.node(source)
        except PathError as error:
            status = _cannot(call, "stat", source, error.reason)
            continue
        if node.kind == "dir" and not recursive:
            call.complain(
                f"omitting directory '{source}'"
                if not call.machine.persona.gnu
                else f"-r not specified; omitting directory '{source}'"
            )
            status = 1
            continue
        try:
            _copy(call, call.path(source), node, call.path(target))
        except PathError as error:
            status = _cannot(call, "create", target, error.reason)
    return status


def _cannot(call: Call, verb: str, name: str, reason: str) -> int:
    if call.machine.persona.gnu:
        kind = "regular file " if verb == "create" else ""
        call.complain(f"cannot {verb} {kind}'{name}': {reason}")
    else:
        call.complain(f"can't {verb} '{name}': {reason}")
    return 1


def _copy(call: Call, source: str, node: Node, target: str) -> None:
    call.machine.budget.charge()
    fs = call.machine.fs
    if node.kind == "dir":
        if normal(target).startswith(normal(source).rstrip("/") + "/"):
            raise PathError("Invalid argument")
        if not fs.exists(target):
            fs.make_directory(target, node.mode)
        for name in list(node.children):
            _copy(call, f"{source}/{name}", node.children[name], f"{target}/{name}")
    elif node.kind == "link":
        if not fs.exists(target, follow=False):
            fs.make(target, link(node.target))
    elif node.kind == "file":
        _copy_file(call, source, node, target)
    else:
        call.pour(
            call.shell.open_source(source, call.process),
            call.shell.open_sink(target, call.process, append=False, how="cp"),
        )


def _copy_file(call: Call, source: str, node: Node, target: str) -> None:
    fs = call.machine.fs
    if fs.exists(target) and fs.find(source)[1] == fs.find(target)[1]:
        raise PathError("are the same file")
    call.machine.settle(fs.find(source)[1])
    content = node.content()
    call.machine.budget.charge_bytes(len(content))
    copied, real = fs.create(target, mode=node.mode, truncate=True), fs.find(target)[1]
    if copied.kind != "file":
        return
    call.machine.forget(real)
    fs.append(real, content)
    fs.adopt(real, node)


def _mv(call: Call) -> int:
    options = call.options("finTt:uv", {"force": "f"})
    sources, destination, is_directory = _target(call, options)
    status = 0
    for source in sources:
        target = _into(source, destination, is_directory=is_directory)
        try:
            call.node(source, follow=False)
        except PathError as error:
            verb = "stat" if call.machine.persona.gnu else "rename"
            status = _cannot(call, verb, source, error.reason)
            continue
        try:
            call.machine.settle(call.machine.fs.find(call.path(source))[1])
            call.machine.fs.move(call.path(source), call.path(target))
        except PathError as error:
            status = _cannot(call, "rename", source, error.reason)
    return status


def _rm(call: Call) -> int:
    options = call.options(
        "rRfivd",
        {
            "recursive": "r",
            "force": "f",
            "no-preserve-root": "N",
            "preserve-root": "p",
            "verbose": "v",
            "one-file-system": "o",
        },
    )
    if not options.operands and "f" not in options:
        raise UsageError("" if not call.machine.persona.gnu else "missing operand")
    recursive = bool({"r", "R"} & options.values.keys())
    status = 0
    for name in options.operands:
        status = _remove(call, name, recursive=recursive, force="f" in options) or status
    return status


def _remove(call: Call, name: str, *, recursive: bool, force: bool) -> int:
    call.machine.budget.charge()
    verb = "cannot" if call.machine.persona.gnu else "can't"
    base = name.rstrip("/").rpartition("/")[2]
    if base in {".", ".."}:
        call.complain(
            f"refusing to remove '.' or '..' directory: skipping '{name}'"
            if call.machine.persona.gnu
            else "can't remove '.' or '..'"
        )
        return 1
    try:
        node = call.node(name, follow=False)
        if node.kind == "dir" and not recursive:
            call.complain(
                f"{verb} remove '{name}': Is a directory"
                if call.machine.persona.gnu
                else f"'{name}' is a directory"
            )
            return 1
        return _remove_tree(call, call.path(name), name, node)
    except PathError as error:
        if force and error.reason in {"No such file or directory", "Not a directory"}:
            return 0
        call.complain(f"{verb} remove '{name}': {error.reason}")
        return 1


def _remove_tree(call: Call, path: str, name: str, node: Node) -> int:
    status = 0
    if node.kind == "dir":
        for child in list(node.children):
            try:
                status = (
                    _remove_tree(
                        call,
                        f"{path.rstrip('/')}/{child}",
                        f"{name.rstrip('/')}/{child}",
                        node.children[child],
                    )
                    or status
                )
            except PathError as error:
                verb = "cannot" if call.machine.persona.gnu else "can't"
                call.complain(f"{verb} remove '{name.rstrip('/')}/{child}': {error.reason}")
                status = 1
        if status:
            return status
    call.machine.budget.charge()
    if node.kind == "file" and node.brought:
        call.machine.settle(call.machine.fs.find(path, follow=False)[1])
    call.machine.fs.remove(path)
    return 0


def _mkdir(call: Call) -> int:
    options = call.options("pm:v", {"parents": "p", "mode": "m:"})
    if not options.operands:
        raise UsageError("" if not call.machine.persona.gnu else "missing operand")
    status = 0
    for name in options.operands:
        try:
            _make_directories(call, call.path(name), parents="p" in options)
        except PathError as error:
            call.complain(
                f"cannot create directory ‘{name}’: {error.reason}".encode().decode("latin-1")
                if call.machine.persona.gnu
                else f"can't create directory '{name}': {error.reason}"
            )
            status = 1
    return status


def _make_directories(call: Call, path: str, *, parents: bool) -> None:
    if not parents:
        call.machine.fs.make_directory(path)
        return
    built = ""
    for part in path.split("/"):
        if part:
            call.machine.budget.charge()
            built += "/" + part
            if not call.machine.fs.is_directory(built):
                call.machine.fs.make_directory(built)


def _rmdir(call: Call) -> int:
    options = call.options("p", {"ignore-fail-on-non-empty": "i"})
    status = 0
    for name in options.operands:
        try:
            node = call.node(name, follow=False)
            if node.kind != "dir" or node.children:
                raise PathError("Directory not empty" if node.kind == "dir" else "Not a directory")
            call.machine.fs.remove(call.path(name))
        except PathError as error:
            call.complain(
                f"failed to remove '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"'{name}': {error.reason}"
            )
            status = 1
    return status


def _ln(call: Call) -> int:
    options = call.options("sfnbvT")
    if not options.operands:
        raise UsageError
    source = options.operands[0]
    target = options.operands[1] if len(options.operands) > 1 else source.rpartition("/")[2]
    if call.machine.fs.is_directory(call.path(target)):
        target = _into(source, target, is_directory=True)
    try:
        if "f" in options and call.machine.fs.exists(call.path(target), follow=False):
            call.machine.fs.remove(call.path(target))
        if "s" in options:
            call.machine.fs.make(call.path(target), link(source))
        else:
            _copy(call, call.path(source), call.node(source), call.path(target))
    except PathError as error:
        call.complain(f"{target}: {error.reason}")
        return 1
    return 0


def _touch(call: Call) -> int:
    options = call.options("camhd:t:r:", {"no-create": "c", "date": "d:", "reference": "r:"})
    if not options.operands:
        raise UsageError
    status = 0
    for name in options.operands:
        try:
            if "c" not in options or call.machine.fs.exists(call.path(name)):
                call.machine.fs.touch(call.path(name))
        except PathError as error:
            call.complain(
                f"cannot touch '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"{name}: {error.reason}"
            )
            status = 1
    return status


def parse_mode(text: str, mode: int) -> int | None:
    """The mode that `text` (octal or symbolic) makes of `mode`; None when it is none."""
    if re.fullmatch(r"[0-7]{1,5}", text):
        return int(text, 8) & 0o7777
    for clause in text.split(","):
        found = re.fullmatch(r"([ugoa]*)([-+=])([rwxXst]*)", clause)
        if not found:
            return None
        who = found[1] or "a"
        bits = sum(
            {"r": 4, "w": 2, "x": 1, "X": 1}.get(letter, 0)
            for letter in set(found[3]) - {"X"} | ({"x"} if "X" in found[3] else set())
        )
        mask = sum(bits << {"u": 6, "g": 3, "o": 0}[letter] for letter in set(who.replace("a", "ugo")))
        if "s" in found[3]:
            mask |= 0o4000 * ("u" in who) | 0o2000 * ("g" in who)
        field = sum(7 << {"u": 6, "g": 3, "o": 0}[letter] for letter in set(who.replace("a", "ugo")))
        mode = mode | mask if found[2] == "+" else mode & ~mask if found[2] == "-" else (mode & ~field) | mask
    return mode


def _chmod(call: Call) -> int:
    words = [word for word in call.argv[1:] if not re.fullmatch(r"-[Rcvf]+|--[a-z]+", word)]
    recursive = any(re.fullmatch(r"-[cvf]*R[Rcvf]*|--recursive", word) for word in call.argv[1:])
    if len(words) < 2:
        raise UsageError("" if not call.machine.persona.gnu else "missing operand")
    text, *names = words
    if parse_mode(text, 0o644) is None:
        raise FailedError(f"invalid mode '{text}'")
    status = 0
    for name in names:
        try:
            _change_mode(call, call.path(name), text, recursive=recursive)
        except PathError as error:
            call.complain(
                f"cannot access '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"{name}: {error.reason}"
            )
            status = 1
    return status


def _change_mode(call: Call, path: str, text: str, *, recursive: bool) -> None:
    fs = call.machine.fs
    node = fs.node(path)
    mode = parse_mode(text, node.mode)
    fs.change(path, mode=mode)
    if mode is not None and mode & 0o111 and node.brought:
        call.machine.settle(fs.find(path)[1])
    if recursive and node.kind == "dir":
        for name, child in list(fs.node(path).children.items()):
            call.machine.budget.charge()
            if child.kind != "link":
                _change_mode(call, f"{path}/{name}", text, recursive=True)


def _chown(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if len(words) < 2:
        raise UsageError
    status = 0
    for name in words[1:]:
        try:
            call.machine.fs.change(call.path(name))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    return status


def _chattr(call: Call) -> int:
    status = 0
    for name in call.argv[1:]:
        if name[:1] not in {"-", "+", "="} and not call.machine.fs.exists(call.path(name)):
            call.complain(
                f"stat {name}: No such file or directory"
                if not call.machine.persona.gnu
                else f"No such file or directory while trying to stat {name}"
            )
            status = 1
    return status


_UNITS: Final = {
    "": 1,
    "c": 1,
    "w": 2,
    "b": 512,
    "k": 1024,
    "K": 1024,
    "kB": 1000,
    "KB": 1000,
    "M": 1 << 20,
    "MB": 1_000_000,
    "G": 1 << 30,
    "GB": 10**9,
}


def _amount(call: Call, text: str) -> int:
    found = re.fullmatch(r"(\d{1,18})([a-zA-Z]{0,2})", text)
    if not found or found[2] not in _UNITS:
        raise FailedError(f"invalid number '{text}'")
    del call
    return int(found[1]) * _UNITS[found[2]]


def _dd(call: Call) -> int:
    settings = dict(word.partition("=")[::2] for word in call.argv[1:])
    unknown = next((word for word in call.argv[1:] if "=" not in word), None)
    if unknown is not None:
        raise UsageError
    block = _amount(call, settings.get("ibs", settings.get("bs", "512")))
    if block == 0:
        raise FailedError("number 0 is not in 1..2147483647 range")
    count = _amount(call, settings["count"]) if "count" in settings else None
    try:
        data, waits = _dd_read(call, settings, block, count)
        status = _dd_write(call, settings, data, waits, block)
    except PathError as error:
        name = (
            settings.get("if", "")
            if not call.machine.fs.exists(call.path(settings.get("if", ".")))
            else settings.get("of", "")
        )
        verb = "failed to open" if call.machine.persona.gnu else "can't open"
        raise FailedError(f"{verb} '{name}': {error.reason}") from error
    if settings.get("status") != "none":
        full, part = divmod(len(data), block)
        counts = f"{full}+{1 if part else 0}"
        call.say(f"{counts} records in\n{counts} records out\n")
        if settings.get("status") != "noxfer":
            call.say(_speed(call, len(data)))
    return status


def _speed(call: Call, size: int) -> str:
    seconds = 0.0004 + size / (9_000_000 + call.machine.persona.number("dd", 0, 9_000_000))
    if call.machine.persona.gnu:
        return f"{size} bytes copied, {seconds:.9g} s, {size / seconds / 1000:.1f} kB/s\n"
    speed = size / seconds
    shown = f"{speed / 1024:.1f}KB/s" if speed < 1 << 20 else f"{speed / (1 << 20):.1f}MB/s"
    return f"{size} bytes ({size / 1024:.1f}KB) copied, {seconds:.6f} seconds, {shown}\n"


def _dd_read(call: Call, settings: dict[str, str], block: int, count: int | None) -> tuple[bytes, str | None]:
    source = call.source(settings["if"]) if "if" in settings else call.stdin
    skip = _amount(call, settings.get("skip", "0")) * block
    if isinstance(source, Endless):
        if count is None:
            _dd_endless(call, settings, source)
        size = min((count or 0) * block, call.machine.limits.file_bytes)
        call.machine.budget.charge_bytes(size)
        return source.read(size), None
    if source.waits is not None:
        data = call.drain(source)
    else:
        data = source.read(None if count is None else skip + count * block)
        call.machine.budget.charge_bytes(len(data))
    data = data[skip:]
    known = source.waits in call.machine.bodies
    return (data if count is None else data[: count * block]), None if known else source.waits


def _dd_endless(call: Call, settings: dict[str, str], source: Endless) -> None:
    """Reading a device without end: it fills what it is written to, or runs for ever."""
    if "of" not in settings:
        call.pour(source, call.stdout)
    name = settings["of"]
    sink = call.shell.open_sink(call.path(name), call.process, append=False, how="dd")
    if isinstance(sink, Null):
        raise EndlessError
    call.machine.limit(LimitReachedError("file_bytes", 1 << 20, "bytes"))
    sink.write(source.read(1 << 20))
    raise FailedError(f"error writing '{name}': No space left on device")


def _dd_write(call: Call, settings: dict[str, str], data: bytes, waits: str | None, block: int) -> int:
    if "of" not in settings:
        call.write(data)
        if waits is not None:
            call.stdout.waits = waits
        return 0
    name = settings["of"]
    keep = "notrunc" in settings.get("conv", "") or "append" in settings.get("oflag", "")
    seek = _amount(call, settings.get("seek", "0")) * _amount(
        call, settings.get("obs", settings.get("bs", str(block)))
    )
    if seek > call.machine.limits.file_bytes:
        raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
    if keep or seek:
        node = call.machine.fs.create(call.path(name))
        old = node.content() if node.kind == "file" else b""
        if "append" in settings.get("oflag", ""):
            seek = len(old)
        tail = old[seek + len(data) :] if keep else b""
        data = old[:seek].ljust(seek, b"\0") + data + tail
    call.save(name, data, waits=waits, how="dd")
    return 0


def _tee(call: Call) -> int:
    options = call.options("ai", {"append": "a"})
    data = call.drain(call.stdin)
    waits = call.stdin.waits if call.stdin.waits not in call.machine.bodies else None
    call.write(data)
    if waits is not None:
        call.stdout.waits = waits
    status = 0
    for name in options.operands:
        try:
            call.save(name, data, waits=waits, growing="a" in options)
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    return status


def _mktemp(call: Call) -> int:
    options = call.options("dqut:p:", {"directory": "d"})
    template = options.operands[0] if options.operands else "/tmp/tmp.XXXXXX"
    letters = "".join(chr(97 + byte % 26) for byte in call.machine.random(12))
    name = re.sub(r"X{6,}$", lambda found: (letters * 4)[: len(found[0])], template)
    try:
        if "d" in options:
            call.machine.fs.make_directory(call.path(name), 0o700)
        else:
            call.machine.fs.create(call.path(name), mode=0o600)
    except PathError as error:
        raise FailedError(f"{template}: {error.reason}") from error
    call.write(name + "\n")
    return 0


def _mknod(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if call.name == "mkfifo" and words:
        kind = "p"
    elif len(words) >= 2:
        kind = words[1]
    else:
        raise UsageError
    node = Node({"b": "block", "p": "fifo"}.get(kind, "char"), 0o644, target="null", brought=True)  # type: ignore[arg-type]  # its values are kinds
    try:
        call.machine.fs.make(call.path(words[0]), node)
    except PathError as error:
        raise FailedError(f"{words[0]}: {error.reason}") from error
    return 0


def _truncate(call: Call) -> int:
    options = call.options("cs:", {"size": "s:"})
    size = _amount(call, options.get("s", "0"))
    if size > call.machine.limits.file_bytes:
        raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
    for name in options.operands:
        try:
            data = call.read(name) if call.machine.fs.exists(call.path(name)) else b""
            call.save(name, data[:size].ljust(size, b"\0"))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            return 1
    return 0


def _shred(call: Call) -> int:
    return max(
        (
            _remove(call, word, recursive=False, force=True)
            for word in call.argv[1:]
            if not word.startswith("-")
        ),
        default=0,
    )


TABLE: Final[dict[str, Applet]] = {
    "cp": _cp, "install": _cp, "mv": _mv, "rm": _rm, "unlink": _rm, "mkdir": _mkdir, "rmdir": _rmdir, "ln": _ln,
    "touch": _touch, "chmod": _chmod, "chown": _chown, "chgrp": _chown, "chattr": _chattr, "dd": _dd, "tee": _tee,
    "mktemp": _mktemp, "mknod": _mknod, "mkfifo": _mknod, "truncate": _truncate, "shred": _shred,
}  # fmt: skip
