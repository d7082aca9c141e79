# SPDX-License-Identifier: Apache-2.0
"""Events in words: what matters, short, in the order of the catalogue."""

from __future__ import annotations

from mead.cli.words import fields, row_for_people, summary
from mead.model.catalogue import KINDS


def test_the_fields_of_the_kind_come_in_its_order_without_the_envelope() -> None:
    event = {
        "kind": "finding.made", "sensor": "w", "value": "x", "claim": "malware", "sha256": "a" * 64,
        "engine_version": "1", "jail_level": "all", "stream": "S", "seq": 1, "idx": 0, "analyser": "yara",
    }  # fmt: skip
    assert summary(event) == f"sha256={'a' * 16}…, analyser=yara, claim=malware, value=x"


def test_text_of_attackers_is_escaped_cut_and_without_links() -> None:
    event = {"kind": "command.input", "command": f"\x1b[2J wget http://192.0.2.1/{'x' * 300}"}
    ((name, value),) = fields(event, max_characters=60)
    assert name == "command"
    assert value.startswith("\\x1b[2J wget hxxp://192[.]0[.]2[.]1/xxx")
    assert len(value) < 80


def test_indicators_are_defanged_and_lists_are_joined() -> None:
    assert summary({"kind": "indicator.seen", "indicator": "evil.example"}) == "indicator=evil[.]example"
    assert summary({"kind": "sensor.status", "listeners": ["a", "b"]}) == "listeners=a b"


def test_a_kind_of_a_later_version_is_shown_as_it_is() -> None:
    assert "later.kind" not in KINDS
    assert row_for_people({"kind": "later.kind", "time": 1, "colour": "red"})["what"] == "colour=red"
