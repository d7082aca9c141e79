# SPDX-License-Identifier: Apache-2.0
"""Finding indicators in text: URLs, addresses, domains, mail addresses, wallets; defanged forms too.

What programs say without meaning a place is left out: version numbers, object identifiers, name spaces
and schemas, placeholders, names of code. A place that was defanged was meant as one, and is always taken.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import unquote

from mead.analysis.analyser import Indicator
from mead.analysis.domains_tables import CITED, LIKE_CODE, TOP_LEVEL
from mead.analysis.wallets import PATTERN, coin_of

__all__ = ["find", "is_cited", "refang"]

_Found: TypeAlias = tuple[str, str] | None

_DOT = r"(?:\.|\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))"
_AT = r"(?:@|\[@\]|\(@\)|\[at\]|\(at\))"
_SLASHES = r"(?::|\[:\])//|\[://\]|:\\/\\/|%3a%2f%2f"
_URL = re.compile(
    rf"(?:h(?:tt|xx|\*\*)ps?|(?<![a-z0-9])(?:f(?:t|x)ps?|tftp|tcp|udp|irc|wss?|ldaps?|rmi|stratum\+(?:tcp|ssl)))"
    rf"(?:{_SLASHES})[^\s\"'<>`|^\x00-\x20\x7f-\xff]{{3,2048}}".encode(),
    re.IGNORECASE,
)
_IP = re.compile(rf"(?<![\w.])(?:\d{{1,3}}{_DOT}){{3}}\d{{1,3}}(?::\d{{1,5}})?(?![\w]|\.\d)".encode())
_IP6 = re.compile(rb"(?<![\w:.])[23][0-9a-f]{3}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?{_DOT}){{1,6}}[a-z]{{2,18}}(?![\w-]|\.\w)".encode(),
    re.IGNORECASE,
)
_MAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}{_AT}(?:[a-z0-9-]{{1,63}}{_DOT}){{1,6}}[a-z]{{2,18}}(?![\w-])".encode(),
    re.IGNORECASE,
)
_ONION = re.compile(rb"(?<![a-z2-7])[a-z2-7]{56}\.onion")
_NUMBERED = re.compile(
    rb"(?:version|vers?|rev(?:ision)?|release|build|oid|v|\w-|[a-z][a-z-]{2,20}/)[\s:=\"'>]{0,3}\Z",
    re.IGNORECASE,
)
"""What stands before the number of a version."""
_NUMBERED_BYTES = 16
_WELL_KNOWN = {"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "4.2.2.1", "4.2.2.2"}
_IDENTIFIERS = ("2.5.4.", "2.5.29.", "1.3.6.1", "1.3.14.", "0.9.2342.")
_SMALL = 32
"""An address of four numbers below this is a version or an object identifier."""


def refang(text: str) -> str:
    """Undo defanging: `hxxp://a[.]b` becomes `http://a.b`."""
    text = re.sub(_DOT, ".", text, flags=re.IGNORECASE)
    text = re.sub(_AT, "@", text, count=1, flags=re.IGNORECASE)
    text = re.sub(r"\[(:|://)\]", r"\1", text)
    text = re.sub(r"^h(?:xx|\*\*)p", "http", text, flags=re.IGNORECASE)
    return re.sub(r"^fxp", "ftp", text, flags=re.IGNORECASE)


def find(data: bytes, base: int = 0, step: int = 1) -> Iterator[Indicator]:
    """Indicators kind by kind. O(bytes).

    Args:
        data: the text.
        base: offset of the text, which is added to the offsets of what is found in it.
        step: bytes that a letter has in the body.
    """
    for pattern, judge in _KINDS:
        for match in pattern.finditer(data):
            found = judge(match)
            if found:
                kind, value = found
                yield Indicator(indicator=value, indicator_kind=kind, offset=base + step * match.start())


def is_cited(url: str) -> bool:
    """Whether a URL names a schema, a certificate authority or a licence, and no place to go to."""
    return _host(url).lower() in CITED


def _url(match: re.Match[bytes]) -> _Found:
    text = match.group().decode("ascii", "replace")
    if "%3a%2f%2f" in text[:24].lower():
        text = unquote(text.partition("&")[0], errors="replace")
    url = _trim(refang(text.replace("\\/", "/").partition("\\")[0]))
    return ("url", url) if _is_place(_host(url)) else None


def _host(url: str) -> str:
    """The host that a URL names, without user, port and brackets."""
    place = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rsplit("@", 1)[-1]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _is_place(host: str) -> bool:
    """Whether there can be such a host: no placeholder, no name of this machine."""
    if ":" in host or re.fullmatch(r"\d{8,10}|0x[0-9a-fA-F]{6,8}", host):
        return True
    if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)+\.?", host):
        return False
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return not host.rstrip(".").rsplit(".", 1)[-1].isdigit()
    return not (address.is_loopback or address.is_unspecified)


def _ip(match: re.Match[bytes]) -> _Found:
    text = match.group().decode("ascii")
    plain, _, port = refang(text).partition(":")
    try:
        address = ipaddress.IPv4Address(plain)
    except ValueError:
        return None
    if address.is_loopback or address.is_multicast or int(address) >> 24 in {0, 255}:
        return None
    meant = port or plain != text
    return None if not meant and _is_number(match, plain) else ("ip", plain)


def _is_number(match: re.Match[bytes], plain: str) -> bool:
    """Whether four numbers are rather a version, a network or an object identifier."""
    if plain in _WELL_KNOWN:
        return False
    parts = [int(part) for part in plain.split(".")]
    if max(parts) < _SMALL or parts[-1] == 0 or plain.startswith(_IDENTIFIERS):
        return True
    before = match.string[max(0, match.start() - _NUMBERED_BYTES) : match.start()]
    return bool(_NUMBERED.search(before))


def _ip6(match: re.Match[bytes]) -> _Found:
    text = match.group().decode("ascii")
    try:
        return None if text.endswith("::") else ("ip", str(ipaddress.IPv6Address(text)))
    except ValueError:
        return None


def _onion(match: re.Match[bytes]) -> _Found:
    return "domain", match.group().decode()


def _mail(match: re.Match[bytes]) -> _Found:
    mail = refang(match.group().decode("ascii", "replace"))
    host = mail.rpartition("@")[2].lower()
    return ("email", mail) if host.rsplit(".", 1)[-1] in TOP_LEVEL and host not in CITED else None


def _domain(match: re.Match[bytes]) -> _Found:
    text = match.group().decode("ascii").lower()
    name = refang(text)
    return ("domain", name) if name not in CITED and _is_domain(name, meant=name != text) else None


def _is_domain(name: str, *, meant: bool) -> bool:
    labels = name.split(".")
    owner, top = labels[-2], labels[-1]
    if top not in TOP_LEVEL or top == "onion" or owner in {"www", "example"}:
        return False
    if meant or labels[0] == "www":
        return True
    if sum(label.isdigit() for label in labels[:-1]) > 1:
        return False
    if top in LIKE_CODE:
        return len(labels) == 2 and bool(re.search(r"[0-9-]", owner)) and len(owner) > 4
    return len(owner) >= 3 or len(labels) > 2 or (len(owner) == 2 and not owner.isdigit())


def _wallet(match: re.Match[bytes]) -> _Found:
    coin = coin_of(match)
    return (f"wallet.{coin}", match.group().decode()) if coin else None


def _trim(url: str) -> str:
    url = url.rstrip(".,;:!?'\"*")
    while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count(
        {")": "(", "]": "[", "}": "{"}[url[-1]]
    ):
        url = url[:-1].rstrip(".,;:!?'\"*")
    return url


_KINDS: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], _Found]], ...] = (
    (_URL, _url), (_IP, _ip), (_IP6, _ip6), (_ONION, _onion), (_MAIL, _mail), (_DOMAIN, _domain),
    (PATTERN, _wallet),
)  # fmt: skip
