# SPDX-License-Identifier: Apache-2.0
"""Debian's libmagic, bound by hand: the usual binding runs `ldconfig` and `gcc` when it is imported.

Source: libmagic(3).
"""

from __future__ import annotations

import ctypes
from functools import cache

__all__ = ["describe", "library_version"]

LIBRARY = "libmagic.so.1"
MAX_BYTES = 4 * 1024 * 1024
_MIME_TYPE = 0x10


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    library.magic_open.restype = ctypes.c_void_p
    library.magic_load.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    library.magic_buffer.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    library.magic_buffer.restype = ctypes.c_char_p
    return library


@cache
def _cookie(flags: int) -> int | None:
    library = _library()
    if library is None:
        return None
    cookie: int | None = library.magic_open(flags)
    return cookie if cookie and library.magic_load(cookie, None) == 0 else None


def _ask(data: bytes, flags: int) -> str | None:
    library, cookie = _library(), _cookie(flags)
    if library is None or cookie is None:
        return None
    sample = data[:MAX_BYTES]
    answer = library.magic_buffer(cookie, sample, len(sample))
    return answer.decode("utf-8", "backslashreplace") if answer is not None else None


def describe(data: bytes) -> tuple[str, str] | None:
    """What libmagic says, in words and as a media type; `None` when it is not installed or cannot say."""
    words, media = _ask(data, 0), _ask(data, _MIME_TYPE)
    return (words, media) if words is not None and media is not None else None


def library_version() -> str | None:
    """Version of the library; `None` when it is not installed."""
    library = _library()
    if library is None:
        return None
    number: int = library.magic_version()
    return f"{number // 100}.{number % 100:02}"
