# SPDX-License-Identifier: Apache-2.0
"""Compression methods of ZIP, as generators of chunks so that a bomb is met early."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from mead.analysis.unpack.budget import Damaged
from mead.analysis.unpack.implode import explode
from mead.analysis.unpack.inflate import inflate64
from mead.analysis.unpack.zstdframes import unzstd

__all__ = ["LZMA_MEMORY", "decode", "inflate", "pieces"]

CHUNK = 256 * 1024
LZMA_MEMORY = 512 * 1024 * 1024
"""Bytes that an LZMA decoder may ask for its dictionary."""


def decode(method: int, raw: bytes, flags: int, size: int) -> Iterator[bytes]:
    """Decompress one member; `size` is -1 when unknown.

    Raises:
        Damaged: the data are broken, or the method is not one of ours.
    """
    decoder = _METHODS.get(method)
    if decoder is None:
        raise Damaged(f"compression method {method} is not known")
    try:
        yield from decoder(raw, flags, size)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, IndexError, struct.error) as error:
        raise Damaged(f"method {method}: {error}") from error


def inflate(raw: bytes, window: int = -15, rest: list[bytes] | None = None) -> Iterator[bytes]:
    """Deflate in pieces; `window` as in `zlib.decompressobj`, `rest` gets what follows the stream.

    Raises:
        Damaged: the stream is broken or ends too early; what could be decoded came before.
    """
    stream = zlib.decompressobj(window)
    pending = raw
    while not stream.eof:
        before = stream.copy()
        try:
            chunk = stream.decompress(pending, CHUNK)
        except zlib.error as error:
            yield _salvaged(before, pending)
            raise Damaged(str(error)) from error
        pending = stream.unconsumed_tail
        if not chunk and not pending and not stream.eof:
            raise Damaged("the deflate stream is cut off")
        yield chunk
    if rest is not None:
        rest.append(stream.unused_data)


def _salvaged(stream: Any, raw: bytes) -> bytes:
    """What a stream gives before the byte at which it breaks: the library drops that with the error."""
    out, at, step = bytearray(), 0, 1 << 16
    while step and at < len(raw) and len(out) < CHUNK:
        before = stream.copy()
        try:
            out += stream.decompress(raw[at : at + step], CHUNK)
        except zlib.error:
            stream, step = before, step >> 4
        else:
            at += step - len(stream.unconsumed_tail)
    return bytes(out)


def pieces(stream: bz2.BZ2Decompressor | lzma.LZMADecompressor, raw: bytes) -> Iterator[bytes]:
    """What a decompressor of the standard library makes of `raw`.

    Raises:
        Damaged: the stream ends too early; what could be decoded came before.
    """
    pending = raw
    while not stream.eof:
        chunk = stream.decompress(pending, CHUNK)
        pending = b""
        if not chunk and stream.needs_input and not stream.eof:
            raise Damaged("the stream is cut off")
        yield chunk


def _zip_lzma(raw: bytes, flags: int, size: int) -> Iterator[bytes]:
    (length,) = struct.unpack_from("<H", raw, 2)
    known = size if not flags & 2 and size >= 0 else -1
    header = raw[4 : 4 + length] + struct.pack("<q", known)
    stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=LZMA_MEMORY)
    return pieces(stream, header + raw[4 + length :])


def _ppmd(raw: bytes, _flags: int, size: int) -> Iterator[bytes]:
    """PPMd variant I. Source: APPNOTE.TXT 6.3.10 §5.10."""
    import pyppmd  # noqa: PLC0415  # an extra

    (word,) = struct.unpack_from("<H", raw)
    order, memory, restore = (word & 15) + 1, (word >> 4 & 255) + 1 << 20, word >> 12
    if order < 2 or size < 0:
        raise Damaged("PPMd member with a wrong order or without its size")
    decoder = pyppmd.Ppmd8Decoder(order, memory, restore)
    pending, left = raw[2:], size
    while left > 0 and not decoder.eof:
        chunk = decoder.decode(pending, min(left, CHUNK))
        pending = b""
        if not chunk and decoder.needs_input:
            raise Damaged("the PPMd stream is cut off")
        left -= len(chunk)
        yield chunk


_METHODS: dict[int, Callable[[bytes, int, int], Iterator[bytes]]] = {
    0: lambda raw, _flags, _size: iter((raw,)),
    6: explode,
    8: lambda raw, _flags, _size: inflate(raw),
    9: lambda raw, _flags, _size: inflate64(raw),
    12: lambda raw, _flags, _size: pieces(bz2.BZ2Decompressor(), raw),
    14: _zip_lzma,
    20: lambda raw, _flags, _size: unzstd(raw, []),
    93: lambda raw, _flags, _size: unzstd(raw, []),
    95: lambda raw, _flags, _size: pieces(lzma.LZMADecompressor(memlimit=LZMA_MEMORY), raw),
    98: _ppmd,
}
