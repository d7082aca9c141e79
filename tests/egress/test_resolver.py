# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_address

import pytest

from mead.egress.resolver import FixedResolver, SystemResolver


async def test_a_name_is_asked_for_as_it_is_and_its_answers_are_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answer(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        found = [
            "8.8.8.8",
            "8.8.8.8",
            "fe80::1%eth0",
            *(f"9.9.{number // 250}.{number % 250}" for number in range(500)),
        ]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 0)) for text in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = await SystemResolver().resolve("h.example.org")
    assert asked == ["h.example.org."]
    assert found[:3] == [ip_address("8.8.8.8"), ip_address("fe80::1"), ip_address("9.9.0.0")]
    assert len(found) == 64


async def test_a_name_server_that_never_answers_holds_up_no_thread_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def stuck(*_: object, **__: object) -> list[object]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    resolver = SystemResolver(timeout_seconds=0.1, max_threads=2)
    try:
        tries = (resolver.resolve(f"{number}.example") for number in range(50))
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {TimeoutError}
        assert await asyncio.to_thread(lambda: 5) == 5
    finally:
        answered.set()


async def test_a_table_answers_what_is_in_it() -> None:
    table = FixedResolver({"a.example": ["192.0.2.1", "2001:db8::1"]})
    assert await table.resolve("a.example") == [ip_address("192.0.2.1"), ip_address("2001:db8::1")]
    with pytest.raises(socket.gaierror):
        await table.resolve("b.example")
