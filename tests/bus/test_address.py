# SPDX-License-Identifier: Apache-2.0
"""The address file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.bus.address import ADDRESS_FILE, SEED_FILE, BusAddress, make_key, write_atomically
from mead.errors import BusError


def test_an_address_is_read_as_it_was_written(tmp_path: Path) -> None:
    address = BusAddress(url="nats://127.0.0.1:4222", nkey_seed_path=str(tmp_path / SEED_FILE))
    address.save(tmp_path)
    assert BusAddress.load(tmp_path) == address == address.current()


def test_a_missing_address_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="start `mead run`"):
        BusAddress.load(tmp_path)


def test_a_broken_address_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ADDRESS_FILE).write_text("{")
    with pytest.raises(BusError, match=r"address\.json cannot be read"):
        BusAddress.load(tmp_path)


def test_the_current_address_follows_a_server_that_moved(tmp_path: Path) -> None:
    old = BusAddress(url="nats://127.0.0.1:1", nkey_seed_path=str(tmp_path / SEED_FILE))
    assert old.current() == old
    new = BusAddress(url="nats://127.0.0.1:2", nkey_seed_path=str(tmp_path / SEED_FILE))
    new.save(tmp_path)
    assert old.current() == new


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / SEED_FILE
    public = make_key(path)
    assert public.startswith("U")
    assert make_key(path) == public
    assert path.stat().st_mode & 0o777 == 0o600
    assert BusAddress(url="", nkey_seed_path=str(path)).seed().startswith(b"SU")


def test_two_installs_never_share_a_key(tmp_path: Path) -> None:
    assert make_key(tmp_path / "a") != make_key(tmp_path / "b")


def test_a_broken_key_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / SEED_FILE).write_text("not a key")
    with pytest.raises(BusError, match="remove it"):
        make_key(tmp_path / SEED_FILE)


def test_a_key_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="key of the bus cannot be read"):
        BusAddress(url="", nkey_seed_path=str(tmp_path / "none")).seed()


@pytest.mark.root
def test_a_process_that_dropped_its_privileges_keeps_its_key(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    make_key(tmp_path / SEED_FILE)
    code = (
        "import os, sys\n"
        "from mead.bus.address import BusAddress\n"
        "address = BusAddress(url='', nkey_seed_path=sys.argv[1])\n"
        "first = address.seed()\n"
        "os.setresgid(65534, 65534, 65534)\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "assert address.seed() == first\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / SEED_FILE)], check=True, env=os.environ)


def test_an_interrupted_write_leaves_no_obstacle(tmp_path: Path) -> None:
    import os

    (tmp_path / f".x.{os.getpid()}").write_text("left behind")
    write_atomically(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
