# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from mead.clock import FakeClock
from mead.egress.budget import Budget


def test_a_minutes_tokens_are_there_at_once_and_come_back_evenly() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    assert [budget.take([("h", 2)]) for _ in range(3)] == [None, None, "h"]
    clock.advance(29)
    assert budget.take([("h", 2)]) == "h"
    clock.advance(1)
    assert budget.take([("h", 2)]) is None
    clock.advance(10_000)
    assert [budget.take([("h", 2)]) for _ in range(3)] == [None, None, "h"]


def test_an_empty_bucket_takes_nothing_from_the_others() -> None:
    budget = Budget(FakeClock())
    assert budget.take([("a", 1), ("b", 1)]) is None
    assert budget.take([("c", 1), ("b", 1)]) == "b"
    assert budget.take([("c", 1)]) is None


def test_a_rate_of_none_allows_none() -> None:
    assert Budget(FakeClock()).take([("a", 0)]) == "a"


def test_the_number_of_buckets_is_bounded() -> None:
    budget = Budget(FakeClock(), max_buckets=10)
    for number in range(1000):
        budget.take([(str(number), 1)])
    assert len(budget._buckets) == 10
