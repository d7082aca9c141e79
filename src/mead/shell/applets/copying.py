# SPDX-License-Identifier: Apache-2.0
"""Commands that change files: cp, mv, rm, mkdir, chmod, ln, touch, dd, tee and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.vfs import Node, PathError, link, normal

__all__ = ["TABLE"]


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
            status = _cannot(
                call, "create directory" if node.kind == "dir" else "create", target, error.reason
            )
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
            call.machine.fs.remove_directory(call.path(name))
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
    if "s" not in options and not call.machine.fs.exists(call.path(source)):
        raise FailedError(f"{source}: No such file or directory")
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


def _mktemp(call: Call) -> int:
    options = call.options("dqut:p:", {"directory": "d"})
    template = options.operands[0] if options.operands else "/tmp/tmp.XXXXXX"  # noqa: S108  # on the emulated system
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
    "cp": _cp,
    "install": _cp,
    "mv": _mv,
    "rm": _rm,
    "unlink": _rm,
    "mkdir": _mkdir,
    "rmdir": _rmdir,
    "ln": _ln,
    "touch": _touch,
    "mktemp": _mktemp,
    "mknod": _mknod,
    "mkfifo": _mknod,
    "shred": _shred,
}
