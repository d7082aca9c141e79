# SPDX-License-Identifier: Apache-2.0
"""Bodies that travel as text: BinHex, uuencode, base64 and hex runs, data: URLs."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format

__all__ = ["BINHEX", "RUNS", "UUENCODE"]

MAX_RUNS = 64
_TEXT_BYTES = 16 * 1024 * 1024

_BINHEX_MARK = b"(This file must be converted with BinHex"
_BINHEX_LETTERS = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_UU = re.compile(
    rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,200})\r?\n(.*?)(?:^end|^====|\Z)", re.MULTILINE | re.DOTALL
)
_DATA_URL = re.compile(
    rb"data:[\w.+/-]{0,80}(?:;[\w=.+-]{1,60})*?(;base64)?,([A-Za-z0-9+/=%_\s-]{16,})", re.IGNORECASE
)
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{60,}\s{0,4})+[A-Za-z0-9+/]*={0,2}")
_HEX = re.compile(
    rb"(?=[0-9a-fA-F\s]{128})(?:[0-9a-fA-F]{2}){16,}(?:\s{1,3}(?:[0-9a-fA-F]{2}){8,})*"
    rb"|(?:[0-9a-fA-F]{2}[ \t,]){64,}"
)
_KNOWN = (b"MZ", b"\x7fELF", b"PK\x03\x04", b"\x1f\x8b\x08", b"%PDF", b"\xd0\xcf\x11\xe0", b"MSCF",
          b"7z\xbc\xaf", b"Rar!", b"#!/", b"{\\rtf", b"x\x9c", b"<script", b"BZh", b"\xfd7zXZ")  # fmt: skip
"""Only runs that decode to something known are taken: most long runs are hashes, keys and pictures."""


def _is_text(data: bytes) -> bool:
    head = data[:4096]
    return (
        bool(head)
        and head.count(0) == 0
        and sum(32 <= b < 127 or b in b"\t\r\n" for b in head) > len(head) * 0.9
    )


def _binhex(artifact: Artifact, _budget: Budget) -> Iterator[Child]:
    """BinHex 4.0. Source: RFC 1741 appendix A."""
    start = artifact.data.index(_BINHEX_MARK)
    start = artifact.data.index(b":", artifact.data.index(b"\n", start)) + 1
    end = artifact.data.find(b":", start)
    letters = {value: index for index, value in enumerate(_BINHEX_LETTERS)}
    hold = count = 0
    packed = bytearray()
    for byte in artifact.data[start : end if end >= 0 else None]:
        if byte in letters:
            hold, count = (hold << 6 | letters[byte]) & 0xFFFF, count + 6
            if count >= 8:
                count -= 8
                packed.append(hold >> count & 0xFF)
    raw = _unrun(bytes(packed))
    name_bytes = raw[0]
    data_size, resource_size = struct.unpack_from(">II", raw, name_bytes + 12)
    at = name_bytes + 22
    name = raw[1 : 1 + name_bytes].decode("mac-roman", "replace")
    if at + data_size > len(raw):
        raise Damaged("BinHex data are cut off")
    yield Child(data=raw[at : at + data_size], name=name, detail="binhex")
    at += data_size + 2
    if resource_size:
        yield Child(data=raw[at : at + resource_size], name=f"{name}.rsrc", detail="binhex")


def _unrun(packed: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(packed):
        byte = packed[at]
        at += 1
        if byte != 0x90 or at >= len(packed):
            out.append(byte)
            continue
        count = packed[at]
        at += 1
        if not count:
            out.append(0x90)
        elif out:
            out += bytes((out[-1],)) * (count - 1)
    return bytes(out)


def _uuencode(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    for match in _UU.finditer(artifact.data):
        budget.check_time()
        name = match.group(1).decode("utf-8", "backslashreplace")
        if match.group().startswith(b"begin-base64"):
            body = base64.b64decode(match.group(2))
        else:
            body = _uu_lines(match.group(2).splitlines())
        yield Child(data=body, name=name, detail="uuencode")


def _uu_lines(lines: list[bytes]) -> bytes:
    out = bytearray()
    for line in lines:
        if not line or not 32 < line[0] < 96:
            break
        out += _uu_line(line)
    return bytes(out)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
        return binascii.a2b_uu(line[:length].ljust(length))


def _runs(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data[:_TEXT_BYTES]
    for count, match in enumerate(_DATA_URL.finditer(data)):
        if count >= MAX_RUNS:
            budget.hit("unpack.runs", MAX_RUNS, "runs")
            break
        body = unquote_to_bytes(match.group(2))
        body = _base64(body) if match.group(1) else body
        if body:
            yield Child(data=body, name=f"data-url-{match.start()}", detail="data: URL")
    for pattern, decode, detail in ((_BASE64, _base64, "base64"), (_HEX, _hex, "hex")):
        taken = 0
        for match in pattern.finditer(data):
            budget.check_time()
            body = decode(match.group())
            if body.lstrip()[:8].startswith(_KNOWN):
                taken += 1
                yield Child(data=body, name=f"{detail}-{match.start()}", detail=detail)
            if taken >= MAX_RUNS:
                budget.hit("unpack.runs", MAX_RUNS, "runs")
                break


def _base64(text: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", text.replace(b"-", b"+").replace(b"_", b"/"))
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


def _hex(text: bytes) -> bytes:
    return bytes.fromhex(re.sub(rb"[\s,]", b"", text).decode())


def _binhex_bid(data: bytes) -> int:
    return 80 if _BINHEX_MARK in data[:4096] else 0


def _uu_bid(data: bytes) -> int:
    return 60 if re.search(rb"^begin(?:-base64)? [0-7]{3,4} \S", data[:65536], re.MULTILINE) else 0


def _runs_bid(data: bytes) -> int:
    return 25 if len(data) >= 64 and _is_text(data) else 0


BINHEX = Format("binhex", _binhex_bid, _binhex)
UUENCODE = Format("uuencode", _uu_bid, _uuencode)
RUNS = Format("text", _runs_bid, _runs)
