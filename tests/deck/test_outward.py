# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from mead.deck.outward import examine_egress, policy_in_words
from mead.egress.policy import EgressSettings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "observe (offers are recorded, not fetched; `mead init` asks)"),
        ({"policy": "queue"}, "queue (offers wait for `mead worker --queues fetch`)"),
        ({"policy": "fetch"}, "fetch (offers are fetched at once)"),
        (
            {"policy": "fetch", "allow_loopback_for_tests": True},
            "fetch (offers are fetched at once, from loopback only: allow_loopback_for_tests is on)",
        ),
        ({"allow_loopback_for_tests": True}, "observe (offers are recorded, not fetched; `mead init` asks)"),
    ],
)
def test_the_policy_is_said_with_its_meaning(options: dict[str, bool], words: str) -> None:
    assert policy_in_words(EgressSettings(**options)) == words  # type: ignore[arg-type]


def test_without_a_database_the_bound_per_autonomous_system_is_absent() -> None:
    items = {item.name: item for item in examine_egress(EgressSettings())}
    assert items["AS numbers"].state == "absent"
    assert "egress.asn_database" in items["AS numbers"].remedy
    assert items["egress to the world"].state == "ok"


def test_a_database_that_is_named_and_cannot_be_used_is_missing(tmp_path: Path) -> None:
    settings = EgressSettings(asn_database=str(tmp_path / "none.mmdb"), allow_loopback_for_tests=True)
    items = {item.name: item for item in examine_egress(settings)}
    assert items["AS numbers"].state == "missing"
    assert "none.mmdb cannot be used" in items["AS numbers"].remedy
    assert items["egress to the world"].state == "absent"
