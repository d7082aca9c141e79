# SPDX-License-Identifier: Apache-2.0
"""Zstandard, frame by frame: the library does not say when the last frame is cut off.

Source: RFC 8878 §3.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from mead.analysis.unpack.budget import Damaged

__all__ = ["FRAME", "SKIPPABLE", "unzstd"]

FRAME = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x50\x2a\x4d\x18"
"""The first of sixteen magic numbers; the low half of its first byte is free."""

CHUNK = 256 * 1024
_MAX_WINDOW_BYTES = 1 << 27
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)


def _is_skippable(raw: bytes, at: int) -> bool:
    return len(raw) >= at + 8 and raw[at] & 0xF0 == 0x50 and raw[at + 1 : at + 4] == SKIPPABLE[1:]


def _frame_end(raw: bytes, at: int) -> int:
    """Where the frame at `at` ends; beyond the end of `raw` when it is cut off. O(blocks)."""
    descriptor = raw[at + 4] if at + 4 < len(raw) else 0
    single = descriptor >> 5 & 1
    size_bytes = _SIZE_BYTES[descriptor >> 6] or single
    at += 5 + (1 - single) + _DICTIONARY_BYTES[descriptor & 3] + size_bytes
    last = 0
    while not last:
        if at + 3 > len(raw):
            return len(raw) + 1
        header = int.from_bytes(raw[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == 1 else size)
    return at + (4 if descriptor >> 2 & 1 else 0)


def unzstd(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    """The content of all frames, in pieces; what follows them goes into `rest`.

    Raises:
        Damaged: a frame is broken or cut off; what could be decoded came before.
    """
    at = 0
    while at < len(raw):
        if _is_skippable(raw, at):
            at += 8 + int.from_bytes(raw[at + 4 : at + 8], "little")
            continue
        if raw[at : at + 4] != FRAME:
            break
        end = _frame_end(raw, at)
        yield from _frame(raw[at:end])
        if end > len(raw):
            raise Damaged("zstd frame is cut off")
        at = end
    rest.append(raw[at:])


def _frame(raw: bytes) -> Iterator[bytes]:
    import zstandard  # noqa: PLC0415  # an extra

    decoder = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    try:
        with decoder.stream_reader(raw) as reader:
            while chunk := reader.read(CHUNK):
                yield chunk
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error
