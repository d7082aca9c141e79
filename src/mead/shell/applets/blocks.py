# SPDX-License-Identifier: Apache-2.0
"""Commands that write what they read in pieces: dd, tee, truncate."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Endless, EndlessError, Null
from mead.shell.vfs import PathError

__all__ = ["TABLE"]

_UNITS: Final = {
    "": 1,
    "c": 1,
    "w": 2,
    "b": 512,
    "k": 1024,
    "K": 1024,
    "kB": 1000,
    "KB": 1000,
    "M": 1 << 20,
    "MB": 1_000_000,
    "G": 1 << 30,
    "GB": 10**9,
}


def _amount(call: Call, text: str) -> int:
    found = re.fullmatch(r"(\d{1,18})([a-zA-Z]{0,2})", text)
    if not found or found[2] not in _UNITS:
        raise FailedError(f"invalid number '{text}'")
    del call
    return int(found[1]) * _UNITS[found[2]]


def _dd(call: Call) -> int:
    settings = dict(word.partition("=")[::2] for word in call.argv[1:])
    unknown = next((word for word in call.argv[1:] if "=" not in word), None)
    if unknown is not None:
        raise UsageError
    block = _amount(call, settings.get("ibs", settings.get("bs", "512")))
    if block == 0:
        raise FailedError("number 0 is not in 1..2147483647 range")
    count = _amount(call, settings["count"]) if "count" in settings else None
    try:
        data, waits = _dd_read(call, settings, block, count)
        status = _dd_write(call, settings, data, waits, block)
    except PathError as error:
        name = (
            settings.get("if", "")
            if not call.machine.fs.exists(call.path(settings.get("if", ".")))
            else settings.get("of", "")
        )
        verb = "failed to open" if call.machine.persona.gnu else "can't open"
        raise FailedError(f"{verb} '{name}': {error.reason}") from error
    if settings.get("status") != "none":
        full, part = divmod(len(data), block)
        counts = f"{full}+{1 if part else 0}"
        call.say(f"{counts} records in\n{counts} records out\n")
        if settings.get("status") != "noxfer":
            call.say(_speed(call, len(data)))
    return status


def _speed(call: Call, size: int) -> str:
    seconds = 0.0004 + size / (9_000_000 + call.machine.persona.number("dd", 0, 9_000_000))
    if call.machine.persona.gnu:
        return f"{size} bytes copied, {seconds:.9g} s, {size / seconds / 1000:.1f} kB/s\n"
    speed = size / seconds
    shown = f"{speed / 1024:.1f}KB/s" if speed < 1 << 20 else f"{speed / (1 << 20):.1f}MB/s"
    return f"{size} bytes ({size / 1024:.1f}KB) copied, {seconds:.6f} seconds, {shown}\n"


def _dd_read(call: Call, settings: dict[str, str], block: int, count: int | None) -> tuple[bytes, str | None]:
    source = call.source(settings["if"]) if "if" in settings else call.stdin
    skip = _amount(call, settings.get("skip", "0")) * block
    if isinstance(source, Endless):
        if count is None:
            _dd_endless(call, settings, source)
        size = min((count or 0) * block, call.machine.limits.file_bytes)
        call.machine.budget.charge_bytes(size)
        return source.read(size), None
    if source.waits is not None:
        data = call.drain(source)
    else:
        data = source.read(None if count is None else skip + count * block)
        call.machine.budget.charge_bytes(len(data))
    data = data[skip:]
    known = source.waits in call.machine.bodies
    return (data if count is None else data[: count * block]), None if known else source.waits


def _dd_endless(call: Call, settings: dict[str, str], source: Endless) -> None:
    """Reading a device without end: it fills what it is written to, or runs for ever."""
    if "of" not in settings:
        call.pour(source, call.stdout)
    name = settings["of"]
    sink = call.shell.open_sink(call.path(name), call.process, append=False, how="dd")
    if isinstance(sink, Null):
        raise EndlessError
    call.machine.limit(LimitReachedError("file_bytes", 1 << 20, "bytes"))
    sink.write(source.read(1 << 20))
    raise FailedError(f"error writing '{name}': No space left on device")


def _dd_write(call: Call, settings: dict[str, str], data: bytes, waits: str | None, block: int) -> int:
    if "of" not in settings:
        call.write(data)
        if waits is not None:
            call.stdout.waits = waits
        return 0
    name = settings["of"]
    keep = "notrunc" in settings.get("conv", "") or "append" in settings.get("oflag", "")
    seek = _amount(call, settings.get("seek", "0")) * _amount(
        call, settings.get("obs", settings.get("bs", str(block)))
    )
    if seek > call.machine.limits.file_bytes:
        raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
    if keep or seek:
        node = call.machine.fs.create(call.path(name))
        old = node.content() if node.kind == "file" else b""
        if "append" in settings.get("oflag", ""):
            seek = len(old)
        tail = old[seek + len(data) :] if keep else b""
        data = old[:seek].ljust(seek, b"\0") + data + tail
    call.save(name, data, waits=waits, how="dd")
    return 0


def _tee(call: Call) -> int:
    options = call.options("ai", {"append": "a"})
    data = call.drain(call.stdin)
    waits = call.stdin.waits if call.stdin.waits not in call.machine.bodies else None
    call.write(data)
    if waits is not None:
        call.stdout.waits = waits
    status = 0
    for name in options.operands:
        try:
            call.save(name, data, waits=waits, growing="a" in options)
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    return status


def _truncate(call: Call) -> int:
    options = call.options("cs:", {"size": "s:"})
    size = _amount(call, options.get("s", "0"))
    if size > call.machine.limits.file_bytes:
        raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
    for name in options.operands:
        try:
            data = call.read(name) if call.machine.fs.exists(call.path(name)) else b""
            call.save(name, data[:size].ljust(size, b"\0"))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            return 1
    return 0


TABLE: Final[dict[str, Applet]] = {"dd": _dd, "tee": _tee, "truncate": _truncate}
