# SPDX-License-Identifier: Apache-2.0
"""A process ends with the error of the part that failed, in words for people."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from mead.deck.processes import until_told
from mead.errors import BusError


async def _parts(*errors: Exception) -> None:
    async def fails(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as inner:
        inner.create_task(asyncio.sleep(60))
        for error in errors:
            inner.create_task(fails(error))


@pytest.mark.parametrize("others", [[], [KeyError("first")]])
async def test_the_error_that_is_meant_for_people_is_raised(others: list[Exception]) -> None:
    async def nested() -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(_parts(*others, BusError("the bus refuses")))

    with pytest.raises(BusError, match="the bus refuses"):
        await until_told(nested())


async def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        await until_told(_parts(ZeroDivisionError()))


async def test_a_signal_ends_it_in_order() -> None:
    done: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        finally:
            done.append("cleaned up")

    async with asyncio.timeout(20):
        await until_told(work())
    assert done == ["cleaned up"]
