"""Every device can be shown."""

from __future__ import annotations

from mead.sensors.devices import DEVICES
from mead.sensors.persona import Persona
from mead.wire.negotiation import PROFILES


def test_each_device_negotiates_as_something_known_and_has_all_its_texts_filled_in() -> None:
    persona = Persona(b"d" * 32)
    shell = persona.shell_for("192.0.2.1", "telnet")
    for device in DEVICES:
        assert device.profile in PROFILES
        for text in (device.banner, device.login, device.password, device.wrong, device.greeting):
            shown = persona.device_text(text, shell)
            assert b"{" not in shown
