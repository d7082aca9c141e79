# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""tar: archives listed, taken apart and made.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mead.shell.applets.decompress import unpacked
from mead.shell.ast import encode
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.limits import LimitReachedError
from mead.shell.nodes import PathError, link, normal

__all__ = ["TABLE", "place"]

_MAX_MEMBERS: Final = 1_000
_LONG: Final = {
    "extract": "x", "list": "t", "create": "c", "file": "f:", "directory": "C:", "gzip": "z", "bzip2": "j", "xz": "J",
    "verbose": "v", "to-stdout": "O", "strip-components": "strip:", "overwrite": "overwrite", "no-same-owner": "o",
    "same-permissions": "p", "numeric-owner": "numeric", "keep-old": "k", "wildcards": "wild",
}  # fmt: skip
_GNU_LONG: Final = {**_LONG, "exclude": "exclude:", "append": "r", "update": "u"}


@dataclass(slots=True)
class _Job:
    """What tar was told to do."""

    options: Options
    names: list[str]
    wanted: set[str] = field(default_factory=set)

    def told(self, letter: str) -> bool:
        return letter in self.options


def _tar(call: Call) -> int:
    words = call.argv[1:]
    if not words:
        raise UsageError
    if not words[0].startswith("-"):
        words = [f"-{words[0]}", *words[1:]]
    words = _old_style(words)
    inner = Call(["tar", *words], call.process, call.shell)
    bash = call.gnu
    options = inner.options("ctxf:C:zjJaZvOpkmhoT:X:" + ("ruP" if bash else ""), _GNU_LONG if bash else _LONG)
    if not options.values.keys() & {"x", "t", "c", "r", "u"}:
        if bash:
            raise FailedError(
                "You must specify one of the '-Acdtrux', '--delete' or '--test-label' options", 2
            )
        raise UsageError
    job = _Job(options, [name.rstrip("/") for name in options.operands])
    return _create(call, job) if options.values.keys() & {"c", "r", "u"} else _take_apart(call, job)


def _old_style(words: list[str]) -> list[str]:
    """`xfC a b`: values follow in the order of the letters that want one, `f` not being the last."""
    letters = words[0][1:]
    if words[0].startswith("--") or "f" not in letters[:-1]:
        return words
    return [f"-{letters.replace('f', '')}", "-f", *words[1:]]


# Taking apart


def _take_apart(call: Call, job: _Job) -> int:
    name = job.options.get("f")
    try:
        data = call.drain(call.stdin, raw=True) if name in {"", "-"} else call.read(name, raw=True)
    except PathError as error:
        text = f"{name}: Cannot open: {error.reason}" if call.gnu else f"can't open '{name}': {error.reason}"
        raise FailedError(text, 2 if call.gnu else 1) from error
    if not data and call.machine.touched:
        return 0
    folder = job.options.get("C")
    if folder and not call.machine.fs.is_directory(call.path(folder)):
        raise FailedError(f"can't change directory to '{folder}': No such file or directory")
    if not data:
        raise FailedError("short read")
    found = unpacked(call, data)
    data = data if found is None else found.data
    if len(data) < tarfile.BLOCKSIZE:
        raise FailedError("short read" if not call.gnu else "This does not look like a tar archive", 1)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as members:
            _members(call, job, members)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise FailedError("invalid tar magic") from error
    missing = [name for name in job.names if name not in job.wanted]
    for name in missing:
        call.complain(f"{name}: not found in archive")
    return int(bool(missing))


def _members(call: Call, job: _Job, members: tarfile.TarFile) -> None:
    strip = job.options.get("strip")
    for count, member in enumerate(members):
        if count >= _MAX_MEMBERS:
            raise LimitReachedError("archive_members", _MAX_MEMBERS, "members")
        call.machine.budget.charge()
        name = member.name.encode("utf-8", "surrogateescape").decode("latin-1")
        shown = name + "/" if member.isdir() else name
        if job.names and not _is_wanted(job, name):
            continue
        if strip.isdecimal():
            name = "/".join(name.split("/")[int(strip[:3]) :])
        _member(call, job, members, member, name, shown)


def _is_wanted(job: _Job, name: str) -> bool:
    found = next((wanted for wanted in job.names if name == wanted or name.startswith(wanted + "/")), None)
    job.wanted |= {found} if found else set()
    return found is not None


def _member(
    call: Call, job: _Job, members: tarfile.TarFile, member: tarfile.TarInfo, name: str, shown: str
) -> None:
    if job.told("t"):
        call.write((_listed(member, shown) if job.told("v") else shown) + "\n")
        return
    if job.told("v"):
        (call.say if job.told("O") else call.write)(shown + "\n")
    reader = members.extractfile(member) if member.isreg() else None
    data = None if reader is None else reader.read(call.machine.limits.file_bytes)
    if data is not None:
        call.machine.budget.charge_copy(len(data))
    if job.told("O"):
        call.write(data or b"")
    elif name and (member.isreg() or member.isdir()):
        place(call, job.options.get("C"), name, data, member.mode)
    elif name and member.issym():
        _place_link(call, job.options.get("C"), name, member.linkname)


def _listed(member: tarfile.TarInfo, name: str) -> str:
    kind = "d" if member.isdir() else "l" if member.issym() else "-"
    letters = "".join("rwx"[2 - bit % 3] if member.mode >> bit & 1 else "-" for bit in range(8, -1, -1))
    moment = datetime.fromtimestamp(max(0, min(int(member.mtime), 1 << 32)), UTC)
    owner = f"{member.uname or member.uid}/{member.gname or member.gid}"
    arrow = f" -> {member.linkname}" if member.issym() else ""
    return f"{kind}{letters} {owner} {member.size:>9} {moment:%Y-%m-%d %H:%M:%S} {name}{arrow}"


def place(call: Call, folder: str, name: str, data: bytes | None, mode: int) -> None:
    """Write one member below `folder`; a name cannot lead out of the emulated root."""
    path = normal(call.path(f"{folder}/{name}" if folder else name))
    try:
        _make_parents(call, path, itself=data is None)
        if data is not None:
            call.save(path, data)
        call.machine.fs.change(path, mode=mode & 0o7777)
    except PathError as error:
        call.complain(f"can't open '{name}': {error.reason}")


def _make_parents(call: Call, path: str, *, itself: bool) -> None:
    parent = ""
    for part in path.split("/")[1 : None if itself else -1]:
        parent += "/" + part
        if not call.machine.fs.exists(parent):
            call.machine.fs.make_directory(parent)


def _place_link(call: Call, folder: str, name: str, target: str) -> None:
    path = normal(call.path(f"{folder}/{name}" if folder else name))
    try:
        _make_parents(call, path, itself=False)
        if not call.machine.fs.exists(path, follow=False):
            call.machine.fs.make(path, link(target.encode("utf-8", "surrogateescape").decode("latin-1")))
    except PathError as error:
        call.complain(f"can't create symlink '{name}': {error.reason}")


# Making


def _create(call: Call, job: _Job) -> int:
    packed = io.BytesIO()
    status = 0
    base = job.options.get("C")
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in job.names:
            try:
                status = _add(call, job, archive, f"{base}/{name}" if base else name, name) or status
            except PathError as error:
                call.complain(f"{name}: {error.reason}")
                status = 1
    data = _compressed(job, _ended(packed.getvalue()))
    if job.options.get("f") in {"", "-"}:
        call.write(data)
    else:
        call.save(job.options.get("f"), data, how="tar")
    if status:
        call.complain("error exit delayed from previous errors")
    return status


def _ended(data: bytes) -> bytes:
    """The archive with the two empty blocks that BusyBox ends it with, and no more."""
    size = -(-len(data.rstrip(b"\0")) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return data[:size] + bytes(2 * tarfile.BLOCKSIZE)


def _compressed(job: _Job, data: bytes) -> bytes:
    if job.told("z"):
        return zlib.compress(data, 6, wbits=31)
    if job.told("j"):
        return bz2.compress(data)
    return lzma.compress(data) if job.told("J") else data


def _add(call: Call, job: _Job, archive: tarfile.TarFile, source: str, name: str) -> int:
    call.machine.budget.charge()
    node = call.node(source, follow="h" in job.options)
    member = tarfile.TarInfo(name.lstrip("/").encode("latin-1").decode("utf-8", "surrogateescape"))
    member.mode, member.mtime, member.uname = node.mode, int(node.modified), "root"
    if job.told("v"):
        (call.say if job.options.get("f") in {"", "-"} else call.write)(
            name + ("/" if node.kind == "dir" else "") + "\n"
        )
    if node.kind == "dir":
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
        for child in sorted(node.children):
            _add(call, job, archive, f"{source.rstrip('/')}/{child}", f"{name.rstrip('/')}/{child}")
    elif node.kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, encode(node.target).decode("utf-8", "surrogateescape")
        archive.addfile(member)
    elif node.kind == "file":
        data = node.content()
        call.machine.budget.charge_copy(len(data))
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return 0


TABLE: Final[dict[str, Applet]] = {"tar": _tar}
