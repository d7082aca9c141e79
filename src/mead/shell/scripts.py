# SPDX-License-Identifier: Apache-2.0
"""URLs in code of languages that are not emulated (Python, Perl, PHP …), also behind base64.

Found text is not the same as a followed command, but such a script was to be run, so what it names is
an offer.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

__all__ = ["decoded_layers", "urls_in"]

_URL: Final = re.compile(
    rb"(?:https?|ftp|tftp)://[^\s\"'`<>|;\\)(\]\[{},\x00-\x1f\x7f-\xff]{3,2048}", re.IGNORECASE
)
_BASE64: Final = re.compile(rb"['\"]([A-Za-z0-9+/]{24,}={0,2})['\"]")
_MAX_SCAN: Final = 1 << 20
_MAX_URLS: Final = 64


def urls_in(data: bytes) -> list[str]:
    """Distinct URLs in `data`, in order. O(len(data))."""
    found: dict[str, None] = {}
    for match in _URL.finditer(data[:_MAX_SCAN]):
        url = match[0].rstrip(b".,:!").decode("latin-1")
        if url.partition("://")[2].strip("/"):
            found.setdefault(url)
        if len(found) >= _MAX_URLS:
            break
    return list(found)


def decoded_layers(data: bytes) -> list[bytes]:
    """What quoted base64 literals in `data` decode to, at most a few."""
    layers: list[bytes] = []
    for match in _BASE64.finditer(data[:_MAX_SCAN]):
        try:
            layers.append(base64.b64decode(match[1] + b"=" * (-len(match[1]) % 4)))
        except (binascii.Error, ValueError):
            continue
        if len(layers) >= 16:
            break
    return layers
