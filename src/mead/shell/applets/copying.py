# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that copy, move and remove files: cp, mv, rm and their like."""

from __future__ import annotations

from typing import Final

from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.vfs import Node, PathError, link, normal

__all__ = ["TABLE", "into"]


def _target(call: Call, options: Options) -> tuple[list[str], str, bool]:
    """Sources, destination and whether that is a directory."""
    words = list(options.operands)
    if "t" in options:
        if not words:
            raise UsageError
        return words, options.get("t"), True
    if len(words) < 2:
        raise UsageError("" if not call.gnu else _too_few(words))
    destination = words.pop()
    is_directory = "T" not in options and call.machine.fs.is_directory(call.path(destination))
    if len(words) > 1 and not is_directory and call.gnu:
        raise FailedError(f"target '{destination}' is not a directory")
    return words, destination, is_directory or len(words) > 1


def _too_few(words: list[str]) -> str:
    return "missing file operand" if not words else f"missing destination file operand after '{words[0]}'"


def into(source: str, destination: str, *, is_directory: bool) -> str:
    """Where a source goes: to the destination, or into it."""
    return (
        f"{destination.rstrip('/')}/{source.rstrip('/').rpartition('/')[2]}" if is_directory else destination
    )


def _cp(call: Call) -> int:
    options = call.options(
        "arPLHpfinlsTuvRdt:", {"force": "f", "recursive": "r", "no-clobber": "n", "parents": "p"}
    )
    sources, destination, is_directory = _target(call, options)
    status = 0
    for source in sources:
        target = into(source, destination, is_directory=is_directory)
        try:
            node = call.node(source, follow=not options.values.keys() & {"d", "P", "a", "r", "R"})
        except PathError as error:
            status = _cannot(call, "stat", source, call.lacks(error))
            continue
        status = _cp_one(call, options, source, node, target) or status
    return status


def _cp_one(call: Call, options: Options, source: str, node: Node, target: str) -> int:
    fs = call.machine.fs
    recursive = bool({"a", "r", "R"} & options.values.keys())
    if node.kind == "dir" and not recursive:
        text = f"-r not specified; omitting directory '{source}'"
        call.complain(text if call.gnu else f"omitting directory '{source}'")
        return 1
    if node.kind == "dir" and normal(call.path(target)).startswith(
        normal(call.path(source)).rstrip("/") + "/"
    ):
        call.complain(f"recursion detected, omitting directory '{target}'")
        return 1
    if "T" in options and fs.is_directory(call.path(target)) and node.kind != "dir":
        call.complain(f"'{target}' is a directory")
        return 1
    if fs.exists(call.path(target)) and node.kind != "dir":
        if fs.find(call.path(source))[1] == fs.find(call.path(target))[1]:
            call.complain(f"'{source}' and '{target}' are the same file")
            return 1
        if "n" in options:
            return 0
    try:
        if {"l", "s"} & options.values.keys():
            _linked(call, source, node, target, symbolic="s" in options)
        else:
            _copy(call, call.path(source), node, call.path(target))
    except PathError as error:
        verb = "create directory" if node.kind == "dir" else "create"
        reason = "Is a directory" if target.endswith("/") and node.kind == "file" else error.reason
        return _cannot(call, verb, target, reason)
    if "v" in options:
        call.write(f"'{source}' -> '{target}'\n")
    return 0


def _linked(call: Call, source: str, node: Node, target: str, *, symbolic: bool) -> None:
    if symbolic:
        call.machine.fs.make(call.path(target), link(source))
    else:
        _copy(call, call.path(source), node, call.path(target))


def _cannot(call: Call, verb: str, name: str, reason: str) -> int:
    if call.gnu:
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
    if target.endswith("/"):
        raise PathError("Is a directory")
    call.machine.settle(fs.find(source)[1])
    content = node.content()
    call.machine.budget.charge_copy(len(content))
    existed = fs.exists(target)
    copied, real = fs.create(target, mode=node.mode & ~call.process.umask, truncate=True), fs.find(target)[1]
    if copied.kind != "file":
        return
    call.machine.forget(real)
    fs.append(real, content)
    fs.adopt(real, node, mode=copied.mode if existed else node.mode & ~call.process.umask)


def _mv(call: Call) -> int:
    options = call.options("finTt:uv", {"force": "f", "no-clobber": "n"})
    sources, destination, is_directory = _target(call, options)
    status = 0
    for source in sources:
        target = into(source, destination, is_directory=is_directory)
        try:
            call.node(source, follow=False)
        except PathError as error:
            status = _cannot(call, "stat" if call.gnu else "rename", source, call.lacks(error))
            continue
        if "n" in options and call.machine.fs.exists(call.path(target)):
            continue
        status = _mv_one(call, source, target, told="v" in options) or status
    return status


def _mv_one(call: Call, source: str, target: str, *, told: bool) -> int:
    fs = call.machine.fs
    real = fs.find(call.path(source), follow=False)[1]
    if fs.exists(call.path(target), follow=False) and fs.find(call.path(target), follow=False)[1] == real:
        if call.gnu:
            call.complain(f"'{source}' and '{target}' are the same file")
            return 1
        return 0
    try:
        call.machine.settle_below(real)
        fs.move(call.path(source), call.path(target))
    except PathError as error:
        return _cannot(call, "rename", source, error.reason)
    if told:
        call.write(f"'{source}' -> '{target}'\n")
    return 0


def _rm(call: Call) -> int:
    options = call.options(
        "rRfivd" if call.gnu else "rRfiv",
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
        raise UsageError("" if not call.gnu else "missing operand")
    recursive = bool({"r", "R"} & options.values.keys())
    status = 0
    for name in options.operands:
        failed = _remove(call, name, recursive=recursive, force="f" in options)
        if "v" in options and not failed:
            call.write(f"removed '{name}'\n")
        status = failed or status
    return status


def _remove(call: Call, name: str, *, recursive: bool, force: bool) -> int:
    call.machine.budget.charge()
    verb = "cannot" if call.gnu else "can't"
    base = name.rstrip("/").rpartition("/")[2]
    if base in {".", ".."}:
        call.complain(
            f"refusing to remove '.' or '..' directory: skipping '{name}'"
            if call.gnu
            else "can't remove '.' or '..'"
        )
        return 1
    try:
        node = call.node(name, follow=False)
        if node.kind == "dir" and not recursive:
            call.complain(
                f"{verb} remove '{name}': Is a directory" if call.gnu else f"'{name}' is a directory"
            )
            return 1
        if node.kind == "dir" and call.machine.fs.find(call.path(name))[1] == "/" and call.gnu:
            raise FailedError(
                "it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe"
            )
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
                verb = "cannot" if call.gnu else "can't"
                call.complain(f"{verb} remove '{name.rstrip('/')}/{child}': {error.reason}")
                status = 1
        if status:
            return status
    call.machine.budget.charge()
    if node.kind == "file" and node.brought:
        call.machine.settle(call.machine.fs.find(path, follow=False)[1])
    call.machine.fs.remove(path)
    return 0


def _shred(call: Call) -> int:
    if not any(not word.startswith("-") for word in call.argv[1:]):
        raise UsageError
    return max(
        (
            _remove(call, word, recursive=False, force=True)
            for word in call.argv[1:]
            if not word.startswith("-")
        ),
        default=0,
    )


TABLE: Final[dict[str, Applet]] = {
    "cp": _cp, "install": _cp, "mv": _mv, "rm": _rm, "unlink": _rm, "shred": _shred,
}  # fmt: skip
