"""Every foreign file among the captures has its source, licence and digest in the manifest."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

CAPTURES = Path(__file__).parents[1] / "captures"


def test_the_manifest_and_the_files_agree() -> None:
    with (CAPTURES / "MANIFEST.tsv").open(encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}
    files = {
        str(path.relative_to(CAPTURES)): path
        for path in CAPTURES.rglob("*")
        if path.is_file() and path.name != "MANIFEST.tsv" and path.parent.name != "LICENSES"
    }
    assert set(rows) == set(files)
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == rows[name]["sha256"], name
        assert rows[name]["source"], name
        assert rows[name]["licence"], name


def test_every_capture_is_used_by_a_test() -> None:
    tests = "\n".join(
        path.read_text("utf-8") for path in CAPTURES.parent.rglob("*.py") if "captures" not in path.parts
    )
    folders = {path.relative_to(CAPTURES).parts[0] for path in CAPTURES.rglob("*") if path.is_file()}
    unused = [
        name
        for name in folders - {"MANIFEST.tsv", "LICENSES"}
        if f'"{name}' not in tests and f"/{name}" not in tests
    ]
    assert not unused
