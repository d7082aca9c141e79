# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from mead.deck.settings import EgressSettings, SensorSettings, Settings, egress_of, is_name, load_settings
from mead.errors import ConfigError


def test_what_the_sensor_listens_on_is_never_contacted() -> None:
    sensor = SensorSettings(addresses=("0.0.0.0", "::", "198.51.100.7", "2001:db8::7"))
    settings = Settings(sensor=sensor, egress=EgressSettings(own_addresses=["198.51.100.0/28"]))
    assert egress_of(settings).own_addresses == ["198.51.100.0/28", "198.51.100.7", "2001:db8::7"]
    assert egress_of(Settings()).own_addresses == ["127.0.0.1", "::1"]


def test_processes_share_what_may_be_fetched_a_minute() -> None:
    settings = Settings(egress=EgressSettings(per_host_per_minute=30, per_asn_per_minute=0))
    shared = egress_of(settings, shares=8)
    assert (shared.per_host_per_minute, shared.per_network_per_minute, shared.per_asn_per_minute) == (4, 8, 0)
    assert egress_of(settings).per_host_per_minute == 30


def test_an_unknown_service_is_named_with_its_line_and_those_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "mead.toml"
    path.write_text("[sensor.services]\ntelnet = [23]\ngopher = [70]\n")
    with pytest.raises(ConfigError, match=r"mead\.toml:3: no service is called 'gopher'; known: telnet, ssh"):
        load_settings(path)
    path.write_text("[sensor]\nservices = {http = [80], gopher = [70]}\n")
    with pytest.raises(ConfigError, match=r"mead\.toml:2: no service is called 'gopher'"):
        load_settings(path)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(None) == Settings()
    (tmp_path / "mead.toml").touch()
    assert load_settings(tmp_path / "mead.toml") == Settings()


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("A-b_9", True), ("-a", False), ("a\n", False), ("", False)]
)
def test_a_name_is_one_that_a_stream_can_have(name: str, good: bool) -> None:
    assert is_name(name) is good
