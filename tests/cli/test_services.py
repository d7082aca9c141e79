# SPDX-License-Identifier: Apache-2.0
"""`mead services`: the doors that there are, and those that are configured."""

from __future__ import annotations

import json
from typing import Any

from mead.sensors.services import SERVICES


def test_every_service_is_listed_with_its_ports(nowhere: Any) -> None:
    with nowhere.configuration.open("a") as stream:
        stream.write("[sensor.services]\ntelnet = [23, 2323]\n")
    rows = {row["service"]: row for row in map(json.loads, nowhere.mead("services").stdout.splitlines())}
    assert set(rows) == {entry.name for entry in SERVICES.entries()}
    assert rows["telnet"]["ports"] == [23, 2323]
    assert rows["ssh"]["ports"] == []
