# SPDX-License-Identifier: Apache-2.0
"""`mead explain` knows what other messages point to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mead.cli import explain
from mead.cli.main import cli
from mead.errors import ConfigError
from mead.model.catalogue import FIELDS, KINDS
from mead.store.where import parse_where

SOURCE = Path(__file__).parents[2] / "src" / "mead"


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("offer.seen", "event offer.seen: Somebody named a place"),
        ("sha256", "field sha256:"),
        ("13", "exit code 13:"),
        ("telnet", "service telnet:"),
        ("egress.policy", "setting egress.policy"),
        ("hashes", "analyser hashes:"),
        ("where", "regexp_matches"),
        ("events", "session.open:"),
        ("exit codes", " 130  interrupted"),
    ],
)
def test_a_topic_is_explained(topic: str, said: str, mead: Any) -> None:
    assert said in mead("explain", topic).stdout


def test_all_topics_are_listed_and_no_two_have_one_name(mead: Any) -> None:
    listed = mead("explain").stdout.splitlines()
    assert {*KINDS, *FIELDS, "where", "events"} <= set(listed)
    twice = [name for name, times in Counter(name for name, _ in explain._topics()).items() if times > 1]
    assert twice == []


@pytest.mark.parametrize(
    ("topic", "said"), [("ofer.seen", "did you mean offer.seen"), ("\x1b[2J", "alone lists all topics")]
)
def test_an_unknown_topic_gets_the_nearest(topic: str, said: str, mead: Any) -> None:
    error = mead("explain", topic).exception
    assert isinstance(error, ConfigError)
    assert said in str(error)


def test_every_topic_that_a_message_names_is_there(mead: Any) -> None:
    named = {
        found
        for path in SOURCE.rglob("*.py")
        for found in re.findall(r"`mead explain ([^`]+)`", path.read_text("utf-8"))
    }
    assert {"where", "events"} <= named
    assert [topic for topic in named if mead("explain", topic).exit_code] == []


def test_what_is_said_of_where_is_taken_by_it() -> None:
    examples = explain._WHERE.splitlines()[1:5]
    assert len([parse_where(example) for example in examples]) == 4


def test_the_exit_codes_of_help_are_explained() -> None:
    help_text = cli.help or ""
    codes = re.findall(r"(?<!\d)(\d+) [a-z]", help_text.partition("Exit codes:")[2])
    assert set(codes) <= set(explain.EXIT_CODES)
    assert len(codes) == 8
