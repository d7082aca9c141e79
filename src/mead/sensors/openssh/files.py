# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""sftp and scp on the emulated file system.

asyncssh's own `SFTPServer` works on the files of this host. Every one of its methods that does is
replaced here, and a test checks that none is forgotten.

Source: draft-ietf-secsh-filexfer-02 (version 3); OpenSSH `sftp-server.c` for what is refused.
"""

from __future__ import annotations

import stat as modes
import time
from collections.abc import AsyncIterator, Callable
from posixpath import join, normpath
from typing import NoReturn, TypeVar

import asyncssh
from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs
from asyncssh.constants import (
    FILEXFER_TYPE_DIRECTORY,
    FILEXFER_TYPE_REGULAR,
    FILEXFER_TYPE_SPECIAL,
    FILEXFER_TYPE_SYMLINK,
)

from mead.sensors.console import Console
from mead.shell.limits import LimitReachedError
from mead.shell.vfs import FileSystem, Node, PathError

__all__ = ["EmulatedFiles"]

T = TypeVar("T")

_WRITE = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC
_MAX_HOLE_BYTES = 1 << 20
_KINDS = {
    "file": modes.S_IFREG, "dir": modes.S_IFDIR, "link": modes.S_IFLNK, "char": modes.S_IFCHR,
    "block": modes.S_IFBLK, "fifo": modes.S_IFIFO, "socket": modes.S_IFSOCK,
}  # fmt: skip
_TYPES = {"file": FILEXFER_TYPE_REGULAR, "dir": FILEXFER_TYPE_DIRECTORY, "link": FILEXFER_TYPE_SYMLINK}
"""What scp asks for; no part of version 3 of the protocol."""
_UMASK = 0o022


class _Open:
    """An open file: its path without links. The node behind it may be replaced while it is open."""

    __slots__ = ("append", "changed", "path")

    def __init__(self, path: str, *, append: bool) -> None:
        self.path = path
        self.append = append
        self.changed = False


class EmulatedFiles(asyncssh.SFTPServer):
    """One channel's file transfers; `brought` is told of every file that was written, when it is closed."""

    def __init__(
        self,
        channel: asyncssh.SSHServerChannel[bytes],
        console: Console,
        brought: Callable[[str, bytes], None],
        limit: Callable[[str, int, str], None],
    ) -> None:
        super().__init__(channel)
        self._console = console
        self._shell = console.shell.persona
        self._files: FileSystem = console.files
        self._home = console.home
        self._persona = console.users
        self._brought = brought
        self._limit = limit
        self._open: set[_Open] = set()

    def _path(self, path: bytes) -> str:
        return normpath(join(self._home, path.decode("latin-1"))).replace("//", "/")

    def _do(self, action: Callable[[], T]) -> T:
        """Run `action`; what the kernel would refuse becomes sftp-server's answer."""
        try:
            return action()
        except PathError as error:
            _refuse(error.reason)
        except LimitReachedError as error:
            self._limit(error.name, error.value, error.unit)
            raise asyncssh.SFTPFailure("Failure") from error

    def _attributes(self, node: Node) -> SFTPAttrs:
        moment = int(node.modified)
        return SFTPAttrs(
            type=_TYPES.get(node.kind, FILEXFER_TYPE_SPECIAL),
            size=len(node.target) if node.kind == "link" else 4096 if node.kind == "dir" else node.size,
            uid=node.uid, gid=node.gid, permissions=node.mode | _KINDS[node.kind],
            atime=moment, mtime=moment, nlink=2 if node.kind == "dir" else 1,
        )  # fmt: skip

    # What sftp-server does

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        name = self._path(path)
        node, real = self._do(lambda: self._files.find(name))
        if not pflags & _WRITE:
            if self._do(lambda: self._files.node(name)).kind == "dir":
                raise asyncssh.SFTPFailure("Failure")
            return _Open(real, append=False)
        if node is not None and pflags & asyncssh.FXF_EXCL:
            raise asyncssh.SFTPFailure("Failure")
        if node is None and not pflags & asyncssh.FXF_CREAT:
            raise asyncssh.SFTPNoSuchFile("No such file")
        mode = (0o666 if attrs.permissions is None else attrs.permissions) & 0o777 & ~_UMASK
        truncate = bool(pflags & asyncssh.FXF_TRUNC)
        self._do(lambda: self._files.create(real, mode=mode, truncate=truncate))
        opened = _Open(real, append=bool(pflags & asyncssh.FXF_APPEND))
        self._open.add(opened)
        return opened

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs) -> object:
        raise asyncssh.SFTPOpUnsupported("Operation unsupported")

    def close(self, file_obj: object) -> None:
        assert isinstance(file_obj, _Open)
        self._open.discard(file_obj)
        changed, file_obj.changed = file_obj.changed, False
        if changed and self._files.exists(file_obj.path):
            self._brought(file_obj.path, self._node(file_obj).content())

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        data = self._node(file_obj).data
        if callable(data):
            data = data()
        return bytes(data[offset : offset + size])

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        assert isinstance(file_obj, _Open)
        node = self._node(file_obj)
        if node.kind != "file":
            return len(data)
        if file_obj.append:
            offset = node.size
        if offset > node.size + _MAX_HOLE_BYTES:
            self._limit("max_hole_bytes", _MAX_HOLE_BYTES, "bytes")
            raise asyncssh.SFTPFailure("Failure")
        self._do(lambda: self._put(file_obj.path, node.size, offset, data))
        file_obj.changed = True
        return len(data)

    def _node(self, file_obj: object) -> Node:
        assert isinstance(file_obj, _Open)
        return self._do(lambda: self._files.node(file_obj.path))

    def _put(self, path: str, size: int, offset: int, data: bytes) -> None:
        if offset > size:
            self._files.append(path, bytes(offset - size))
            size = offset
        if overlap := min(size - offset, len(data)):
            owned = self._files.create(path).data
            assert isinstance(owned, bytearray)
            owned[offset : offset + overlap] = data[:overlap]
        if len(data) > overlap:
            self._files.append(path, data[overlap:])

    def lstat(self, path: bytes) -> SFTPAttrs:
        return self._attributes(self._do(lambda: self._files.node(self._path(path), follow=False)))

    def stat(self, path: bytes) -> SFTPAttrs:
        return self._attributes(self._do(lambda: self._files.node(self._path(path))))

    def fstat(self, file_obj: object) -> SFTPAttrs:
        return self._attributes(self._node(file_obj))

    def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        self._change(self._path(path), attrs)

    def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        self._change(self._path(path), attrs)

    def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        assert isinstance(file_obj, _Open)
        if attrs.size is not None and attrs.size < self._node(file_obj).size:
            owned = self._do(lambda: self._files.create(file_obj.path)).data
            assert isinstance(owned, bytearray)
            del owned[attrs.size :]
        self._change(file_obj.path, attrs)

    def _change(self, path: str, attrs: SFTPAttrs) -> None:
        mode = None if attrs.permissions is None else attrs.permissions & 0o7777
        if mode is not None or attrs.uid is not None:
            self._do(lambda: self._files.change(path, mode=mode, owner=attrs.uid, group=attrs.gid))

    def remove(self, path: bytes) -> None:
        name = self._path(path)
        if self._files.is_directory(name):
            raise asyncssh.SFTPFailure("Failure")
        self._do(lambda: self._files.remove(name))

    def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        mode = (0o777 if attrs.permissions is None else attrs.permissions) & 0o777 & ~_UMASK
        self._do(lambda: self._files.make_directory(self._path(path), mode))

    def rmdir(self, path: bytes) -> None:
        name = self._path(path)
        if self._do(lambda: self._files.names(name)):
            raise asyncssh.SFTPFailure("Failure")
        self._do(lambda: self._files.remove(name))

    def realpath(self, path: bytes) -> bytes:
        return self._path(path).encode("latin-1")

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._files.exists(self._path(newpath)):
            raise asyncssh.SFTPFailure("Failure")
        self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._do(lambda: self._files.move(self._path(oldpath), self._path(newpath)))

    def readlink(self, path: bytes) -> bytes:
        node = self._do(lambda: self._files.node(self._path(path), follow=False))
        if node.kind != "link":
            raise asyncssh.SFTPBadMessage("Bad message")
        return node.target.encode("latin-1", "replace")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        target = Node("link", 0o777, target=oldpath.decode("latin-1"))
        self._do(lambda: self._files.make(self._path(newpath), target))

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        source = self._do(lambda: self._files.node(self._path(oldpath)))
        copy = Node("file", source.mode, bytearray(source.content()), brought=source.brought)
        self._do(lambda: self._files.make(self._path(newpath), copy))

    def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        raise asyncssh.SFTPOpUnsupported("Operation unsupported")

    def unlock(self, file_obj: object, offset: int, length: int) -> None:
        raise asyncssh.SFTPOpUnsupported("Operation unsupported")

    def statvfs(self, path: bytes) -> SFTPVFSAttrs:
        size, used = self._shell.storage_kib("/")
        inodes = size // 16
        left = inodes - used // 40
        return SFTPVFSAttrs(
            bsize=4096, frsize=4096, blocks=size // 4, bfree=(size - used) // 4, bavail=(size - used) // 4,
            files=inodes, ffree=left, favail=left, fsid=0, flag=0, namemax=255,
        )  # fmt: skip

    def fstatvfs(self, file_obj: object) -> SFTPVFSAttrs:
        return self.statvfs(b"/")

    def fsync(self, file_obj: object) -> None:
        """Everything is in memory."""

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        name = self._path(path)
        directory = self._do(lambda: self._files.node(name))
        for entry in self._do(lambda: [".", "..", *self._files.names(name)]):
            node = directory.children.get(entry, directory)
            yield SFTPName(entry.encode("latin-1"), attrs=self._attributes(node))

    def listdir(self, path: bytes) -> list[bytes]:
        return [name.encode("latin-1") for name in self._do(lambda: self._files.names(self._path(path)))]

    def format_user(self, uid: int | None) -> str:
        return self._persona.get(uid or 0, str(uid or 0))

    def format_group(self, gid: int | None) -> str:
        return self._persona.get(gid or 0, str(gid or 0))

    def format_longname(self, name: SFTPName) -> None:
        attrs = name.attrs
        moment = time.gmtime(attrs.mtime or 0)
        recent = time.time() - (attrs.mtime or 0) < 180 * 86400
        shown = time.strftime("%b %e %H:%M" if recent else "%b %e  %Y", moment)
        mode = modes.filemode(attrs.permissions or 0)
        text = "%s %4d %-8s %-8s %8d %s " % (  # noqa: UP031 - column widths of sftp-server's `ls_file`
            mode, attrs.nlink or 1, self.format_user(attrs.uid), self.format_group(attrs.gid),
            attrs.size or 0, shown,
        )  # fmt: skip
        filename = name.filename
        name.longname = text.encode() + (filename if isinstance(filename, bytes) else filename.encode())

    def map_path(self, path: bytes) -> NoReturn:
        raise asyncssh.SFTPFailure("Failure")

    def reverse_map_path(self, path: bytes) -> NoReturn:
        raise asyncssh.SFTPFailure("Failure")

    def close_all(self) -> None:
        """The peer is gone: what it brought of the files that it left open is all that comes."""
        for opened in tuple(self._open):
            self.close(opened)

    def exit(self) -> None:
        self.close_all()
        if not self.channel.is_closing():
            self.channel.exit(0)


def _refuse(reason: str) -> NoReturn:
    match reason:
        case "No such file or directory" | "Not a directory":
            raise asyncssh.SFTPNoSuchFile("No such file")
        case "Permission denied" | "Operation not permitted" | "Read-only file system":
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        case _:
            raise asyncssh.SFTPFailure("Failure")
