# SPDX-License-Identifier: Apache-2.0
"""Commands: from text to the tree of `mead.shell.ast`, one complete command at a time.

Like ash, it reads and hands out one complete line before it looks at the next, so that what stands
before a syntax error still runs. `mead.shell.bashisms.BashParser` adds what bash has and ash has not.

**Source:** POSIX.1-2017, Shell Command Language §2.10; observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Final

from mead.shell.ast import (
    AndOr,
    Assignment,
    Background,
    Branch,
    Case,
    For,
    Function,
    Group,
    If,
    Literal,
    Loop,
    Node,
    Not,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    Simple,
    Subshell,
    Word,
)
from mead.shell.lexer import MAX_NESTING, IncompleteError, ShellSyntaxError, make_word
from mead.shell.limits import LimitReachedError
from mead.shell.tokens import END, NEWLINE, REDIRECTION, WORD, TokenReader

__all__ = ["IncompleteError", "Parser", "ShellSyntaxError"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CLOSERS: Final = frozenset({END, "fi", "do", "done", "then", "elif", "else", "esac", "}", ")", ";;"})
_SPECIAL: Final = frozenset({
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift",
    "times", "trap", "unset", "source", "local",
})  # fmt: skip
_IN_TEST: Final = {
    "&&": Word((Literal("-a", quoted=True),), "-a"),
    "||": Word((Literal("-o", quoted=True),), "-o"),
}
_OPEN: Final = (Literal("[[", quoted=False),)


class Parser(TokenReader):
    """Parses a text; `final` says that no more text will come."""

    command_start = 0
    """Where the command begins that is read now."""

    def next_command(self) -> Node | None:
        """The next complete command (up to a line end), or None at the end of the text.

        Raises:
            IncompleteError: the text ends inside it; `position` has not moved past its start.
            ShellSyntaxError: it is no command; `position` stands where that was noticed.
        """
        while self._next() == NEWLINE:
            self._read_documents()
        if self._kind == END:
            return None
        start = self.command_start = self._start
        self._push()
        try:
            return self._line_list()
        except IncompleteError as error:
            self.position = len(self.text)
            error.line = self._line_here()
            self.position, self._pushed = start, False
            self._pending = []
            raise
        except ShellSyntaxError as error:
            error.line = error.line or self._line_here()
            raise

    def nested_commands(self) -> Node:
        self._enter()
        kept, self._pending, aliases, self._aliases = self._pending, [], self._aliases, {}
        node = self._list(empty=True)
        if self._next(lines=True, keywords=True) != ")":
            raise self._unexpected(")")
        self._pending, self._aliases = kept, aliases
        self.nesting -= 1
        return node

    def parse_text(self, text: str) -> Node:
        parser = type(self)(text, nesting=self.nesting + 1, bash=self.bash, aliases=self._aliases)
        commands: list[Node] = []
        while (node := parser.next_command()) is not None:
            commands.append(node)
        return commands[0] if len(commands) == 1 else Sequence(tuple(commands))

    def _enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise LimitReachedError("syntax_nesting", MAX_NESTING, "levels")

    # Lists

    def _line_list(self) -> Node:
        """The commands of one line."""
        commands: list[Node] = []
        while True:
            commands.append(self._and_or())
            kind = self._next()
            if kind == "&":
                commands[-1] = Background(commands[-1])
            elif kind not in {";", NEWLINE, END}:
                raise self._unexpected()
            if kind not in {NEWLINE, END}:
                kind = self._next()
                if kind not in {NEWLINE, END}:
                    self._push()
                    continue
            self._read_documents()
            return _joined(commands)

    def _list(self, *, empty: bool = False) -> Node:
        """Commands over many lines up to what closes them; none at all only if `empty`."""
        commands: list[Node] = []
        while True:
            kind = self._next(keywords=True, lines=True, aliases=True)
            self._push()
            if kind == END or ((commands or empty) and kind in _CLOSERS):
                return _joined(commands)
            commands.append(self._and_or())
            kind = self._next()
            if kind == "&":
                commands[-1] = Background(commands[-1])
            elif kind in {NEWLINE, END}:
                self._read_documents()
                if kind == END:
                    self._push()
            elif kind != ";":
                self._push()
                return _joined(commands)

    def _and_or(self) -> Node:
        first = self._pipeline()
        rest: list[tuple[str, Node]] = []
        while self._next() in {"&&", "||"}:
            operator = self._kind
            self._next(keywords=True, lines=True, aliases=True)
            self._push()
            rest.append((operator, self._pipeline()))
        self._push()
        return AndOr(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Node:
        negated = self._next(keywords=True, aliases=True) == "!"
        if negated and self.bash:
            while self._next(keywords=True, aliases=True) == "!":
                negated = not negated
            self._push()
        elif not negated:
            self._push()
        commands = [self._command()]
        while self._next() == "|":
            self._bar(commands)
            self._next(keywords=True, lines=True, aliases=True)
            self._push()
            commands.append(self._command())
        self._push()
        node = commands[0] if len(commands) == 1 else Pipeline(tuple(commands))
        return Not(node) if negated else node

    def _bar(self, commands: list[Node]) -> None:
        """What may follow `|`: nothing in ash."""

    # Commands

    def _command(self) -> Node:
        kind = self._next(keywords=True, aliases=True)
        if kind in {WORD, REDIRECTION}:
            return self._simple()
        handler = self._compound(kind)
        if handler is None:
            raise self._unexpected()
        self._enter()
        node = handler(self)
        self.nesting -= 1
        redirections: list[Redirection] = []
        while self._next(keywords=True, aliases=True) == REDIRECTION:
            redirections.append(self._redirection())
        self._push()
        return Redirected(node, tuple(redirections)) if redirections else node

    def _compound(self, kind: str) -> Callable[[Parser], Node] | None:
        return self._COMPOUND.get(kind)

    def _expect(self, kind: str) -> None:
        if self._next(keywords=True, lines=True, aliases=True) != kind:
            raise self._unexpected(kind)

    def _subshell(self) -> Node:
        body = self._list()
        self._expect(")")
        return Subshell(body)

    def _group(self) -> Node:
        body = self._list()
        self._expect("}")
        return Group(body)

    def _if(self) -> Node:
        branches: list[tuple[Node, Node]] = []
        otherwise = None
        kind = "elif"
        while kind == "elif":
            condition = self._list()
            self._expect("then")
            branches.append((condition, self._list()))
            kind = self._next(keywords=True, lines=True, aliases=True)
        if kind == "else":
            otherwise = self._list()
        else:
            self._push()
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _loop(self) -> Node:
        until = self._kind == "until"
        condition = self._list()
        return Loop(condition, self._body(), until)

    def _body(self) -> Node:
        self._expect("do")
        body = self._list()
        self._expect("done")
        return body

    def _for(self) -> Node:
        self._next()
        name = self._bare()
        if self._kind != WORD or not _NAME.fullmatch(name):
            raise self._error("bad for loop variable", incomplete=self._kind == END)
        words: list[Word] | None = None
        if self._next(keywords=True, lines=True, aliases=True) == "in":
            words = []
            while self._next() == WORD:
                words.extend(self._expanded(self._word))
            if self._kind not in {NEWLINE, ";"}:
                raise self._unexpected()
        elif self._kind != ";":
            self._push()
        return For(name, None if words is None else tuple(words), self._body())

    def _expanded(self, word: Word) -> list[Word]:
        """The words that a word stands for: itself, in ash."""
        return [word]

    def _case(self) -> Node:
        if self._next() != WORD:
            raise self._unexpected(WORD)
        subject = self._word
        self._expect("in")
        branches: list[Branch] = []
        while self._next(keywords=True, lines=True) != "esac":
            patterns, body = self._case_branch()
            if self._next(keywords=True, lines=True, aliases=True) == "esac":
                branches.append((patterns, body, ""))
                break
            self._end_of_branch()
            branches.append((patterns, body, self._ending))
        return Case(subject, tuple(branches))

    def _case_branch(self) -> tuple[tuple[Word, ...], Node | None]:
        if self._kind == "(":
            self._next()
        patterns: list[Word] = []
        while True:
            patterns.append(self._word)
            if self._next() != "|":
                break
            self._next()
        if self._kind != ")":
            raise self._unexpected(")")
        body = self._list(empty=True)
        return tuple(patterns), None if body == _NOTHING else body

    def _end_of_branch(self) -> None:
        if self._kind != ";;":
            raise self._unexpected(";;")

    def _function_word(self) -> Node:
        if self._next() != WORD:
            raise self._unexpected(WORD)
        name = "".join(part.text for part in self._word.parts if type(part) is Literal)
        if self._next() == "(":
            if self._next() != ")":
                raise self._unexpected(")")
        else:
            self._push()
        self._next(keywords=True, lines=True, aliases=True)
        self._push()
        return Function(name, self._command())

    # Simple commands

    def _simple(self) -> Node:
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        line = self._line_here()
        while True:
            if self._kind == REDIRECTION:
                redirections.append(self._redirection())
            elif self._kind in _IN_TEST and _is_open_test(words):
                words.append(_IN_TEST[self._kind])
            elif self._kind != WORD:
                break
            elif self._assignment is not None and (not words or self._assignment.items is not None):
                assignments.append(self._assignment)
                if words:
                    words.append(make_word([Literal(self._assignment.name, quoted=True)]))
            else:
                words.extend(self._expanded(self._word))
            self._next(aliases=not words)
        if self._kind == "(" and len(words) == 1 and not assignments and not redirections:
            return self._function()
        self._push()
        return Simple(tuple(assignments), tuple(words), tuple(redirections), line)

    def _function(self) -> Node:
        name = self._name()
        if self._next() != ")":
            raise self._unexpected(")")
        if not self._is_function_name(name):
            raise self._error("bad function name")
        self._next(keywords=True, lines=True, aliases=True)
        self._push()
        return Function(name, self._command())

    def _name(self) -> str:
        """The word in front of the parenthesis that was read, without any quotes."""
        return self._bare()

    def _is_function_name(self, name: str) -> bool:
        return _NAME.fullmatch(name) is not None and name not in _SPECIAL

    _COMPOUND: ClassVar[dict[str, Callable[[Parser], Node]]] = {
        "(": _subshell, "{": _group, "if": _if, "while": _loop, "until": _loop, "for": _for, "case": _case,
        "function": _function_word,
    }  # fmt: skip


_NOTHING: Final = Sequence(())


def _is_open_test(words: list[Word]) -> bool:
    """Whether the words begin `[[` and have not closed it: there, `&&` and `||` are words to ash."""
    return bool(words) and words[0].parts == _OPEN and words[-1].plain != "]]"


def _joined(commands: list[Node]) -> Node:
    return commands[0] if len(commands) == 1 else Sequence(tuple(commands))
