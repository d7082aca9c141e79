# SPDX-License-Identifier: Apache-2.0
r"""Backslash escapes: of `echo -e`, of `printf` and of `$'…'`.

They differ in their octal forms: `echo` wants `\0nnn`, `printf` and `$'…'` take `\nnn`; BusyBox's `echo`
takes both. Text has one character per byte.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ansi_c", "echo_escapes", "printf_escapes"]

_LETTERS: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip
_ECHO: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|0([0-3][0-7]{2}|[0-7]{1,2})|([0-3][0-7]{2}|[0-7]{1,2})|(.))", re.DOTALL
)
_PRINTF: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-3][0-7]{2}|[0-7]{1,2})|()(.))", re.DOTALL)


def _replace(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    octal = found[2] or found[3]
    if octal:
        return chr(int(octal, 8) & 0xFF)
    return _LETTERS.get(found[4], found[0])


def echo_escapes(text: str) -> tuple[str, bool]:
    r"""Text with `echo -e`'s escapes resolved, and whether `\c` ended the output."""
    ended = re.search(r"(?<!\\)(?:\\\\)*\\c", text)
    if ended:
        text = text[: ended.end() - 2]
    return _ECHO.sub(_replace, text), ended is not None


def printf_escapes(text: str) -> str:
    """Text with the escapes of printf's format resolved."""
    return _PRINTF.sub(_replace, text)


def ansi_c(text: str) -> str:
    """The text inside `$'…'` with its escapes resolved."""
    return _PRINTF.sub(lambda found: found[4] if found[4] in {"'", '"'} else _replace(found), text)
