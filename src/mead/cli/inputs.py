# SPDX-License-Identifier: Apache-2.0
"""Opening what the user names: a file, a pipe or standard input; anything else is refused in one sentence."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from mead.errors import InputError

__all__ = ["InputPath", "SensorName", "opened", "regular"]


class InputPath(click.Path):
    """An argument that is opened later, so that a bad one is an unreadable input and no usage error."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)


class SensorName(click.ParamType[str]):
    """What an event's `sensor` may be: it is a part of the name of a stream of the bus."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from mead.deck.settings import is_name

        text = str(value)
        if not is_name(text):
            self.fail(f"{text!r}: letters, digits, - and _, at most 40, not - or _ first", param, ctx)
        return text


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of `path`; `-` is standard input.

    Raises:
        InputError: it cannot be opened, or would never end (a device).
    """
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    with file:
        if _is_endless(file):
            raise InputError(f"{path}: cannot be read: it is a device, not a file")
        yield file


def regular(path: Path) -> Path:
    """`path` itself, when it is a file that can be read more than once.

    Raises:
        InputError: it cannot be opened, or is a pipe or a device.
    """
    with opened(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(f"{path}: is read twice and so must be a file: save it first")
    return path


def _is_endless(file: BinaryIO) -> bool:
    """Whether it is a device such as /dev/zero; /dev/null is empty, a terminal is somebody who types."""
    state = os.fstat(file.fileno())
    if stat.S_ISBLK(state.st_mode):
        return True
    null = state.st_rdev == Path(os.devnull).stat().st_rdev
    return stat.S_ISCHR(state.st_mode) and not null and not file.isatty()
