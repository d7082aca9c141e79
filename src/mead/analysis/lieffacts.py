# SPDX-License-Identifier: Apache-2.0
"""lief on hostile headers: numbers without a name are facts too, and nobody is warned of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lief

__all__ = ["quietly", "word"]


@contextmanager
def quietly() -> Iterator[None]:
    """Neither lief's own messages nor warnings of numbers that it has no name for."""
    lief.logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def word(value: Any) -> str:
    """The name of an enumerated value in lower case; its number when it has none."""
    name: str | None = getattr(value, "name", None)
    return name.lower() if name else f"{int(value):#x}"
