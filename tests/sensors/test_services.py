"""Services are listed, loaded by name, and prepared while the sensor may still write."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.errors import ConfigError
from mead.sensors.persona import Persona
from mead.sensors.services import SERVICES, prepare


def test_every_service_is_there() -> None:
    for entry in SERVICES.entries():
        assert callable(SERVICES.load(entry.name))


def test_preparing_makes_all_keys_in_the_sensors_directory(tmp_path: Path) -> None:
    prepare(["telnet", "ssh", "https"], Persona(b"p" * 32, tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert any(name.startswith("ssh_host_ssh-ed25519") for name in names)
    assert any(name.startswith("tls_") for name in names)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_an_unknown_service_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean telnet"):
        prepare(["telnt"], Persona(b"p" * 32, tmp_path))


@pytest.mark.root
def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="make data_dir writable"):
        prepare(["ssh"], Persona(b"p" * 32, tmp_path / "file" / "below"))
