# SPDX-License-Identifier: Apache-2.0
"""Tokens: words, operators, redirections with their here-documents, reserved words and aliases.

It reads as ash does, one token ahead at most, so that an error names the token that ash would name.
Cost: O(length); an alias costs the length of the text, and only so many of them are replaced.

**Source:** POSIX.1-2017, Shell Command Language §2.3–2.4; observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mead.shell.ast import Assignment, Document, Literal, Redirection, Word
from mead.shell.lexer import IncompleteError, ShellSyntaxError, WordReader, make_word
from mead.shell.limits import LimitReachedError

__all__ = ["END", "NEWLINE", "REDIRECTION", "WORD", "TokenReader"]

END: Final = "end of file"
NEWLINE: Final = "newline"
REDIRECTION: Final = "redirection"
WORD: Final = "word"
_NAMED: Final = frozenset({END, NEWLINE, REDIRECTION, WORD})

_BLANK: Final = re.compile(r"(?:[ \t\r]|\\\n)+(?=\n|$)|(?:[ \t]|\\\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_REDIRECTION: Final = re.compile(r"(\d*)(<<-|<<|<&|<>|>>|>&|>\||<|>)|()(&>)")
_BASH_REDIRECTION: Final = re.compile(r"(\d*)(<<<|<<-|<<|<&|<>|>>|>&|>\||<|>)(?!\()|()(&>>|&>)")
_OPERATOR: Final = re.compile(r"&&|\|\||;;|[;&|()]")
_BASH_OPERATOR: Final = re.compile(r";;&|;&|&&|\|\||;;|[;&|()]")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=", re.ASCII)
_SUBSCRIPT: Final = r"\[(?:[^\[\]\n;&|<>()]|\[[^\[\]\n]*\]|\$\(\([^\n;]*?\)\))+\]"
_BASH_ASSIGNMENT: Final = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*(?:{_SUBSCRIPT})?)(\+?)=(\(?)", re.ASCII)
_ENDINGS: Final = frozenset({";;", ";&", ";;&"})
_RESERVED: Final = frozenset({
    "if", "then", "elif", "else", "fi", "while", "until", "for", "do", "done", "case", "esac", "function",
    "in", "{", "}", "!",
})  # fmt: skip
_BASH_RESERVED: Final = frozenset({"[["})
_MAX_ALIASES: Final = 1_000
_MAX_ITEMS: Final = 4_096
_MAX_TOKENS: Final = 200_000


@dataclass(frozen=True, slots=True)
class _Pending:
    document: Document
    delimiter: str
    strip: bool
    quoted: bool


class TokenReader(WordReader):
    """Reads one token after the other; `mead.shell.parser.Parser` makes commands of them."""

    def __init__(
        self,
        text: str,
        *,
        final: bool = True,
        nesting: int = 0,
        bash: bool = False,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text, final=final, nesting=nesting, bash=bash)
        self._aliases: Mapping[str, str] = {} if aliases is None else aliases
        self._count = self._replaced = 0
        self._alias_ends: dict[str, int] = {}
        self._check_until = -1
        self._pending: list[_Pending] = []
        self._kind = NEWLINE
        self._word = Word((), "")
        self._assignment: Assignment | None = None
        self._match: re.Match[str] | None = None
        self._ending = ""
        self._start = 0
        self._pushed = False
        self._line = 1
        self._line_position = 0

    def start_line(self, number: int) -> None:
        """The text begins with this line of a script."""
        self._line = number

    def _next(self, *, keywords: bool = False, lines: bool = False, aliases: bool = False) -> str:
        """Read a token; what it is, also left in `_kind`. A word may be reserved, or stand for more."""
        while True:
            if self._pushed:
                self._pushed = False
            else:
                self._read()
            while lines and self._kind == NEWLINE:
                self._read_documents()
                self._read()
            if self._kind != WORD:
                return self._kind
            name = self._bare()
            if keywords and (name in _RESERVED or (self.bash and name in _BASH_RESERVED)):
                self._kind = name
                return name
            if not (self._aliases and name and self._replace(name, aliases=aliases)):
                return WORD

    def _push(self) -> None:
        """Give the token back: the next `_next` reads it again."""
        self._pushed = True

    def _bare(self) -> str:
        """The text of a word that is one piece without quotes, else nothing."""
        parts = self._word.parts
        if len(parts) == 1 and type(part := parts[0]) is Literal and not part.quoted:
            return part.text
        return ""

    def _replace(self, name: str, *, aliases: bool) -> bool:
        """Put what the alias `name` stands for in its place, unless it stands inside of that."""
        value = self._aliases.get(name)
        wanted = aliases or self._start <= self._check_until
        if value is None or not wanted or self._start < self._alias_ends.get(name, -1):
            return False
        if self._replaced >= _MAX_ALIASES:
            return False
        self._replaced += 1
        tail = self.text[self.position :]
        end = self._start + len(value)
        self.text = f"{self.text[: self._start]}{value} {tail}"
        self.position = self._start
        self._alias_ends[name] = end + 1
        gap = len(tail) - len(tail.lstrip(" \t"))
        self._check_until = end + 1 + gap if value[-1:] in {" ", "\t"} else -1
        return True

    def _read(self) -> None:
        self._count += 1
        if self._count > _MAX_TOKENS:
            raise LimitReachedError("script_tokens", _MAX_TOKENS, "tokens")
        self._blanks()
        text, start = self.text, self.position
        self._start = start
        char = text[start : start + 1]
        if char == "":
            if not self.final and text.endswith("\\\n"):
                raise IncompleteError("syntax error: unexpected end of file")
            self._kind = END
        elif char == "\n":
            self.position += 1
            self._kind = NEWLINE
        elif (char in "<>&" or char.isdigit()) and (found := self._redirect().match(text, start)):
            self._match, self.position = found, found.end()
            self._kind = REDIRECTION
        elif char in "&|;()":
            found = (_BASH_OPERATOR if self.bash else _OPERATOR).match(text, start)
            assert found is not None
            self.position = found.end()
            self._kind, self._ending = (
                (";;", found[0]) if found[0][:1] == ";" and found[0] != ";" else (found[0], "")
            )
        else:
            self._read_word()

    def _redirect(self) -> re.Pattern[str]:
        return _BASH_REDIRECTION if self.bash else _REDIRECTION

    def _read_word(self) -> None:
        """A word; the commands inside of it are tokens as well, so what it is is noted last."""
        start, assignment = self._start, None
        found = (_BASH_ASSIGNMENT if self.bash else _ASSIGNMENT).match(self.text, start)
        if found is None:
            word = self.word()
        else:
            self.position = found.end()
            word, assignment = self._assigned(found)
        self._kind, self._start, self._word, self._assignment = WORD, start, word, assignment

    def _assigned(self, found: re.Match[str]) -> tuple[Word, Assignment]:
        if self.bash and found[3]:
            word = make_word([])
            return word, Assignment(found[1], word, bool(found[2]), self._items())
        parts = self._parts()
        word = make_word([Literal(found[0], quoted=False), *parts], assigns=True)
        return word, Assignment(found[1], make_word(parts), self.bash and bool(found[2]))

    def _items(self) -> tuple[Word, ...]:
        """The words of an array up to its closing parenthesis."""
        items: list[Word] = []
        while True:
            self._blanks()
            if self.text.startswith("\n", self.position):
                self.position += 1
            elif self.text.startswith(")", self.position):
                self.position += 1
                return tuple(items)
            else:
                word = self.word()
                if not word.parts:
                    raise IncompleteError("syntax error: unexpected end of file")
                items.append(word)
                if len(items) > _MAX_ITEMS:
                    raise ShellSyntaxError("syntax error: too many items")

    def _blanks(self) -> None:
        blank = _BLANK.match(self.text, self.position)
        if blank:
            self.position = blank.end()
        if self.text.startswith("#", self.position):
            comment = _COMMENT.match(self.text, self.position)
            self.position = comment.end() if comment else self.position

    def _line_here(self) -> int:
        """The number of the line at the position. O(length) over all calls."""
        if self.position > self._line_position:
            self._line += self.text.count("\n", self._line_position, self.position)
            self._line_position = self.position
        return self._line

    def _unexpected(self, expecting: str = "") -> ShellSyntaxError:
        tail = f" (expecting {_shown(expecting)})" if expecting else ""
        return self._error(f"unexpected {_shown(self._kind)}{tail}", incomplete=self._kind == END)

    def _error(self, message: str, *, incomplete: bool = False) -> ShellSyntaxError:
        error = (IncompleteError if incomplete else ShellSyntaxError)(f"syntax error: {message}")
        error.line = self._line_here()
        return error

    # Redirections

    def _redirection(self) -> Redirection:
        """The redirection whose operator was read."""
        found = self._match
        assert found is not None
        operator = found[2] or found[4]
        fd = int(found[1][:9]) if found[1] else (0 if operator.startswith("<") else 1)
        if operator in {"<<", "<<-"}:
            return self._document(fd % 1000, operator)
        if self._next() != WORD:
            raise self._unexpected()
        return Redirection(fd % 1000, operator, self._word)

    def _document(self, fd: int, operator: str) -> Redirection:
        if self._next() != WORD:
            raise self._unexpected()
        raw = self.text[self._start : self.position]
        quoted = any(char in raw for char in "'\"\\")
        parts = self._word.parts
        delimiter = "".join(part.text for part in parts if isinstance(part, Literal)) if quoted else raw
        document = Document(make_word([]))
        self._pending.append(_Pending(document, delimiter, strip=operator == "<<-", quoted=quoted))
        return Redirection(fd, "<<", document)

    def _read_documents(self) -> None:
        pending, self._pending = self._pending, []
        for wanted in pending:
            body = self._document_body(wanted)
            word = make_word([Literal(body, quoted=True)]) if wanted.quoted else self.document(body)
            wanted.document.body = word

    def _document_body(self, wanted: _Pending) -> str:
        lines: list[str] = []
        text = self.text
        joined = False
        while self.position < len(text):
            end = text.find("\n", self.position)
            whole = end >= 0
            end = end if whole else len(text)
            line = text[self.position : end]
            self.position = min(end + 1, len(text))
            line = line.lstrip("\t") if wanted.strip else line
            if line.rstrip("\r") == wanted.delimiter and not joined:
                return "".join(lines)
            lines.append(line + "\n" if whole else line)
            joined = not wanted.quoted and whole and (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if not self.final:
            raise IncompleteError("syntax error: unterminated here document")
        return "".join(lines)


def _shown(kind: str) -> str:
    return kind if kind in _NAMED else f'"{kind}"'
