# SPDX-License-Identifier: Apache-2.0
"""Hostile URLs read by one strict parser: what is checked is what is contacted.

Tools disagree about backslashes, several `@`, octal numbers and full-width digits, and attackers live in
the gap. Spellings that all tools read alike are normalised; what they read differently is not used at all.
A host that looks like a number is the number that `inet_aton` makes of it, as it is for wget and curl.

Source: RFC 3986 §3, WHATWG URL §3.5 (host parsing), POSIX inet_addr(3), RFC 3617 (tftp), RFC 1738 §3.2 (ftp).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes

from mead.egress.addresses import Address

__all__ = ["DEFAULT_PORTS", "MAX_URL_BYTES", "Target", "Unusable", "parse_host", "parse_target"]

MAX_URL_BYTES = 4095
"""Events cut text at 4096 bytes: a URL of that length may be the beginning of another one."""
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "tftp": 69, "tcp": 0}

_SPLIT = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)([^#]*)")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_DEVIATING = frozenset("ßς\u200c\u200d")
"""Characters that IDNA 2003 and IDNA 2008 map to different names (UTS #46 §6, deviations)."""
_PATH_SAFE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a URL is not followed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    scheme: str
    host: str
    """Lower-case ASCII name, or canonical address without brackets."""
    port: int
    address: Address | None
    """The address, when the host is one."""
    path: str
    """Path and query, percent-encoded ASCII, with the leading slash."""
    username: str | None = None
    password: str | None = None

    @property
    def authority(self) -> str:
        """Host and, when it is not the default one, port; as a `Host` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Normal form, without user and password."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def file_name(self) -> bytes:
        """The decoded path without its first slash and without parameters, as FTP and TFTP send it."""
        return unquote_to_bytes(re.split(r"[?]|;(?:type|mode)=", self.path[1:], maxsplit=1)[0])


def parse_target(url: str) -> Target | Unusable:
    """Take `url` apart. O(len(url)); anything ambiguous is `Unusable`."""
    text = url.strip(" \t\r\n")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_URL_BYTES:
        return Unusable(f"URL longer than {MAX_URL_BYTES} bytes")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        return Unusable("control character in URL")
    found = _SPLIT.match(text)
    if not found:
        return Unusable("not an absolute URL")
    scheme, authority, path = found[1].lower(), found[2], found[3]
    if scheme not in DEFAULT_PORTS:
        return Unusable(f"scheme {scheme[:32]} is not fetched")
    if "\\" in authority:
        return Unusable("backslash in host")
    return _with_authority(scheme, authority, _normal_path(path))


def _normal_path(path: str) -> str:
    encoded = quote(path.encode("utf-8", "surrogatepass"), safe=_PATH_SAFE)
    return encoded if encoded.startswith("/") else f"/{encoded}"


def _with_authority(scheme: str, authority: str, path: str) -> Target | Unusable:
    if authority.count("@") > 1:
        return Unusable("more than one @ in authority")
    userinfo, at, rest = authority.rpartition("@")
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", rest, re.ASCII)
    if not found:
        return Unusable("host and port cannot be told apart")
    host = parse_host(found[1])
    if isinstance(host, Unusable):
        return host
    port = int(found[2]) if found[2] else DEFAULT_PORTS[scheme]
    if not 1 <= port <= 65535:
        return Unusable(f"port {port} is not usable")
    username, password = _userinfo(userinfo) if at else (None, None)
    name, address = (str(host), None) if isinstance(host, str) else (str(host), host)
    return Target(scheme, name, port, address, path, username, password)


def _userinfo(userinfo: str) -> tuple[str, str | None]:
    username, colon, password = userinfo.partition(":")
    return _decoded(username), _decoded(password) if colon else None


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "backslashreplace")


def parse_host(text: str) -> str | Address | Unusable:
    """The host of an authority: a lower-case ASCII name, or an address."""
    if text.startswith("["):
        return _ipv6(text[1:-1])
    try:
        decoded = unquote_to_bytes(text.encode()).decode()
    except UnicodeError:
        return Unusable("host is not UTF-8")
    name = unicodedata.normalize("NFKC", decoded).replace("。", ".").lower()
    name = name.removesuffix(".")
    if _DEVIATING & set(name):
        return Unusable("host has characters that tools encode differently")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return Unusable("host is not a valid international name")
    if not name:
        return Unusable("no host")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return Unusable("host is not a valid name")
    return name


def _ipv6(text: str) -> IPv6Address | Unusable:
    if "%" in text:
        return Unusable("IPv6 address with a zone")
    try:
        return IPv6Address(text)
    except AddressValueError:
        return Unusable("not an IPv6 address")


def _ipv4(parts: list[str]) -> IPv4Address | Unusable:
    """`inet_aton`: 1 to 4 parts, decimal, octal (`0…`) or hex (`0x…`); the last one fills what is left."""
    values = [_number(part) for part in parts]
    if len(parts) > 4 or None in values:
        return Unusable("host ends in a number but is no IPv4 address")
    numbers = [value for value in values if value is not None]
    *heads, tail = numbers
    if any(head > 255 for head in heads) or tail >= 1 << 8 * (4 - len(heads)):
        return Unusable("IPv4 address out of range")
    packed = tail + sum(head << 8 * (3 - index) for index, head in enumerate(heads))
    return IPv4Address(packed)


def _number(text: str) -> int | None:
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        return None
    if text[:2] in {"0x", "0X"}:
        return int(text[2:] or "0", 16)
    if text[0] == "0":
        return int(text, 8) if set(text) <= set("01234567") else None
    return int(text)
