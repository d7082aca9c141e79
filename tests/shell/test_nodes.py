# SPDX-License-Identifier: Apache-2.0
"""What a file system is made of."""

from __future__ import annotations

import pytest

from mead.shell.nodes import Mount, directory, file, link, normal


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
