# SPDX-License-Identifier: Apache-2.0
"""Whatever the codec lets in can be stored, read, rolled up and projected: no event stops the hub."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from mead.clock import FakeClock
from mead.deck.bodies import _body_of
from mead.model import codec
from mead.model.catalogue import KINDS
from mead.model.event import Event
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore
from mead.store.settings import StoreSettings

_NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.integers(0, 70_000)
_TEXTS = st.text(max_size=20) | st.sampled_from(
    ["a" * 64, "x" * 5000, "\0", "'; DROP TABLE samples; --", "*"]
)
_TIMES = st.datetimes(
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
) | st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)])
_OF_TYPE = {int: _NUMBERS, str: _TEXTS, bool: st.booleans(), datetime: _TIMES}


def _of(hint: object) -> st.SearchStrategy[object]:
    if hint in _OF_TYPE:
        return _OF_TYPE[hint]  # type: ignore[index]  # just checked
    parts: tuple[object, ...] = getattr(hint, "__args__", ())
    if getattr(hint, "__origin__", None) is list:
        return st.lists(_of(parts[0]), max_size=3)
    if getattr(hint, "__origin__", None) is tuple:
        return st.tuples(*map(_of, parts))
    return st.none() | _of(parts[0])


def _any(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, **{name: _of(hint) for name, hint in get_type_hints(kind).items()})


_EVENTS = st.lists(st.sampled_from(list(KINDS.values())).flatmap(_any), max_size=6)


def _through_the_codec(events: list[Event]) -> list[Event]:
    """What arrives at the hub; a time beyond the calendar in UTC is refused where it is encoded."""
    data = []
    for event in events:
        try:
            data.append(codec.encode_event(event))
        except OverflowError:
            continue
    return list(codec.decode_batch(codec.join_batch(data)))


@given(st.lists(_EVENTS, min_size=1, max_size=4))
@settings(max_examples=12, deadline=None)
def test_any_event_is_stored_read_rolled_up_and_projected(messages: list[list[Event]]) -> None:
    received = [_through_the_codec(events) for events in messages]
    total = sum(map(len, received))
    with tempfile.TemporaryDirectory() as folder:
        options = StoreSettings(merge_width=2, grace_seconds=0, query_threads=1)
        clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
        with (
            EventStore.open(Path(folder) / "events", options, clock=clock) as store,
            Catalogue.open(Path(folder) / "c.sqlite") as catalogue,
        ):
            for sequence, events in enumerate(received, 1):
                store.append("s", sequence, events)
                store.commit()
                catalogue.apply([("s", sequence, index, event) for index, event in enumerate(events)])
                assert all(digest is None or len(digest) == 64 for digest in map(_body_of, events))
            store.compact()
            assert len(list(store.snapshot().select())) == total
            connection = store.connect()
            assert connection.execute("SELECT coalesce(sum(events), 0) FROM hourly").fetchall() == [(total,)]
            connection.execute("SELECT * FROM attacks").fetchall()
            connection.execute("SELECT * FROM source_day").fetchall()
            connection.close()
            store.retain(1)
