# SPDX-License-Identifier: Apache-2.0
"""Commands as text again, as `jobs` names them. Only their outline: long ones are cut as ash cuts them."""

from __future__ import annotations

from typing import Final

from mead.shell.ast import (
    AndOr,
    Arithmetic,
    Background,
    For,
    Function,
    Group,
    If,
    Literal,
    Loop,
    Node,
    Not,
    Parameter,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    Simple,
    Subshell,
    Substitution,
    Word,
)

__all__ = ["shown"]

_MAX_LENGTH: Final = 120
_MAX_DEPTH: Final = 8


def shown(node: Node, depth: int = 0) -> str:
    """The text of a command."""
    if depth > _MAX_DEPTH:
        return "..."
    match node:
        case Simple():
            text = _simple(node)
        case Pipeline():
            text = " | ".join(shown(command, depth + 1) for command in node.commands)
        case AndOr():
            rest = "".join(f" {operator} {shown(command, depth + 1)}" for operator, command in node.rest)
            text = shown(node.first, depth + 1) + rest
        case Sequence():
            text = "; ".join(shown(command, depth + 1) for command in node.commands)
        case Background():
            text = f"{shown(node.command, depth + 1)} &"
        case Redirected():
            text = f"{shown(node.command, depth + 1)}{_redirections(node.redirections)}"
        case _:
            text = _compound(node, depth)
    return text[:_MAX_LENGTH]


def _compound(node: Node, depth: int) -> str:
    match node:
        case Not():
            return f"! {shown(node.command, depth + 1)}"
        case Group():
            return shown(node.body, depth + 1)
        case Subshell():
            return f"({shown(node.body, depth + 1)})"
        case Loop():
            word = "until" if node.until else "while"
            return f"{word} {shown(node.condition, depth + 1)}; do {shown(node.body, depth + 1)}; done"
        case For():
            return f"for {node.name} in ..."
        case If():
            condition, body = node.branches[0]
            return f"if {shown(condition, depth + 1)}; then {shown(body, depth + 1)}; fi"
        case Function():
            return f"{node.name}() {{ ... }}"
        case _:
            return "case ..."


def _simple(node: Simple) -> str:
    words = [f"{entry.name}={_word(entry.value)}" for entry in node.assignments]
    words += [_word(word) for word in node.words[:32]]
    return " ".join(words) + _redirections(node.redirections)


def _redirections(entries: tuple[Redirection, ...]) -> str:
    texts = (
        f" {entry.fd if entry.fd > 1 else ''}{entry.operator}"
        + (_word(entry.target) if isinstance(entry.target, Word) else "...")
        for entry in entries[:8]
    )
    return "".join(texts)


def _word(word: Word) -> str:
    pieces: list[str] = []
    for part in word.parts[:32]:
        match part:
            case Literal():
                pieces.append(part.text)
            case Parameter():
                pieces.append(f"${{{part.name}}}")
            case Substitution():
                pieces.append("$(...)")
            case Arithmetic():
                pieces.append("$((...))")
            case _:
                pieces.append("...")
    return "".join(pieces)
