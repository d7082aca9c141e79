# SPDX-License-Identifier: Apache-2.0
"""Where YARA rules come from, and their compiled form.

Compiled rules are kept as long as the files stay as they are: a changed rule counts from the next body on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yara_x

__all__ = ["GLOBALS", "Compiled", "Source", "compile_rules", "current", "fingerprint", "sources"]

MAX_RULE_BYTES = 64 * 1024 * 1024
GLOBALS = ("filename", "filepath", "extension", "filetype", "owner")
"""Variables that public rules expect of a scanner; we know the name only."""
_SUFFIXES = {".yar", ".yara"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of rules."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Compiled:
    """Rules ready to scan with, what they were made of, and what did not compile."""

    rules: Any
    fingerprint: str
    errors: tuple[str, ...]
    judges: bool
    """Whether there are rules that say more than a fact: without them nothing can be called clean."""

    def is_fact(self, rule: Any) -> bool:
        """Whether a rule only states a fact."""
        return bool(dict(rule.metadata).get("info", False))


def sources(directory: str) -> Iterator[Source | str]:
    """The built-in rules and those beneath `directory`; a string says why something is not among them."""
    for entry in sorted(files("mead.analysis").joinpath("rules").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yar"):
            yield Source(entry.name, entry.read_bytes())
    if not directory:
        return
    if not Path(directory).is_dir():
        yield f"{directory}: no such directory of rules"
        return
    total = 0
    for path in _files(directory):
        try:
            total += path.stat().st_size
            text = path.read_bytes() if total <= MAX_RULE_BYTES else None
        except OSError as error:
            yield f"{path.name}: {error.strerror}"
            continue
        if text is None:
            yield f"{path.name} and what follows: more than {MAX_RULE_BYTES} bytes of rules"
            return
        yield Source(str(path.relative_to(directory)), text)


def _files(directory: str) -> list[Path]:
    return sorted(path for path in Path(directory).rglob("*") if path.suffix in _SUFFIXES and path.is_file())


def compile_rules(found: Iterable[Source | str]) -> Compiled:
    """Compile what can be; errors read `file:line: what`."""
    compiler = yara_x.Compiler()
    compiler.ignore_invalid_rules(True)
    for name in GLOBALS:
        compiler.define_global(name, "")
    digest = hashlib.sha256()
    unread: list[str] = []
    for source in found:
        if isinstance(source, str):
            unread.append(source)
            continue
        digest.update(f"{source.name}\0{len(source.text)}\0".encode() + source.text)
        compiler.new_namespace(source.name)
        try:
            compiler.add_source(source.text.decode("utf-8", "replace"), origin=source.name)
        except yara_x.CompileError:
            continue
    broken = [_error_line(error) for error in compiler.errors()]
    rules = compiler.build()
    judges = any(not dict(rule.metadata).get("info", False) for rule in rules)
    return Compiled(rules, f"sha256:{digest.hexdigest()[:32]}", (*unread, *_told(broken)), judges)


def _told(broken: list[str]) -> list[str]:
    return [f"rules left out: {'; '.join(dict.fromkeys(broken))}"] if broken else []


def _error_line(error: dict[str, Any]) -> str:
    labels = error.get("labels") or [{}]
    where = f"{labels[0].get('code_origin') or '?'}:{error.get('line') or labels[0].get('line') or '?'}"
    return f"{where}: {error.get('title', 'does not compile')}: {labels[0].get('text', '')}".rstrip(": ")


def current(directory: str) -> Compiled:
    """The rules as the files are now, compiled when they changed."""
    return _compiled(directory, _state(directory))


def fingerprint(directory: str) -> str:
    """Digest of the rules as the files are now, without compiling them."""
    return _digest(directory, _state(directory))


_State = tuple[tuple[str, int, int], ...]


def _state(directory: str) -> _State:
    state = []
    for path in _files(directory) if directory else ():
        try:
            stat = path.stat()
        except OSError:
            continue
        state.append((str(path), stat.st_size, stat.st_mtime_ns))
    return tuple(state)


@lru_cache(maxsize=2)
def _compiled(directory: str, _: _State) -> Compiled:
    return compile_rules(sources(directory))


@lru_cache(maxsize=2)
def _digest(directory: str, _: _State) -> str:
    digest = hashlib.sha256()
    for source in sources(directory):
        if not isinstance(source, str):
            digest.update(f"{source.name}\0{len(source.text)}\0".encode() + source.text)
    return f"sha256:{digest.hexdigest()[:32]}"
