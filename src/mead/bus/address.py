# SPDX-License-Identifier: Apache-2.0
"""Where the bus is and with which key it is entered.

The server writes `address.json` beside the key; every other process of the same user reads both. The key
is an nkey (Ed25519): the server knows only the public half, so its configuration holds no secret.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec
import nkeys

from mead.errors import BusError

__all__ = ["ADDRESS_FILE", "SEED_FILE", "BusAddress", "make_key", "write_atomically"]

ADDRESS_FILE = "address.json"
SEED_FILE = "bus.nk"
_seeds: dict[str, bytes] = {}
"""Keys that this process has read; after dropping its privileges it cannot read them again."""


class BusAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to connect.

    Attributes:
        url: `nats://host:port`.
        nkey_seed_path: file with the private key, readable by its owner only.
    """

    url: str
    nkey_seed_path: str

    @classmethod
    def load(cls, directory: Path) -> BusAddress:
        """The address that the server in `directory` wrote.

        Raises:
            BusError: there is none, or it cannot be read.
        """
        path = directory / ADDRESS_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError as error:
            raise BusError(
                f"no bus runs in {directory} ({ADDRESS_FILE} is missing): start `mead run`"
            ) from error
        except (OSError, msgspec.MsgspecError) as error:
            raise BusError(f"{path} cannot be read ({error}): is the bus started by another user?") from error

    def save(self, directory: Path) -> None:
        """Write it for the other processes, whole or not at all."""
        write_atomically(directory / ADDRESS_FILE, msgspec.json.encode(self))

    def current(self) -> BusAddress:
        """The address written last beside the key: the server may have moved to another port."""
        with suppress(BusError):
            return BusAddress.load(Path(self.nkey_seed_path).parent)
        return self

    def seed(self) -> bytes:
        """The private key; one that was read before is enough for a process that dropped its privileges.

        Raises:
            BusError: it cannot be read, or is none.
        """
        try:
            _seeds[self.nkey_seed_path] = Path(self.nkey_seed_path).read_bytes().strip()
        except OSError as error:
            if not (isinstance(error, PermissionError) and self.nkey_seed_path in _seeds):
                raise BusError(f"the key of the bus cannot be read: {error}") from error
        _public(_seeds[self.nkey_seed_path], Path(self.nkey_seed_path))
        return _seeds[self.nkey_seed_path]


def make_key(path: Path) -> str:
    """The public key of the seed in `path`; the seed is made (mode 0600) when there is none.

    Raises:
        BusError: the file is there but holds no seed.
    """
    if not path.exists():
        seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        write_atomically(path, seed + b"\n")
    return _public(path.read_bytes().strip(), path)


def _public(seed: bytes, path: Path) -> str:
    try:
        return str(nkeys.from_seed(bytearray(seed)).public_key.decode())
    except (nkeys.NkeysError, ValueError) as error:
        raise BusError(f"{path} is not the key of a bus ({error!r}): remove it, a new one is made") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
