# SPDX-License-Identifier: Apache-2.0
"""The template: a clean process that has the modules loaded and forks jailed children on request.

It holds nothing secret: no environment, no open file but its control socket, no thread. For each request
it gets two sockets, one over which the child takes jobs and one on which the template reports the child's
end. It watches the children, kills a whole process group when one ends or when it is told to, and ends
with its parent.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import time
from dataclasses import dataclass

import msgspec

from mead.jail.confine import close_network, confine
from mead.jail.limits import Failure, JailLimits

__all__ = ["ENDED", "FRAME", "Answer", "Order", "main"]

FRAME = struct.Struct(">Q")
"""Length of what follows on a child's socket."""

ENDED = struct.Struct(">id")
"""How a child ended: wait status, processor seconds of it and all that it waited for."""

_REASON_CHARACTERS = 500


class Order(msgspec.Struct, frozen=True):
    """A child that is wanted; two sockets come with it."""

    limits: JailLimits


class Answer(msgspec.Struct, frozen=True):
    """What a child says: first its level, then one answer per job."""

    failure: Failure | None = None
    reason: str = ""
    level: str = ""
    cpu_seconds: float = 0.0
    value: msgspec.Raw = msgspec.Raw(b"\xc0")


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    handle: int
    report: socket.socket


def main(control_descriptor: int, preload: list[str]) -> None:
    """Serve requests until the parent closes the control socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(PATH="/usr/bin:/bin", HOME="/nonexistent", LANG="C.UTF-8")
    control = socket.socket(fileno=control_descriptor)
    broken = _preload(preload)
    network = close_network()
    watch = selectors.DefaultSelector()
    watch.register(control, selectors.EVENT_READ, None)
    while True:
        for key, _ in watch.select():
            if key.data is not None:
                _settle(key.data, watch)
            elif not _fork(control, watch, network, broken):
                _end_all(watch)
                return


def _preload(names: list[str]) -> str:
    """Import what children will need; why that failed, or nothing."""
    try:
        for name in names:
            importlib.import_module(name)
    except ImportError as error:
        return f"preloading {name}: {error}"
    return ""


def _fork(control: socket.socket, watch: selectors.BaseSelector, network: str, broken: str) -> bool:
    """Fork one child as ordered; False when the parent is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
    if not message:
        return False
    order = msgspec.msgpack.decode(message, type=Order)
    jobs, report = descriptors
    template = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(jobs, order.limits, network, template, broken)
    os.close(jobs)
    child = _Child(pid, os.pidfd_open(pid), socket.socket(fileno=report))
    watch.register(child.handle, selectors.EVENT_READ, child)
    watch.register(child.report, selectors.EVENT_READ, child)
    return True


def _settle(child: _Child, watch: selectors.BaseSelector) -> None:
    """Kill what is left of a child's group, reap it, and say how it ended."""
    if child.report.fileno() < 0:
        return  # both of its descriptors were ready at once
    watch.unregister(child.handle)
    watch.unregister(child.report)
    _kill(child.pid)  # not reaped yet, so the number is still its own
    _, status, usage = os.wait4(child.pid, 0)
    with contextlib.suppress(OSError):  # the parent may not wait for it any more
        child.report.shutdown(socket.SHUT_RD)
        with contextlib.suppress(BlockingIOError):
            child.report.recv(16, socket.MSG_DONTWAIT)  # closing with something unread would lose the report
        child.report.send(ENDED.pack(status, usage.ru_utime + usage.ru_stime))
    child.report.close()
    os.close(child.handle)


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):  # not yet the leader of a group of its own
            kill(pid, signal.SIGKILL)


def _end_all(watch: selectors.BaseSelector) -> None:
    for key in list(watch.get_map().values()):
        if key.data is not None:
            _kill(key.data.pid)


def _child(jobs: int, limits: JailLimits, network: str, template: int, broken: str) -> None:
    """Life of a child; never returns."""
    try:
        os.setsid()
        _keep_only(jobs)
        level = confine(limits, network=network, parent=template)
        _send(_CHANNEL, Answer(failure="start" if broken else None, reason=broken, level=level))
    except BaseException as error:  # noqa: BLE001 - reported to the parent, then the process ends
        _send(_CHANNEL, Answer(failure="start", reason=_sentence(error)))
        os._exit(1)
    try:
        while (request := _receive(_CHANNEL)) is not None:
            _send(_CHANNEL, _work(request, limits))
    finally:
        os._exit(0)


_CHANNEL = 3


def _keep_only(jobs: int) -> None:
    if jobs != _CHANNEL:
        os.dup2(jobs, _CHANNEL)
    os.closerange(_CHANNEL + 1, 1 << 20)
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _work(request: bytes, limits: JailLimits) -> Answer:
    before = time.process_time()
    try:
        _allow_processor_seconds(limits.cpu_seconds)
        function, arguments = pickle.loads(request)  # noqa: S301 - comes from our parent
        value = function(*arguments)
    except MemoryError:
        return Answer("memory", f"more than {limits.memory_bytes} bytes of memory", "", _since(before))
    except BaseException as error:  # noqa: BLE001 - the jail reports whatever a parser does
        return Answer("exception", _sentence(error), "", _since(before))
    return _encoded(value, before, limits)


def _encoded(value: object, before: float, limits: JailLimits) -> Answer:
    try:
        encoded = msgspec.msgpack.encode(value)
    except MemoryError:
        return Answer("memory", f"more than {limits.memory_bytes} bytes of memory", "", _since(before))
    except (TypeError, ValueError, OverflowError, RecursionError, NotImplementedError) as error:
        return Answer("result", f"the result cannot be handed over: {_sentence(error)}", "", _since(before))
    if len(encoded) > limits.result_bytes:
        reason = f"the result has {len(encoded)} bytes, allowed are {limits.result_bytes}"
        return Answer("result", reason, "", _since(before))
    return Answer(None, "", "", _since(before), msgspec.Raw(encoded))


def _allow_processor_seconds(seconds: int) -> None:
    used = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    allowed = int(used) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (min(allowed, hard) if hard >= 0 else allowed, hard))


def _since(before: float) -> float:
    return max(0.0, time.process_time() - before)


def _sentence(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text[:_REASON_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def _send(descriptor: int, answer: Answer) -> None:
    payload = msgspec.msgpack.encode(answer)
    view = memoryview(FRAME.pack(len(payload)) + payload)
    while view:
        view = view[os.write(descriptor, view) :]


def _receive(descriptor: int) -> bytes | None:
    header = _exactly(descriptor, FRAME.size)
    return None if header is None else _exactly(descriptor, FRAME.unpack(header)[0])


def _exactly(descriptor: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
