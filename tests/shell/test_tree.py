# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Looking at files."""

from __future__ import annotations

import pytest

from mead.shell.nodes import Mount, PathError, directory, file, link
from mead.shell.tree import Tree


@pytest.fixture
def tree() -> Tree:
    root = directory()
    root.children = {"a": directory(), "l": link("a"), "loop": link("loop"), "f": file(b"x")}
    root.children["a"].children["g"] = file(b"y")
    return Tree(root, (Mount("proc", "/a", "proc", "rw"), Mount("root", "/", "ext4", "ro,relatime")))


def test_links_are_followed_to_where_they_lead(tree: Tree) -> None:
    assert tree.find("/l/../l/./g")[1] == "/a/g"
    assert tree.node("/l", follow=False).kind == "link"
    assert [path for path, _ in tree.walk("/")] == ["/", "/a", "/a/g", "/f", "/l", "/loop"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "No such file or directory"), ("/x/y", "No such file or directory"), ("/f/x", "Not a directory"), ("/f/", "Not a directory"),
        ("/loop", "Too many levels of symbolic links"), ("/" + "a" * 5_000, "File name too long"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_as_the_kernel_says_it(tree: Tree, path: str, reason: str) -> None:
    with pytest.raises(PathError) as caught:
        tree.node(path)
    assert caught.value.reason == reason


def test_the_longest_mount_wins(tree: Tree) -> None:
    assert [tree.mount_of(path).type for path in ("/a/g", "/f")] == ["proc", "ext4"]  # type: ignore[union-attr]
    assert tree.remount("/", "rw")
    assert not tree.remount("/nosuch", "rw")
    assert [mount.options for mount in tree.mounts] == ["rw", "rw"]
