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
_QUOTES: Final = frozenset({"'", '"'})
_ECHO: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|0([0-3][0-7]{2}|[0-7]{1,2})|([0-3][0-7]{2}|[0-7]{1,2})|(.))", re.DOTALL
)
_PRINTF: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-3][0-7]{2}|[0-7]{1,2})|()(.))", re.DOTALL)


_BASH_ECHO: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|0([0-7]{1,3})|(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8}))|(.))", re.DOTALL
)
_BASH_PRINTF: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8}))|(.))", re.DOTALL
)


def _replace_in_bash(found: re.Match[str]) -> str:
    if found[3] or found[4]:
        number = int(found[3] or found[4], 16)
        return chr(number).encode("utf-8", "replace").decode("latin-1") if number <= 0x10FFFF else found[0]
    return _resolved(found[1], found[2], found[5], found[0])


def _resolved(hexadecimal: str | None, octal: str | None, letter: str | None, whole: str) -> str:
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if octal:
        return chr(int(octal, 8) & 0xFF)
    return _LETTERS.get(letter or "", whole)


def _replace(found: re.Match[str]) -> str:
    return _resolved(found[1], found[2] or found[3], found[4], found[0])


def echo_escapes(text: str, *, bash: bool = False) -> tuple[str, bool]:
    r"""Text with `echo -e`'s escapes resolved, and whether `\c` ended the output."""
    ended = re.search(r"(?<!\\)(?:\\\\)*\\c", text)
    if ended:
        text = text[: ended.end() - 2]
    resolved = _BASH_ECHO.sub(_replace_in_bash, text) if bash else _ECHO.sub(_replace, text)
    return resolved, ended is not None


def printf_escapes(text: str, *, bash: bool = False) -> str:
    """Text with the escapes of printf's format resolved."""
    return _BASH_PRINTF.sub(_replace_in_bash, text) if bash else _PRINTF.sub(_replace, text)


def ansi_c(text: str, *, bash: bool = False) -> str:
    """The text inside `$'…'` with its escapes resolved."""
    if bash:
        return _BASH_PRINTF.sub(
            lambda found: found[5] if found[5] in _QUOTES else _replace_in_bash(found), text
        )
    return _PRINTF.sub(lambda found: found[4] if found[4] in _QUOTES else _replace(found), text)
