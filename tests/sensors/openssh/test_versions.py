"""The lists are whole and can be served."""

from __future__ import annotations

import pytest
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

from mead.sensors.openssh.connection import _offer_sntrup
from mead.sensors.openssh.versions import VERSIONS, OpenSshVersion


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.banner)
def test_what_is_offered_can_be_done(version: OpenSshVersion) -> None:
    _offer_sntrup()
    kex = [name.encode() for name in version.kex if not name.startswith(("ext-info", "kex-strict"))]
    assert set(kex) <= set(get_kex_algs())
    assert {name.encode() for name in version.ciphers} <= set(get_encryption_algs())
    missing = {name.encode() for name in version.macs} - set(get_mac_algs())
    assert all(name.startswith(b"umac") for name in missing)  # those need libnettle
    assert len(set(version.kex)) == len(version.kex)


def test_banners_differ_and_belong_to_a_system() -> None:
    assert len({version.banner for version in VERSIONS}) == len(VERSIONS)
    assert all(version.kernel and version.build and version.distribution for version in VERSIONS)
