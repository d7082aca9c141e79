# SPDX-License-Identifier: Apache-2.0
"""Words: quoting and the expansions inside, from text to `mead.shell.ast.Word`.

The shell's words nest commands and its commands nest words, so `mead.shell.parser.Parser` derives from
`WordReader`. Cost: O(length), times the nesting of backticks.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import (
    Arithmetic,
    Literal,
    Node,
    Parameter,
    Part,
    ProcessSubstitution,
    Sequence,
    Substitution,
    Word,
)
from mead.shell.escapes import ansi_c
from mead.shell.limits import LimitReachedError

__all__ = ["MAX_NESTING", "IncompleteError", "ShellSyntaxError", "WordReader", "make_word"]

_RUN: Final = re.compile(r"[^ \t\n|&;<>()$`\"'\\]+")
_DOUBLE_RUN: Final = re.compile(r"[^$`\"\\]+")
_BRACED_RUN: Final = re.compile(r"[^$`\"'\\}/]+")
_ARITHMETIC_RUN: Final = re.compile(r"[^()$`\"]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]", re.ASCII)
_BASH_PARAMETER: Final = re.compile(
    r"![A-Za-z_][A-Za-z0-9_]*[@*](?=\})"
    r"|!?[A-Za-z_][A-Za-z0-9_]*(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])?"
    r"|!?[0-9]+|!#(?=\})|[@*#?$!-]",
    re.ASCII,
)
_SIMPLE_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]", re.ASCII)
_OPERATOR: Final = re.compile(r":[-=?+]|##|%%|//|[-=?+#%/:]")
_BASH_OPERATOR: Final = re.compile(r":[-=?+]|##|%%|//|\^\^|,,|@[QEPAaULu]|[-=?+#%/:^,]")
_PATTERNS: Final = frozenset({"#", "##", "%", "%%", "/", "//", "^", "^^", ",", ",,"})
_REPLACES: Final = frozenset({"/", "//"})
_MAGIC: Final = frozenset("*?[")
MAX_NESTING: Final = 40
"""How deep commands and substitutions may stand in each other; ash has no limit but its stack."""


class ShellSyntaxError(Exception):
    """The text is no shell command; the message is what ash says, `line` where."""

    line = 0


class IncompleteError(ShellSyntaxError):
    """The text ends too early; an interactive shell asks for more."""


def make_word(parts: list[Part], *, assigns: bool = False) -> Word:
    """A word of `parts`, marked plain when no expansion can change it."""
    texts: list[str] = []
    for part in parts:
        if type(part) is not Literal or (not part.quoted and not _MAGIC.isdisjoint(part.text)):
            return Word(tuple(parts), None, assigns)
        texts.append(part.text)
    plain: str | None = texts[0] if len(texts) == 1 else "".join(texts)
    if plain and plain[0] == "~" and type(parts[0]) is Literal and not parts[0].quoted:
        plain = None
    return Word(tuple(parts), plain, assigns)


class WordReader:
    """Reads words at a moving position of a text."""

    def __init__(self, text: str, *, final: bool = True, nesting: int = 0, bash: bool = False) -> None:
        if nesting > MAX_NESTING:
            raise LimitReachedError("syntax_nesting", MAX_NESTING, "levels")
        self.text = text
        self.position = 0
        self.final = final
        self.nesting = nesting
        self.bash = bash

    def word(self) -> Word:
        """The word at the position; empty when there is none."""
        return make_word(self._parts())

    def _parts(self) -> list[Part]:
        parts: list[Part] = []
        text = self.text
        while True:
            run = _RUN.match(text, self.position)
            if run:
                self.position = run.end()
                self._plain_run(run[0], parts)
            char = text[self.position : self.position + 1]
            if self.bash and char in {"<", ">"} and text.startswith("(", self.position + 1):
                parts.append(self._process_substitution())
            elif char not in ("'", '"', "\\", "$", "`"):
                return parts
            else:
                self._special(char, parts)

    def _plain_run(self, run: str, parts: list[Part]) -> None:
        """Add text that stands for itself; a carriage return at the end of a line is none of it."""
        if run[-1] == "\r" and self.text[self.position : self.position + 1] in ("", "\n"):
            run = run[:-1]
        if run:
            parts.append(Literal(run, quoted=False))

    def _special(self, char: str, parts: list[Part]) -> None:
        if char == "'":
            parts.append(self._single_quoted())
        elif char == '"':
            self.position += 1
            parts.extend(self._double_quoted('"'))
        elif char == "\\":
            self._backslash(parts)
        elif char == "$":
            parts.append(self._dollar(quoted=False))
        else:
            parts.append(self._backticks(quoted=False))

    def _single_quoted(self) -> Literal:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise IncompleteError("syntax error: unterminated quoted string")
        start, self.position = self.position + 1, end + 1
        return Literal(self.text[start:end], quoted=True)

    def _backslash(self, parts: list[Part]) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        self.position += 2
        if following == "":
            self.position -= 1
            if not self.final:
                raise IncompleteError("syntax error: unexpected end of file")
            parts.append(Literal("\\", quoted=True))
        elif following != "\n":
            parts.append(Literal(following, quoted=True))
        elif self.position >= len(self.text) and not self.final:
            raise IncompleteError("syntax error: unexpected end of file")

    def _double_quoted(self, end: str) -> list[Part]:
        """Parts up to the closing `end`; an empty `end` reads to the end of the text (here-document)."""
        parts: list[Part] = [Literal("", quoted=True)] if end else []
        text = self.text
        while True:
            run = _DOUBLE_RUN.match(text, self.position)
            if run:
                parts.append(Literal(run[0], quoted=True))
                self.position = run.end()
            char = text[self.position : self.position + 1]
            if char == "":
                if end:
                    raise IncompleteError("syntax error: unterminated quoted string")
                return parts
            if char == '"':
                self.position += 1
                if end:
                    return parts
                parts.append(Literal('"', quoted=True))
            elif char == "\\":
                self._quoted_backslash(parts)
            elif char == "$":
                parts.append(self._dollar(quoted=True))
            else:
                parts.append(self._backticks(quoted=True))

    def _quoted_backslash(self, parts: list[Part]) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        self.position += 2
        if following == "":
            self.position -= 1
            parts.append(Literal("\\", quoted=True))
        elif following in ("$", "`", '"', "\\"):
            parts.append(Literal(following, quoted=True))
        elif following != "\n":
            parts.append(Literal("\\" + following, quoted=True))

    def _dollar(self, *, quoted: bool) -> Part:
        text, start = self.text, self.position
        following = text[start + 1 : start + 2]
        if following == "(":
            if text.startswith("((", start + 1):
                return self._arithmetic(quoted=quoted)
            self.position = start + 2
            return Substitution(self.nested_commands(), quoted)
        if following == "{":
            return self._braced(quoted=quoted)
        if following == "'" and not quoted:
            return self._ansi_c_quoted()
        if following == '"' and not quoted and self.bash:
            self.position += 1
            return Literal("", quoted=True)
        name = _SIMPLE_PARAMETER.match(text, start + 1)
        if name:
            self.position = name.end()
            return Parameter(name[0], "", None, None, quoted)
        self.position += 1
        return Literal("$", quoted=True)

    def _ansi_c_quoted(self) -> Literal:
        found = re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL).match(self.text, self.position + 2)
        if not found:
            raise IncompleteError("syntax error: unterminated quoted string")
        self.position = found.end()
        return Literal(ansi_c(found[0][:-1], bash=self.bash), quoted=True)

    def _arithmetic(self, *, quoted: bool) -> Part:
        self.position += 3
        depth = 0
        parts: list[Part] = []
        text = self.text
        while True:
            char = text[self.position : self.position + 1]
            if char == "":
                raise IncompleteError("syntax error: missing '))'")
            if char == ")" and depth == 0 and text.startswith("))", self.position):
                self.position += 2
                return Arithmetic(make_word(parts), quoted)
            run = _ARITHMETIC_RUN.match(text, self.position)
            if run:
                parts.append(Literal(run[0], quoted=True))
                self.position = run.end()
                continue
            if char in "$`":
                parts.append(self._dollar(quoted=True) if char == "$" else self._backticks(quoted=True))
                continue
            depth += (char == "(") - (char == ")")
            if char != '"' or not self.bash:
                parts.append(Literal(char, quoted=True))
            self.position += 1

    def _braced(self, *, quoted: bool) -> Part:
        text, start = self.text, self.position
        self.position += 2
        if text.startswith("#", self.position) and not text.startswith("#}", self.position):
            name = (_BASH_PARAMETER if self.bash else _PARAMETER).match(text, self.position + 1)
            if name and text.startswith("}", name.end()):
                self.position = name.end() + 1
                return Parameter(name[0], "length", None, None, quoted)
        name = (_BASH_PARAMETER if self.bash else _PARAMETER).match(text, self.position)
        if not name:
            return self._bad_substitution(start, quoted=quoted)
        self.position = name.end()
        if text.startswith("}", self.position):
            self.position += 1
            return Parameter(name[0], "", None, None, quoted)
        return self._changed(start, name[0], quoted=quoted)

    def _changed(self, start: int, name: str, *, quoted: bool) -> Part:
        """`${name` was read; the operator and what belongs to it follow."""
        text = self.text
        operator = (_BASH_OPERATOR if self.bash else _OPERATOR).match(text, self.position)
        if not operator:
            return self._bad_substitution(start, quoted=quoted)
        self.position = operator.end()
        inner = quoted and operator[0] not in _PATTERNS
        argument = self._braced_word(quoted=inner, separator="/" if operator[0] in _REPLACES else "")
        replacement = None
        if operator[0] in _REPLACES and text.startswith("/", self.position):
            self.position += 1
            replacement = self._braced_word(quoted=inner, separator="")
        if not text.startswith("}", self.position):
            raise IncompleteError("syntax error: missing '}'")
        self.position += 1
        return Parameter(name, operator[0], argument, replacement, quoted)

    def _bad_substitution(self, start: int, *, quoted: bool) -> Part:
        end = self.text.find("}", self.position)
        if end < 0:
            raise IncompleteError("syntax error: missing '}'")
        if self.bash:
            self.position = end + 1
            return Parameter(self.text[start : end + 1], "bad", None, None, quoted)
        raise ShellSyntaxError("syntax error: bad substitution")

    def _braced_word(self, *, quoted: bool, separator: str) -> Word:
        """Text up to the closing brace, or up to a separator that does not stand first."""
        parts: list[Part] = []
        text = self.text
        if separator and text.startswith(separator, self.position):
            parts.append(Literal(separator, quoted=quoted))
            self.position += 1
        while True:
            run = _BRACED_RUN.match(text, self.position)
            if run:
                parts.append(Literal(run[0], quoted=quoted))
                self.position = run.end()
            char = text[self.position : self.position + 1]
            if char in ("", "}") or char == separator:
                return make_word(parts)
            if char == "/" or (char == "'" and quoted):
                parts.append(Literal(char, quoted=quoted))
                self.position += 1
            else:
                self._special(char, parts)

    def _backticks(self, *, quoted: bool) -> Part:
        found = re.compile(r"(?:[^`\\]|\\.)*`", re.DOTALL).match(self.text, self.position + 1)
        if not found:
            raise IncompleteError("syntax error: EOF in backquote substitution")
        self.position = found.end()
        escaped = r"\\([$`\\\"])" if quoted else r"\\([$`\\])"
        return Substitution(self.parse_text(re.sub(escaped, r"\1", found[0][:-1])), quoted)

    def _process_substitution(self) -> Part:
        self.position += 2
        return ProcessSubstitution(self.nested_commands())

    def document(self, body: str) -> Word:
        """The text of an unquoted here-document as a word."""
        reader = type(self)(body, nesting=self.nesting + 1, bash=self.bash)
        return make_word(reader._double_quoted(""))  # noqa: SLF001  # the same class

    def nested_commands(self) -> Node:
        """Commands up to the closing parenthesis; the parser knows how."""
        raise NotImplementedError

    def parse_text(self, text: str) -> Node:
        """The commands of `text`; the parser knows how."""
        del text
        return Sequence(())
