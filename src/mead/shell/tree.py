# SPDX-License-Identifier: Apache-2.0
"""A tree of files to look at: paths, links, mounts. `mead.shell.vfs` has one that can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mead.shell.nodes import Mount, Node, PathError

__all__ = ["Tree"]

_MAX_LINKS: Final = 16
_MAX_PATH: Final = 4_096
_MAX_MOUNTS: Final = 64
_NO_ENTRY: Final = "No such file or directory"
_NO_DIRECTORY: Final = "Not a directory"


def _reversed_parts(path: str) -> list[str]:
    if not path:
        raise PathError(_NO_ENTRY)
    if len(path) > _MAX_PATH:
        raise PathError("File name too long")
    return [part for part in reversed(path.split("/")) if part and part != "."]


class Tree:
    """Files below a root. Paths are absolute, one character per byte."""

    def __init__(self, root: Node, mounts: tuple[Mount, ...]) -> None:
        self._root = root
        self._listed = list(mounts)
        self._mounts = self._longest_first()

    def find(self, path: str, *, follow: bool = True) -> tuple[Node | None, str]:
        """The node at `path` (None when only its last part is missing) and its path without links.

        Raises:
            PathError: a directory on the way is missing, is none, or links run in circles.
        """
        parts = _reversed_parts(path)
        at, names, hops = self._root, list[str](), 0
        trail: list[Node] = []
        while parts:
            name = parts.pop()
            if at.kind != "dir":
                raise PathError(_NO_DIRECTORY)
            if name == "..":
                if trail:
                    at = trail.pop()
                    names.pop()
                continue
            child = at.children.get(name)
            if child is None:
                if parts:
                    raise PathError(_NO_ENTRY)
                return None, "/" + "/".join([*names, name])
            if child.kind == "link" and (parts or follow):
                hops += 1
                if hops > _MAX_LINKS:
                    raise PathError("Too many levels of symbolic links")
                parts.extend(_reversed_parts(child.target))
                if child.target.startswith("/"):
                    at, names, trail = self._root, [], []
                continue
            trail.append(at)
            names.append(name)
            at = child
        return at, "/" + "/".join(names)

    def node(self, path: str, *, follow: bool = True) -> Node:
        """The node at `path`.

        Raises:
            PathError: there is none.
        """
        found, _ = self.find(path, follow=follow)
        if found is None:
            raise PathError(_NO_ENTRY)
        if path.endswith("/") and found.kind != "dir":
            raise PathError(_NO_DIRECTORY)
        return found

    def exists(self, path: str, *, follow: bool = True) -> bool:
        """Whether there is something at `path`."""
        try:
            return self.find(path, follow=follow)[0] is not None
        except PathError:
            return False

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory."""
        try:
            found, _ = self.find(path)
        except PathError:
            return False
        return found is not None and found.kind == "dir"

    def names(self, path: str) -> list[str]:
        """Sorted names in a directory."""
        node = self.node(path)
        if node.kind != "dir":
            raise PathError(_NO_DIRECTORY)
        return sorted(node.children)

    def walk(self, path: str) -> Iterator[tuple[str, Node]]:
        """Everything below `path`, itself first; links are not followed."""
        stack = [(path, self.node(path, follow=False))]
        while stack:
            at, node = stack.pop()
            yield at, node
            if node.kind == "dir":
                prefix = at if at.endswith("/") else at + "/"
                stack.extend(
                    (prefix + name, node.children[name]) for name in sorted(node.children, reverse=True)
                )

    def mount_of(self, path: str) -> Mount | None:
        """The mount that a path without links lies on."""
        for mount in self._mounts:
            if path == mount.point or path.startswith(mount.point.rstrip("/") + "/"):
                return mount
        return None

    def _longest_first(self) -> list[Mount]:
        latest_first = self._listed[::-1]
        return sorted(latest_first, key=lambda mount: -len(mount.point))

    @property
    def mounts(self) -> list[Mount]:
        """All mounts in their order."""
        return list(self._listed)

    def remount(self, point: str, options: str) -> bool:
        """Change the options of the mount at `point`; False when there is none."""
        for index, mount in enumerate(self._listed):
            if mount.point == point:
                self._listed[index] = replace(mount, options=options)
                self._mounts = self._longest_first()
                return True
        return False

    def add_mount(self, mount: Mount) -> None:
        """Mount something more."""
        if len(self._listed) < _MAX_MOUNTS:
            self._listed.append(mount)
            self._mounts = self._longest_first()

    def remove_mount(self, mount: Mount) -> None:
        """Take a mount away."""
        self._listed.remove(mount)
        self._mounts = self._longest_first()
