# SPDX-License-Identifier: Apache-2.0
"""The tree that a command line is parsed into.

Text of the shell is held as `str` with one character per byte (Latin-1), so that it is binary-clean and
still handy; `encode` and `decode` are the only way in and out. Streams and files are `bytes`.

**Source:** POSIX.1-2017, Shell Command Language §2.9–2.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "AndOr", "Arithmetic", "Assignment", "Background", "Calculation", "Case", "CountingFor", "Document",
    "For", "Function", "Group", "If", "Literal", "Loop", "Node", "Not", "Parameter", "Part", "Pipeline",
    "ProcessSubstitution", "Redirected", "Redirection", "Sequence", "Simple", "Subshell", "Substitution",
    "Test", "Word", "decode", "encode",
]  # fmt: skip


def decode(data: bytes) -> str:
    """Bytes as the shell's text: one character per byte."""
    return data.decode("latin-1")


def encode(text: str) -> bytes:
    """The shell's text as the bytes it stands for."""
    return text.encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself; `quoted` text is neither split nor globbed."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name`, `${name:-word}`, `${#name}` (operator `length`) and relatives."""

    name: str
    operator: str
    argument: Word | None
    replacement: Word | None
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)` or backticks."""

    body: Node
    quoted: bool


@dataclass(frozen=True, slots=True)
class ProcessSubstitution:
    """`<(…)`: no part of ash, but of what attackers type into every shell."""

    body: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$((…))`."""

    expression: Word
    quoted: bool


Part: TypeAlias = Literal | Parameter | Substitution | ProcessSubstitution | Arithmetic


@dataclass(frozen=True, slots=True)
class Word:
    """One word before expansion."""

    parts: tuple[Part, ...]
    plain: str | None
    """Its text, when no expansion of any kind can change it."""
    assigns: bool = False
    """Whether it looks like an assignment: after `export` and its like it is then not split."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=value` in front of a command, or alone; an array, `name=(a b)`, has `items`."""

    name: str
    value: Word
    append: bool
    items: tuple[Word, ...] | None = None


@dataclass(slots=True)
class Document:
    """The text of a here-document; it is read after the line that asks for it."""

    body: Word


@dataclass(frozen=True, slots=True)
class Redirection:
    """`2>&1`, `>> file`, `<< EOF`."""

    fd: int
    operator: str
    target: Word | Document


@dataclass(frozen=True, slots=True)
class Simple:
    """A command with its words."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`."""

    commands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`! command`."""

    command: Node


@dataclass(frozen=True, slots=True)
class AndOr:
    """`a && b || c`, evaluated from the left."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Background:
    """`command &`."""

    command: Node


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    commands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Subshell:
    """`( … )`."""

    body: Node


@dataclass(frozen=True, slots=True)
class If:
    """`if … then … elif … else … fi`."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Loop:
    """`while` (or `until`) `… do … done`."""

    condition: Node
    body: Node
    until: bool


@dataclass(frozen=True, slots=True)
class Test:
    """`[[ … ]]` of bash: words and operators (a word of one unquoted text) in their order."""

    words: tuple[Word, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Calculation:
    """`((…))` of bash."""

    expression: Word
    line: int


@dataclass(frozen=True, slots=True)
class CountingFor:
    """`for ((first; condition; step))` of bash."""

    first: Word
    condition: Word
    step: Word
    body: Node


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words do … done`; without `in`, the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Node


Branch: TypeAlias = tuple[tuple[Word, ...], "Node | None", str]
"""Patterns, what they lead to, and how it ends: `;;`, or bash's `;&` and `;;&`."""


@dataclass(frozen=True, slots=True)
class Case:
    """`case word in pattern) … ;; esac`."""

    subject: Word
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """`name() { …; }`."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections."""

    command: Node
    redirections: tuple[Redirection, ...]


Node: TypeAlias = (
    Simple | Pipeline | Not | AndOr | Background | Sequence | Group | Subshell | If | Loop | For
    | Case | Function | Redirected | Test | Calculation | CountingFor
)  # fmt: skip
