# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mead.sensors.logs.fields import (
    address_of,
    count_of,
    dicts_of,
    digest_of,
    moment_of,
    port_of,
    text_of,
    texts_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "x"), (5, "5"), (None, None), (True, None), ([], None), ("a\0b", "a\\x00b"),
     ("\udcff", "\\xff"), ("\ud800", "\\xed\\xa0\\x80"), ("é" * 9000, "é" * 2048)],
)  # fmt: skip
def test_text_is_clean_and_bounded(value: Any, expected: str | None) -> None:
    assert text_of({"a": value}, "b", "a") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("::ffff:192.0.2.1", "192.0.2.1"), (" 192.0.2.1 ", "192.0.2.1"), ("", None), ("host", None), (7, None),
     ("FE80::1%eth0", "fe80::1")],
)  # fmt: skip
def test_an_address_is_canonical_or_absent(value: Any, expected: str | None) -> None:
    assert address_of({"a": value}, "a") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(22, 22), ("22", 22), ("x", None), (-1, None), (65536, None), (True, None), (1e400, None), ("nan", None),
     ("9" * 5000, None), (None, None)],
)  # fmt: skip
def test_a_port_is_a_port_or_absent(value: Any, expected: int | None) -> None:
    assert port_of({"a": value}, "a") == expected


def test_a_count_fits_the_store() -> None:
    assert count_of({"a": 1 << 63}, "a") is None
    assert count_of({"a": 2.9}, "a") == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-02-12T08:28:02.472515", datetime(2025, 2, 12, 8, 28, 2, 472515, UTC)),
        ("2019-04-13 08:29:09.019394", datetime(2019, 4, 13, 8, 29, 9, 19394, UTC)),
        ("2025-02-18T04:23:26Z", datetime(2025, 2, 18, 4, 23, 26, tzinfo=UTC)),
        ("2018-01-01T12:00:00.123456789+01:00", datetime(2018, 1, 1, 11, 0, 0, 123456, UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_a_time_is_utc_or_absent(value: Any, expected: datetime | None) -> None:
    assert moment_of({"a": value}, "b", "a") == expected


def test_a_digest_is_64_hex_digits() -> None:
    assert digest_of({"a": "AB" * 32}, "a") == "ab" * 32
    assert digest_of({"a": "zz" * 32}, "a") is None
    assert digest_of({"a": "ab"}, "a") is None


def test_objects_come_from_a_list_or_from_columns() -> None:
    assert dicts_of([{"a": 1}, 2]) == [{"a": 1}]
    assert dicts_of({"a": [1, 2], "b": [3], "c": 4}) == [{"a": 1, "b": 3}, {"a": 2}]
    assert dicts_of("x") == []


def test_a_single_text_is_a_list_of_one() -> None:
    assert texts_of({"a": "x"}, "a") == ["x"]
    assert texts_of({"a": ["x", {}]}, "a") == ["x", None]
