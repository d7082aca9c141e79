# SPDX-License-Identifier: Apache-2.0
"""The autonomous system of an address, from a MaxMind DB file that the operator brings.

Without such a file there is no budget per autonomous system; those per host and per network hold anyway.

Source: MaxMind DB file format 2.0; the field names are those of GeoLite2-ASN, ip-location-db and IPinfo.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mead.egress.addresses import Address
from mead.errors import ConfigError, MissingTool

__all__ = ["AsnLookup", "open_asn_database"]

AsnLookup = Callable[[Address], int | None]
"""The autonomous system of an address; None when it is not known."""

_FIELDS = ("autonomous_system_number", "asn")


def open_asn_database(path: str) -> AsnLookup | None:
    """The lookup in a file; None when `path` is empty.

    Raises:
        ConfigError: the file cannot be read, or is no such database.
        MissingTool: the library that reads it is not installed.
    """
    if not path:
        return None
    try:
        import maxminddb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingTool("egress.asn_database needs mead[asn]: pip install 'mead-deck[asn]'") from error
    try:
        reader = maxminddb.open_database(Path(path).expanduser())
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"egress.asn_database: {path} cannot be used: {why}") from error

    def number(address: Address) -> int | None:
        try:
            found = reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):  # an IPv4 database, or a damaged one
            return None
        return _number(found)

    return number


def _number(record: object) -> int | None:
    """The number in a record: 15169, or `AS15169`."""
    if not isinstance(record, dict):
        return None
    value = next((record[name] for name in _FIELDS if name in record), None)
    text = str(value).upper().removeprefix("AS")
    return int(text) if text.isascii() and text.isdigit() else None
