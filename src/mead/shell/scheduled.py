# SPDX-License-Identifier: Apache-2.0
"""What the peer left to be run later, jobs of cron and start-up scripts: done now, unseen, for its offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mead.shell.ast import decode
from mead.shell.effects import FileWritten, Offer
from mead.shell.process import Process
from mead.shell.shadow import WORTH, unseen

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["jobs_of", "run_scheduled"]

_TABLE: Final = re.compile(r"/(?:var/spool/cron|etc/crontabs?|etc/cron\.d)(?:/|$)")
_WITH_USER: Final = re.compile(r"/etc/(?:crontab$|cron\.d/)")
_SCRIPT: Final = re.compile(
    r"/etc/(?:rc\.local$|rc\.d/|init\.d/|rcS\.d/|profile|cron\.(?:hourly|daily|weekly|monthly)/)"
    r"|/\.(?:profile|bashrc|bash_profile|bash_login)$"
)
_JOB: Final = re.compile(r"\s*(?:@\w+|(?:[\d*,/A-Za-z-]+\s+){4}[\d*,/A-Za-z-]+)\s+(\S.*)")
_MAX_JOBS: Final = 32
_MAX_BYTES: Final = 1 << 16


def run_scheduled(shell: Interpreter, process: Process) -> None:
    """Run what the files that this line wrote hold for later."""
    machine = shell.machine
    written = [effect for effect in machine.effects if isinstance(effect, FileWritten)]
    known = set(machine.offers) if written else set()
    for effect in written:
        for text in _texts(effect):
            _run(shell, process, text, known)


def _run(shell: Interpreter, process: Process, text: str, known: set[str]) -> None:
    effects = shell.machine.effects
    first = len(effects)
    unseen(shell, process, lambda copy: shell.run_text(text, copy))
    effects[first:] = [
        effect for effect in effects[first:] if not (isinstance(effect, Offer) and effect.url in known)
    ]


def _texts(effect: FileWritten) -> Iterator[str]:
    if b"\0" in effect.data[:_MAX_BYTES]:
        return
    text = decode(effect.data[:_MAX_BYTES])
    if not WORTH.search(text):
        return
    if _TABLE.match(effect.path):
        yield from jobs_of(text, with_user=bool(_WITH_USER.match(effect.path)))
    elif _SCRIPT.search(effect.path):
        yield text


def jobs_of(text: str, *, with_user: bool) -> Iterator[str]:
    """Commands of a table of cron's; one of the whole system names a user before each."""
    count = 0
    for line in text.splitlines():
        found = _JOB.match(line)
        if found is None or line.lstrip().startswith("#"):
            continue
        command = found[1].partition(" ")[2] if with_user else found[1]
        yield re.split(r"(?<!\\)%", command)[0].replace("\\%", "%")
        count += 1
        if count >= _MAX_JOBS:
            return
