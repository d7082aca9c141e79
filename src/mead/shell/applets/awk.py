# SPDX-License-Identifier: Apache-2.0
"""awk: reading a program into a tree of tuples.

**Source:** POSIX.1-2017, awk grammar. A node is `(kind, …)`; `mead.shell.applets.awk_run` evaluates it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["AwkError", "Rule", "parse"]

_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r]+|\\\n|#[^\n]*)|(?P<newline>\n)|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<name>[A-Za-z_]\w*)'
    r"|(?P<op>\|\||&&|\+\+|--|\*\*=|\*\*|[-+*/%^=!<>]=|!~|\$|[-+*/%^<>!~?:=,;(){}\[\]|])",
    re.ASCII | re.DOTALL,
)
_KEYWORDS: Final = frozenset({
    "BEGIN", "END", "if", "else", "while", "for", "do", "in", "print", "printf", "next", "exit",
    "delete", "break", "continue", "function", "func", "return", "getline",
})  # fmt: skip
_MAX_TOKENS: Final = 4_000
_MAX_DEPTH: Final = 60
_BINARY: Final = {
    "||": 1, "&&": 2, "in": 3, "~": 4, "!~": 4, "<": 5, "<=": 5, "==": 5, "!=": 5, ">": 5, ">=": 5,
    "+": 7, "-": 7, "*": 8, "/": 8, "%": 8,
}  # fmt: skip
_OPERAND_END: Final = frozenset({"number", "string", "name", "regex", ")", "]", "$"})

Tree = tuple[Any, ...]


class AwkError(Exception):
    """The program is none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern, pattern { action }`."""

    pattern: str | Tree | None
    until: Tree | None
    action: Tree | None


def _tokenise(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        if text[position] == "/" and (
            not tokens or (tokens[-1][0] not in _OPERAND_END and tokens[-1][1] not in _OPERAND_END)
        ):
            found = re.compile(r"/((?:[^/\\\n]|\\.)*)/").match(text, position)
            if found:
                tokens.append(("regex", found[1].replace("\\/", "/")))
                position = found.end()
                continue
        found = _TOKEN.match(text, position)
        if not found or len(tokens) > _MAX_TOKENS:
            raise AwkError("Unexpected token")
        position = found.end()
        kind = found.lastgroup or ""
        if kind == "name" and found[0] in _KEYWORDS:
            kind = "keyword"
        if kind != "space":
            tokens.append((kind, found[0].replace("**", "^") if kind == "op" else found[0]))
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokenise(text)
        self._index = 0
        self._depth = 0
        self._no_in = False
        self._no_greater = False
        self.functions: dict[str, tuple[list[str], Tree]] = {}

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        index = self._index + ahead
        return self._tokens[index] if index < len(self._tokens) else ("end", "")

    def _accept(self, *texts: str) -> str:
        kind, text = self._peek()
        if text in texts and kind in {"op", "keyword"}:
            self._index += 1
            return text
        return ""

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise AwkError("Unexpected token")

    def _newlines(self) -> None:
        while self._peek()[0] == "newline" or self._peek() == ("op", ";"):
            self._index += 1

    def rules(self) -> list[Rule]:
        found: list[Rule] = []
        self._newlines()
        while self._peek()[0] != "end":
            if self._accept("function", "func"):
                self._function()
            else:
                found.append(self._rule())
            self._newlines()
        return found

    def _function(self) -> None:
        name = self._peek()[1]
        self._index += 1
        self._expect("(")
        names: list[str] = []
        while not self._accept(")"):
            names.append(self._peek()[1])
            self._index += 1
            self._accept(",")
            if self._peek()[0] == "end":
                raise AwkError("Unexpected token")
        self._skip_lines()
        self.functions[name] = names, self._block()

    def _rule(self) -> Rule:
        pattern: str | Tree | None = None
        until = None
        if (word := self._accept("BEGIN", "END")) != "":
            pattern = word
        elif self._peek() != ("op", "{"):
            pattern = self._expression()
            if self._accept(","):
                until = self._expression()
        if self._peek() == ("op", "{"):
            return Rule(pattern, until, self._block())
        return Rule(pattern, until, None)

    def _skip_lines(self) -> None:
        while self._peek()[0] == "newline":
            self._index += 1

    def _block(self) -> Tree:
        self._expect("{")
        statements: list[Tree] = []
        self._newlines()
        while not self._accept("}"):
            if self._peek()[0] == "end":
                raise AwkError("Unexpected token")
            statements.append(self._statement())
            self._newlines()
        return ("block", statements)

    def _statement(self) -> Tree:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise AwkError("Too deep")
        self._skip_lines()
        statement = self._block() if self._peek() == ("op", "{") else self._plain()
        self._depth -= 1
        return statement

    def _plain(self) -> Tree:
        word = self._accept(
            "if",
            "while",
            "for",
            "do",
            "print",
            "printf",
            "next",
            "exit",
            "delete",
            "break",
            "continue",
            "return",
            ";",
        )
        if word == "if":
            return self._if()
        if word == "while":
            return ("while", self._condition(), self._statement())
        if word == "for":
            return self._for()
        if word == "do":
            body = self._statement()
            self._newlines()
            self._expect("while")
            return ("do", body, self._condition())
        if word in {"print", "printf"}:
            return self._print(word)
        if word in {"exit", "return"}:
            return (word, None if self._ends() else self._expression())
        if word == "delete":
            name = self._peek()[1]
            self._index += 1
            return ("delete", name, self._subscript() if self._accept("[") else None)
        if word:
            return ("block", []) if word == ";" else (word,)
        return ("expression", self._expression())

    def _ends(self) -> bool:
        return self._peek()[0] in {"newline", "end"} or self._peek()[1] in {";", "}"}

    def _condition(self) -> Tree:
        self._expect("(")
        condition = self._expression()
        self._expect(")")
        return condition

    def _if(self) -> Tree:
        condition = self._condition()
        body = self._statement()
        mark = self._index
        self._newlines()
        if self._accept("else"):
            return ("if", condition, body, self._statement())
        self._index = mark
        return ("if", condition, body, None)

    def _for(self) -> Tree:
        self._expect("(")
        if self._peek()[0] == "name" and self._peek(1)[1] == "in" and self._peek(3) == ("op", ")"):
            name, array = self._peek()[1], self._peek(2)[1]
            self._index += 4
            return ("each", name, array, self._statement())
        first = None if self._peek() == ("op", ";") else self._expression()
        self._expect(";")
        condition = None if self._peek() == ("op", ";") else self._expression()
        self._expect(";")
        step = None if self._peek() == ("op", ")") else self._expression()
        self._expect(")")
        return ("for", first, condition, step, self._statement())

    def _print(self, word: str) -> Tree:
        arguments: list[Tree] = []
        self._no_greater = True
        if not self._ends() and self._peek()[1] not in {">", "|"}:
            arguments.append(self._expression())
            while self._accept(","):
                self._skip_lines()
                arguments.append(self._expression())
        self._no_greater = False
        if len(arguments) == 1 and arguments[0][0] == "group":
            arguments = arguments[0][1]
        target = None
        if self._accept(">"):
            append = bool(self._accept(">"))
            target = (">>" if append else ">", self._binary(6))
        elif self._accept("|"):
            target = ("|", self._binary(6))
        return (word, arguments, target)

    def _subscript(self) -> Tree:
        parts = [self._expression()]
        while self._accept(","):
            parts.append(self._expression())
        self._expect("]")
        return parts[0] if len(parts) == 1 else ("subscript", parts)

    def _expression(self) -> Tree:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise AwkError("Too deep")
        left = self._binary(1)
        if self._accept("?"):
            chosen = self._expression()
            self._expect(":")
            left = ("choice", left, chosen, self._expression())
        elif left[0] in {"variable", "field", "element"} and (
            sign := self._accept("=", "+=", "-=", "*=", "/=", "%=", "^=")
        ):
            left = ("assign", sign[:-1], left, self._expression())
        self._depth -= 1
        return left

    def _binary(self, minimum: int) -> Tree:
        left = self._unary()
        while True:
            kind, text = self._peek()
            level = _BINARY.get(text, 0) if kind in {"op", "keyword"} else 0
            if text == ">" and self._no_greater:
                level = 0
            if level and level >= minimum:
                self._index += 1
                if text in {"&&", "||"}:
                    self._skip_lines()
                left = (
                    ("in", left, self._name())
                    if text == "in"
                    else ("binary", text, left, self._binary(level + 1))
                )
            elif text == "|" and self._peek(1) == ("keyword", "getline") and kind == "op":
                self._index += 2
                left = ("getline", self._target(), "|", left)
            elif minimum <= 6 and self._starts_operand():
                left = ("concat", left, self._binary(7))
            else:
                return left

    def _target(self) -> Tree | None:
        """The variable that `getline` fills; None is the record."""
        kind, text = self._peek()
        return self._primary() if kind == "name" or (kind == "op" and text == "$") else None

    def _getline(self) -> Tree:
        target = self._target()
        if self._accept("<"):
            return ("getline", target, "<", self._primary())
        return ("getline", target, "", None)

    def _name(self) -> str:
        self._index += 1
        return self._tokens[self._index - 1][1]

    def _starts_operand(self) -> bool:
        kind, text = self._peek()
        return kind in {"number", "string", "name"} or (kind == "op" and text in {"$", "(", "++", "--"})

    def _unary(self) -> Tree:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise AwkError("Too deep")
        sign = self._accept("!", "-", "+")
        tree = ("unary", sign, self._unary()) if sign else self._power()
        self._depth -= 1
        return tree

    def _power(self) -> Tree:
        left = self._postfix()
        return ("binary", "^", left, self._unary()) if self._accept("^") else left

    def _postfix(self) -> Tree:
        sign = self._accept("++", "--")
        if sign:
            return ("step", sign, self._primary(), True)
        tree = self._primary()
        if tree[0] in {"variable", "field", "element"} and (sign := self._accept("++", "--")):
            return ("step", sign, tree, False)
        return tree

    def _primary(self) -> Tree:
        kind, text = self._peek()
        self._index += 1
        if kind == "number":
            return ("constant", float(text))
        if kind == "string":
            return ("constant", text[1:-1])
        if kind == "regex":
            return ("regex", text)
        if text == "$" and kind == "op":
            return ("field", self._postfix())
        if text == "(" and kind == "op":
            return self._parenthesised()
        if kind == "name":
            return self._named(text)
        if text == "getline":
            return self._getline()
        raise AwkError("Unexpected token")

    def _parenthesised(self) -> Tree:
        outer, self._no_greater = self._no_greater, False
        parts = [self._expression()]
        while self._accept(","):
            parts.append(self._expression())
        self._expect(")")
        self._no_greater = outer
        return ("group", parts)

    def _named(self, name: str) -> Tree:
        if self._accept("["):
            return ("element", name, self._subscript())
        if self._peek() == ("op", "("):
            self._index += 1
            arguments: list[Tree] = []
            while not self._accept(")"):
                arguments.append(self._expression())
                if not self._accept(",") and self._peek() != ("op", ")"):
                    raise AwkError("Unexpected token")
            return ("call", name, arguments)
        return ("call", name, []) if name == "length" else ("variable", name)


def parse(text: str) -> tuple[list[Rule], dict[str, tuple[list[str], Tree]]]:
    """The rules and functions of an awk program. O(len(text)).

    Raises:
        AwkError: it is none.
    """
    parser = _Parser(text)
    return parser.rules(), parser.functions
