# SPDX-License-Identifier: Apache-2.0
"""The sensor's SSH host keys: made once, kept in its directory, loaded ever after."""

from __future__ import annotations

import asyncssh

from mead.sensors.openssh.versions import OpenSshVersion
from mead.sensors.persona import Persona

__all__ = ["host_keys"]


def host_keys(persona: Persona, version: OpenSshVersion) -> list[asyncssh.SSHKey]:
    """One key of each type that the claimed version makes at installation.

    Raises:
        ConfigError: the sensor's directory cannot be written.
    """
    kinds = dict.fromkeys("ssh-rsa" if "rsa" in name else name for name in version.host_keys)
    return [_key(persona, kind, version.rsa_bits) for kind in kinds]


def _key(persona: Persona, kind: str, rsa_bits: int) -> asyncssh.SSHKey:
    name = f"ssh_host_{kind}_key"
    stored = persona.stored(name)
    if stored is None:
        rsa = kind == "ssh-rsa"
        made = (
            asyncssh.generate_private_key(kind, key_size=rsa_bits)
            if rsa
            else asyncssh.generate_private_key(kind)
        )
        stored = persona.kept(name, made.export_private_key("openssh"))
    return asyncssh.import_private_key(stored)
