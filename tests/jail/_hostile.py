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


def orphan() -> int:
    """Fork twice, so that the grandchild is nobody's child, and let it linger."""
    read, write = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(3600)
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def flood_channel() -> None:
    """Take the channel over and write for ever."""
    while True:
        os.write(3, b"\xff" * 65536)


def ignore_processor_limit() -> None:
    import signal

    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    spin()


def open_everything() -> int:
    """Open files until no more can be had."""
    count = 0
    while True:
        try:
            os.open("/dev/null", os.O_RDONLY)
        except OSError:
            return count
        count += 1


def start_threads() -> int:
    """Start threads until no more can be had; how many there were."""
    import threading

    count = 0
    try:
        while count < 100_000:
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
            count += 1
    except (RuntimeError, MemoryError):
        return count
    return count


def touch_template() -> list[str]:
    """What happens when the template and its parent are attacked, one word per attempt."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    tries = (
        lambda: os.kill(parent, 9),
        lambda: open(f"/proc/{parent}/mem", "r+b"),  # noqa: PTH123, SIM115
        lambda: open(f"/proc/{parent}/environ", "rb"),  # noqa: PTH123, SIM115
        lambda: os.pidfd_open(parent),
        lambda: os.sched_setaffinity(parent, {0}),
        lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    )
    told = []
    for attempt in tries:
        try:
            attempt()
        except OSError as error:
            told.append(type(error).__name__)
        else:
            told.append("done")
    ctypes.set_errno(0)
    told.append("PermissionError" if libc.ptrace(16, parent, 0, 0) == -1 else "done")
    return told


kept: list[bytes] = []


def keep(body: bytes) -> int:
    """What a parser with a leak does: how many bodies it has kept."""
    kept.append(body)
    return len(kept)
