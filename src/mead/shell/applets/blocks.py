# SPDX-License-Identifier: Apache-2.0
"""Commands that write what they read in pieces: dd, tee, truncate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Endless, EndlessError, Null, Source
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
    del call
    found = re.fullmatch(r"(\d{1,18})([a-zA-Z]{0,2})", text)
    if not found or found[2] not in _UNITS:
        raise FailedError(f"invalid number '{text}'")
    return int(found[1]) * _UNITS[found[2]]


_MAX_ENDLESS: Final = 1 << 20
"""Bytes that are kept of what a device without end gave."""
_OPERANDS: Final = frozenset({
    "if", "of", "bs", "ibs", "obs", "count", "skip", "seek", "conv", "iflag", "oflag", "status",
})  # fmt: skip
_CONVERSIONS: Final = frozenset({"notrunc", "noerror", "sync", "fsync", "swab", "fdatasync", "nocreat"})


@dataclass(slots=True)
class _Plan:
    """What dd was told to do."""

    settings: dict[str, str]
    conversions: set[str]
    input_block: int
    output_block: int
    count: int | None
    skip: int
    seek: int

    def flagged(self, name: str) -> bool:
        """Whether `iflag` or `oflag` has a word."""
        flags = f"{self.settings.get('iflag', '')},{self.settings.get('oflag', '')}"
        return name in flags.split(",")


def _plan(call: Call) -> _Plan:
    for word in call.argv[1:]:
        name, equals, _ = word.partition("=")
        if word == "--":
            continue
        if not equals or name not in _OPERANDS:
            raise UsageError
    settings = dict(word.partition("=")[::2] for word in call.argv[1:] if word != "--")
    conversions = set(filter(None, settings.get("conv", "").split(",")))
    wrong = next((name for name in conversions if name not in _CONVERSIONS and not call.gnu), None)
    if wrong is not None:
        raise FailedError(f"invalid argument '{wrong}' to 'conv'")
    both = settings.get("bs", "512")
    blocks = [
        _amount(call, settings.get(name, both) if "bs" not in settings else both) for name in ("ibs", "obs")
    ]
    if 0 in blocks:
        raise FailedError("number 0 is not in 1..9223372036854775807 range")
    count = _amount(call, settings["count"]) if "count" in settings else None
    skip, seek = (_amount(call, settings.get(name, "0")) for name in ("skip", "seek"))
    plan = _Plan(settings, conversions, blocks[0], blocks[1], count, skip * blocks[0], seek * blocks[1])
    plan.skip = skip if plan.flagged("skip_bytes") else plan.skip
    plan.seek = seek if plan.flagged("seek_bytes") else plan.seek
    if count is not None and not plan.flagged("count_bytes"):
        plan.count = count * blocks[0]
    return plan


def _dd(call: Call) -> int:
    plan = _plan(call)
    settings = plan.settings
    try:
        source = call.source(settings["if"]) if "if" in settings else call.stdin
    except PathError as error:
        raise FailedError(_no_open(call, settings["if"], error.reason)) from error
    try:
        if isinstance(source, Endless):
            taken = written = _dd_endless(call, plan, source)
        else:
            taken, written = _dd_copy(call, plan, source)
    except PathError as error:
        raise FailedError(_no_open(call, settings.get("of", ""), error.reason)) from error
    if settings.get("status") != "none":
        call.say(f"{_records(taken, plan.input_block)} in\n{_records(written, plan.output_block)} out\n")
        if settings.get("status") != "noxfer":
            call.say(_speed(call, written))
    return 0


def _dd_copy(call: Call, plan: _Plan, source: Source) -> tuple[int, int]:
    """Copy what ends; bytes read and bytes written."""
    data, waits = _dd_read(call, plan, source)
    taken = len(data)
    if "sync" in plan.conversions and taken % plan.input_block:
        data = data.ljust(-(-taken // plan.input_block) * plan.input_block, b"\0")
    if "swab" in plan.conversions:
        data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
    _dd_write(call, plan, data, waits)
    return taken, len(data)


def _no_open(call: Call, name: str, reason: str) -> str:
    verb = "failed to open" if call.gnu else "can't open"
    return f"{verb} '{name}': {reason}"


def _records(size: int, block: int) -> str:
    full, part = divmod(size, block)
    return f"{full}+{1 if part else 0} records"


def _speed(call: Call, size: int) -> str:
    rate = call.machine.persona.number("dd", 9, 18) * (30 if call.gnu else 1) * 1_000_000
    seconds = 0.0004 + size / rate
    call.machine.sleep(seconds)
    if call.gnu:
        plural = "" if size == 1 else "s"
        sizes = [_scaled(size, 1_000, "B")] if size >= 1_000 else []
        sizes += [_scaled(size, 1_024, "iB").replace("ki", "Ki")] if size >= 1_024 else []
        shown = f" ({', '.join(sizes)})" if sizes else ""
        return (
            f"{size} byte{plural}{shown} copied, {seconds:.6g} s, {_scaled(size / seconds, 1_000, 'B/s')}\n"
        )
    return f"{size} bytes ({_human(size)}B) copied, {seconds:.6f} seconds, {_human(size / seconds)}B/s\n"


def _scaled(value: float, step: int, unit: str) -> str:
    """A number as GNU's dd shows it: two figures at least, at least thousands."""
    value, letters = value / step, "kMGTP"
    while value >= step and len(letters) > 1:
        value, letters = value / step, letters[1:]
    return (
        f"{value:.1f} {letters[0]}{unit}"
        if value < 10 or (unit == "B/s" and value < 100)
        else f"{value:.0f} {letters[0]}{unit}"
    )  # short


def _human(value: float) -> str:
    if value < 1024:  # no unit below
        return str(int(value))
    for unit in "KMGT":
        value /= 1024
        if value < 1024:  # the next unit
            return f"{value:.1f}{unit}"
    return f"{value:.1f}P"


def _dd_read(call: Call, plan: _Plan, source: Source) -> tuple[bytes, str | None]:
    if source.waits is not None:
        data = call.drain(source, raw=True)
    else:
        data = source.read(None if plan.count is None else plan.skip + plan.count)
        call.machine.budget.charge_copy(len(data))
    data = data[plan.skip :]
    known = source.waits in call.machine.bodies
    return (data if plan.count is None else data[: plan.count]), None if known else source.waits


def _dd_endless(call: Call, plan: _Plan, source: Endless) -> int:
    """Copy from a device without end; how much. Of much of it, no more is kept than tells what it is."""
    machine = call.machine
    name = plan.settings.get("of")
    if plan.count is None:
        return _dd_for_ever(call, source, name)
    size = min(plan.count, _MAX_ENDLESS)
    if name is None:
        machine.budget.charge_bytes(size)
        call.write(source.read(size))
        if size < plan.count and not isinstance(call.stdout, Null):
            machine.limit(LimitReachedError("pipe_bytes", _MAX_ENDLESS, "bytes"))
        return plan.count
    if machine.fs.exists(call.path(name)) and machine.fs.node(call.path(name)).kind != "file":
        sink = call.shell.open_sink(call.path(name), call.process, append=False, how="dd")
        sink.write(source.read(min(size, 1)))
        return plan.count
    machine.budget.charge_bytes(size)
    _dd_write(call, plan, source.read(size), None)
    if size < plan.count:
        machine.limit(LimitReachedError("file_bytes", _MAX_ENDLESS, "bytes"))
        machine.fs.claim(machine.fs.find(call.path(name))[1], plan.seek + plan.count)
    return plan.count


def _dd_for_ever(call: Call, source: Endless, name: str | None) -> int:
    """Without a count it fills what it is written to, or runs until it is stopped."""
    if name is None:
        call.pour(source, call.stdout)
        return 0
    sink = call.shell.open_sink(call.path(name), call.process, append=False, how="dd")
    if isinstance(sink, Null):
        raise EndlessError
    call.machine.limit(LimitReachedError("file_bytes", _MAX_ENDLESS, "bytes"))
    sink.write(source.read(_MAX_ENDLESS))
    raise FailedError(f"error writing '{name}': No space left on device")


def _dd_write(call: Call, plan: _Plan, data: bytes, waits: str | None) -> None:
    if "of" not in plan.settings:
        call.write(data)
        if waits is not None:
            call.stdout.waits = waits
        return
    name, seek = plan.settings["of"], plan.seek
    keep = "notrunc" in plan.conversions or plan.flagged("append")
    if seek > call.machine.limits.file_bytes:
        raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
    if keep or seek:
        node = call.machine.fs.create(call.path(name), mode=0o666 & ~call.process.umask)
        old = node.content() if node.kind == "file" else b""
        if plan.flagged("append"):
            seek = len(old)
        tail = old[seek + len(data) :] if keep else b""
        data = old[:seek].ljust(seek, b"\0") + data + tail
    call.save(name, data, waits=waits, how="dd")


def _tee(call: Call) -> int:
    options = call.options("ai", {"append": "a"})
    data = call.drain(call.stdin, raw=True)
    waits = call.stdin.waits if call.stdin.waits not in call.machine.bodies else None
    status = 0
    for name in options.operands:  # before the output, which may be more than a terminal takes
        try:
            call.save(name, data, waits=waits, growing="a" in options)
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    call.write(data)
    if waits is not None:
        call.stdout.waits = waits
    return status


def _truncate(call: Call) -> int:
    options = call.options("cs:", {"size": "s:", "no-create": "c"})
    if not options.operands or "s" not in options:
        raise UsageError
    text = options.get("s")
    for name in options.operands:
        try:
            exists = call.machine.fs.exists(call.path(name))
            if not exists and "c" in options:
                continue
            data = call.read(name, raw=True) if exists else b""
            size = _amount(call, text.lstrip("+-") if call.gnu else text)
            size = len(data) + size if text[0] == "+" else len(data) - size if text[0] == "-" else size
            if size > call.machine.limits.file_bytes:
                raise LimitReachedError("file_bytes", call.machine.limits.file_bytes, "bytes")
            call.save(name, data[: max(0, size)].ljust(size, b"\0"))
        except PathError as error:
            call.complain(f"{name}: open: {error.reason}" if not call.gnu else f"{name}: {error.reason}")
            return 1
    return 0


TABLE: Final[dict[str, Applet]] = {"dd": _dd, "tee": _tee, "truncate": _truncate}
