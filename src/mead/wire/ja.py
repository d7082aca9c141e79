# SPDX-License-Identifier: Apache-2.0
"""JA3 and JA4, the fingerprints of TLS clients.

**Source:** salesforce/ja3, README (BSD-3-Clause); FoxIO-LLC/ja4, technical description of JA4
(BSD-3-Clause; the other members of the JA4+ family are under another licence and not here).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import md5, sha256
from typing import Protocol

__all__ = ["Hello", "is_grease", "ja3", "ja3_text", "ja4"]

_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
_NOT_SORTED_IN = frozenset({0x0000, 0x0010})
"""Server name and ALPN: where a client goes, not what it is."""
_NOTHING = "0" * 12


class Hello(Protocol):
    """What a fingerprint is made of."""

    @property
    def version(self) -> int: ...
    @property
    def ciphers(self) -> tuple[int, ...]: ...
    @property
    def extensions(self) -> tuple[int, ...]: ...
    @property
    def groups(self) -> tuple[int, ...]: ...
    @property
    def point_formats(self) -> tuple[int, ...]: ...
    @property
    def signatures(self) -> tuple[int, ...]: ...
    @property
    def versions(self) -> tuple[int, ...]: ...
    @property
    def alpn(self) -> tuple[bytes, ...]: ...
    @property
    def transport(self) -> str: ...


def is_grease(value: int) -> bool:
    """Whether `value` is one of the sixteen that mean nothing (RFC 8701)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def ja3_text(hello: Hello) -> str:
    """Version, ciphers, extensions, groups and point formats, in decimal."""
    lists: tuple[Iterable[int], ...] = (
        _meant(hello.ciphers), _meant(hello.extensions), _meant(hello.groups), hello.point_formats,
    )  # fmt: skip
    return ",".join([str(hello.version), *("-".join(map(str, values)) for values in lists)])


def ja3(hello: Hello) -> str:
    """MD5 of `ja3_text`."""
    return md5(ja3_text(hello).encode(), usedforsecurity=False).hexdigest()


def ja4(hello: Hello, *, raw: bool, original: bool) -> str:
    """One of the four forms of JA4.

    Args:
        hello: the ClientHello.
        raw: the lists themselves instead of their hashes (`_r`).
        original: the order of the client instead of a sorted one (`_o`).
    """
    ciphers, extensions = _meant(hello.ciphers), _meant(hello.extensions)
    told = [value for value in extensions if value not in _NOT_SORTED_IN]
    signatures = ",".join(f"{value:04x}" for value in _meant(hello.signatures))
    first = ",".join(f"{value:04x}" for value in (ciphers if original else sorted(ciphers)))
    second = ",".join(f"{value:04x}" for value in (extensions if original else sorted(told)))
    # the reference calls a hello that has nothing but a server name empty, in both orders
    empty = not told and not signatures
    if signatures:
        second += f"_{signatures}"
    if not raw:
        first = _hash(first) if ciphers else _NOTHING
        second = _NOTHING if empty else _hash(second)
    return f"{_prefix(hello, len(ciphers), len(extensions))}_{first}_{second}"


def _prefix(hello: Hello, ciphers: int, extensions: int) -> str:
    version = max(_meant(hello.versions), default=hello.version)
    goal = "d" if 0 in hello.extensions else "i"
    return (
        f"{hello.transport}{_VERSIONS.get(version, '00')}{goal}"
        f"{min(ciphers, 99):02d}{min(extensions, 99):02d}{_alpn(hello.alpn)}"
    )


def _alpn(names: tuple[bytes, ...]) -> str:
    """First and last character of the first name; of its hex form when either is no letter or digit.

    Where one is beyond ASCII the reference captures have `99`, though the description says hex there too.
    """
    if not names or not names[0]:
        return "00"
    ends = bytes((names[0][0], names[0][-1]))
    if not ends.isascii():
        return "99"
    if ends.isalnum():
        return ends.decode("ascii")
    return names[0].hex()[0] + names[0].hex()[-1]


def _meant(values: Iterable[int]) -> list[int]:
    return [value for value in values if not is_grease(value)]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
