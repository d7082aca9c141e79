# SPDX-License-Identifier: Apache-2.0
"""Files and scripts in compiled AutoIt programs (EA05 and EA06).

The scripts of AutoIt bots carry their payloads as attached files. Source: format as documented by the
MIT-licensed project autoit-ripper; own implementation.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.bits import BitsHigh
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format

__all__ = ["FORMAT"]

MAX_FILES = 500
CHUNK = 64 * 1024
_MARK = bytes.fromhex("a3484bbe986c4aa9994c530a86d6487d") + b"AU3!"
_LENGTHS = ((0, 2), (3, 3), (10, 5), (41, 8), (296, 8))
"""Added to the shortest match of 3, and the bits that follow; all ones mean: look one step further."""


@dataclass(frozen=True, slots=True)
class _Version:
    wide: bool
    tag: int
    kind: tuple[int, int]
    name: tuple[int, int]
    size: int
    check: int
    content: int
    literal: int
    keys: Callable[[int, int], Iterator[bytes]]
    """From a seed, so many bytes in pieces."""


def _twister(seed: int, count: int) -> Iterator[bytes]:
    """Bytes of a Mersenne Twister seeded with one number."""
    state = [seed & 0xFFFFFFFF]
    for n in range(1, 624):
        state.append((n + 0x6C078965 * (state[-1] ^ state[-1] >> 30)) & 0xFFFFFFFF)
    generator = random.Random()  # noqa: S311  # AutoIt's cipher is this generator
    generator.setstate((3, (*state, 624), None))
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        yield (generator.getrandbits(32 * size) >> 1).to_bytes(4 * size, "little")[::4]


def _lagged(seed: int, count: int) -> Iterator[bytes]:
    """Bytes of a generator of 17 rotated and added words, every second one used."""
    words = []
    for _ in range(17):
        seed = (1 - seed * 0x53A9B4FB) & 0xFFFFFFFF
        words.append(seed)
    here, there, out = 0, 10, bytearray()
    for step in range(9 + 2 * count):
        a, b = words[here], words[there]
        words[here] = value = ((a << 9 | a >> 23) + (b << 13 | b >> 19)) & 0xFFFFFFFF
        here, there = (here - 1) % 17, (there - 1) % 17
        if step >= 9 and step % 2 == 0:
            out.append(value >> 24)
            if len(out) == CHUNK:
                yield bytes(out)
                out.clear()
    yield bytes(out)


_VERSIONS = {
    b"EA05": _Version(
        False, 0x16FA, (0x29BC, 0xA25E), (0x29AC, 0xF25E), 0x45AA, 0xC3D2, 0x22AF, 0, _twister
    ),
    b"EA06": _Version(
        True, 0x18EE, (0xADBC, 0xB33F), (0xF820, 0xF479), 0x87BC, 0xA685, 0x2477, 1, _lagged
    ),
}  # fmt: skip


class _Reader:
    def __init__(self, data: bytes, at: int, version: _Version, check_time: Callable[[], None]) -> None:
        self.data = data
        self.at = at
        self.version = version
        self.check_time = check_time

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) < count:
            raise Damaged("AutoIt data are cut off")
        self.at += count
        return piece

    def number(self, key: int) -> int:
        return int(struct.unpack("<I", self.take(4))[0]) ^ key

    def plain(self, count: int, seed: int) -> bytes:
        """Decrypt so many bytes. O(count), with a look at the clock now and then."""
        raw, out = self.take(count), bytearray()
        for key in self.version.keys(seed, count):
            piece = raw[len(out) : len(out) + len(key)]
            mixed = int.from_bytes(piece, "big") ^ int.from_bytes(key, "big")
            out += mixed.to_bytes(len(piece), "big")
            self.check_time()
        return bytes(out)

    def text(self, keys: tuple[int, int]) -> str:
        length = self.number(keys[0])
        if length > 4096:
            raise Damaged("AutoIt name is too long")
        raw = self.plain(length * (2 if self.version.wide else 1), length + keys[1])
        return raw.decode("utf-16-le" if self.version.wide else "latin-1", "replace")


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    at = data.index(_MARK) + len(_MARK)
    version = _VERSIONS.get(data[at : at + 4])
    if version is None:
        raise Damaged(f"AutoIt of an unknown version {data[at : at + 4]!r}")
    reader = _Reader(data, at + 20, version, budget.check_time)
    checksum = 0 if version.wide else sum(data[at + 4 : at + 20])
    for _ in range(MAX_FILES):
        budget.check_time()
        if reader.at + 8 > len(data) or reader.plain(4, version.tag) != b"FILE":
            return
        kind, name = reader.text(version.kind), reader.text(version.name)
        compressed = reader.take(1)[0]
        packed, _ = reader.number(version.size), reader.number(version.size)
        check = reader.number(version.check)
        reader.take(16)
        if packed > budget.room():
            budget.over()
            return
        raw = reader.plain(packed, checksum + version.content)
        if packed and zlib.adler32(raw) != check:
            raise Damaged(f"{name}: wrong checksum")
        content = budget.gather(_expand(raw)) if compressed == 1 else raw
        if content and "NO CMDEXECUTE" not in kind:
            yield Child(data=content, name=_title(kind, name), detail="autoit")


def _title(kind: str, name: str) -> str:
    return "script.au3" if "SCRIPT" in kind else name.replace("\\", "/").rsplit("/", 1)[-1] or kind


def _expand(raw: bytes) -> Iterator[bytes]:
    version = _VERSIONS.get(raw[:4])
    if version is None:
        raise Damaged("AutoIt compression of an unknown kind")
    (size,) = struct.unpack_from(">I", raw, 4)
    reader, out, done = BitsHigh(raw, 8), bytearray(), 0
    while done + len(out) < size:
        if reader.bit() == version.literal:
            out.append(reader.bits(8))
        else:
            distance, length = reader.bits(15), _match(reader)
            if not 0 < distance <= len(out):
                raise Damaged("match reaches before the beginning")
            for _ in range(length):
                out.append(out[-distance])
        if len(out) > CHUNK + 32768:
            done += len(out) - 32768
            yield bytes(out[:-32768])
            del out[:-32768]
    yield bytes(out[: size - done])


def _match(reader: BitsHigh) -> int:
    for base, width in _LENGTHS:
        more = reader.bits(width)
        if more != (1 << width) - 1:
            return 3 + base + more
    length = 3 + 296 + 255
    while (more := reader.bits(8)) == 255:
        length += 255
    return length + more


def _bid(data: bytes) -> int:
    return 75 if _MARK in data else 0


FORMAT = Format("autoit", _bid, _unpack)
