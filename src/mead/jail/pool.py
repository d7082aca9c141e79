# SPDX-License-Identifier: Apache-2.0
"""Run functions in jailed children: one by one, or in a pool whose children are recycled.

The function and its arguments travel to the child pickled, because they are ours. The result comes back
as MessagePack and is decoded into the function's return annotation, because a child that was taken over
must not choose what this process unpickles. Nothing that a job does is an exception here: it is a
`JailResult` with a reason.

Jobs that share a child share its memory: code that took the child over sees the bodies of later jobs
and could falsify their results. `jobs_per_child=1` rules that out, for a few milliseconds per job.
"""

from __future__ import annotations

import asyncio
import atexit
import pickle
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Self, TypeVar, TypeVarTuple, get_type_hints

import msgspec

from mead.jail.child import Child
from mead.jail.limits import JailLimits, JailResult
from mead.jail.spawn import Template
from mead.jail.template import Answer

__all__ = ["JailPool", "probe", "run", "run_async"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_DEFAULT = JailLimits()


def run(function: Callable[[*Ts], T], *args: *Ts, limits: JailLimits = _DEFAULT) -> JailResult[T]:
    """Run a module-level function once in a jailed child of its own.

    The result must be something that MessagePack can hold; annotate the function's return type to get
    Structs, tuples or sets back as such.
    """
    with JailPool(limits, template=_shared_template()) as pool:
        return pool.run(function, *args)


async def run_async(function: Callable[[*Ts], T], *args: *Ts, limits: JailLimits = _DEFAULT) -> JailResult[T]:
    """As `run`, without blocking the event loop."""
    return await asyncio.to_thread(lambda: run(function, *args, limits=limits))


def probe() -> JailResult[bool]:
    """Start a jail and do nothing in it: its level, or the reason why none can be had here."""
    return run(bool)


class JailPool:
    """At most `size` jailed children at a time, each replaced after some jobs or after a failure.

    Usable from several threads, and from a loop by `run_async`.

    Args:
        limits: what each job and its child may use.
        size: children at a time.
        preload: modules that the template imports once, so that children need not.
        template: a template to share instead of an own one.
    """

    def __init__(
        self,
        limits: JailLimits = _DEFAULT,
        *,
        size: int = 1,
        preload: Iterable[str] = (),
        template: Template | None = None,
    ) -> None:
        self.limits = limits
        # a program that was started may outlive its job, but not its child
        self._jobs_per_child = 1 if limits.programs else limits.jobs_per_child
        self._template = template or Template(preload)
        self._owns_template = template is None
        self._slots = threading.BoundedSemaphore(size)
        self._threads = ThreadPoolExecutor(size, "jail")
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._closed = False

    def run(self, function: Callable[[*Ts], T], *args: *Ts) -> JailResult[T]:
        """Run a module-level function on the next free child; waits for one."""
        return self.run_within(self.limits.wall_seconds, function, *args)

    def run_within(self, wall_seconds: float, function: Callable[[*Ts], T], *args: *Ts) -> JailResult[T]:
        """As `run`, with less time than the limits give."""
        request = pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
        decoder = _decoder(function)
        with self._slots:
            started = time.monotonic()
            child, answer = self._take()
            if answer.failure is None:
                started = time.monotonic()
                answer = child.work(request, wall_seconds)
            result: JailResult[T] = _result(answer, decoder, child.level, time.monotonic() - started)
            self._put_back(child, usable=result.ok)
            return result

    async def run_async(self, function: Callable[[*Ts], T], *args: *Ts) -> JailResult[T]:
        """As `run`, without blocking the event loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self.run(function, *args)
        )

    def warm(self) -> None:
        """Start the template and one child now rather than at the first job."""
        with self._slots:
            child, answer = self._take()
            self._put_back(child, usable=answer.failure is None)

    def close(self) -> None:
        """Kill all children; jobs still running end as crashed."""
        with self._lock:
            self._closed = True
            children, self._children, self._idle = self._children, set(), []
        for child in children:
            child.interrupt()
        self._threads.shutdown(wait=True)
        for child in children:
            child.kill()
        if self._owns_template:
            self._template.close()

    def _take(self) -> tuple[Child, Answer]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the jail pool is closed")
            if self._idle:
                return self._idle.pop(), Answer()
            child = Child(self._template, self.limits)
            self._children.add(child)
        return child, child.start()

    def _put_back(self, child: Child, *, usable: bool) -> None:
        with self._lock:
            if usable and not self._closed and child.jobs_done < self._jobs_per_child:
                self._idle.append(child)
                return
            self._children.discard(child)
        child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.warm)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)


@lru_cache(maxsize=1)
def _shared_template() -> Template:
    template = Template()
    atexit.register(template.close)
    return template


@lru_cache(maxsize=256)
def _decoder(function: Callable[..., Any]) -> msgspec.msgpack.Decoder[Any]:
    try:
        returned = get_type_hints(function).get("return", Any)
    except (TypeError, NameError):
        returned = Any  # a builtin or a partial: it has no annotations
    return msgspec.msgpack.Decoder(returned)


def _result(
    answer: Answer, decoder: msgspec.msgpack.Decoder[Any], level: str, wall_seconds: float
) -> JailResult[Any]:
    value, failure, reason = None, answer.failure, answer.reason
    if failure is None:
        try:
            value = decoder.decode(answer.value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
            failure, reason = "result", f"the result is not what the function promises: {error}"
    return JailResult(value, failure, reason, level, answer.cpu_seconds, wall_seconds)
