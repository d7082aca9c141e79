# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import builtins
import struct
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from mead.clock import FakeClock
from mead.egress.asn import open_asn_database
from mead.egress.gate import Allowed, Gate, Refused
from mead.egress.policy import EgressSettings
from mead.errors import ConfigError, MissingTool


def _field(value: object) -> bytes:
    """A value as the file format has it: strings, numbers and maps below 285 bytes or entries."""
    match value:
        case str():
            data = value.encode()
            return (
                bytes([2 << 5 | len(data)]) if len(data) < 29 else bytes([2 << 5 | 29, len(data) - 29])
            ) + data
        case int():
            return bytes([6 << 5 | 4]) + struct.pack(">I", value)
        case ("uint16", int(number)):
            return bytes([5 << 5 | 2]) + struct.pack(">H", number)
        case ("uint64", int(number)):
            return bytes([8, 2]) + struct.pack(">Q", number)
        case list():
            return bytes([len(value), 4]) + b"".join(map(_field, value))
        case dict():
            return bytes([7 << 5 | len(value)]) + b"".join(
                _field(key) + _field(at) for key, at in value.items()
            )
    raise TypeError(value)


def _database(records: dict[str, object], *, version: int = 6) -> bytes:
    """A MaxMind DB with one record per network: a binary tree of 24-bit records, then the data."""
    tree: list[list[Any]] = [[None, None]]
    data = b""
    for text, record in records.items():
        network = ip_network(text)
        bits = 32 if version == 4 else 128
        number = int(network.network_address)
        length = network.prefixlen + (96 if version == 6 and network.version == 4 else 0)
        node = 0
        for depth in range(length - 1):
            side = number >> (bits - 1 - depth) & 1
            if tree[node][side] is None:
                tree.append([None, None])
                tree[node][side] = len(tree) - 1
            node = tree[node][side]
        tree[node][number >> (bits - length) & 1] = ("data", len(data))
        data += _field(record)
    count = len(tree)

    def pointer(entry: Any) -> bytes:
        at = count if entry is None else entry if isinstance(entry, int) else count + 16 + entry[1]
        return int(at).to_bytes(3, "big")

    about = {
        "node_count": count, "record_size": ("uint16", 24), "ip_version": ("uint16", version),
        "database_type": "ASN", "languages": ["en"], "description": {}, "build_epoch": ("uint64", 1),
        "binary_format_major_version": ("uint16", 2), "binary_format_minor_version": ("uint16", 0),
    }  # fmt: skip
    nodes = b"".join(pointer(side) for node in tree for side in node)
    return nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _field(about)


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "asn.mmdb"
    path.write_bytes(
        _database(
            {
                "8.8.8.0/24": {"autonomous_system_number": 15169, "autonomous_system_organization": "G"},
                "1.1.1.0/24": {"asn": "AS13335"},
                "9.9.9.0/24": {"asn": "unknown"},
                "9.9.8.0/24": "no record",
                "2a00:1450::/32": {"autonomous_system_number": 15169},
            }
        )
    )
    return str(path)


def test_the_number_is_read_in_all_spellings(database: str) -> None:
    lookup = open_asn_database(database)
    assert lookup
    found = {text: lookup(ip_address(text)) for text in ("8.8.8.8", "1.1.1.1", "2a00:1450::1")}
    assert found == {"8.8.8.8": 15169, "1.1.1.1": 13335, "2a00:1450::1": 15169}


@pytest.mark.parametrize("address", ["8.8.9.1", "9.9.9.9", "9.9.8.1", "2a01::1"])
def test_what_is_not_known_has_no_number(database: str, address: str) -> None:
    lookup = open_asn_database(database)
    assert lookup
    assert lookup(ip_address(address)) is None


def test_a_database_of_ipv4_only_knows_no_other_address(tmp_path: Path) -> None:
    path = tmp_path / "asn.mmdb"
    path.write_bytes(_database({"8.8.8.0/24": {"autonomous_system_number": 15169}}, version=4))
    lookup = open_asn_database(str(path))
    assert lookup
    assert lookup(ip_address("8.8.8.8")) == 15169
    assert lookup(ip_address("2a00::1")) is None


def test_none_is_used_unless_it_is_named() -> None:
    assert open_asn_database("") is None


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_file_that_cannot_be_used_is_an_error_of_the_operator(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "asn.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"egress.asn_database: .*asn.mmdb cannot be used"):
        open_asn_database(str(path))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "maxminddb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "maxminddb", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingTool, match=r"mead\[asn\]"):
        open_asn_database(database)


async def test_the_budget_of_an_autonomous_system_holds_over_its_networks(database: str) -> None:
    settings = EgressSettings(policy="fetch", asn_database=database, per_asn_per_minute=1)
    gate = Gate(settings, FakeClock(), own_host=lambda address: False)
    assert isinstance(await gate.decide("http://8.8.8.8/"), Allowed)
    refused = await gate.decide("http://[2a00:1450::1]/")
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.passing) == ("budget of the AS is used up", True)
    assert isinstance(await gate.decide("http://1.1.1.1/"), Allowed)
