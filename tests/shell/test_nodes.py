# SPDX-License-Identifier: Apache-2.0
"""What a file system is made of."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mead.shell.nodes import Mount, Node, directory, file, link, normal


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("/", "/"),
        ("//a//b/", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/../..", "/"),
        ("/a/.hidden", "/a/.hidden"),
        ("/a/", "/a"),
    ],
)
def test_a_path_is_made_normal(path: str, result: str) -> None:
    assert normal(path) == result


def test_a_node_knows_its_content() -> None:
    assert (file(b"abc").content(), file(b"abc").size) == (b"abc", 3)
    assert (file(lambda: b"made").content(), file(lambda: b"made").size) == (b"made", 4)
    assert (directory().kind, link("/x").target) == ("dir", "/x")


def test_a_mount_knows_whether_it_can_be_written() -> None:
    assert Mount("a", "/", "ext4", "ro,relatime").read_only
    assert not Mount("a", "/", "ext4", "rw,errors=remount-ro").read_only


def test_a_copy_has_every_field_and_shares_nothing_that_changes() -> None:
    node = Node(
        "file", 0o4755, bytearray(b"abc"), {"child": directory()}, "target", 3, 4, 5.0, "applet", "http://x/",
        True, "echo", 2, 6, 8,
    )  # fmt: skip
    plain = Node("dir", 0)
    assert all(getattr(node, one.name) != getattr(plain, one.name) for one in fields(Node))
    copy = node.copied(7)
    same = [one.name for one in fields(Node) if getattr(copy, one.name) == getattr(node, one.name)]
    assert same == [one.name for one in fields(Node) if one.name != "generation"]
    assert copy.generation == 7
    assert copy.data is not node.data
    assert copy.children is not node.children
