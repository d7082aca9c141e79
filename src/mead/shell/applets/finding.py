# SPDX-License-Identifier: Apache-2.0
"""find: the tests and actions that scripts use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from mead.shell.applets.listing import size_of
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.patterns import compile_pattern, matches
from mead.shell.vfs import Node, PathError

__all__ = ["TABLE"]

_Test: TypeAlias = Callable[[str, Node], bool]
_KINDS: Final = {"f": "file", "d": "dir", "l": "link", "b": "block", "c": "char", "p": "fifo", "s": "socket"}


class _Expression:
    """find's expression as one function of path and node."""

    def __init__(self, call: Call, words: list[str]) -> None:
        self._call, self._words, self._index = call, words, 0
        self.acts = False
        self.max_depth = 64
        self.min_depth = 0

    def build(self) -> _Test:
        if not self._words:
            return lambda _path, _node: True
        test = self._either(0)
        if self._index < len(self._words):
            raise FailedError(f"unrecognized: {self._words[self._index]}")
        return test

    def _either(self, depth: int) -> _Test:
        left = self._both(depth)
        while self._index < len(self._words) and self._words[self._index] in {"-o", "-or"}:
            self._index += 1
            left = _any(left, self._both(depth))
        return left

    def _both(self, depth: int) -> _Test:
        left = self._one(depth)
        while self._index < len(self._words) and self._words[self._index] not in {"-o", "-or", ")"}:
            if self._words[self._index] in {"-a", "-and"}:
                self._index += 1
            left = _all(left, self._one(depth))
        return left

    def _one(self, depth: int) -> _Test:
        if self._index >= len(self._words) or depth > 20:
            raise FailedError("missing argument")
        word = self._words[self._index]
        self._index += 1
        if word in {"!", "-not"}:
            inner = self._one(depth + 1)
            return lambda path, node: not inner(path, node)
        if word == "(":
            inner = self._either(depth + 1)
            self._index += 1
            return inner
        return self._primary(word)

    def _argument(self, option: str) -> str:
        if self._index >= len(self._words):
            raise FailedError(f"{option} requires an argument")
        self._index += 1
        return self._words[self._index - 1]

    def _primary(self, word: str) -> _Test:
        if word in {"-maxdepth", "-mindepth"}:
            value = self._argument(word)
            setattr(self, f"{word[1:4]}_depth", int(value[:4]) if value.isdigit() else 0)
            return lambda _path, _node: True
        if word in {"-name", "-iname"}:
            pattern = compile_pattern(self._argument(word))
            return lambda path, _node: matches(pattern, path.rstrip("/").rpartition("/")[2])
        if word in {"-path", "-wholename"}:
            whole = compile_pattern(self._argument(word))
            return lambda path, _node: matches(whole, path)
        if word == "-type":
            kind = _KINDS.get(self._argument(word)[:1], "file")
            return lambda _path, node: node.kind == kind
        return self._other(word)

    def _other(self, word: str) -> _Test:
        if word in {
            "-perm",
            "-size",
            "-mtime",
            "-mmin",
            "-newer",
            "-user",
            "-group",
            "-uid",
            "-ctime",
            "-atime",
            "-links",
        }:
            argument = self._argument(word)
            return self._measured(word, argument)
        if word in {"-executable", "-writable", "-readable"}:
            bit = {"-executable": 0o111, "-writable": 0o222, "-readable": 0o444}[word]
            return lambda _path, node: bool(node.mode & bit)
        if word == "-empty":
            return lambda _path, node: not node.children if node.kind == "dir" else node.size == 0
        if word in {"-xdev", "-depth", "-true", "-prune", "-mount", "-follow", "-noleaf"}:
            return lambda _path, _node: True
        return self._action(word)

    def _measured(self, word: str, argument: str) -> _Test:
        found = re.search(r"\d{1,12}", argument)
        number = int(found[0]) if found else 0
        if word == "-perm":
            wanted = (
                int(argument.lstrip("-/+") or "0", 8)
                if re.fullmatch(r"[-/+]?[0-7]{1,5}", argument)
                else 0o111
            )
            return lambda _path, node: (
                bool(node.mode & wanted) if argument[:1] in {"/", "+"} else node.mode & wanted == wanted
            )
        if word == "-size":
            unit = {"c": 1, "k": 1024, "M": 1 << 20, "G": 1 << 30}.get(argument[-1:], 512)
            return lambda _path, node: _compare(argument, -(-size_of(self._call, node) // unit), number)
        if word in {"-mtime", "-mmin", "-ctime", "-atime"}:
            span = 60 if word == "-mmin" else 86_400
            now = self._call.machine.now().timestamp()
            return lambda _path, node: _compare(argument, int((now - node.modified) // span), number)
        return lambda _path, _node: True

    def _action(self, word: str) -> _Test:
        self.acts = True
        if word in {"-print", "-print0", "-ls"}:
            end = "\0" if word == "-print0" else "\n"
            return lambda path, _node: self._print(path, end)
        if word == "-delete":
            return lambda path, _node: self._run(["rm", "-rf", path])
        if word == "-printf":
            self._argument(word)
            return lambda path, _node: self._print(path, "\n")
        if word in {"-exec", "-ok", "-execdir"}:
            start = self._index
            while self._index < len(self._words) and self._words[self._index] not in {";", "+"}:
                self._index += 1
            command = self._words[start : self._index]
            self._index += 1
            return lambda path, _node: self._run([part.replace("{}", path) for part in command] or ["true"])
        if word == "-quit":
            return lambda _path, _node: True
        raise UsageError(
            f"unknown predicate `{word}'" if self._call.machine.persona.gnu else f"unrecognized: {word}"
        )

    def _print(self, path: str, end: str) -> bool:
        self._call.write(path + end)
        return True

    def _run(self, argv: list[str]) -> bool:
        return self._call.shell.invoke_program(argv, self._call.process) == 0


def _any(left: _Test, right: _Test) -> _Test:
    return lambda path, node: left(path, node) or right(path, node)


def _all(left: _Test, right: _Test) -> _Test:
    return lambda path, node: left(path, node) and right(path, node)


def _compare(argument: str, value: int, number: int) -> bool:
    return (
        value > number
        if argument.startswith("+")
        else value < number
        if argument.startswith("-")
        else value == number
    )


def _find(call: Call) -> int:
    words = call.argv[1:]
    starts: list[str] = []
    while words and not (words[0].startswith("-") or words[0] in {"(", "!"}):
        starts.append(words.pop(0))
    expression = _Expression(call, words)
    test = expression.build()
    status = 0
    for start in starts or ["."]:
        try:
            found = list(_below(call, start, expression.max_depth))
        except PathError as error:
            call.complain(
                f"{start}: {error.reason}"
                if not call.machine.persona.gnu
                else f"‘{start}’: {error.reason}".encode().decode("latin-1")
            )
            status = 1
            continue
        for depth, path, node in found:
            call.machine.budget.charge()
            if depth >= expression.min_depth and test(path, node) and not expression.acts:
                call.write(path + "\n")
    return status


def _below(call: Call, start: str, max_depth: int) -> list[tuple[int, str, Node]]:
    found: list[tuple[int, str, Node]] = []
    stack = [(0, start, call.node(start))]
    while stack:
        depth, path, node = stack.pop()
        call.machine.budget.charge()
        found.append((depth, path, node))
        if node.kind == "dir" and depth < max_depth:
            prefix = path if path.endswith("/") else path + "/"
            stack.extend(
                (depth + 1, prefix + name, node.children[name])
                for name in sorted(node.children, reverse=True)
            )
    return found


TABLE: Final[dict[str, Applet]] = {"find": _find}
