"""What a process holds is told as it is now."""

from __future__ import annotations

from mead.sensors.memory import give_back, resident_bytes


def test_memory_that_is_used_and_given_back_shows() -> None:
    before = resident_bytes()
    assert before > 1 << 20
    held = bytearray(b"x") * (64 << 20)
    assert resident_bytes() - before > 48 << 20
    assert len(held) == 64 << 20
    del held
    give_back()
    assert resident_bytes() - before < 32 << 20
