# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from mead.deck.settings import EgressSettings, SensorSettings, Settings, egress_of


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
