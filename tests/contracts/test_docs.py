"""Documents are complete and say nothing that they should not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mead.cli.main import COMMANDS, cli
from mead.model.catalogue import FIELDS, KINDS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def _reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text("utf-8")


def test_the_generated_pages_are_up_to_date() -> None:
    script = str(ROOT / "scripts" / "reference.py")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_event_and_field_is_in_the_reference() -> None:
    commands = _reference("cli.md")
    assert not [name for group in COMMANDS.values() for name in group if f"## mead {name}" not in commands]
    events = _reference("events.md")
    assert not [name for name in (*KINDS, *FIELDS) if f"`{name}`" not in events]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    assert not [target for target in targets if not (document.parent / target).exists()]


_SHOWN = re.compile(
    r"^ {4,}(?:sudo )?(?:\.venv/bin/)?mead ([a-z-].*)$|`(?:sudo )?(?:\.venv/bin/)?mead ([a-z-][^`|]*)`",
    re.MULTILINE,
)


def _shown_commands() -> list[tuple[str, str]]:
    """File and arguments of every command of ours that a document or message shows to be copied."""
    files = [path for path in DOCUMENTS if path.parent.name != "reference"]
    return sorted(
        {
            (str(path.relative_to(ROOT)), (match.group(1) or match.group(2)).strip())
            for path in (*files, *(ROOT / "src").rglob("*.py"))
            for match in _SHOWN.finditer(path.read_text("utf-8"))
        }
    )


@pytest.mark.parametrize(("place", "line"), _shown_commands(), ids=str)
def test_a_command_that_is_shown_is_one_that_we_have(place: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "-c":
        del words[:2]
    name, *arguments = words
    context = click.Context(cli, info_name="mead")
    command = cli.get_command(context, name)
    assert command is not None, f"{place} shows mead {name}"
    if any(parameter.required for parameter in command.params) and not arguments:
        return  # only named, not to be copied
    if "--help" not in arguments:
        command.make_context(name, arguments, parent=context)


def test_the_documents_show_commands() -> None:
    documents = {place for place, _ in _shown_commands()}
    assert {"README.md", "docs/how-to/where.md", "docs/how-to/import-and-replay.md"} <= documents


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 60


def test_decisions_are_numbered_once_and_short() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(numbers) == len(set(numbers)) > 0
    for path in records:
        body = path.read_text("utf-8")
        assert len(body.splitlines()) <= 70
        for part in ("## Context", "## Decision", "## Consequence"):
            assert part in body, f"{path.name} lacks {part}"


def test_change_fragments_are_named_for_what_they_are() -> None:
    for path in (ROOT / "changes").glob("*.md"):
        if path.name != "README.md":
            assert re.fullmatch(r"[a-z0-9-]+\.(feature|fix|removal|doc)\.md", path.name), path.name


def test_locks_hold_hashes_and_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        body = path.read_text("utf-8")
        assert "://" not in body
        assert "--hash=sha256:" in body
