# SPDX-License-Identifier: Apache-2.0
"""Archives: gzip, bzip2, xz, tar, zip; only taken apart, and never to more than the session may hold."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from mead.shell.call import Applet, Call, FailedError
from mead.shell.limits import LimitReachedError
from mead.shell.vfs import PathError, normal

__all__ = ["TABLE"]

_MAX_MEMBERS: Final = 1_000


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool:
        """Whether the stream is complete."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Up to `max_length` bytes."""


def _gzip() -> _Decompressor:
    return zlib.decompressobj(wbits=47)


_FORMATS: Final[tuple[tuple[str, bytes, Callable[[], _Decompressor]], ...]] = (
    ("gzip", b"\x1f\x8b", _gzip), ("bzip2", b"BZh", bz2.BZ2Decompressor),
    ("xz", b"\xfd7zXZ", lzma.LZMADecompressor), ("lzma", b"\x5d\0\0", lzma.LZMADecompressor),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unpacked:
    data: bytes
    fault: str = ""
    """What the tool says when the stream was cut off or broken."""


def _unpacked(call: Call, data: bytes) -> _Unpacked | None:
    """What a compressed stream holds; None when it is none.

    Raises:
        LimitReachedError: it holds more than a pipe may.
    """
    found = next((entry for entry in _FORMATS if data.startswith(entry[1])), None)
    if found is None:
        return None
    limit = call.machine.limits.pipe_bytes
    decompressor = found[2]()
    try:
        result = decompressor.decompress(data, limit + 1)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError):
        return _Unpacked(b"", "corrupted data")
    if len(result) > limit:
        raise LimitReachedError("pipe_bytes", limit, "bytes")
    call.machine.budget.charge_bytes(len(result))
    call.machine.decoded(found[0], result)
    if decompressor.eof:
        return _Unpacked(result)
    return _Unpacked(result, "unexpected end of file" if len(data) > 10 else "corrupted data")


def _decompress(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    flags = "".join(word[1:] for word in call.argv[1:] if word.startswith("-"))
    if call.name in {"gzip", "bzip2", "xz"} and "d" not in flags:
        return _compress(call, words, to_screen="c" in flags)
    to_screen = "c" in flags or not words or call.name.endswith("cat")
    status = 0
    for name, data in call.inputs(words, "{}: {}"):
        if data is None:
            status = 1
        elif data or not call.machine.touched:
            status = _decompress_one(call, name, data, to_screen=to_screen) or status
    return status


def _decompress_one(call: Call, name: str, data: bytes, *, to_screen: bool) -> int:
    unpacked = _unpacked(call, data) or _Unpacked(b"", "invalid magic")
    if to_screen:
        call.write(unpacked.data)
    if unpacked.fault:
        call.complain(f"{name}: {unpacked.fault}" if call.machine.persona.gnu else unpacked.fault)
        return 1
    if not to_screen:
        base, _, suffix = name.rpartition(".")
        call.save(base if suffix in {"gz", "bz2", "xz", "lzma", "Z"} else name, unpacked.data)
        call.machine.fs.remove(call.path(name))
    return 0


def _compress(call: Call, words: list[str], *, to_screen: bool) -> int:
    data, status = call.all_input(words)
    packed = zlib.compress(data, 6, wbits=31)
    if words and not to_screen and not status:
        call.save(words[0] + ".gz", packed)
        call.machine.fs.remove(call.path(words[0]))
    else:
        call.write(packed)
    return status


def _tar(call: Call) -> int:
    words = call.argv[1:]
    flags, names, archive, folder = "", list[str](), "", ""
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "-C" and index < len(words):
            folder = words[index]
            index += 1
        elif word.startswith("--"):
            flags += {"--extract": "x", "--list": "t", "--create": "c"}.get(word, "")
        elif word.startswith("-") or index == 1:
            flags += word.lstrip("-")
            if "f" in word and index < len(words):
                archive = words[index]
                index += 1
        else:
            names.append(word)
    return _tar_do(call, flags, archive, folder, names)


def _tar_do(call: Call, flags: str, archive: str, folder: str, names: list[str]) -> int:
    if not {"x", "t", "c"} & set(flags):
        raise FailedError(
            "need at least one option" if call.machine.persona.gnu else "must specify one of c, x or t"
        )
    if "c" in flags:
        if archive and archive != "-":
            call.save(archive, bytes(1024))
        return 0
    del names
    source = call.stdin if archive in {"", "-"} else None
    try:
        data = call.drain(source) if source is not None else call.read(archive)
    except PathError as error:
        raise FailedError(
            f"can't open '{archive}': {error.reason}"
            if not call.machine.persona.gnu
            else f"{archive}: Cannot open: {error.reason}"
        ) from error
    if not data and call.machine.touched:
        return 0
    unpacked = _unpacked(call, data)
    data = data if unpacked is None else unpacked.data
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as members:
            _extract(call, members, flags, folder)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise FailedError("short read") from error
    return 0


def _extract(call: Call, members: tarfile.TarFile, flags: str, folder: str) -> None:
    for count, member in enumerate(members):
        if count >= _MAX_MEMBERS:
            raise LimitReachedError("archive_members", _MAX_MEMBERS, "members")
        call.machine.budget.charge()
        name = member.name.encode("utf-8", "surrogateescape").decode("latin-1")
        if "v" in flags or "t" in flags:
            call.write(name + "\n")
        if "x" not in flags:
            continue
        reader = members.extractfile(member) if member.isreg() else None
        data = None if reader is None else reader.read(call.machine.limits.file_bytes)
        _place(call, folder, name, data, member.mode)


def _place(call: Call, folder: str, name: str, data: bytes | None, mode: int) -> None:
    """Write one member below `folder`; a name cannot lead out of the emulated root."""
    path = normal(call.path(f"{folder}/{name}" if folder else name))
    try:
        parent = ""
        for part in path.split("/")[1 : -1 if data is not None else None]:
            parent += "/" + part
            if not call.machine.fs.exists(parent):
                call.machine.fs.make_directory(parent)
        if data is not None:
            call.save(path, data)
            call.machine.fs.change(path, mode=mode & 0o7777)
    except PathError as error:
        call.complain(f"can't open '{name}': {error.reason}")


def _unzip(call: Call) -> int:
    options = call.options("oqplnjd:P:x:")
    if not options.operands:
        return 1
    try:
        data = call.read(options.operands[0])
    except PathError as error:
        raise FailedError(f"can't open {options.operands[0]}[.zip]: {error.reason}") from error
    if not data and call.machine.touched:
        return 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist()[:_MAX_MEMBERS]:
                call.machine.budget.charge()
                with archive.open(member, pwd=options.get("P").encode("latin-1") or None) as reader:
                    body = reader.read(call.machine.limits.file_bytes)
                call.write(f"  inflating: {member.filename}\n".encode("utf-8", "replace"))
                name = member.filename.encode("utf-8", "replace").decode("latin-1")
                _place(call, options.get("d"), name, None if member.is_dir() else body, 0o644)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        RuntimeError,
        NotImplementedError,
        zlib.error,
        EOFError,
        ValueError,
    ) as error:
        raise FailedError("short read") from error
    return 0


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
    "tar": _tar,
    "unzip": _unzip,
}
