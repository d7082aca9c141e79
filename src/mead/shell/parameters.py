# SPDX-License-Identifier: Apache-2.0
"""`${x#pattern}`, `${x/pattern/text}` and their relatives, with their cost charged beforehand."""

from __future__ import annotations

from mead.shell.limits import Budget, LimitReachedError
from mead.shell.patterns import Pattern, matches

__all__ = ["lower", "recased", "replaced", "transformed", "trimmed", "upper"]

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_TO_UPPER = str.maketrans(_LOWER, _LOWER.upper())
_TO_LOWER = str.maketrans(_LOWER.upper(), _LOWER)


def upper(text: str) -> str:
    """ASCII letters in upper case; other bytes stay."""
    return text.translate(_TO_UPPER)


def lower(text: str) -> str:
    """ASCII letters in lower case; other bytes stay."""
    return text.translate(_TO_LOWER)


def recased(value: str, operator: str, pattern: Pattern | None) -> str:
    """`^`, `^^`, `,`, `,,`, for the characters that match a pattern if there is one."""
    change = upper if operator[0] == "^" else lower
    if pattern is not None:
        last = len(value) if len(operator) == 2 else 1
        head = "".join(change(char) if matches(pattern, char) else char for char in value[:last])
        return head + value[last:]
    return change(value) if len(operator) == 2 else change(value[:1]) + value[1:]


def transformed(value: str, letter: str) -> str:
    """`@U`, `@L`, `@u`, `@Q` of bash; the value itself for what is not known."""
    if letter == "Q":
        return "'" + value.replace("'", "'\\''") + "'"
    return {"U": upper(value), "L": lower(value), "u": upper(value[:1]) + value[1:]}.get(letter, value)


def _literal(pattern: Pattern) -> str | None:
    """The text of a pattern without any magic."""
    return "".join(map(str, pattern)) if all(isinstance(item, str) for item in pattern) else None


def trimmed(value: str, pattern: Pattern, operator: str, budget: Budget) -> str:
    """`#`, `##`, `%`, `%%`: the value without the shortest or longest match at its start or end."""
    at_start, longest = operator[0] == "#", len(operator) == 2
    if at_start and pattern[:1] == (None,) and (text := _literal(pattern[1:])) is not None:
        cut = value.rfind(text) if longest else value.find(text)
        return value[cut + len(text) :] if cut >= 0 else value
    if not at_start and pattern[-1:] == (None,) and (text := _literal(pattern[:-1])) is not None:
        cut = value.find(text) if longest else value.rfind(text)
        return value[:cut] if cut >= 0 else value
    lengths = range(len(value), -1, -1) if longest else range(len(value) + 1)
    for length in lengths:
        budget.charge(1 + length * len(pattern) // 64)
        if at_start and matches(pattern, value[:length]):
            return value[length:]
        if not at_start and matches(pattern, value[len(value) - length :]):
            return value[: len(value) - length]
    return value


def replaced(value: str, pattern: Pattern, text: str, budget: Budget, *, everywhere: bool, limit: int) -> str:
    """`/` and `//`: the value with the first or every longest match replaced.

    Raises:
        LimitReachedError: the result would be longer than `limit`.
    """
    literal = _literal(pattern)
    if literal == "" or not pattern:
        return value
    if literal is not None:
        count = value.count(literal) if everywhere else min(1, value.count(literal))
        if len(value) + count * (len(text) - len(literal)) > limit:
            raise LimitReachedError("word_bytes", limit, "bytes")
        return value.replace(literal, text, count)
    pieces: list[str] = []
    position = size = 0
    shortest_only = len(pattern) == 1 and pattern[0] is not None
    while position < len(value):
        end = _longest(value, position, pattern, budget, single=shortest_only)
        found = end > position
        piece = text if found else value[position]
        size += len(piece)
        if size > limit:
            raise LimitReachedError("word_bytes", limit, "bytes")
        pieces.append(piece)
        position = end if found else position + 1
        if found and not everywhere:
            break
    return "".join(pieces) + value[position:]


def _longest(value: str, start: int, pattern: Pattern, budget: Budget, *, single: bool) -> int:
    if single:
        item = pattern[0]
        return start + 1 if item is not None and value[start] in item else start
    for end in range(len(value), start, -1):
        budget.charge(1 + (end - start) * len(pattern) // 64)
        if matches(pattern, value[start:end]):
            return end
    return start
