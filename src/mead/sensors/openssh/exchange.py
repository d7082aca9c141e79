# SPDX-License-Identifier: Apache-2.0
"""Key exchanges where asyncssh differs from sshd, or has none.

Source: OpenSSH `kexgexs.c` and `dh.c` (`DH_GRP_MIN`): a group of less than 2,048 bits is never given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha1, sha256, sha512
from typing import Any

import asyncssh
from asyncssh import kex_dh
from asyncssh.crypto import Curve25519DH
from asyncssh.kex import register_kex_alg
from asyncssh.packet import SSHPacket

from mead.sensors.openssh import sntrup

__all__ = ["offer_exchanges"]

_SMALLEST_BITS = 2048
_REQUEST = 34


class _Sntrup:
    """Encapsulation for asyncssh, which has this key exchange only with an external library."""

    pubkey_bytes = sntrup.PUBLIC_KEY_BYTES
    ciphertext_bytes = sntrup.CIPHERTEXT_BYTES

    def __init__(self, alg_name: bytes) -> None:
        pass

    def encaps(self, peer_public: bytes) -> tuple[bytes, bytes]:
        return sntrup.encapsulate(peer_public)


class _GroupExchange(kex_dh._KexDHGex):  # noqa: SLF001 - see `mead.sensors.openssh.connection`
    """Refuses who wants small groups only, as sshd does."""

    def _process_request(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        asked = packet.get_remaining_payload()
        if pkttype == _REQUEST and int.from_bytes(asked[8:12]) < _SMALLEST_BITS:
            raise asyncssh.KeyExchangeFailed("DH GEX group out of range")
        super()._process_request(pkttype, pktid, packet)

    _packet_handlers: Mapping[int, Callable[..., Any]] = {
        **kex_dh._KexDHGex._packet_handlers,  # noqa: SLF001 - as above
        _REQUEST: _process_request,
    }


@lru_cache(maxsize=1)
def offer_exchanges() -> None:
    """Teach asyncssh what it has to do as sshd does; once for the process."""
    for name in (b"sntrup761x25519-sha512", b"sntrup761x25519-sha512@openssh.com"):
        how = (_Sntrup, b"sntrup761", Curve25519DH)
        register_kex_alg(name, kex_dh._KexHybridECDH, sha512, how, True)  # noqa: SLF001 - as above
    groups = [group for group in kex_dh._dh_gex_groups if group[0] >= _SMALLEST_BITS]  # noqa: SLF001
    kex_dh._dh_gex_groups = tuple(groups)  # type: ignore[assignment]  # noqa: SLF001 - its type counts them
    register_kex_alg(b"diffie-hellman-group-exchange-sha256", _GroupExchange, sha256, (), True)
    register_kex_alg(b"diffie-hellman-group-exchange-sha1", _GroupExchange, sha1, (), False)
