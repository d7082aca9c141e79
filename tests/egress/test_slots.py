# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

from mead.egress.slots import Slots


async def test_places_are_bounded_in_all_and_per_host_and_forgotten() -> None:
    slots = Slots(5, 2)
    inside: list[str] = []
    most: dict[str, int] = {}

    async def use(host: str) -> None:
        async with slots.of(host):
            inside.append(host)
            most["all"] = max(most.get("all", 0), len(inside))
            most[host] = max(most.get(host, 0), inside.count(host))
            await asyncio.sleep(0)
            inside.remove(host)

    await asyncio.gather(*(use("abc"[n % 3]) for n in range(60)))
    assert most == {"all": 5, "a": 2, "b": 2, "c": 2}
    assert not slots._hosts
    assert not slots._users
