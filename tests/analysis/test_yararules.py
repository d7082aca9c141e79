# SPDX-License-Identifier: Apache-2.0
"""Where rules come from, and what is said of those that cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.analysis import yararules
from mead.analysis.yararules import Source, compile_rules, current, fingerprint, sources


def _names(directory: Path) -> list[str]:
    return [found if isinstance(found, str) else found.name for found in sources(str(directory))]


def test_rules_lie_in_any_folder_below(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.yara").write_text("rule a { condition: false }")
    (tmp_path / "readme.txt").write_text("no rule")
    assert _names(tmp_path)[-1] == "deep/er/a.yara"
    assert "readme.txt" not in _names(tmp_path)


def test_more_rules_than_may_be_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yararules, "MAX_RULE_BYTES", 100)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yar").write_text("// " + "x" * 80)
    assert any("b.yar and what follows" in name for name in _names(tmp_path))
    assert any("more than" in error for error in current(str(tmp_path)).errors)


def test_the_fingerprint_is_that_of_the_compiled_rules_and_follows_them(tmp_path: Path) -> None:
    rule = tmp_path / "a.yar"
    rule.write_text("rule a { condition: false }")
    first = fingerprint(str(tmp_path))
    assert first == current(str(tmp_path)).fingerprint
    rule.write_text("rule ab { condition: false }")
    assert fingerprint(str(tmp_path)) == current(str(tmp_path)).fingerprint != first


def test_facts_do_not_judge() -> None:
    fact = compile_rules([Source("f.yar", b"rule f { meta: info = true condition: true }")])
    assert not fact.judges
    assert compile_rules([Source("f.yar", b"rule f { condition: true }")]).judges
