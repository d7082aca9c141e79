# SPDX-License-Identifier: Apache-2.0
"""Fields under construction: what word expansion adds piece by piece, and where IFS splits it.

**Source:** POSIX.1-2017, Shell Command Language §2.6.5.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mead.shell.limits import LimitReachedError
from mead.shell.patterns import escape

__all__ = ["MAGIC", "Fields"]

MAGIC: Final = re.compile(r"[*?\[]")


class Fields:
    """Finished fields with their patterns; text and pattern of the open one grow together."""

    __slots__ = ("_limit", "_open", "_pattern", "_size", "_text", "done")

    def __init__(self, limit: int) -> None:
        self.done: list[tuple[str, str | None]] = []
        self._text: list[str] = []
        self._pattern: list[str] | None = None
        self._open = False
        self._limit, self._size = limit, 0

    def add(self, text: str, *, quoted: bool) -> None:
        """Add text that is not split; quoted text matches only itself and makes a field even when empty."""
        self._size += len(text)
        if self._size > self._limit:
            raise LimitReachedError("word_bytes", self._limit, "bytes")
        magic = not quoted and MAGIC.search(text) is not None
        if magic and self._pattern is None:
            self._pattern = [escape(part) for part in self._text]
        if self._pattern is not None:
            self._pattern.append(escape(text) if quoted else text.replace("\\", "\\\\"))
        self._text.append(text)
        self._open = self._open or quoted or text != ""

    def end(self) -> None:
        """Finish the open field, if there is one."""
        if self._open:
            pattern = None if self._pattern is None else "".join(self._pattern)
            self.done.append(("".join(self._text), pattern))
        self._text, self._pattern, self._open = [], None, False

    def add_split(self, text: str, separators: str) -> None:
        """Add text that is split at the characters of IFS. O(len(text))."""
        if not separators:
            self.add(text, quoted=False)
            return
        for run, delimiter in _splitter(separators).findall(text):
            if run:
                self.add(run, quoted=False)
            if delimiter:
                self._open = self._open or not delimiter.isspace()
                self.end()


@lru_cache(maxsize=4)
def _splitter(separators: str) -> re.Pattern[str]:
    """A run of other characters, then one delimiter: blanks of IFS with at most one other in them."""
    blank = "".join(char for char in " \t\n" if char in separators)
    other = "".join(char for char in separators if char not in " \t\n")
    gap = f"[{re.escape(blank)}]" if blank else ""
    mark = f"[{re.escape(other)}]" if other else ""
    choices = [f"{gap}*{mark}{gap}*" if gap else mark] if mark else []
    choices += [f"{gap}+"] if gap else []
    return re.compile(f"([^{re.escape(separators)}]*)({'|'.join(choices)})?", re.DOTALL)
