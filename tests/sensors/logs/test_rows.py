# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mead.sensors.logs.lines import BrokenLine
from mead.sensors.logs.records import Record
from mead.sensors.logs.rows import rows_or_records

HEADERS = {2: ("timestamp", "word")}


def _read(data: bytes) -> list[object]:
    found = rows_or_records([data], headers=HEADERS)
    return [item.reason if isinstance(item, BrokenLine) else item.fields for item in found]


def test_the_first_byte_chooses_between_json_and_csv() -> None:
    assert _read(b'\n\n{"a": 1}\n') == [{"a": 1}]
    assert _read(b"t,w\n") == [{"timestamp": "t", "word": "w"}]
    assert _read(b"") == []


def test_a_header_line_names_the_columns() -> None:
    assert _read(b"word,timestamp\r\nw,t\r\n") == [{"word": "w", "timestamp": "t"}]


def test_a_quoted_line_end_belongs_to_its_row() -> None:
    assert _read(b'1,"a\nb"\n2,c\n') == [{"timestamp": "1", "word": "a\nb"}, {"timestamp": "2", "word": "c"}]


def test_a_quote_that_never_ends_takes_one_line_with_it() -> None:
    rows = b'1,"a\n' + b"".join(b"%d,x\n" % n for n in range(50))
    found = _read(rows)
    assert found[0] == "quote is not closed"
    assert len(found) == 51


def test_rows_of_another_width_are_counted() -> None:
    assert _read(b"1,2,3\n1,2\n") == ["wrong number of columns", {"timestamp": "1", "word": "2"}]


@given(st.text(alphabet='",\n\ra{', max_size=60))
def test_any_csv_gives_records_or_broken_lines(text: str) -> None:
    for item in rows_or_records([text.encode()], headers=HEADERS):
        assert isinstance(item, Record | BrokenLine)
