# SPDX-License-Identifier: Apache-2.0
"""Which passwords to try, and where people write them down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings

__all__ = ["candidates", "named_in"]

MAX_TEXT_BYTES = 64 * 1024
MAX_NAMED = 20

_NAMED = re.compile(
    r"(?:pass\s?-?\s?(?:word|wort|code|phrase)?|passwd|kennwort|mot de passe|contrase(?:ñ|n)a|senha"
    r"|has(?:ł|l)o|парол[ья]|密码|密碼|パスワード|비밀번호|pw|pwd|pin)\b[^\S\n]*(?:for[^\n:=]{0,40})?"
    r"(?:[^\S\n]*(?:is\b|ist\b|est\b|es\b|:|=|：|-|–|→)){0,3}[^\S\n]*[\"'“‘«`(\[]?([^\s\"'”’»`)\]<>,;]{1,40})",
    re.IGNORECASE,
)


def named_in(data: bytes) -> tuple[str, ...]:
    """Passwords that a text names, in order of appearance."""
    sample = data[:MAX_TEXT_BYTES]
    if sample.count(0) > len(sample) // 20:
        return ()
    text = sample.decode("utf-8", "replace")
    found: dict[str, None] = {}
    for match in _NAMED.finditer(text):
        word = match.group(1)
        for form in (word, word.rstrip(".!?:")):
            if form:
                found.setdefault(form)
        if len(found) >= MAX_NAMED:
            break
    return tuple(found)[:MAX_NAMED]


def candidates(artifact: Artifact, settings: AnalysisSettings, members: Iterable[str] = ()) -> Iterator[str]:
    """Passwords to try on `artifact`, each once: named ones, the usual ones, then names of the files."""
    seen: set[str] = set()
    for word in (*artifact.passwords, *settings.passwords, *_of_names([artifact.name or "", *members])):
        if word not in seen:
            seen.add(word)
            yield word


def _of_names(names: Iterable[str]) -> Iterator[str]:
    for count, name in enumerate(names):
        if count > 4:
            return
        base = name.replace("\\", "/").rsplit("/", 1)[-1]
        if base:
            yield base
            yield base.split(".", 1)[0]
            yield base.rsplit(".", 1)[0]
