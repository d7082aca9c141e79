"""Configuration errors name the line and what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from mead.config import describe, dump, load, parse, quoted
from mead.errors import ConfigError


class Inner(msgspec.Struct, frozen=True):
    """Inner options.

    Attributes:
        port: TCP port,
            1 to 65535.
    """

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 23


class Tree(msgspec.Struct, frozen=True):
    """Options.

    Attributes:
        data_dir: where bodies and events are kept.
    """

    data_dir: Path = Path("var")
    inner: Inner = Inner()


def test_values_and_paths_are_typed() -> None:
    tree = parse('data_dir = "/srv/mead"\n[inner]\nport = 2323\n', Tree, where="mead.toml")
    assert tree == Tree(Path("/srv/mead"), Inner(2323))


def test_an_unknown_key_names_line_and_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"mead.toml:3: unknown key inner.prot; did you mean port\?"):
        parse("\n[inner]\nprot = 1\n", Tree, where="mead.toml")


def test_a_value_out_of_range_names_line_and_key() -> None:
    with pytest.raises(ConfigError, match=r"mead.toml:2: inner.port: expected `int` <= 65535"):
        parse("[inner]\nport = 70000\n", Tree, where="mead.toml")


def test_a_dotted_key_is_found_too() -> None:
    with pytest.raises(ConfigError, match=r"m:1: inner.port: expected `int`"):
        parse('inner.port = "x"\n', Tree, where="m")


def test_what_is_no_toml_is_said_so() -> None:
    with pytest.raises(ConfigError, match="m: not TOML"):
        parse("= 1", Tree, where="m")


def test_what_cannot_be_read_is_a_config_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ConfigError, match=r"cannot be read: (No such file|Is a directory|embedded null)"):
            load(path, Tree)


def test_what_is_no_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.toml:2: not UTF-8"):
        load(tmp_path / "latin.toml", Tree)


def test_what_never_ends_or_is_nested_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="longer than 1048576 bytes"):
        load(Path("/dev/zero"), Tree)
    with pytest.raises(ConfigError, match="m: not TOML"):
        parse("x = " + "[" * 5000, Tree, where="m")


def test_options_describe_themselves() -> None:
    assert describe(Tree) == [
        ("data_dir", "Path", Path("var"), "where bodies and events are kept."),
        ("inner.port", describe(Tree)[1][1], 23, "TCP port, 1 to 65535."),
    ]
    assert dump(Tree()) == {"data_dir": "var", "inner": {"port": 23}}


class Leaf(msgspec.Struct, frozen=True):
    """A leaf."""

    policy: Literal["observe", "fetch"] = "observe"
    ports: dict[str, tuple[Annotated[int, msgspec.Meta(le=65535)], ...]] = {}
    where: Path = Path("x")


class Branch(msgspec.Struct, frozen=True):
    """A branch."""

    leaf: Leaf = Leaf()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[leaf]\npolicy = "fetsh"\n', "m:2: leaf.policy: must be one of observe, fetch, is 'fetsh'"),
        ("[leaf.ports]\na = [1]\nb = [1, 70000]\n", "m:3: leaf.ports.b.1: expected `int` <= 65535, is 70000"),
        ("[leaf.ports]\nb = 23\n", "m:2: leaf.ports.b: expected `array`, got `int`, is 23"),
        ("leaf = 3\n", "m:1: leaf: expected `object`, got `int`, is 3"),
        ("[leaf]\nports = {b = ['x']}\n", "m:2: leaf.ports.b.0: expected `int`, got `str`, is 'x'"),
        ("[leaf]\nwhere = 3\n", "m:2: leaf.where: must be a path, is 3"),
        ("[leaf]\nwhere = ''\n", "m:2: leaf.where: must be a path, is ''"),
        ('[leaf]\nwhere = "a\\u0000b"\n', "m:2: leaf.where: must be a path, is 'a\\x00b'"),
        ("[leaf]\nwhere = '~nobody-here/x'\n", "m:2: leaf.where: could not determine home directory"),
        ("[other]\nx = 1\n", "m:1: unknown key other; known here: leaf"),
        ('"leaf".policy = "x"\n', "m:1: leaf.policy: must be one of"),
        ("[[leaf]]\npolicy = 'x'\n", "m:1: leaf: expected `object`, got `array`, is [{'policy': 'x'}]"),
    ],
)
def test_the_innermost_wrong_value_is_named_with_its_line(content: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(content, Branch, where="m")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("text", ["plain", 'a "b" \\ c', "tab\tnew\nline\x7f\x00", "ü€😀"])
def test_quoting_gives_back_the_same_text(text: str) -> None:
    assert tomllib.loads(f"x = {quoted(text)}") == {"x": text}


def test_what_toml_cannot_hold_is_not_quoted() -> None:
    with pytest.raises(ConfigError, match="UTF-8 only"):
        quoted("a\udcff")
