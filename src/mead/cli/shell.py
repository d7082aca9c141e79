# SPDX-License-Identifier: Apache-2.0
"""`mead shell`: what lines that an attacker typed would have done. Nothing is executed or fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mead.cli.inputs import InputPath, opened
from mead.cli.output import defang, defang_text, emit, escape, output_option, promptly
from mead.errors import ConfigError

if TYPE_CHECKING:
    from mead.shell.effects import Effect, Reply
    from mead.shell.personas import ShellPersona
    from mead.shell.shell import Shell

__all__ = ["command"]

_MAX_LINE_BYTES = 1 << 20


@click.command()
@click.option("--persona", "name", help="Device to pretend to be; `list` names them.")
@click.option("--each", is_flag=True, help="Every line is a session of its own.")
@click.argument("file", type=InputPath(), default="-")
@output_option
def command(file: Path, name: str | None, each: bool, output: str) -> None:
    """Run lines in the emulated shell and report output and effects per line.

    A line is raw text, a JSON string, or a JSON object with the text in `cmd`. After a session, what it
    would do if its downloads failed (`wget … || tftp …`) is reported as well, marked `alternative`.
    """
    from mead.shell.personas import default_personas

    personas = {persona.name: persona for persona in default_personas()}
    if name == "list":
        emit((_described(persona) for persona in personas.values()), output)
        return
    if name is not None and name not in personas:
        raise ConfigError(f"no persona is called {name!r}; known: {', '.join(personas)}")
    persona = personas[name] if name else next(iter(personas.values()))
    with opened(file) as stream:
        _print(promptly(_records(stream, persona, each=each)), output)


def _print(records: Iterator[dict[str, Any]], output: str) -> None:
    if output == "table":
        for record in records:
            click.echo("\n".join(_shown(record)))
    else:
        emit(records, output, ("line", "input", "status", "output", "effects") if output == "csv" else None)


def _described(persona: ShellPersona) -> dict[str, Any]:
    return {
        "persona": persona.name, "architecture": persona.architecture, "kernel": persona.kernel,
        "cpu": persona.cpu_model, "busybox": persona.busybox_version, "distribution": persona.distribution,
    }  # fmt: skip


def _session(persona: ShellPersona) -> Shell:
    from datetime import UTC

    from mead.shell.shell import Shell

    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return Shell(persona, now=lambda: start)


def _records(file: BinaryIO, persona: ShellPersona, *, each: bool) -> Iterator[dict[str, Any]]:
    shell = _session(persona)
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += 1
        if each or shell.closed:
            shell = _session(persona)
        typed = _typed(line)
        record = _record(number, typed, shell.run(typed))
        if each:
            record["effects"] += _ended(shell)
        yield record
    if not each and number and (effects := _ended(shell)):
        yield {"line": None, "input": None, "status": None, "output": "", "effects": effects}


def _typed(line: bytes) -> bytes:
    """The text of an input line, which may stand in JSON."""
    text = line.strip()
    if text[:1] in {b'"', b"{"}:
        try:
            value = json.loads(text)
        except ValueError:
            return line.rstrip(b"\r\n")
        if isinstance(value, dict):
            value = value.get("cmd")
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
    return line.rstrip(b"\r\n")


def _ended(shell: Shell) -> list[dict[str, Any]]:
    """What is left to say at the end of a session, and what it would do if its downloads failed."""
    effects: list[dict[str, Any]] = []
    if shell.reading:
        effects += _effects(shell.feed_eof())
    effects += _effects(shell.close())
    tried: set[str] = set()
    while waiting := [url for url in shell.machine.offers if url not in tried]:
        for url in waiting:
            tried.add(url)
            effects += [{**effect, "alternative": True} for effect in _effects(shell.deliver(url, None))]
    return effects


def _record(number: int, typed: bytes, reply: Reply) -> dict[str, Any]:
    from mead.model.codec import text

    return {
        "line": number, "input": text(typed, max_bytes=65_536), "status": reply.status,
        "output": text(reply.output, max_bytes=1 << 20), "effects": _effects(reply),
    }  # fmt: skip


def _effects(reply: Reply) -> list[dict[str, Any]]:
    return [found for effect in reply.effects if (found := _effect(effect)) is not None]


def _effect(effect: Effect) -> dict[str, Any] | None:
    from mead.model.codec import excerpt
    from mead.shell import effects

    match effect:
        case effects.Offer():
            return {
                "kind": "offer", "url": effect.url, "tool": effect.tool, "path": effect.path,
                "user_agent": effect.user_agent, "depth": effect.depth,
            }  # fmt: skip
        case effects.FileWritten():
            return {"kind": "file", "path": effect.path, **_identity(effect.data), "how": effect.how}
        case effects.Executed():
            known = {} if effect.data is None else _identity(effect.data)
            return {
                "kind": "exec",
                "path": effect.path,
                "command": effect.command,
                "url": effect.url,
                **known,
            }
        case effects.Decoded():
            shown = excerpt(effect.data, max_bytes=256)
            return {"kind": "decoded", "layer": effect.layer, **_identity(effect.data), "excerpt": shown}
        case effects.Limit():
            return {"kind": "limit", "name": effect.name, "value": effect.value, "unit": effect.unit}
        case _:
            return None


def _identity(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data).hexdigest(), "size": len(data)}


def _shown(record: dict[str, Any]) -> Iterator[str]:
    if record["line"] is not None:
        typed = defang_text(escape(record["input"], max_characters=400))
        yield f"{record['line']}: {typed}  [{record['status']}]"
    yield from (f"    {defang_text(escape(line))}" for line in record["output"].split("\n")[:40] if line)
    for effect in record["effects"]:
        yield "  * " + " ".join(_words(effect))


def _words(effect: dict[str, Any]) -> Iterator[str]:
    yield effect["kind"] + (" (if the download fails)" if effect.get("alternative") else "")
    for key, value in effect.items():
        if key in {"kind", "alternative"} or value is None:
            continue
        shown = escape(str(value))
        yield f"{key}={defang(shown) if key == 'url' else defang_text(shown)}"
