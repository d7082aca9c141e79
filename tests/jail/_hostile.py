# SPDX-License-Identifier: Apache-2.0
"""Functions that misbehave, for the tests of the jail; importable by name in its template."""

from __future__ import annotations

import os
import subprocess
import time

import msgspec


class Point(msgspec.Struct, frozen=True):
    x: int
    label: bytes


def typed(x: int) -> Point:
    return Point(x, b"\xff")


def pair() -> tuple[int, int]:
    return 1, 2


def lying() -> int:
    return "no number"  # type: ignore[return-value]


def own_pid() -> int:
    return os.getpid()


def spin() -> None:
    while True:
        pass


def sleep_forever() -> None:
    time.sleep(3600)


def linger() -> int:
    """Start a grandchild that outlives the job."""
    return subprocess.Popen(["/bin/sleep", "3600"], start_new_session=False).pid


def detach() -> int:
    return subprocess.Popen(["/bin/sleep", "3600"], start_new_session=True).pid


def fork_bomb() -> None:
    while True:
        os.fork()


def write_frame() -> None:
    """Take the channel over: announce a result of 1 TiB."""
    os.write(3, (1 << 40).to_bytes(8, "big"))
    time.sleep(3600)


def write_rubbish() -> None:
    os.write(3, (5).to_bytes(8, "big") + b"\xc1\xc1\xc1\xc1\xc1")
    time.sleep(3600)


def survive_parent() -> int:
    import ctypes

    return ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)


def environment() -> dict[str, str]:
    return dict(os.environ)


def open_descriptors() -> list[int]:
    found = []
    for descriptor in range(64):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        found.append(descriptor)
    return found


def append(path: str, data: bytes) -> int:
    with open(path, "ab") as file:  # noqa: PTH123
        return file.write(data)


def change_mode(path: str) -> None:
    os.chmod(path, 0o777)  # noqa: PTH101


def nested() -> list[object]:
    outer: list[object] = []
    for _ in range(100_000):
        outer = [outer]
    return outer
