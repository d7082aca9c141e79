from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.store.sequences import Sequences, difference

spans = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair))))


def _set(ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(spans)
def test_ranges_are_the_set_and_as_few_as_possible(added: list[tuple[int, int]]) -> None:
    sequences = Sequences(added)
    ranges = sequences.ranges()
    assert _set(ranges) == _set(added)
    assert all(right[0] > left[1] + 1 for left, right in itertools.pairwise(ranges))
    assert all((number in sequences) == (number in _set(added)) for number in range(75))


@given(spans, spans)
def test_the_difference_is_what_is_only_in_the_new(
    new: list[tuple[int, int]], old: list[tuple[int, int]]
) -> None:
    left = difference({"s": Sequences(new).ranges()}, {"s": Sequences(old).ranges()})
    assert _set(left.get("s", [])) == _set(new) - _set(old)


def test_a_stream_that_the_old_position_does_not_know_is_all_new() -> None:
    assert difference({"a": ((1, 3),), "b": ((1, 2),)}, {"a": ((1, 3),)}) == {"b": [(1, 2)]}


@pytest.mark.parametrize(
    ("ranges", "complete"), [([], 0), ([(1, 5)], 5), ([(1, 5), (7, 9)], 5), ([(2, 9)], 0), ([(0, 3)], 3)]
)
def test_reading_goes_on_before_the_first_gap(ranges: list[tuple[int, int]], complete: int) -> None:
    assert Sequences(ranges).complete_until() == complete
