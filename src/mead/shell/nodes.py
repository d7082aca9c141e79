# SPDX-License-Identifier: Apache-2.0
"""What an emulated file system is made of: files, directories, links, devices, mounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Content", "Mount", "Node", "PathError", "directory", "file", "link", "normal"]

Kind = Literal["file", "dir", "link", "char", "block", "fifo", "socket"]


class PathError(Exception):
    """What the kernel would say; the text is that of strerror(3)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts."""

    device: str
    point: str
    type: str
    options: str

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written below it."""
        return self.options.split(",")[0] == "ro"


Content: TypeAlias = bytes | bytearray | Callable[[], bytes]


@dataclass(slots=True)
class Node:
    """A file, directory, link or device."""

    kind: Kind
    mode: int
    data: Content = b""
    children: dict[str, Node] = field(default_factory=dict)
    target: str = ""
    """Of a link: where to; of a device: which."""
    uid: int = 0
    gid: int = 0
    modified: float = 0.0
    applet: str = ""
    """Name of the program that it is, `busybox` for the multi-call one."""
    waits: str | None = None
    """URL of the body that it will contain."""
    brought: bool = False
    """Whether the peer made it."""
    how: str = ""
    names: int = 1
    """How many names a file has."""
    generation: int = 0
    claimed: int = 0
    """The size that it pretends to have, if that is more than what is kept of it."""

    def content(self) -> bytes:
        """Its bytes."""
        data = self.data
        return data() if callable(data) else bytes(data)

    def copied(self, generation: int) -> Node:
        """A copy for one session; spelled out, since each session makes some and `replace` is slow."""
        data = self.data
        return Node(
            self.kind, self.mode, bytearray(data) if isinstance(data, bytearray) else data,
            self.children.copy(), self.target, self.uid, self.gid, self.modified, self.applet, self.waits,
            self.brought, self.how, self.names, generation, self.claimed,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Its length in bytes."""
        kept = len(self.data) if isinstance(self.data, (bytes, bytearray)) else len(self.data())
        return max(kept, self.claimed)


def file(data: Content, mode: int = 0o644, *, applet: str = "") -> Node:
    """A regular file."""
    return Node("file", mode, data, applet=applet)


def directory(mode: int = 0o755) -> Node:
    """An empty directory."""
    return Node("dir", mode)


def link(target: str) -> Node:
    """A symbolic link."""
    return Node("link", 0o777, target=target)


def normal(path: str) -> str:
    """An absolute path without `.`, `..` and double slashes."""
    if "/." not in path and "//" not in path:
        return path.rstrip("/") or "/"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
