"""A directory that is made at the first look."""

from __future__ import annotations

from mead.shell.nodes import Node, file
from mead.shell.unseen import Unseen


def test_it_is_made_once_and_only_when_somebody_looks() -> None:
    made: list[int] = []

    def make() -> dict[str, Node]:
        made.append(1)
        return {"comm": file(b"sh\n")}

    folder = Unseen(0o555, make)
    assert (folder.kind, folder.mode, made) == ("dir", 0o555, [])
    assert list(folder.children) == ["comm"]
    assert folder.children["comm"].content() == b"sh\n"
    assert made == [1]


def test_a_copy_is_an_ordinary_directory_with_the_same_in_it() -> None:
    folder = Unseen(0o555, lambda: {"comm": file(b"sh\n")})
    folder.uid = 7
    copy = folder.copied(3)
    assert (copy.kind, copy.mode, copy.uid, copy.generation) == ("dir", 0o555, 7, 3)
    copy.children["more"] = file(b"")
    assert list(folder.children) == ["comm"]


def test_what_is_put_there_stays() -> None:
    folder = Unseen(0o755, dict)
    folder.children = {"a": file(b"")}
    assert list(folder.children) == ["a"]
