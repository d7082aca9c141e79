"""Host keys are of the kinds that the claimed version makes, and are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.sensors.openssh.hostkeys import host_keys
from mead.sensors.openssh.versions import VERSIONS
from mead.sensors.persona import Persona


@pytest.mark.parametrize("bits", [2048, 3072])
def test_keys_have_the_kinds_and_length_of_the_version(bits: int) -> None:
    version = next(version for version in VERSIONS if version.rsa_bits == bits)
    keys = host_keys(Persona(b"h" * 32), version)
    assert [key.get_algorithm() for key in keys] == ["ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"]
    assert keys[0].pyca_key.key_size == bits


def test_two_installs_have_different_keys_and_one_keeps_its_own(tmp_path: Path) -> None:
    version = VERSIONS[0]
    one = [key.export_public_key() for key in host_keys(Persona(b"h" * 32, tmp_path / "a"), version)]
    same = [key.export_public_key() for key in host_keys(Persona(b"h" * 32, tmp_path / "a"), version)]
    other = [key.export_public_key() for key in host_keys(Persona(b"h" * 32, tmp_path / "b"), version)]
    assert one == same
    assert not set(one) & set(other)
