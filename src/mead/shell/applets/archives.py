# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""gzip, bzip2, xz, lzma and zip; never unpacked to more than the session may hold."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

from mead.shell.applets.decompress import Unpacked, unpacked
from mead.shell.applets.tar import place
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.nodes import PathError

__all__ = ["TABLE"]

_MAX_MEMBERS: Final = 1_000


_ENDINGS: Final = {
    "gz": "", "tgz": "tar", "Z": "", "bz2": "", "tbz": "tar", "tbz2": "tar", "xz": "", "txz": "tar", "lzma": "",
}  # fmt: skip
_PACKERS: Final[dict[str, tuple[str, Callable[[bytes], bytes]]]] = {
    "gzip": ("gz", lambda data: zlib.compress(data, 6, wbits=31)), "bzip2": ("bz2", bz2.compress),
    "xz": ("xz", lzma.compress), "lzma": ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
}  # fmt: skip


def _decompress(call: Call) -> int:
    options = call.options("cfkdtvqn123456789", {"stdout": "c", "decompress": "d", "force": "f", "keep": "k"})
    if call.name in _PACKERS and not options.values.keys() & {"d", "t"}:
        return _compress(call, options)
    to_screen = "c" in options or "t" in options or not options.operands or call.name.endswith("cat")
    status = 0
    for name, data in call.inputs(options.operands, "{}: {}", raw=True):
        if data is None:
            status = 1
        elif data or not call.machine.touched:
            status = _decompress_one(call, options, name, data, to_screen=to_screen) or status
    return status


def _decompress_one(call: Call, options: Options, name: str, data: bytes, *, to_screen: bool) -> int:
    target = _without_ending(name)
    if not to_screen and target is None:
        call.complain(f"{name}: unknown suffix - ignored")
        return 1
    found = unpacked(call, data) or Unpacked(b"", _no_archive(call))
    if to_screen and "t" not in options:
        call.write(found.data)
    if found.fault:
        call.complain(f"{name}: {found.fault}" if call.gnu else found.fault)
        return 1
    if target is not None and not to_screen:
        if call.machine.fs.exists(call.path(target)) and "f" not in options:
            call.complain(f"can't open '{target}': File exists")
            return 1
        call.save(target, found.data)
        if "k" not in options:
            call.machine.fs.remove(call.path(name))
    return 0


def _no_archive(call: Call) -> str:
    if call.gnu:
        return "not in gzip format"
    if call.name == "zcat":
        return "no gzip/bzip2/xz magic"
    return "bad lzma header" if "lz" in call.name else "invalid magic"


def _without_ending(name: str) -> str | None:
    base, dot, ending = name.rpartition(".")
    if not dot or ending not in _ENDINGS:
        return None
    return f"{base}.{_ENDINGS[ending]}" if _ENDINGS[ending] else base


def _compress(call: Call, options: Options) -> int:
    ending, pack = _PACKERS[call.name]
    status = 0
    for name, data in call.inputs(options.operands, "{}: {}"):
        if data is None:
            status = 1
            continue
        call.machine.budget.charge(len(data) >> 7)
        if name == "-" or "c" in options:
            call.write(pack(data))
            continue
        call.save(f"{name}.{ending}", pack(data))
        if "k" not in options:
            call.machine.fs.remove(call.path(name))
    return status


def _unzip(call: Call) -> int:
    options = call.options("oqplnjd:P:x:v")
    if not options.operands:
        raise UsageError
    name = options.operands[0]
    try:
        data = call.read(name, raw=True)
    except PathError as error:
        text = f"cannot find or open {name}" if call.gnu else f"can't open {name}[.zip]"
        raise FailedError(text) from error
    if not data and call.machine.touched:
        return 0
    call.write(f"Archive:  {name}\n" if "q" not in options and "p" not in options else "")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist()[:_MAX_MEMBERS]:
                call.machine.budget.charge()
                _unzip_one(call, options, archive, member)
    except _ZIP_ERRORS as error:
        raise FailedError("short read") from error
    return 0


_ZIP_ERRORS: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, ValueError,
)  # fmt: skip


def _unzip_one(call: Call, options: Options, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    name = member.filename.encode("utf-8", "replace").decode("latin-1")
    if "l" in options:
        call.write(f"{member.file_size:>9}  {name}\n")
        return
    with archive.open(member, pwd=options.get("P").encode("latin-1") or None) as reader:
        body = reader.read(call.machine.limits.file_bytes)
    call.machine.budget.charge_copy(len(body))
    if "p" in options:
        call.write(body)
        return
    if "q" not in options:
        call.write(f"   {'creating' if member.is_dir() else 'inflating'}: {name}\n")
    place(
        call, options.get("d"), name, None if member.is_dir() else body, 0o755 if member.is_dir() else 0o644
    )


TABLE: Final[dict[str, Applet]] = {
    **dict.fromkeys(
        (
            "gunzip",
            "gzip",
            "zcat",
            "bunzip2",
            "bzip2",
            "bzcat",
            "unxz",
            "xz",
            "xzcat",
            "unlzma",
            "lzcat",
            "uncompress",
        ),
        _decompress,
    ),
    "unzip": _unzip,
}
