"""Group exchange gives no small group, and what is taught to the library stays in its place."""

from __future__ import annotations

from typing import Any

import asyncssh
import pytest
from asyncssh import kex, kex_dh

from mead.sensors.openssh.exchange import offer_exchanges
from mead.sensors.openssh.versions import VERSIONS

GEX = "diffie-hellman-group-exchange-sha256"


def asking(monkeypatch: pytest.MonkeyPatch, smallest: int, wanted: int, largest: int) -> list[int]:
    """Have asyncssh's client ask for groups of such sizes; the sizes of those it is given."""
    given: list[int] = []
    for name, value in (("MIN", smallest), ("PREFERRED", wanted), ("MAX", largest)):
        monkeypatch.setattr(kex_dh, f"KEX_DH_GEX_{name}_SIZE", value)
    original = kex_dh._KexDHGex._init_group

    def init(self: Any, g: int, p: int) -> None:
        given.append(p.bit_length())
        original(self, g, p)

    monkeypatch.setattr(kex_dh._KexDHGex, "_init_group", init)
    return given


@pytest.mark.parametrize(("wanted", "bits"), [(1024, 2048), (2048, 2048), (4096, 4096), (8192, 8192)])
async def test_a_group_is_as_large_as_wanted_and_never_small(
    sensor: Any, monkeypatch: pytest.MonkeyPatch, wanted: int, bits: int
) -> None:
    given = asking(monkeypatch, 1024, wanted, 8192)
    options = {"known_hosts": None, "config": None, "client_keys": None, "username": "root"}
    async with (
        sensor("ssh") as running,
        asyncssh.connect(
            "127.0.0.1", running.ports["ssh"], password="admin", kex_algs=[GEX], **options
        ) as peer,
    ):
        assert (await peer.run("echo in")).stdout == "in\n"
    assert set(given) == {bits}


async def test_who_takes_small_groups_only_is_sent_away(sensor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asking(monkeypatch, 1024, 1024, 1024)
    async with sensor("ssh") as running:
        with pytest.raises(asyncssh.KeyExchangeFailed, match="out of range"):
            await asyncssh.connect("127.0.0.1", running.ports["ssh"], known_hosts=None, kex_algs=[GEX])


def test_what_was_taught_is_what_is_used() -> None:
    offer_exchanges()
    wanted = {name for version in VERSIONS for name in version.kex if not name.startswith(("kex-", "ext-"))}
    assert wanted <= {name.decode() for name in kex.get_kex_algs()}
    handler = kex._kex_handlers[GEX.encode()][0]
    assert handler._packet_handlers[34] is handler._process_request
