# SPDX-License-Identifier: Apache-2.0
"""Compression methods of ZIP, as generators of chunks so that a bomb is met early."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator

from mead.analysis.unpack.budget import Damaged
from mead.analysis.unpack.implode import explode
from mead.analysis.unpack.inflate import inflate64

__all__ = ["decode", "inflate", "unlzma", "unzstd"]

CHUNK = 256 * 1024


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


def inflate(raw: bytes, window: int = -15) -> Iterator[bytes]:
    """Deflate in pieces; `window` as in `zlib.decompressobj`."""
    stream = zlib.decompressobj(window)
    pending = raw
    while not stream.eof:
        chunk = stream.decompress(pending, CHUNK)
        pending = stream.unconsumed_tail
        if not chunk and not pending:
            return
        yield chunk


def _pieces(stream: bz2.BZ2Decompressor | lzma.LZMADecompressor, raw: bytes) -> Iterator[bytes]:
    pending = raw
    while not stream.eof:
        chunk = stream.decompress(pending, CHUNK)
        pending = b""
        if not chunk and stream.needs_input:
            return
        yield chunk


def unlzma(raw: bytes) -> Iterator[bytes]:
    """Decompress xz or the older .lzma, one stream."""
    return _pieces(lzma.LZMADecompressor(memlimit=512 * 1024 * 1024), raw)


def _zip_lzma(raw: bytes, flags: int, size: int) -> Iterator[bytes]:
    (length,) = struct.unpack_from("<H", raw, 2)
    known = size if not flags & 2 and size >= 0 else -1
    header = raw[4 : 4 + length] + struct.pack("<q", known)
    stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=512 * 1024 * 1024)
    return _pieces(stream, header + raw[4 + length :])


def unzstd(raw: bytes) -> Iterator[bytes]:
    """Zstandard, all frames."""
    import zstandard  # noqa: PLC0415  # an extra

    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            raw, read_across_frames=True
        ) as reader:
            while chunk := reader.read(CHUNK):
                yield chunk
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error


_METHODS: dict[int, Callable[[bytes, int, int], Iterator[bytes]]] = {
    0: lambda raw, _flags, _size: iter((raw,)),
    6: explode,
    8: lambda raw, _flags, _size: inflate(raw),
    9: lambda raw, _flags, _size: inflate64(raw),
    12: lambda raw, _flags, _size: _pieces(bz2.BZ2Decompressor(), raw),
    14: _zip_lzma,
    93: lambda raw, _flags, _size: unzstd(raw),
    95: lambda raw, _flags, _size: unlzma(raw),
}
