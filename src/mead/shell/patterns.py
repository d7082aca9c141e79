# SPDX-License-Identifier: Apache-2.0
"""Shell patterns: `*`, `?`, `[…]`, with a backslash in front of what is quoted.

Matching costs O(pattern × text) at worst, whatever an attacker writes: only the last star is ever
tried again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

__all__ = ["Pattern", "compile_pattern", "escape", "matches"]

_CLASSES: Final = {
    "alpha": frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "lower": frozenset("abcdefghijklmnopqrstuvwxyz"),
    "upper": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "digit": frozenset("0123456789"),
    "alnum": frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    "space": frozenset(" \t\n\r\v\f"),
    "blank": frozenset(" \t"),
    "punct": frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "xdigit": frozenset("0123456789abcdefABCDEF"),
    "print": frozenset(map(chr, range(32, 127))),
    "graph": frozenset(map(chr, range(33, 127))),
    "cntrl": frozenset([*map(chr, range(32)), "\x7f"]),
}
_ALL: Final = frozenset(map(chr, range(256)))

Pattern: TypeAlias = tuple[str | frozenset[str] | None, ...]
"""Items: one character, a set of characters, or None for a star."""


def escape(text: str) -> str:
    """`text` as a pattern that matches only itself."""
    for char in "\\*?[":
        if char in text:
            text = text.replace(char, "\\" + char)
    return text


def bracket(text: str, start: int) -> tuple[frozenset[str], int] | None:
    """The set of a `[…]` that starts at `start`, and where it ends; None when it does not end."""
    position = start + 1
    negated = text[position : position + 1] in ("!", "^")
    position += negated
    chars: set[str] = set()
    first = True
    while position < len(text):
        char = text[position]
        if char == "]" and not first:
            return (_ALL - chars if negated else frozenset(chars)), position + 1
        first = False
        if text.startswith("[:", position) and (end := text.find(":]", position)) > 0:
            chars |= _CLASSES.get(text[position + 2 : end], frozenset())
            position = end + 2
            continue
        if char == "\\" and position + 1 < len(text):
            position += 1
            char = text[position]
        if text[position + 1 : position + 2] == "-" and text[position + 2 : position + 3] not in ("", "]"):
            chars.update(map(chr, range(ord(char), ord(text[position + 2]) + 1)))
            position += 3
        else:
            chars.add(char)
            position += 1
    return None


@lru_cache(maxsize=512)
def compile_pattern(text: str) -> Pattern:
    """The items of a pattern. O(len(text)) for what one word may hold."""
    items: list[str | frozenset[str] | None] = []
    position = 0
    unclosed = False
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\\" and position < len(text):
            items.append(text[position])
            position += 1
        elif char == "*":
            if not items or items[-1] is not None:
                items.append(None)
        elif char == "?":
            items.append(_ALL)
        elif char == "[" and not unclosed and (found := bracket(text, position - 1)):
            items.append(found[0])
            position = found[1]
        else:
            unclosed = unclosed or char == "["
            items.append(char)
    return tuple(items)


def matches(pattern: Pattern, text: str) -> bool:
    """Whether the whole of `text` matches. O(len(pattern) × len(text))."""
    index = position = 0
    star, retry = -1, 0
    while position < len(text):
        if index < len(pattern):
            item = pattern[index]
            if item is None:
                star, retry = index, position
                index += 1
                continue
            if text[position] in item:
                index += 1
                position += 1
                continue
        if star < 0:
            return False
        retry += 1
        index, position = star + 1, retry
    while index < len(pattern) and pattern[index] is None:
        index += 1
    return index == len(pattern)
