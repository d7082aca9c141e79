# SPDX-License-Identifier: Apache-2.0
"""Finding indicators in text: URLs, addresses, domains, mail addresses, wallets; defanged forms too."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from mead.analysis.analyser import Indicator

__all__ = ["find", "refang"]

_Found: TypeAlias = tuple[str, str] | None

_DOT = r"(?:\.|\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))"
_URL = re.compile(
    rb"(?:h(?:tt|xx)ps?|(?<![A-Za-z0-9])(?:f(?:t|x)p|tftp|tcp|udp|irc|stratum\+(?:tcp|ssl)))"
    rb"(?::|\[:\])//[^\s\"'<>`|\\^\x00-\x20\x7f-\xff]{3,2048}",
    re.IGNORECASE,
)
_IP = re.compile(rb"(?<![\w.])(?:\d{1,3}%b){3}\d{1,3}(?::\d{1,5})?(?![\w]|\.\d)" % _DOT.encode())
_DOMAIN = re.compile(
    rb"(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?%b){1,6}[a-z]{2,18}(?![\w-]|\.\w)" % _DOT.encode(),
    re.IGNORECASE,
)
_MAIL = re.compile(
    rb"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,18}(?![\w-])", re.IGNORECASE
)
_WALLETS = re.compile(
    rb"(?<![A-Za-z0-9])(?:(?P<bech32>(?:bc1|ltc1)[02-9ac-hj-np-z]{25,87})|(?P<ethereum>0x[0-9a-fA-F]{40})"
    rb"|(?P<monero>[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93})|(?P<base58>[13LMD][1-9A-HJ-NP-Za-km-z]{25,34}))"
    rb"(?![A-Za-z0-9])"
)
_ONION = re.compile(rb"(?<![a-z2-7])[a-z2-7]{56}\.onion")

_TLDS = frozenset(
    """
    com net org info biz name pro mobi edu gov mil int arpa onion bit app dev page xyz top site online
    club shop store live space website tech icu vip work fun win bid loan men date download stream gdn
    buzz cyou rest bar click link host press network cloud today world life best monster quest sbs cfd
    lol pics asia cat jobs tel ac ad ae af ag ai al am ao ar as at au aw az ba bb bd be bf bg bh bi bj
    bm bn bo br bs bt bw by bz ca cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz
    ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gt gu gw gy hk hm hn
    hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk
    lr ls lt lu lv ly ma mc me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni
    nl no np nr nu nz om pa pe pf pg ph pk pm pn pr ps pt pw qa re ro ru rw sa sb sc sd se sg si sk sl
    sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va
    vc ve vg vi vn vu wf ws ye yt za zm zw
    """.split()  # noqa: SIM905  # a hundred words read better than a hundred quotes
)
"""Top-level domains that are hardly ever file suffixes or code (no so, sh, py, pl, cc, rs, md, zip, mov)."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_COINS = {0x00: "bitcoin", 0x05: "bitcoin", 0x30: "litecoin", 0x32: "litecoin", 0x1E: "dogecoin"}


def refang(text: str) -> str:
    """Undo defanging: `hxxp://a[.]b` becomes `http://a.b`."""
    text = re.sub(_DOT, ".", text, flags=re.IGNORECASE).replace("[:]", ":").replace("[@]", "@")
    text = re.sub(r"^hxxp", "http", text, flags=re.IGNORECASE)
    return re.sub(r"^fxp", "ftp", text, flags=re.IGNORECASE)


def find(data: bytes, base: int = 0) -> Iterator[Indicator]:
    """Indicators kind by kind; `base` is added to offsets. O(bytes)."""
    for pattern, judge in _KINDS:
        for match in pattern.finditer(data):
            found = judge(match)
            if found:
                kind, value = found
                yield Indicator(indicator=value, indicator_kind=kind, offset=base + match.start())


def _url(match: re.Match[bytes]) -> _Found:
    url = _trim(refang(match.group().decode("ascii", "replace")))
    return ("url", url) if _has_host(url) else None


def _ip(match: re.Match[bytes]) -> _Found:
    address = _address(match.group().decode("ascii"))
    return ("ip", address) if address else None


def _onion(match: re.Match[bytes]) -> _Found:
    return "domain", match.group().decode()


def _mail(match: re.Match[bytes]) -> _Found:
    mail = match.group().decode("ascii", "replace")
    return ("email", mail) if mail.rsplit(".", 1)[-1].lower() in _TLDS else None


def _domain(match: re.Match[bytes]) -> _Found:
    name = refang(match.group().decode("ascii")).lower()
    return ("domain", name) if _is_domain(name) else None


def _wallet(match: re.Match[bytes]) -> _Found:
    text = match.group().decode()
    coin = _coin(match.lastgroup or "", text)
    return (f"wallet.{coin}", text) if coin else None


def _trim(url: str) -> str:
    url = url.rstrip(".,;:!?'\"*")
    while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count(
        {")": "(", "]": "[", "}": "{"}[url[-1]]
    ):
        url = url[:-1].rstrip(".,;:!?'\"*")
    return url


def _has_host(url: str) -> bool:
    host = url.partition("://")[2].split("/", 1)[0].rsplit("@", 1)[-1]
    return bool(re.match(r"\[[0-9a-fA-F:.]+\]|[\w.-]{2,}|\$|%", host)) and not host.startswith(
        (".", "%s.%s.%s")
    )


def _address(text: str) -> str | None:
    plain = refang(text).partition(":")[0]
    try:
        address = ipaddress.IPv4Address(plain)
    except ValueError:
        return None
    small = address.is_loopback or address.is_unspecified or int(address) >> 24 in {0, 255}
    return None if small or address.is_multicast else str(address)


def _is_domain(name: str) -> bool:
    labels = name.split(".")
    if labels[-1] not in _TLDS or labels[-1] == "onion":
        return False
    owner = labels[-2]
    return len(owner) >= 3 or len(labels) > 2 or (len(owner) == 2 and owner.isalnum() and not owner.isdigit())


def _coin(group: str, text: str) -> str | None:
    if group == "ethereum":
        return "ethereum" if len(set(text[2:].lower())) > 5 else None
    if group == "monero":
        return "monero"
    if group == "bech32":
        return ("bitcoin" if text.startswith("bc1") else "litecoin") if _bech32_fits(text) else None
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    raw = number.to_bytes(26, "big")[-25:] if number < 1 << 200 else b""
    twice = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4]
    return _COINS.get(raw[0]) if raw and raw[-4:] == twice else None


def _bech32_fits(text: str) -> bool:
    """Whether the checksum is right. Source: BIP 173, BIP 350."""
    head, _, tail = text.rpartition("1")
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    if any(letter not in letters for letter in tail):
        return False
    values = (
        [ord(c) >> 5 for c in head] + [0] + [ord(c) & 31 for c in head] + [letters.index(c) for c in tail]
    )
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}


_KINDS: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], _Found]], ...] = (
    (_URL, _url), (_IP, _ip), (_ONION, _onion), (_MAIL, _mail), (_DOMAIN, _domain), (_WALLETS, _wallet),
)  # fmt: skip
