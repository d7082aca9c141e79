"""Nobody hears a silent link."""

from __future__ import annotations

from mead.sensors.dialogue import SilentLink


def test_a_silent_link_remembers_what_was_said_and_the_first_reason() -> None:
    link = SilentLink()
    link.send(b"a")
    link.close("first")
    link.close("second")
    assert (link.sent, link.closed) == ([b"a"], "first")
