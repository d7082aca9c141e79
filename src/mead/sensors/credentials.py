# SPDX-License-Identifier: Apache-2.0
"""Which logins a sensor lets in: like a weak device, the same way each time it is asked.

What was accepted once stays accepted, from any source: one machine guesses and another one logs in. The
memory is two fixed tables in shared memory, so that all processes of a sensor agree, a restart forgets
nothing, and no number of sources or guesses makes it grow. Collisions in the tables only make a login
succeed a little earlier than it should.
"""

from __future__ import annotations

import mmap
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import blake2b, sha256
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

__all__ = ["Credentials", "CredentialsSettings"]

_PAIR_BYTES = 1 << 17
_SOURCE_BYTES = 1 << 16
_MAX_TRIES = 255

_DEFAULTS = frozenset(
    b"root:xc3511 root:vizxv root:admin admin:admin root:888888 root:xmhdipc root:default root:juantech "
    b"root:123456 root:54321 support:support root: admin:password root:root root:12345 user:user admin: "
    b"root:pass admin:admin1234 root:1111 admin:smcadmin admin:1111 root:666666 root:password root:1234 "
    b"root:klv123 Administrator:admin service:service supervisor:supervisor guest:guest guest:12345 "
    b"admin1:password administrator:1234 666666:666666 888888:888888 ubnt:ubnt root:klv1234 root:Zte521 "
    b"root:hi3518 root:jvbzd root:anko root:zlxx. root:7ujMko0vizxv root:7ujMko0admin root:system "
    b"root:ikwb root:dreambox root:user root:realtek root:00000000 admin:1111111 admin:1234 admin:12345 "
    b"admin:54321 admin:123456 admin:7ujMko0admin admin:pass admin:meinsm tech:tech mother:fucker "
    b"root:GM8182 root:hunt5759 root:cat1029 root:5up root:ipcam_rt5350 root:t0talc0ntr0l4! "
    b"default:default default:OxhlwSG8 default:S2fGqNFs telnetadmin:telnetadmin e8ehome:e8ehome "
    b"root:icatch99 root:founder88 root:tsgoingon root:oelinux123 root:antslq root:zsun1188 pi:raspberry "
    b"root:raspberry ubuntu:ubuntu test:test oracle:oracle postgres:postgres user:123456 user:1234".split()
)
"""Pairs that shipped with devices or are tried by every bot: let in at the first try."""

_USERS = frozenset(
    b"root admin user support guest service ubnt pi ubuntu debian test oracle postgres mysql git ftp ftpuser "
    b"administrator Administrator supervisor tech default operator nagios hadoop jenkins tomcat www www-data "
    b"deploy dev developer ec2-user centos steam minecraft docker es elastic zabbix backup web webmaster "
    b"telnetadmin super manager student sysadmin system server vagrant ansible sonar gitlab nginx redis "
    b"teamspeak odoo apache mc bot user1 user2 testuser admin1 cisco telecomadmin root1 demo tester".split()
)
"""Accounts that may exist; a login for another name is never accepted, as bots that test for that expect."""


class CredentialsSettings(Struct, frozen=True, kw_only=True):
    """Which logins are accepted.

    Attributes:
        accept_defaults: let common factory defaults in at the first try
        minimum_tries: fewest guesses of one source before one is accepted
        maximum_tries: most guesses of one source before one is accepted; 0 accepts no guess
        any_user: accept guesses for account names that no device has
    """

    accept_defaults: bool = True
    minimum_tries: int = 2
    maximum_tries: int = 4
    any_user: bool = False


class Credentials:
    """Decides over logins and remembers, for all processes that share it."""

    def __init__(
        self, seed: bytes, settings: CredentialsSettings | None = None, directory: Path | None = None
    ) -> None:
        self._seed = seed[:64]
        self._settings = settings or CredentialsSettings()
        self._memory = _shared(directory)

    def accepts(self, source: str, username: bytes, password: bytes) -> bool:
        """Whether this login gets in. O(1)."""
        pair = username + b":" + password
        settings = self._settings
        if settings.accept_defaults and pair in _DEFAULTS:
            return True
        if self._known(b"pair", pair):
            return True
        if not settings.any_user and username not in _USERS:
            return False
        if settings.maximum_tries and password and self._tries(source) >= self._needed(source):
            self._learn(b"pair", pair)
            return True
        return False

    def accepts_key(self, fingerprint: str) -> bool:
        """Whether a public key was put into some `authorized_keys` before."""
        return self._known(b"key", fingerprint.encode())

    def learn_keys(self, authorized_keys: bytes, *, max_keys: int = 64) -> list[str]:
        """Remember the keys of an `authorized_keys` file; returns their fingerprints."""
        found: list[str] = []
        for line in authorized_keys.splitlines()[:1000]:
            words = line.split()
            for kind, blob in pairwise(words):
                if kind.startswith((b"ssh-", b"ecdsa-", b"sk-")) and (name := _fingerprint(blob)):
                    self._learn(b"key", name.encode())
                    found.append(name)
                    break
            if len(found) >= max_keys:
                break
        return found

    def _needed(self, source: str) -> int:
        low, high = self._settings.minimum_tries, self._settings.maximum_tries
        return low + self._digest(b"tries", source.encode()) % (max(low, high) - low + 1)

    def _tries(self, source: str) -> int:
        """Count this try of `source`, and say how many there were with it."""
        place = _PAIR_BYTES + self._digest(b"source", source.encode()) % _SOURCE_BYTES
        count = min(_MAX_TRIES, self._memory[place] + 1)
        self._memory[place] = count
        return count

    def _known(self, kind: bytes, value: bytes) -> bool:
        byte, bit = divmod(self._digest(kind, value) % (_PAIR_BYTES * 8), 8)
        return bool(self._memory[byte] >> bit & 1)

    def _learn(self, kind: bytes, value: bytes) -> None:
        byte, bit = divmod(self._digest(kind, value) % (_PAIR_BYTES * 8), 8)
        self._memory[byte] |= 1 << bit

    def _digest(self, kind: bytes, value: bytes) -> int:
        return int.from_bytes(blake2b(value, key=self._seed, person=kind, digest_size=8).digest())


def _shared(directory: Path | None) -> mmap.mmap:
    size = _PAIR_BYTES + _SOURCE_BYTES
    if directory is None:
        return mmap.mmap(-1, size)
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / "credentials.table", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(handle, size)
        return mmap.mmap(handle, size)
    finally:
        os.close(handle)


def _fingerprint(blob: bytes) -> str | None:
    try:
        key = b64decode(blob, validate=True)
    except (Base64Error, ValueError):
        return None
    return "SHA256:" + b64encode(sha256(key).digest()).rstrip(b"=").decode() if key else None
