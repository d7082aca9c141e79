"""Tests mirror the source tree; modules stay small and are named for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mead"
TESTS = ROOT / "tests"

MODULES = sorted(
    path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name not in {"__init__.py", "py.typed"}
)
TABLES = "_tables.py"
"""Data, not logic: neither tested alone nor counted."""

NEEDS_NO_TEST = {
    Path("wire/core.py"),  # types only
    Path("shell/effects.py"),  # types only
}


def _is_data(module: Path) -> bool:
    return module.name.endswith(TABLES) or "versions" in module.parts or module.name == "env.py"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_has_its_test_where_one_would_look(module: Path) -> None:
    if _is_data(module) or module in NEEDS_NO_TEST:
        return
    name = module.stem.strip("_")
    places = [
        TESTS / module.parent / f"test_{name}.py",
        TESTS / module.parent.parent / f"test_{module.parent.name}.py",
    ]
    assert any(place.exists() for place in places), f"no test at {' or '.join(map(str, places))}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_small_enough_to_read(module: Path) -> None:
    if not _is_data(module):
        assert len((SOURCE / module).read_text().splitlines()) <= 400


def test_no_module_is_called_by_a_word_that_says_nothing() -> None:
    assert not [module for module in MODULES if module.stem in {"utils", "helpers", "common", "misc", "base"}]


def test_every_test_file_has_something_to_test() -> None:
    free = {"contracts", "flows", "fuzz", "captures"}
    strays = []
    for path in TESTS.rglob("test_*.py"):
        inside = path.relative_to(TESTS)
        name = path.stem.removeprefix("test_")
        if inside.parts[0] in free:
            continue
        parent = SOURCE / inside.parent
        if not any(
            (parent / candidate).exists() for candidate in (f"{name}.py", f"_{name}.py", f"{name}_.py", name)
        ):
            strays.append(str(inside))
    assert not strays
