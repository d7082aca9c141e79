# SPDX-License-Identifier: Apache-2.0
"""Commands: from text to the tree of `mead.shell.ast`, one complete command at a time.

Like ash, it reads and hands out one complete line before it looks at the next, so that what stands
before a syntax error still runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Final

from mead.shell.ast import (
    AndOr,
    Background,
    Case,
    For,
    Function,
    Group,
    If,
    Loop,
    Node,
    Not,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    Subshell,
    Word,
)
from mead.shell.lexer import IncompleteError, ShellSyntaxError
from mead.shell.simple import SimpleReader

__all__ = ["IncompleteError", "Parser", "ShellSyntaxError"]

_FUNCTION: Final = re.compile(r"([A-Za-z_][^\s|&;<>()$`\"'\\=#]*)[ \t]*\([ \t]*\)", re.ASCII)
_CLOSERS: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})


class Parser(SimpleReader):
    """Parses a text; `final` says that no more text will come."""

    def next_command(self) -> Node | None:
        """The next complete command (up to a line end), or None at the end of the text.

        Raises:
            IncompleteError: the text ends inside it; `position` has not moved past its start.
            ShellSyntaxError: it is no command; `position` stands where that was noticed.
        """
        self._skip_lines()
        if self.position >= len(self.text):
            return None
        start = self.position
        try:
            node = self._list(multiline=False)
            self._end_of_command()
        except IncompleteError:
            self.position = start
            raise
        return node

    def nested_commands(self) -> Node:
        self._enter()
        node = self._list(multiline=True)
        self._expect_char(")")
        self.nesting -= 1
        return node

    def parse_text(self, text: str) -> Node:
        parser = Parser(text, nesting=self.nesting + 1)
        commands: list[Node] = []
        while (node := parser.next_command()) is not None:
            commands.append(node)
        return commands[0] if len(commands) == 1 else Sequence(tuple(commands))

    def _enter(self) -> None:
        self.nesting += 1
        if self.nesting > 40:
            raise ShellSyntaxError("syntax error: nested too deeply")

    def _end_of_command(self) -> None:
        self._blanks()
        if self.position >= len(self.text):
            if self._pending:
                self._read_documents()
            return
        if self.text[self.position] != "\n":
            raise self._unexpected()
        self._newline()

    def _expect(self, reserved: str) -> None:
        self._skip_lines()
        if self._reserved() != reserved:
            raise self._unexpected(reserved)
        self.position += len(reserved)

    def _expect_char(self, char: str) -> None:
        self._skip_lines()
        if not self.text.startswith(char, self.position):
            raise self._unexpected(char)
        self.position += len(char)

    def _list(self, *, multiline: bool) -> Node:
        commands: list[Node] = []
        while True:
            if multiline:
                self._skip_lines()
            else:
                self._blanks()
            char = self.text[self.position : self.position + 1]
            if char in ("", ")", "\n") or self.text.startswith(";;", self.position):
                break
            if self._reserved() in _CLOSERS:
                if not multiline:
                    raise self._unexpected()
                break
            node = self._and_or()
            self._blanks()
            commands.append(self._separated(node))
            if not self._separator(multiline=multiline):
                break
        return commands[0] if len(commands) == 1 else Sequence(tuple(commands))

    def _separated(self, node: Node) -> Node:
        if self.text.startswith("&", self.position) and not self.text.startswith("&&", self.position):
            return Background(node)
        return node

    def _separator(self, *, multiline: bool) -> bool:
        char = self.text[self.position : self.position + 1]
        if char == ";" and not self.text.startswith(";;", self.position):
            self.position += 1
            return True
        if char == "&":
            self.position += 1
            return True
        return multiline and char == "\n"

    def _and_or(self) -> Node:
        first = self._pipeline()
        rest: list[tuple[str, Node]] = []
        while True:
            self._blanks()
            operator = self.text[self.position : self.position + 2]
            if operator not in {"&&", "||"}:
                return AndOr(first, tuple(rest)) if rest else first
            self.position += 2
            rest.append((operator, self._pipeline(after_operator=True)))

    def _pipeline(self, *, after_operator: bool = False) -> Node:
        if after_operator:
            self._continue()
        self._blanks()
        negated = False
        while self._reserved() == "!":
            self.position += 1
            negated = not negated
            self._blanks()
        commands = [self._command()]
        while True:
            self._blanks()
            if not self.text.startswith("|", self.position) or self.text.startswith("||", self.position):
                break
            self.position += 2 if self.text.startswith("|&", self.position) else 1
            self._continue()
            commands.append(self._command())
        node = commands[0] if len(commands) == 1 else Pipeline(tuple(commands))
        return Not(node) if negated else node

    def _continue(self) -> None:
        self._skip_lines()
        if self.position >= len(self.text):
            raise IncompleteError("syntax error: unexpected end of file")

    def _command(self) -> Node:
        self._blanks()
        handler: Callable[[Parser], Node] | None
        if self.text.startswith("(", self.position):
            handler = Parser._subshell
        else:
            reserved = self._reserved()
            if reserved in _CLOSERS:
                raise self._unexpected()
            handler = self._COMPOUND.get(reserved) if reserved else None
        if handler is None:
            function = _FUNCTION.match(self.text, self.position)
            return self._function(function) if function else self._simple()
        self._enter()
        node = handler(self)
        self.nesting -= 1
        return self._with_redirections(node)

    def _with_redirections(self, node: Node) -> Node:
        redirections: list[Redirection] = []
        self._blanks()
        while self._redirection(redirections):
            self._blanks()
        return Redirected(node, tuple(redirections)) if redirections else node

    def _subshell(self) -> Node:
        self.position += 1
        body = self._list(multiline=True)
        self._expect_char(")")
        return Subshell(body)

    def _group(self) -> Node:
        self.position += 1
        body = self._list(multiline=True)
        self._expect("}")
        return Group(body)

    def _if(self) -> Node:
        branches: list[tuple[Node, Node]] = []
        otherwise = None
        word = self._reserved()
        while word in {"if", "elif"}:
            self.position += len(word)
            condition = self._list(multiline=True)
            self._expect("then")
            branches.append((condition, self._list(multiline=True)))
            self._skip_lines()
            word = self._reserved()
        if word == "else":
            self.position += 4
            otherwise = self._list(multiline=True)
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _loop(self) -> Node:
        until = self._reserved() == "until"
        self.position += 5
        condition = self._list(multiline=True)
        return Loop(condition, self._body(), until)

    def _body(self) -> Node:
        self._expect("do")
        body = self._list(multiline=True)
        self._expect("done")
        return body

    def _for(self) -> Node:
        self.position += 3
        self._blanks()
        name = re.compile(r"[A-Za-z_]\w*", re.ASCII).match(self.text, self.position)
        if not name:
            if self.position >= len(self.text):
                raise self._unexpected()
            raise ShellSyntaxError("syntax error: bad for loop variable")
        self.position = name.end()
        self._skip_lines()
        words: list[Word] | None = None
        if self._reserved() == "in":
            self.position += 2
            words = self._words()
        self._blanks()
        if self.text.startswith(";", self.position):
            self.position += 1
        return For(name[0], None if words is None else tuple(words), self._body())

    def _words(self) -> list[Word]:
        words: list[Word] = []
        while True:
            self._blanks()
            word = self.word()
            if not word.parts:
                return words
            words.append(word)

    def _case(self) -> Node:
        self.position += 4
        self._blanks()
        subject = self.word()
        self._expect("in")
        branches: list[tuple[tuple[Word, ...], Node]] = []
        while True:
            self._skip_lines()
            if self._reserved() == "esac":
                self.position += 4
                return Case(subject, tuple(branches))
            branches.append(self._case_branch())

    def _case_branch(self) -> tuple[tuple[Word, ...], Node]:
        if self.text.startswith("(", self.position):
            self.position += 1
        patterns: list[Word] = []
        while True:
            self._blanks()
            pattern = self.word()
            if not pattern.parts:
                raise self._unexpected(")")
            patterns.append(pattern)
            self._blanks()
            if not self.text.startswith("|", self.position):
                break
            self.position += 1
        self._expect_char(")")
        body = self._list(multiline=True)
        self._skip_lines()
        if self.text.startswith(";;", self.position):
            self.position += 2
        elif self._reserved() != "esac":
            raise self._unexpected(";;")
        return tuple(patterns), body

    def _function_word(self) -> Node:
        self.position += 8
        self._blanks()
        found = re.compile(r"([^\s(){};|&<>$`\"'\\]+)[ \t]*(?:\([ \t]*\))?").match(self.text, self.position)
        if not found:
            raise self._unexpected()
        return self._function(found)

    def _function(self, found: re.Match[str]) -> Node:
        self.position = found.end()
        self._continue()
        return Function(found[1], self._command())

    _COMPOUND: ClassVar[dict[str, Callable[[Parser], Node]]] = {
        "{": _group,
        "if": _if,
        "while": _loop,
        "until": _loop,
        "for": _for,
        "case": _case,
        "function": _function_word,
    }
