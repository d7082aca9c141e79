# SPDX-License-Identifier: Apache-2.0
"""Streams of PDF files: attachments and scripts, found by their marks rather than by the file's own index.

The index of a hostile file cannot be trusted. Source: ISO 32000-1 7.3.8, 7.4.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child, Finding
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.zipmethods import inflate

__all__ = ["FORMAT"]

MAX_STREAMS = 2000

_MAX_DICTIONARY = 4096

_LOCKED = re.compile(rb"/Encrypt\s*(?:\d{1,7}\s+\d{1,5}\s+R|<<)")
_BEGIN = re.compile(rb"stream\r?\n")
_OBJECT = re.compile(rb"(\d{1,7}) \d{1,5} obj")
_FILTER = re.compile(rb"/(FlateDecode|Fl|ASCIIHexDecode|AHx|ASCII85Decode|A85|RunLengthDecode|RL)\b")
_PLAIN_PICTURE = re.compile(rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType)|/FontFile|/Length[123]\b")


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    if _LOCKED.search(artifact.data):
        budget.note(Finding(claim="encrypted", value="pdf", confidence=90, evidence=("/Encrypt",)))
    for count, (number, dictionary, raw) in enumerate(_streams(artifact.data)):
        budget.check_time()
        if count >= MAX_STREAMS:
            budget.hit("unpack.streams", MAX_STREAMS, "streams")
            return
        if _PLAIN_PICTURE.search(dictionary) and b"/EmbeddedFile" not in dictionary:
            continue
        content = _decoded(_exact(dictionary, raw), dictionary, budget)
        if content:
            name = f"{'attachment' if b'/EmbeddedFile' in dictionary else 'stream'} {number}"
            yield Child(data=content, name=name, detail="pdf")


def _streams(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Object number, dictionary and raw content of each stream. O(bytes)."""
    at = 0
    while begin := _BEGIN.search(data, at):
        end = data.find(b"endstream", begin.end())
        if end < 0:
            return
        before = data[max(at, begin.start() - _MAX_DICTIONARY) : begin.start()]
        objects = list(_OBJECT.finditer(before))
        number = objects[-1].group(1).decode() if objects else "?"
        dictionary = before[objects[-1].end() :] if objects else before
        yield number, dictionary, data[begin.end() : end].removesuffix(b"\n").removesuffix(b"\r")
        at = end + 9


def _exact(dictionary: bytes, raw: bytes) -> bytes:
    stated = re.search(rb"/Length (\d{1,9})(?!\s+\d+\s+R)", dictionary)
    return raw[: int(stated.group(1))] if stated and 0 < int(stated.group(1)) <= len(raw) else raw


def _decoded(raw: bytes, dictionary: bytes, budget: Budget) -> bytes | None:
    content: bytes | None = raw
    for name in _FILTER.findall(dictionary):
        if content is None:
            return None
        content = _one(name, content, budget)
    return content


def _one(name: bytes, content: bytes, budget: Budget) -> bytes | None:
    try:
        if name in {b"FlateDecode", b"Fl"}:
            return budget.gather(inflate(content, 15))
        if name in {b"ASCIIHexDecode", b"AHx"}:
            digits = re.sub(rb"[^0-9a-fA-F]", b"", content.partition(b">")[0])
            return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
        if name in {b"ASCII85Decode", b"A85"}:
            return base64.a85decode(content.strip().removeprefix(b"<~").partition(b"~")[0])
        return budget.gather(_runs(content))
    except ValueError:
        return content


def _runs(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content) and content[at] != 128:
        length = content[at]
        if length < 128:
            yield content[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            yield content[at + 1 : at + 2] * (257 - length)
            at += 2


def _bid(data: bytes) -> int:
    return 80 if b"%PDF-" in data[:1024] else 0


FORMAT = Format("pdf", _bid, _unpack)
