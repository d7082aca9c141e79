# SPDX-License-Identifier: Apache-2.0
"""The emulated file system: a tree that is copied on write.

The persona's base tree is shared by all sessions and never changed; a session copies the directories
on the way to what it changes. A snapshot is therefore one reference, and a command that has to be run
again from its start leaves no trace of the first attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from mead.shell.limits import LimitReachedError, ShellLimits
from mead.shell.nodes import Content, Mount, Node, PathError, directory, file, link, normal
from mead.shell.tree import Tree

__all__ = [
    "Content",
    "FileSystem",
    "Mount",
    "Node",
    "PathError",
    "Snapshot",
    "directory",
    "file",
    "link",
    "normal",
]

_NO_ENTRY: Final = "No such file or directory"
_NO_DIRECTORY: Final = "Not a directory"


Snapshot: TypeAlias = tuple[Node, int, int]
"""The files at one moment: root, bytes and number."""


class FileSystem(Tree):
    """One session's view. Paths are absolute, one character per byte."""

    def __init__(
        self,
        base: Node,
        mounts: tuple[Mount, ...],
        limits: ShellLimits,
        now: Callable[[], float],
        *,
        uid: int = 0,
    ) -> None:
        super().__init__(base, mounts)
        self._limits = limits
        self._now = now
        self._uid = uid
        self._generation = max(base.generation, 0) + 1
        self.used_bytes = 0
        self.files = 0

    def snapshot(self) -> Snapshot:
        """The state to come back to. O(1)."""
        self._generation += 1
        return self._root, self.used_bytes, self.files

    def restore(self, state: Snapshot) -> None:
        """Forget what was changed since `snapshot`."""
        self._root, self.used_bytes, self.files = state
        self._generation += 1

    def create(self, path: str, *, mode: int = 0o644, truncate: bool = False) -> Node:
        """The regular file or device at `path`, made when missing, ready to be written by this session.

        Raises:
            PathError: it cannot be opened for writing.
        """
        node, real = self.find(path)
        if node is None:
            self._may_change(real)
            return self._add(real, Node("file", mode, b"", brought=True))
        if node.kind == "dir":
            raise PathError("Is a directory")
        if node.kind in ("char", "block", "fifo", "socket"):
            return node
        self._may_write(real, node)
        node = self._own(real)
        if truncate:
            self._release(node)
            node.data, node.waits, node.applet, node.how, node.claimed = bytearray(), None, "", "", 0
        elif not isinstance(node.data, bytearray):
            node.data = bytearray(node.content())
        node.brought = True
        node.modified = self._now()
        return node

    def append(self, path: str, data: bytes) -> None:
        """Add `data` to the file that `create` made at `path` (without links); no file, no effect.

        Raises:
            LimitReachedError: the session's files are too large.
        """
        try:
            node = self._own(path)
        except KeyError:
            return
        self.used_bytes += len(data)
        if self.used_bytes > self._limits.file_system_bytes:
            raise LimitReachedError("file_system_bytes", self._limits.file_system_bytes, "bytes")
        if isinstance(node.data, bytearray):
            node.data += data
        else:
            node.data = bytearray(node.content() + data)
        if len(node.data) > self._limits.file_bytes:
            raise LimitReachedError("file_bytes", self._limits.file_bytes, "bytes")
        node.modified = self._now()

    def install(self, path: str, node: Node) -> None:
        """Put a file of the machine itself at `path`; its directory must be there."""
        parent, _, name = path.rpartition("/")
        node.generation = self._generation
        self._own(parent or "/").children[name] = node

    def uninstall(self, path: str) -> None:
        """Take a file of the machine itself away, if it is there."""
        parent, _, name = path.rpartition("/")
        self._own(parent or "/").children.pop(name, None)

    def adopt(self, path: str, source: Node, *, mode: int) -> None:
        """The file at `path` is a copy of `source`: the same program, waiting for the same body."""
        node = self._own(path)
        node.mode, node.applet, node.waits, node.brought = mode, source.applet, source.waits, source.brought

    def tie(self, source: str, target: str) -> None:
        """Give a file a second name: a copy that counts both; what is written to one stays there."""
        node, real = self.find(source)
        if node is None:
            raise PathError(_NO_ENTRY)
        if node.kind == "dir":
            raise PathError("Operation not permitted")
        found, new = self.find(target, follow=False)
        if found is not None:
            raise PathError("File exists")
        self._may_change(new)
        node = self._own(real)
        node.names += 1
        self._add(new, node.copied(node.generation))

    def claim(self, path: str, size: int) -> None:
        """The file at `path` (without links) pretends to have `size` bytes."""
        self._own(path).claimed = size

    def wait(self, path: str, url: str | None) -> None:
        """The file at `path` (without links) will contain the body of `url`."""
        try:
            self._own(path).waits = url
        except KeyError:
            return

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make one directory."""
        node, real = self.find(path)
        if node is not None:
            raise PathError("File exists")
        self._may_change(real)
        self._add(real, Node("dir", mode, brought=True))

    def make(self, path: str, node: Node) -> None:
        """Put a new link or special file at `path`."""
        found, real = self.find(path, follow=False)
        if found is not None:
            raise PathError("File exists")
        self._may_change(real)
        self._add(real, node)

    def remove(self, path: str) -> Node:
        """Take the entry at `path` away, with everything below it."""
        node, real = self.find(path, follow=False)
        if node is None:
            raise PathError(_NO_ENTRY)
        self._must_not_be_mounted(real)
        self._may_change(real, removing=True)
        parent, _, name = real.rpartition("/")
        del self._own(parent or "/").children[name]
        self._release(node)
        return node

    def remove_directory(self, path: str) -> None:
        """Take an empty directory away."""
        node = self.node(path, follow=False)
        if node.kind != "dir" or node.children:
            raise PathError("Directory not empty" if node.kind == "dir" else _NO_DIRECTORY)
        self.remove(path)

    def move(self, source: str, target: str) -> None:
        """Rename `source` to `target`, replacing a file that is there."""
        node, real = self.find(source, follow=False)
        if node is None:
            raise PathError(_NO_ENTRY)
        self._must_not_be_mounted(real)
        old, new = self.find(target, follow=False)
        if new == real:
            return
        if new.startswith(real + "/"):
            raise PathError("Invalid argument")
        self._may_change(real, removing=True)
        self._may_change(new)
        if old is not None:
            if old.kind == "dir" and old.children:
                raise PathError("Directory not empty")
            self.remove(new)
        parent, _, name = real.rpartition("/")
        del self._own(parent or "/").children[name]
        parent, _, name = new.rpartition("/")
        self._own(parent or "/").children[name] = node

    def change(
        self, path: str, *, mode: int | None = None, owner: int | None = None, group: int | None = None
    ) -> Node:
        """Change mode and owner."""
        node, real = self.find(path)
        if node is None:
            raise PathError(_NO_ENTRY)
        self._may_change(real, existing=True)
        if self._uid not in (0, node.uid):
            raise PathError("Operation not permitted")
        node = self._own(real)
        node.mode = node.mode if mode is None else mode
        node.uid = node.uid if owner is None else owner
        node.gid = node.gid if group is None else group
        return node

    def touch(self, path: str, *, mode: int = 0o644, moment: float | None = None) -> None:
        """Set the time of change, to now if no other is given, making the file when missing."""
        node, real = self.find(path)
        if node is None:
            self.create(path, mode=mode)
        elif node.kind not in ("file", "dir"):
            return
        else:
            self._may_change(real, existing=True)
        self._own(real).modified = self._now() if moment is None else moment

    def _add(self, real: str, node: Node) -> Node:
        if self.files >= self._limits.files:
            raise LimitReachedError("files", self._limits.files, "files")
        self.files += 1
        node.generation = self._generation
        node.modified = self._now()
        node.uid = node.gid = self._uid
        parent, _, name = real.rpartition("/")
        if len(name) > 255:
            raise PathError("File name too long")
        above = self._own(parent or "/")
        if above.kind != "dir":
            raise PathError(_NO_DIRECTORY)
        above.children[name] = node
        above.modified = node.modified
        return node

    def _own(self, real: str) -> Node:
        """The node at a path without links, copied for this session together with those above it."""
        self._root = node = self._owned(self._root)
        for name in real.split("/"):
            if name:
                node.children[name] = node = self._owned(node.children[name])
        return node

    def _owned(self, node: Node) -> Node:
        return node if node.generation == self._generation else node.copied(self._generation)

    def _release(self, node: Node) -> None:
        if node.brought and isinstance(node.data, bytearray):
            self.used_bytes -= len(node.data)

    def _may_change(self, real: str, *, removing: bool = False, existing: bool = False) -> None:
        mount = self.mount_of(real)
        if mount is not None:
            if mount.type in ("proc", "sysfs"):
                denied = removing or existing or mount.type == "sysfs"
                raise PathError("Operation not permitted" if denied else _NO_ENTRY)
            if mount.read_only:
                raise PathError("Read-only file system")
        if self._uid and not existing:
            parent, _ = self.find(real.rpartition("/")[0] or "/")
            if parent is None or not self._allowed(parent, 2):
                raise PathError("Permission denied")

    def _must_not_be_mounted(self, real: str) -> None:
        if real == "/" or any(mount.point == real for mount in self._mounts):
            raise PathError("Device or resource busy")

    def _may_write(self, real: str, node: Node) -> None:
        mount = self.mount_of(real)
        if mount is not None and mount.read_only:
            raise PathError("Read-only file system")
        if not self._allowed(node, 2):
            raise PathError("Permission denied")

    def _allowed(self, node: Node, bit: int) -> bool:
        if self._uid == 0:
            return True
        return bool(node.mode & (bit << 6 if node.uid == self._uid else bit))

    def readable(self, node: Node) -> bool:
        """Whether this session's user may read `node`."""
        return self._allowed(node, 4)
