# SPDX-License-Identifier: Apache-2.0
"""The file system: copied on write, bounded, and as stubborn as the real one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.shell.limits import LimitReachedError, ShellLimits
from mead.shell.vfs import FileSystem, Mount, Node, PathError, directory, file, link


def tree() -> Node:
    root = directory()
    root.children = {name: directory() for name in ("tmp", "etc", "proc", "sys", "ro")}
    root.children["etc"].children = {
        "passwd": file(b"root"),
        "link": link("passwd"),
        "loop": link("loop"),
        "far": link("/tmp/../etc"),
    }
    root.children["proc"].children["x"] = file(b"1")
    return root


MOUNTS = tuple(
    Mount(*words)
    for words in (
        ("proc", "/proc", "proc", "rw"),
        ("sysfs", "/sys", "sysfs", "rw"),
        ("dev", "/ro", "squashfs", "ro"),
    )
)


@pytest.fixture
def fs() -> FileSystem:
    return FileSystem(
        tree(), MOUNTS, ShellLimits(files=50, file_system_bytes=1000, file_bytes=600), lambda: 5.0
    )


def write(fs: FileSystem, path: str, data: bytes) -> None:
    fs.create(path, truncate=True)
    fs.append(fs.find(path)[1], data)


def test_files_are_made_read_moved_and_removed(fs: FileSystem) -> None:
    write(fs, "/tmp/a", b"one")
    fs.append("/tmp/a", b"two")
    assert fs.node("/tmp/a").content() == b"onetwo"
    fs.move("/tmp/a", "/tmp/b")
    assert fs.names("/tmp") == ["b"]
    fs.remove("/tmp/b")
    assert fs.names("/tmp") == []
    assert fs.used_bytes == 0


def test_links_are_followed(fs: FileSystem) -> None:
    assert fs.node("/etc/link").content() == b"root"
    assert fs.node("/etc/link", follow=False).kind == "link"
    assert fs.find("/etc/far/./link")[1] == "/etc/passwd"
    with pytest.raises(PathError, match="Too many levels"):
        fs.node("/etc/loop")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda fs: fs.create("/proc/new"), "No such file or directory"),
        (lambda fs: fs.create("/sys/new"), "Operation not permitted"),
        (lambda fs: fs.create("/ro/new"), "Read-only file system"),
        (lambda fs: fs.create("/nosuch/new"), "No such file or directory"),
        (lambda fs: fs.create("/etc/passwd/new"), "Not a directory"),
        (lambda fs: fs.create("/tmp"), "Is a directory"),
        (lambda fs: fs.create("/tmp/" + "x" * 300), "File name too long"),
        (lambda fs: fs.remove("/tmp/nosuch"), "No such file or directory"),
        (lambda fs: fs.remove("/proc/x"), "Operation not permitted"),
        (lambda fs: fs.remove("/proc"), "Device or resource busy"),
        (lambda fs: fs.remove("/"), "Device or resource busy"),
        (lambda fs: fs.make_directory("/tmp"), "File exists"),
        (lambda fs: fs.remove_directory("/etc"), "Directory not empty"),
        (lambda fs: fs.move("/etc", "/etc/inside"), "Invalid argument"),
        (lambda fs: fs.node("/" + "a/" * 3000), "File name too long"),
        (lambda fs: fs.node("/etc/passwd/"), "Not a directory"),
    ],
)
def test_what_cannot_be_done_is_refused_as_the_kernel_does(
    fs: FileSystem, act: Callable[[FileSystem], object], reason: str
) -> None:
    with pytest.raises(PathError, match=reason):
        act(fs)


def test_a_user_may_write_only_what_is_his() -> None:
    base = tree()
    base.children["tmp"].mode = 0o1777
    fs = FileSystem(base, MOUNTS, ShellLimits(), lambda: 5.0, uid=1000)
    fs.create("/tmp/mine")
    fs.change("/tmp/mine", mode=0o700)
    for act in (
        lambda: fs.create("/etc/new"),
        lambda: fs.create("/etc/passwd"),
        lambda: fs.change("/etc/passwd", mode=0o777),
    ):
        with pytest.raises(PathError, match=r"denied|not permitted"):
            act()


def test_sessions_do_not_see_each_other() -> None:
    base = tree()
    one, two = (FileSystem(base, MOUNTS, ShellLimits(), lambda: 5.0) for _ in range(2))
    write(one, "/etc/passwd", b"changed")
    one.remove("/etc/link")
    assert two.node("/etc/passwd").content() == b"root"
    assert two.exists("/etc/link")


def test_a_snapshot_brings_everything_back(fs: FileSystem) -> None:
    write(fs, "/tmp/a", b"before")
    state = fs.snapshot()
    write(fs, "/tmp/a", b"after")
    fs.remove("/etc/passwd")
    fs.restore(state)
    assert fs.node("/tmp/a").content() == b"before"
    assert fs.exists("/etc/passwd")
    assert fs.used_bytes == 6


def test_space_and_number_are_bounded(fs: FileSystem) -> None:
    with pytest.raises(LimitReachedError) as caught:
        write(fs, "/tmp/a", bytes(700))
    assert caught.value.name == "file_bytes"
    with pytest.raises(LimitReachedError) as caught:
        write(fs, "/tmp/b", bytes(400))
    assert caught.value.name == "file_system_bytes"
    with pytest.raises(LimitReachedError) as caught:
        list(map(fs.create, (f"/tmp/n{number}" for number in range(60))))
    assert caught.value.name == "files"


def test_mounts_can_be_changed(fs: FileSystem) -> None:
    assert fs.remount("/ro", "rw,relatime")
    assert not fs.remount("/nosuch", "rw")
    fs.create("/ro/new")
    fs.add_mount(Mount("tmpfs", "/tmp", "tmpfs", "ro"))
    with pytest.raises(PathError, match="Read-only"):
        fs.create("/tmp/x")


@given(
    st.lists(
        st.tuples(st.sampled_from("wdrmlt"), st.text("ab/.", max_size=6), st.text("ab/.", max_size=6)),
        max_size=12,
    )
)
def test_any_sequence_of_changes_keeps_the_base_whole(acts: list[tuple[str, str, str]]) -> None:
    base = tree()
    fs = FileSystem(base, MOUNTS, ShellLimits(), lambda: 5.0)
    for act, one, two in acts:
        try:
            match act:
                case "w":
                    write(fs, "/tmp/" + one, b"x")
                case "d":
                    fs.make_directory("/tmp/" + one)
                case "r":
                    fs.remove("/" + one)
                case "m":
                    fs.move("/tmp/" + one, "/tmp/" + two)
                case "l":
                    fs.make("/tmp/" + one, link(two))
                case _:
                    fs.touch("/tmp/" + one)
        except PathError:
            continue
    assert base.children["tmp"].children == {}
    assert base.children["etc"].children["passwd"].content() == b"root"
