# SPDX-License-Identifier: Apache-2.0
"""Simple commands: words, assignments, redirections and here-documents, and what stands between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.ast import Assignment, Document, Literal, Node, Redirection, Simple, Word
from mead.shell.lexer import IncompleteError, ShellSyntaxError, WordReader, make_word

__all__ = ["SimpleReader"]

_BLANK: Final = re.compile(r"(?:[ \t\r]|\\\n)+(?=\n|$)|(?:[ \t]|\\\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_REDIRECTION: Final = re.compile(r"(\d*)(<<<|<<-|<<|<&|<>|>>|>&|>\||<|>)(?!\()|()(&>>|&>)")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=", re.ASCII)
_RESERVED: Final = re.compile(
    r"(if|then|elif|else|fi|while|until|for|do|done|case|esac|function|in|[{}!])(?=[\s;&|()<>]|$)"
)


@dataclass(frozen=True, slots=True)
class _Pending:
    document: Document
    delimiter: str
    strip: bool
    quoted: bool


class SimpleReader(WordReader):
    """Reads simple commands; `mead.shell.parser.Parser` knows the compound ones."""

    def __init__(self, text: str, *, final: bool = True, nesting: int = 0) -> None:
        super().__init__(text, final=final, nesting=nesting)
        self._pending: list[_Pending] = []
        self._line = 1
        self._line_position = 0

    def _newline(self) -> None:
        self.position += 1
        if self._pending:
            self._read_documents()

    def _skip_lines(self) -> None:
        while True:
            self._blanks()
            if not self.text.startswith("\n", self.position):
                return
            self._newline()

    def _blanks(self) -> None:
        blank = _BLANK.match(self.text, self.position)
        if blank:
            self.position = blank.end()
        if self.text.startswith("#", self.position):
            comment = _COMMENT.match(self.text, self.position)
            self.position = comment.end() if comment else self.position

    def _reserved(self) -> str:
        found = _RESERVED.match(self.text, self.position)
        return found[1] if found else ""

    def _unexpected(self, expecting: str = "") -> ShellSyntaxError:
        tail = f' (expecting "{expecting}")' if expecting else ""
        if self.position >= len(self.text):
            return IncompleteError(f"syntax error: unexpected end of file{tail}")
        found = re.compile(r"&&|\|\||;;|[;&|()<>]").match(self.text, self.position)
        token = found[0] if found else self._reserved()
        if token:
            return ShellSyntaxError(f'syntax error: unexpected "{token}"{tail}')
        what = "newline" if self.text[self.position] == "\n" else "word"
        return ShellSyntaxError(f"syntax error: unexpected {what}{tail}")

    def _simple(self) -> Node:
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        line = self._line_here()
        while True:
            self._blanks()
            if self._redirection(redirections):
                continue
            assignment = None if words else _ASSIGNMENT.match(self.text, self.position)
            if assignment:
                self.position = assignment.end()
                assignments.append(Assignment(assignment[1], self.word(), bool(assignment[2])))
                continue
            word = self.word()
            if not word.parts:
                break
            words.append(word)
        if not (assignments or words or redirections):
            raise self._unexpected()
        if self.text.startswith("(", self.position):
            self.position += len(words) == 1
            self._blanks()
            raise self._unexpected(")" if len(words) == 1 else "")
        return Simple(tuple(assignments), tuple(words), tuple(redirections), line)

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._line_position, self.position)
        self._line_position = max(self._line_position, self.position)
        return self._line

    def _redirection(self, into: list[Redirection]) -> bool:
        found = _REDIRECTION.match(self.text, self.position)
        if not found:
            return False
        self.position = found.end()
        operator = found[2] or found[4]
        fd = int(found[1]) if found[1] else (0 if operator.startswith("<") else 1)
        self._blanks()
        if operator in {"<<", "<<-"}:
            into.append(self._document(fd % 1000, operator))
            return True
        target = self.word()
        if not target.parts:
            raise self._unexpected()
        into.append(Redirection(fd % 1000, operator, target))
        return True

    def _document(self, fd: int, operator: str) -> Redirection:
        start = self.position
        parts = self._parts()
        if not parts:
            raise self._unexpected()
        raw = self.text[start : self.position]
        quoted = any(char in raw for char in "'\"\\")
        delimiter = "".join(part.text for part in parts if isinstance(part, Literal)) if quoted else raw
        document = Document(make_word([]))
        self._pending.append(_Pending(document, delimiter, strip=operator == "<<-", quoted=quoted))
        return Redirection(fd, "<<", document)

    def _read_documents(self) -> None:
        pending, self._pending = self._pending, []
        for wanted in pending:
            body = self._document_body(wanted.delimiter, strip=wanted.strip)
            word = make_word([Literal(body, quoted=True)]) if wanted.quoted else self.document(body)
            wanted.document.body = word

    def _document_body(self, delimiter: str, *, strip: bool) -> str:
        lines: list[str] = []
        text = self.text
        while self.position < len(text):
            end = text.find("\n", self.position)
            end = len(text) if end < 0 else end
            line = text[self.position : end]
            self.position = min(end + 1, len(text))
            line = line.lstrip("\t") if strip else line
            if line.rstrip("\r") == delimiter:
                return "".join(lines)
            lines.append(line + "\n")
        if not self.final:
            raise IncompleteError("syntax error: unterminated here document")
        return "".join(lines)
