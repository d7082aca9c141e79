# SPDX-License-Identifier: Apache-2.0
"""What a jailed function can and cannot do, and how its failures are told."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mead.jail import JailLimits, JailPool, JailResult, landlock, probe, run, run_async, seccomp

QUICK = JailLimits(wall_seconds=20, cpu_seconds=5)


@pytest.fixture(scope="module")
def hostile() -> Iterator[ModuleType]:
    """Functions that misbehave, importable by the same name here and in the jail's template."""
    here = str(Path(__file__).parent / "jail")
    sys.path.insert(0, here)
    yield importlib.import_module("_hostile")
    sys.path.remove(here)


def alone(function: Callable[..., object], *args: object, limits: JailLimits = QUICK) -> JailResult[Any]:
    with JailPool(limits) as pool:
        return pool.run(function, *args)


@pytest.fixture(scope="module")
def pool(hostile: ModuleType) -> Iterator[JailPool]:
    with JailPool(QUICK, size=2, preload=["_hostile"]) as pool:
        yield pool


def refused(result: JailResult[object]) -> bool:
    return result.failure == "exception" and "PermissionError" in result.reason


def gone(pid: int) -> bool:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        time.sleep(0.01)
    return False


def test_a_result_comes_back_with_level_and_cost() -> None:
    result = run(abs, -3)
    assert result.ok
    assert result.value == 3
    assert result.reason == ""
    assert result.level.startswith("rlimits+")
    assert result.cpu_seconds >= 0
    assert 0 < result.wall_seconds < 20


def test_the_level_names_what_the_kernel_grants() -> None:
    level = probe().level.split("+")
    assert level[0] == "rlimits"
    assert ("landlock" in level) == (landlock.abi() > 0)
    assert ("seccomp" in level) == seccomp.supported()
    assert {"netns", "seccomp"} & set(level)


def test_structs_and_tuples_come_back_as_the_function_promises(pool: JailPool, hostile: ModuleType) -> None:
    assert pool.run(hostile.typed, 7).value == hostile.Point(7, b"\xff")
    assert pool.run(hostile.pair).value == (1, 2)


def test_a_result_of_another_type_is_a_failure(pool: JailPool, hostile: ModuleType) -> None:
    result = pool.run(hostile.lying)
    assert result.failure == "result"
    assert "promises" in result.reason


def test_an_exception_is_a_reason() -> None:
    result = run(int, "seven")
    assert result.failure == "exception"
    assert result.reason.startswith("ValueError: invalid literal")


@pytest.mark.parametrize(
    "code",
    [
        "__import__('socket').socket()",
        "__import__('socket').socketpair()",
        "__import__('socket').create_connection(('127.0.0.1', 22))",
        "open('/etc/passwd').read()",
        "open('/etc/shadow').read()",
        "open('/proc/1/environ').read()",
        "__import__('os').listdir('/')",
        "__import__('os').fork()",
        "__import__('os').execv('/bin/true', ['/bin/true'])",
        "__import__('subprocess').run(['/bin/true'])",
        "__import__('os').setsid()",
        "__import__('os').kill(1, 0)",
        "__import__('os').kill(-1, 9)",
        "__import__('os').killpg(0, 9)",
        "__import__('os').pidfd_open(1)",
        "__import__('os').chmod('/tmp', 0o777)",
        "__import__('os').utime('/tmp')",
        "__import__('os').mkfifo('/tmp/mead-jail-test')",
    ],
)
def test_what_a_parser_does_not_need_is_refused(pool: JailPool, code: str) -> None:
    assert refused(pool.run(eval, code))


def test_no_file_is_written(tmp_path: Path, hostile: ModuleType, pool: JailPool) -> None:
    assert refused(pool.run(hostile.append, str(tmp_path / "new"), b"x"))
    assert not list(tmp_path.iterdir())


def test_a_writable_path_holds_files_up_to_the_limit(tmp_path: Path, hostile: ModuleType) -> None:
    limits = JailLimits(writable=(str(tmp_path),), file_bytes=1000)
    assert alone(hostile.append, str(tmp_path / "a"), b"x" * 1000, limits=limits).value == 1000
    assert alone(hostile.append, str(tmp_path / "b"), b"x" * 5000, limits=limits).failure == "exception"
    assert (tmp_path / "b").stat().st_size <= 1000


def test_a_readable_path_can_be_read_but_not_written_or_opened_up(
    tmp_path: Path, hostile: ModuleType
) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"body")
    file.chmod(0o600)
    limits = JailLimits(readable=(str(file),), file_bytes=100)
    assert run(eval, f"open({str(file)!r}, 'rb').read()", limits=limits).value == b"body"
    assert refused(alone(hostile.append, str(file), b"x", limits=limits))
    assert refused(alone(hostile.change_mode, str(file), limits=limits))
    assert file.stat().st_mode & 0o777 == 0o600


def test_memory_beyond_the_limit_is_told() -> None:
    result = run(bytearray, 10 << 30)
    assert result.failure == "memory"
    assert "1073741824 bytes" in result.reason


def test_processor_time_beyond_the_limit_is_told(hostile: ModuleType) -> None:
    result = alone(hostile.spin, limits=JailLimits(cpu_seconds=1, wall_seconds=60))
    assert result.failure == "cpu"
    assert result.cpu_seconds >= 1


def test_a_sleeper_is_killed_at_the_wall_clock_limit(hostile: ModuleType) -> None:
    result = alone(hostile.sleep_forever, limits=JailLimits(wall_seconds=0.2))
    assert result.failure == "timeout"
    assert result.reason == "more than 0.2 seconds"
    assert 0.2 <= result.wall_seconds < 15


def test_a_crash_is_told_by_its_signal(pool: JailPool) -> None:
    result = pool.run(eval, "__import__('ctypes').string_at(0)")
    assert (result.failure, result.reason) == ("crash", "the child was killed by SIGSEGV")
    assert pool.run(os.abort).reason == "the child was killed by SIGABRT"
    assert pool.run(os._exit, 9).reason == "the child exited with status 9"
    assert pool.run(abs, -1).value == 1


def test_a_result_that_is_nested_without_end_is_a_failure(pool: JailPool, hostile: ModuleType) -> None:
    assert pool.run(hostile.nested).failure in {"crash", "result"}


def test_a_huge_result_is_refused_by_the_child(hostile: ModuleType) -> None:
    result = run(bytes, 5000, limits=JailLimits(result_bytes=1000))
    assert result.failure == "result"
    assert "allowed are 1000" in result.reason


def test_a_child_that_was_taken_over_cannot_make_us_read_on(pool: JailPool, hostile: ModuleType) -> None:
    result = pool.run(hostile.write_frame)
    assert result.failure == "result"
    assert "1099511627776 bytes" in result.reason
    assert pool.run(hostile.write_rubbish).failure == "result"


def test_what_cannot_be_handed_over_is_told(pool: JailPool) -> None:
    result = pool.run(eval, "object()")
    assert result.failure == "result"
    assert "cannot be handed over" in result.reason


def test_environment_and_descriptors_of_ours_are_not_there(pool: JailPool, hostile: ModuleType) -> None:
    os.environ["MEAD_TEST_SECRET"] = "x"
    assert set(pool.run(hostile.environment).value or {}) <= {"PATH", "HOME", "LANG", "LC_CTYPE"}
    assert pool.run(hostile.open_descriptors).value == [0, 1, 2, 3]


def test_a_child_cannot_outlive_its_template_by_asking(pool: JailPool, hostile: ModuleType) -> None:
    assert pool.run(hostile.survive_parent).value == -1


def test_programs_may_be_started_only_where_named(hostile: ModuleType) -> None:
    limits = JailLimits(programs=("/bin/echo",))
    code = "__import__('subprocess').run(['{}', 'hello'], stdout=-1).stdout"
    assert run(eval, code.format("/bin/echo"), limits=limits).value == b"hello\n"
    assert refused(run(eval, code.format("/bin/cat"), limits=limits))


def test_a_grandchild_that_lingers_dies_with_its_job(hostile: ModuleType) -> None:
    limits = JailLimits(programs=("/bin/sleep",))
    started = alone(hostile.linger, limits=limits)
    assert started.value
    assert gone(started.value)
    assert not alone(hostile.detach, limits=limits).ok  # it may not leave the process group


def test_an_orphan_dies_with_its_job(hostile: ModuleType) -> None:
    result = alone(hostile.orphan, limits=JailLimits(programs=("/bin/true",)))
    assert result.value, result.reason
    assert gone(result.value)


def test_a_child_that_writes_for_ever_is_ended(pool: JailPool, hostile: ModuleType) -> None:
    assert pool.run(hostile.flood_channel).failure == "result"
    assert pool.run(abs, -1).value == 1


def test_ignoring_the_signal_does_not_lengthen_the_time(hostile: ModuleType) -> None:
    limits = JailLimits(cpu_seconds=1, wall_seconds=2.5)
    assert alone(hostile.ignore_processor_limit, limits=limits).failure in {"cpu", "timeout", "crash"}


def test_a_job_may_have_less_time_than_the_pool_gives(pool: JailPool, hostile: ModuleType) -> None:
    result = pool.run_within(0.2, hostile.sleep_forever)
    assert (result.failure, result.reason) == ("timeout", "more than 0.2 seconds")


def test_files_and_threads_are_bounded(hostile: ModuleType) -> None:
    limits = JailLimits(open_files=32, address_space_bytes=2 << 30, wall_seconds=20)
    assert (alone(hostile.open_everything, limits=limits).value or 0) <= 32
    threads = alone(hostile.start_threads, limits=limits)
    assert threads.failure in {"memory", "crash"} or 0 < (threads.value or 0) < 1000


def test_the_template_is_out_of_reach(pool: JailPool, hostile: ModuleType) -> None:
    told = pool.run(hostile.touch_template).value
    assert told is not None
    assert told == ["PermissionError"] * len(told)
    assert pool.run(abs, -1).value == 1


def test_a_replaced_child_knows_nothing_of_earlier_bodies(hostile: ModuleType) -> None:
    with JailPool(JailLimits(jobs_per_child=2), preload=["_hostile"]) as pool:
        assert [pool.run(hostile.keep, b"body").value for _ in range(6)] == [1, 2] * 3
    with JailPool(JailLimits(jobs_per_child=1), preload=["_hostile"]) as pool:
        assert [pool.run(hostile.keep, b"body").value for _ in range(3)] == [1] * 3


async def test_a_neighbour_of_a_crash_is_not_lost(hostile: ModuleType) -> None:
    async with JailPool(QUICK, size=2, preload=["_hostile"]) as pool:
        jobs = [pool.run_async(os.abort if n % 3 == 0 else os.getpid) for n in range(30)]
        results = await asyncio.gather(*jobs)
    assert [result.ok for result in results] == [bool(n % 3) for n in range(30)]


def test_a_fork_bomb_is_bounded_and_swept_away(hostile: ModuleType) -> None:
    limits = JailLimits(programs=("/bin/true",), processes=8, wall_seconds=2)
    result = alone(hostile.fork_bomb, limits=limits)
    assert result.failure in {"exception", "timeout"}


def test_children_are_recycled_and_replaced(hostile: ModuleType) -> None:
    with JailPool(JailLimits(jobs_per_child=3), preload=["_hostile"]) as pool:
        pids = [pool.run(hostile.own_pid).value for _ in range(6)]
        assert len(set(pids[:3])) == len(set(pids[3:])) == 1
        assert pids[0] != pids[3]
        pool.run(int, "x")
        assert pool.run(hostile.own_pid).value != pids[5]


def test_the_pool_starts_again_when_its_template_was_killed(hostile: ModuleType) -> None:
    with JailPool(preload=["_hostile"]) as pool:
        child = pool.run(hostile.own_pid).value
        assert child
        process = pool._template._process
        assert process
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert gone(child)
        assert pool.run(abs, -1).failure == "crash"
        assert pool.run(abs, -1).value == 1


def test_a_module_that_cannot_be_preloaded_is_a_reason() -> None:
    with JailPool(preload=["mead_no_such_module"]) as pool:
        result = pool.run(abs, -1)
    assert result.failure == "start"
    assert "mead_no_such_module" in result.reason


async def test_jobs_run_side_by_side_from_a_loop() -> None:
    async with JailPool(size=2) as pool:
        results = await asyncio.gather(*(pool.run_async(abs, -number) for number in range(50)))
    assert [result.value for result in results] == list(range(50))
    assert (await run_async(abs, -1)).value == 1


def test_closing_the_pool_ends_a_running_job(hostile: ModuleType) -> None:
    pool = JailPool(preload=["_hostile"])
    pool.warm()
    results: list[JailResult[None]] = []
    worker = threading.Thread(target=lambda: results.append(pool.run(hostile.sleep_forever)))
    worker.start()
    while pool._idle:
        time.sleep(0.001)
    pool.close()
    worker.join(10)
    assert results[0].failure == "crash"
    with pytest.raises(RuntimeError, match="closed"):
        pool.run(abs, -1)


def test_a_child_starts_in_less_than_fifty_milliseconds() -> None:
    with JailPool(JailLimits(jobs_per_child=1)) as pool:
        pool.warm()
        times = []
        for _ in range(10):
            begin = time.monotonic()
            pool.run(abs, -1)
            times.append(time.monotonic() - begin)
    assert min(times) < 0.05
