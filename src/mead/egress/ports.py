# SPDX-License-Identifier: Apache-2.0
"""Ports where a fetch would do something else than fetch: send mail, query names, be amplified.

An attacker who chooses host, port and path could use an HTTP or FTP client to speak to another service
(protocol smuggling), and a TFTP client as a source of UDP to a reflector. A raw TCP fetch sends nothing
and may go to any port.

Source: WHATWG Fetch §2.9 (bad ports); for UDP the reflectors of US-CERT TA14-017A.
"""

from __future__ import annotations

__all__ = ["refused_port"]

_BAD = frozenset(
    (
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
        104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513,
        514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720,
        1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
        10080, 11211,
    )
)  # fmt: skip
_REFLECTORS = frozenset((1900, 3283, 3702, 5353, 5683, 27960, 37810))
_OWN = {"ftp": frozenset((20, 21, 989, 990)), "tftp": frozenset((69,))}


def refused_port(scheme: str, port: int) -> str | None:
    """Why a fetch with `scheme` does not go to `port`; None when it may."""
    if scheme == "tcp" or port in _OWN.get(scheme, frozenset()):
        return None
    if port in _BAD or (scheme == "tftp" and port in _REFLECTORS):
        return "port belongs to another service"
    return None
