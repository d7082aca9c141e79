# SPDX-License-Identifier: Apache-2.0
"""find: the tests and actions that scripts use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from mead.shell.applets.listing import links_of, size_of
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.parameters import lower
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
        self.children_first = False
        self.pruned = False
        self.quit = False
        self._gathered: list[tuple[list[str], list[str]]] = []

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
        if depth > 20:
            raise FailedError("too many arguments")
        if self._index >= len(self._words):
            return lambda _path, _node: True
        word = self._words[self._index]
        self._index += 1
        if word in {"!", "-not"}:
            inner = self._one(depth + 1)
            return lambda path, node: not inner(path, node)
        if word == "(":
            inner = self._either(depth + 1)
            if self._index >= len(self._words):
                raise FailedError("unpaired '('")
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
            return self._named(self._argument(word), any_case=word == "-iname")
        if word in {"-path", "-wholename", "-ipath"}:
            whole = compile_pattern(self._argument(word))
            return lambda path, _node: matches(whole, path)
        if word == "-type":
            letter = self._argument(word)
            if letter not in _KINDS:
                raise FailedError(f"invalid argument '{letter}' to '-type'")
            return lambda _path, node: node.kind == _KINDS[letter]
        return self._other(word)

    @staticmethod
    def _named(text: str, *, any_case: bool) -> _Test:
        pattern = compile_pattern(lower(text) if any_case else text)

        def test(path: str, node: Node) -> bool:
            del node
            name = path.rstrip("/").rpartition("/")[2]
            return matches(pattern, lower(name) if any_case else name)

        return test

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
        if word in {"-depth", "-d"}:
            self.children_first = True
            return lambda _path, _node: True
        if word == "-prune":
            return lambda _path, _node: self._prune()
        if word in {"-xdev", "-true", "-mount", "-follow", "-noleaf"}:
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
        if word == "-newer":
            than = self._call.node(argument).modified
            return lambda _path, node: node.modified > than
        if word in {"-user", "-group", "-uid", "-gid"}:
            return self._owned(word, argument)
        if word == "-links":
            return lambda _path, node: _compare(argument, links_of(node), number)
        return lambda _path, _node: True

    def _owned(self, word: str, argument: str) -> _Test:
        users = {user.name: (user.uid, user.gid) for user in self._call.machine.persona.users}
        uid, gid = users.get(argument, (int(argument[:9]),) * 2 if argument.isdecimal() else (-1, -1))
        if uid < 0:
            raise FailedError(f"unknown {'user' if word == '-user' else 'group'} {argument}")
        return lambda _path, node: node.uid == uid if word in {"-user", "-uid"} else node.gid == gid

    def _prune(self) -> bool:
        self.pruned = True
        return True

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
            return self._exec(word)
        if word == "-quit":
            return lambda _path, _node: self._stop()
        raise UsageError(f"unknown predicate `{word}'" if self._call.gnu else f"unrecognized: {word}")

    def _exec(self, word: str) -> _Test:
        start = self._index
        while self._index < len(self._words) and self._words[self._index] not in {";", "+"}:
            self._index += 1
        command = self._words[start : self._index]
        if self._index >= len(self._words) or not command:
            raise FailedError(f"{word} requires an argument")
        end = self._words[self._index]
        self._index += 1
        if end == ";":
            return lambda path, _node: self._run([part.replace("{}", path) for part in command])
        found: list[str] = []
        self._gathered.append((command, found))

        def gather(path: str, node: Node) -> bool:
            del node
            found.append(path)
            return True

        return gather

    def finish(self) -> None:
        """Run what was gathered by `-exec … +`."""
        for command, found in self._gathered:
            if found:
                self._run([word for part in command for word in (found if part == "{}" else [part])])

    def _stop(self) -> bool:
        self.quit = True
        return True

    def _print(self, path: str, end: str) -> bool:
        self._call.write(path + end)
        return True

    def _run(self, argv: list[str]) -> bool:
        def missing(reason: str) -> None:
            quoted = f"‘{argv[0]}’: {reason}".encode().decode("latin-1")
            self._call.complain(quoted if self._call.gnu else f"{argv[0]}: {reason}")

        return self._call.shell.execute(argv, self._call.process, missing) == 0


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
    while words and words[0] in {"-L", "-H", "-P"}:
        words = words[1:]
    starts: list[str] = []
    while words and not (words[0].startswith("-") or words[0] in {"(", "!"}):
        starts.append(words.pop(0))
    try:
        expression = _Expression(call, words)
        test = expression.build()
    except PathError as error:
        raise FailedError(f"{error.reason}") from error
    status = 0
    for start in starts or ["."]:
        try:
            node = call.node(start, follow=False)
        except PathError as error:
            quoted = f"‘{start}’: {error.reason}".encode().decode("latin-1")
            call.complain(quoted if call.gnu else f"{start}: {error.reason}")
            status = 1
            continue
        _visit(call, expression, test, start, node, 0)
    expression.finish()
    return status


def _visit(call: Call, expression: _Expression, test: _Test, path: str, node: Node, depth: int) -> None:
    """Look at a file and at what is below it, in the order that the expression wants."""
    call.machine.budget.charge()
    if expression.quit:
        return
    if not expression.children_first:
        _look(call, expression, test, path, node, depth)
    pruned, expression.pruned = expression.pruned, False
    if node.kind == "dir" and depth < expression.max_depth and not pruned:
        prefix = path if path.endswith("/") else path + "/"
        for name, child in sorted(node.children.items()):
            _visit(call, expression, test, prefix + name, child, depth + 1)
    if expression.children_first:
        _look(call, expression, test, path, node, depth)


def _look(call: Call, expression: _Expression, test: _Test, path: str, node: Node, depth: int) -> None:
    if depth >= expression.min_depth and test(path, node) and not expression.acts:
        call.write(path + "\n")


TABLE: Final[dict[str, Applet]] = {"find": _find}
