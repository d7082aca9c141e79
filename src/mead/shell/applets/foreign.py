# SPDX-License-Identifier: Apache-2.0
"""Interpreters of other languages: python, perl, php and their like. Nothing is run, but much can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mead.shell.applets.programs import announce
from mead.shell.ast import decode, encode
from mead.shell.call import Applet, Call
from mead.shell.escapes import printf_escapes
from mead.shell.scripts import decoded_layers, urls_in
from mead.shell.vfs import PathError

__all__ = ["TABLE", "printed"]

_TEXT: Final = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_PRINT: Final = re.compile(
    rf"(?:print|echo|puts|say|io\.write|console\.log)\s*\(?\s*{_TEXT}\s*\)?\s*(?=;|\n|$)"
)
_MAX_PRINTED: Final = 64
_WITHOUT_LINE_END: Final = frozenset({"perl", "php"})


def _foreign(call: Call) -> int:
    """An interpreter of another language: not run, but what it names is an offer."""
    words = call.argv[1:]
    code = b""
    for index, word in enumerate(words):
        if re.fullmatch(r"-[A-Za-z]*[ceEr]", word) and index + 1 < len(words):
            code = encode("\n".join(words[index + 1 :]))
            break
        if not word.startswith("-"):
            try:
                code = call.read(word)
            except PathError as error:
                call.say(f"{call.name}: can't open file '{word}': [Errno 2] {error.reason}\n")
                return 2
            announce(call, word, code)
            break
    else:
        if words[:1] in (["-V"], ["--version"], ["-v"]):
            call.write("Python 3.9.2\n" if call.name.startswith("python") else "This is perl 5, version 32\n")
            return 0
        if not call.stdin.interactive:
            code = call.drain(call.stdin)
    _scan(call, code)
    for text in printed(decode(code), call.name):
        call.write(text)
    return 0


def _scan(call: Call, code: bytes) -> None:
    layers = [code]
    for layer in decoded_layers(code):
        call.machine.decoded("base64", layer)
        layers.append(layer)
    for layer in layers:
        for url in urls_in(layer):
            call.machine.offer(url, call.name, None, None, call.process.depth)
        for found in re.finditer(
            rb"(?:system|popen|exec|shell_exec|call|run)\s*\(\s*(?:r?[\"'])(.{1,4096}?)[\"']\s*[,)\n]", layer
        ):
            call.shell.evaluate(decode(found[1]), call.shell.child(call.process))


def printed(code: str, program: str) -> Iterator[str]:
    """What a script prints, as far as it begins with printing fixed text."""
    position = 0
    for _ in range(_MAX_PRINTED):
        found = _PRINT.match(code, position)
        if found is None:
            return
        text = found[1][1:-1]
        interpreted = found[1][:1] == '"' or program.startswith("python")
        yield printf_escapes(text) if interpreted else text
        if program not in _WITHOUT_LINE_END:
            yield "\n"
        position = found.end()
        while code[position : position + 1] in {";", " ", "\n"}:
            position += 1


TABLE: Final[dict[str, Applet]] = dict.fromkeys(
    ("python", "python2", "python3", "perl", "php", "ruby", "lua", "node"), _foreign
)
