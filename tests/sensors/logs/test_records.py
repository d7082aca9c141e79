# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Origins, Record, json_records


def _values(*pieces: bytes, wrapper: str = "") -> list[dict[str, object] | str]:
    return [
        item.reason if isinstance(item, BrokenLine) else item.fields
        for item in json_records(pieces, wrapper=wrapper)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (b'[{"a": 1},\n,\n{"a": 2}\n]', [{"a": 1}, {"a": 2}]),
        (b'[{"a": [1]},{"a": {"b": [2]}}]', [{"a": [1]}, {"a": {"b": [2]}}]),
        (b'{"a": 1}{"a": 2} {"a": 3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
        (b'{"a": 1}\n{"a": ', [{"a": 1}, "not JSON"]),
        (b'"a": 1}\n{"a": 2}', ["not JSON", {"a": 2}]),
        (b'junk {"a": 1}', ["not JSON", {"a": 1}]),
        (b'{"a": 1} junk', [{"a": 1}, "not JSON"]),
        (b"5\n", ["not a JSON object"]),
        (b"\n \n[\n]\n,\n", []),
        (b'{"a": "\xff"}', [{"a": "\udcff"}]),
        (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, ["not JSON"]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_objects_are_found_in_what_was_once_a_file(text: bytes, expected: list[object]) -> None:
    assert _values(text) == expected


def test_an_object_that_wraps_the_array_is_taken_off() -> None:
    assert _values(b'{"attacks":[\n{"a": 1},\n{"a": [2]}\n]}', wrapper="attacks") == [{"a": 1}, {"a": [2]}]
    assert _values(b'{ "attacks": [{"a": 1}, {"a": [2]}]}', wrapper="attacks") == [{"a": 1}, {"a": [2]}]


def test_equal_records_have_different_names_and_the_same_ones_each_time() -> None:
    def names() -> list[str]:
        return [
            item.digest for item in json_records([b'{"a":1}\n{"a":1}\n{"a":2}\n']) if isinstance(item, Record)
        ]

    assert len(set(names())) == 3
    assert names() == names()


def test_a_record_keeps_its_name_when_the_file_grows() -> None:
    origins, longer = Origins(), Origins()
    first = [origins.name(b"x"), origins.name(b"y")]
    assert [longer.name(b"x"), longer.name(b"y"), longer.name(b"x")][:2] == first


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_broken_lines(data: bytes) -> None:
    for item in json_records([data], wrapper="attacks"):
        assert isinstance(item, Record | BrokenLine)


@given(st.text(alphabet='{}[]",:a1\\ \n', max_size=80))
def test_any_heap_of_json_tokens_gives_records_or_broken_lines(text: str) -> None:
    for item in json_records([text.encode()], wrapper="a"):
        assert isinstance(item, Record | BrokenLine)
