# SPDX-License-Identifier: Apache-2.0
"""What this device refuses and another would run: done unseen, for the places that it names.

A line in bash's language typed at ash, a script for a `bash` that is not there: the peer gets the device's
complaint, and nothing changes on it. The offers are noted all the same, and are followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mead.shell.ast import encode
from mead.shell.bashisms import BashParser
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.effects import Decoded, Limit, Offer
from mead.shell.parser import ShellSyntaxError
from mead.shell.process import Process
from mead.shell.scripts import urls_in
from mead.shell.streams import EndlessError, NeedsInputError

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["ENDINGS", "WORTH", "in_bash_only", "shadow", "unseen"]

WORTH: Final = re.compile(r"wget|curl|tftp|ftp|/dev/tcp|://|base64|\bnc\b|fetch", re.IGNORECASE)
"""Whether a text may name a place to get something from."""
ENDINGS: Final = (
    ExitShellError, ReturnError, BreakLoopError, ContinueLoopError, EndlessError, NeedsInputError,
)  # fmt: skip
"""The ways in which a command that nobody waits for may end."""
_KEPT: Final = (Offer, Decoded, Limit)


def in_bash_only(process: Process, text: str) -> bool:
    """Whether a text that this shell can run has another meaning in bash."""
    return not process.bash and "/dev/tcp/" in text


def shadow(shell: Interpreter, text: str, process: Process) -> None:
    """Run unseen, as bash would, what the device's shell cannot parse."""
    if process.bash or not WORTH.search(text):
        return

    def run(copy: Process) -> None:
        parser = BashParser(text, bash=True)
        try:
            while (node := parser.next_command()) is not None:
                shell.inner(node, copy)
        except ShellSyntaxError:
            for url in urls_in(encode(text[parser.position :])):
                shell.machine.offer(url, "sh", None, None, copy.depth)

    unseen(shell, process, run)


def unseen(shell: Interpreter, process: Process, act: Callable[[Process], object]) -> None:
    """Do something in a copy of `process` that nobody sees and that leaves no file behind."""
    machine = shell.machine
    files, first, outer = machine.fs.snapshot(), len(machine.effects), machine.unseen
    machine.unseen = True
    copy = shell.child(process)
    copy.stdin, nesting = process.stdin, copy.nesting
    source = copy.stdin
    copy.detach()
    copy.nesting, copy.bash = nesting, True
    if not source.interactive:
        copy.stdin = source
    try:
        act(copy)
    except ENDINGS:
        pass
    finally:
        machine.unseen = outer
        machine.fs.restore(files)
        machine.effects[first:] = [effect for effect in machine.effects[first:] if isinstance(effect, _KEPT)]
