# SPDX-License-Identifier: Apache-2.0
"""Shell commands hidden in a request, whatever the hole is called that they are meant for.

Exploits against routers, cameras and servers differ in path and parameter and agree in the end: a shell
gets a line that fetches something. This finds such lines in query, body and headers after taking off the
encodings of their place (percent, form, JSON, XML). What they do is the shell emulator's business.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import msgspec

from mead.wire.core import Limit
from mead.wire.http import HttpRequest
from mead.wire.http_form import parse_query

__all__ = ["injected_commands"]

MAX_COMMANDS = 8
MAX_COMMAND_BYTES = 1 << 16
MAX_PLACES = 200
MAX_TEXT_BYTES = 1 << 20
_MAX_SPACE = 64
"""White space between a separator and its command; as far as one looks back."""
_MAX_DEPTH = 8

_FETCHERS = rb"wget|curl|tftp|ftpget|busybox|fetch|lwp-download|certutil|powershell"
_WORDS = _FETCHERS + (
    rb"|sh|ash|bash|dash|nc|ncat|netcat|echo|printf|cat|id|uname|whoami|ls|cd|rm|cp|mv|mkdir|chmod|killall|kill"
    rb"|ping|sleep|nslookup|python[23]?|perl|php|ruby|base64|nohup|sudo|env|export|mount|iptables|ps|dd|touch"
    rb"|expr|ifconfig|netstat|reboot|telnetd|utelnetd|tar|awk|sed|su|w|pwd|hostname"
)
_AFTER = rb"(?=[\s;|&`)$<>\"']|$)"
_DIRECTORY = rb"(?:/(?:usr/)?(?:local/)?s?bin/)?"
_WORD = re.compile(rb"(?<![\w./-])" + _DIRECTORY + rb"(?:" + _WORDS + rb")" + _AFTER)
_SPACE = b" \t\v\f{"
_SEPARATORS = b";|&\n\r`"
_WHOLE = re.compile(
    rb"\s*"
    + _DIRECTORY
    + rb"(?:(?:"
    + _FETCHERS
    + rb")"
    + _AFTER
    + rb"|cd\s+/|(?:ba)?sh\s+-c\s|chmod\s+\+?[0-7x]"
    rb"|rm\s+-r|echo\s.*[>|])"
)
_SHELLSHOCK = re.compile(rb"\(\)\s*\{.{0,200}?\}\s*;?\s*(.+)", re.DOTALL)
_QUOTED = re.compile(rb"`([^`]+)`")
_XML_TEXT = re.compile(rb">([^<>]{2,})<")


def injected_commands(request: HttpRequest) -> tuple[list[bytes], list[Limit]]:
    """Commands found in `request`, in the order of their places, and the bounds that were reached.

    O(its length) up to `MAX_TEXT_BYTES`, O(1) beyond.
    """
    found: list[bytes] = []
    limits: list[Limit] = []
    looked_at = 0
    for count, place in enumerate(_places(request)):
        if count >= MAX_PLACES:
            limits.append(Limit("injection_places", MAX_PLACES, "places"))
        elif len(found) >= MAX_COMMANDS:
            limits.append(Limit("injected_commands", MAX_COMMANDS, "commands"))
        elif looked_at > MAX_TEXT_BYTES:
            limits.append(Limit("injection_text", MAX_TEXT_BYTES, "bytes"))
        if limits:
            break
        looked_at += len(place)
        command = _command(place[:MAX_COMMAND_BYTES])
        if command and not any(command in other for other in found):
            found.append(command)
    return found, limits


def _places(request: HttpRequest) -> Iterator[bytes]:
    """Decoded texts in which a command may stand, the most telling first."""
    yield from _pairs(request.query)
    body = request.body
    kind = (request.header(b"content-type") or b"").lower()
    start = body.lstrip()[:1]
    if start in {b"{", b"["}:
        yield from _json(body)
    if start == b"<" or b"xml" in kind:
        yield from (
            html.unescape(text.decode("latin-1")).encode("latin-1", "replace")
            for text in (found[1] for found in _XML_TEXT.finditer(body))
        )
    if b"multipart/" in kind:
        form = request.form()
        yield from (field.value for field in form.fields)
        yield from (file.filename for file in form.files)
    elif start not in {b"{", b"[", b"<"} and body:
        yield from _pairs(body.strip())
    yield _decoded(request.path)
    for name, value in request.headers:
        if name.lower() not in _PLAIN_HEADERS:
            yield value
            if b"%" in value:
                yield _decoded(value)


_PLAIN_HEADERS = frozenset(
    {b"host", b"accept", b"content-type", b"content-length", b"connection", b"accept-encoding"}
)


def _pairs(text: bytes) -> Iterator[bytes]:
    """Values of a query; a text that is no query as a whole."""
    if not text:
        return
    for field in parse_query(text):
        yield _again(field.value)
        if _separator(field.name) is not None or _WHOLE.match(field.name):
            yield _decoded(text.replace(b"+", b" "))
    if b"=" not in text:
        yield _decoded(text.replace(b"+", b" "))


def _json(body: bytes) -> Iterator[bytes]:
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        yield body
        return
    stack = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, str):
            yield node.encode("utf-8", "surrogatepass")
        elif depth < _MAX_DEPTH and isinstance(node, dict):
            stack += [(value, depth + 1) for value in reversed(node.values())]
        elif depth < _MAX_DEPTH and isinstance(node, list):
            if _is_argv(node):
                yield " ".join(node).encode("utf-8", "surrogatepass")
            stack += [(value, depth + 1) for value in reversed(node)]


def _is_argv(node: list[object]) -> bool:
    return (
        len(node) > 1
        and all(isinstance(item, str) for item in node)
        and node[0] in {"sh", "/bin/sh", "bash", "/bin/bash"}
    )


def _decoded(text: bytes) -> bytes:
    return _again(unquote_to_bytes(text))


def _again(text: bytes) -> bytes:
    """Take off a second percent encoding, which some exploits carry."""
    return unquote_to_bytes(text) if re.search(rb"%(?:20|3b|2f|26|7c|24)", text, re.IGNORECASE) else text


def _separator(place: bytes) -> int | None:
    """Where the separator stands before the first command that one separates from what is before it."""
    for word in _WORD.finditer(place):
        at = word.start() - 1
        last = at - _MAX_SPACE
        while at > last and at >= 0 and place[at] in _SPACE:
            at -= 1
        if at >= 0 and place[at] in _SEPARATORS:
            return at
        if at >= 1 and place[at - 1 : at + 1] == b"$(":
            return at - 1
    return None


def _command(place: bytes) -> bytes | None:
    """The command in one text, or None."""
    if shock := _SHELLSHOCK.search(place):
        return shock[1].strip()
    for quoted in _QUOTED.finditer(place):
        inside = quoted[1].lstrip()
        if _WORD.match(inside) or _WHOLE.match(inside):
            return quoted[1].strip()
    if _WHOLE.match(place):
        return _ended(place)
    if (start := _separator(place)) is not None:
        rest = place[start:]
        return _balanced(rest) if rest.startswith(b"$(") else _ended(rest.lstrip(b";|&\n\r` "))
    return None


def _balanced(text: bytes) -> bytes:
    """The inside of `$(…)`."""
    depth = 0
    for position in range(1, len(text)):
        if text[position] == 0x28:
            depth += 1
        elif text[position] == 0x29:
            depth -= 1
            if not depth:
                return text[2:position].strip()
    return text[2:].strip()


def _ended(text: bytes) -> bytes:
    """Without what belongs to the place and not to the command: an open quote at the end."""
    text = text.strip().rstrip(b";|& ")
    for quote in (b'"', b"'", b"`"):
        if text.count(quote) % 2:
            head, _, tail = text.rpartition(quote)
            text = head if len(tail) < 32 else head + tail
    return text.strip().rstrip(b";|& ")
