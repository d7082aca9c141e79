# SPDX-License-Identifier: Apache-2.0
"""Digests are 32 bytes, times are UTC, keys of several texts do not run into each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy.dialects import postgresql, sqlite

from mead.store.catalogue.columns import Digest, Name, UtcTime, key_of, shortened


def test_a_digest_is_32_bytes_in_the_database() -> None:
    stored = Digest().process_bind_param("ab" * 32, sqlite.dialect())
    assert stored == b"\xab" * 32
    assert Digest().process_result_value(memoryview(b"\xab" * 32), sqlite.dialect()) == "ab" * 32


def test_a_time_is_utc_whatever_zone_it_came_in() -> None:
    tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert UtcTime().process_bind_param(tokyo, sqlite.dialect()) == datetime(2026, 1, 1)  # noqa: DTZ001
    assert UtcTime().process_bind_param(tokyo, postgresql.dialect()) == datetime(2026, 1, 1, tzinfo=UTC)
    assert UtcTime().process_result_value(tokyo, postgresql.dialect()) == tokyo


def test_keys_tell_absent_from_empty_and_keep_parts_apart() -> None:
    keys = {key_of("a", "b"), key_of("ab", ""), key_of("ab", None), key_of("ab"), key_of("a", None, "b")}
    assert len(keys) == 5


def test_a_name_is_short_enough_for_an_index_and_stays_one_of_its_own() -> None:
    assert shortened("192.0.2.1") == "192.0.2.1"
    long = ["\U0001f480" * 5000, "\U0001f480" * 5001]
    short = [shortened(text) for text in long]
    assert len(set(short)) == 2
    assert all(len(text.encode()) < 2700 for text in short)
    assert [shortened(text) for text in short] == short, "shortening again changes nothing"
    assert Name().process_bind_param("a\0b", postgresql.dialect()) == "a\\x00b"
