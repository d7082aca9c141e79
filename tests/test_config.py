"""Configuration errors name the line and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from mead.config import describe, dump, load, parse
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


def test_a_missing_or_binary_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml", Tree)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "binary.toml", Tree)


def test_options_describe_themselves() -> None:
    assert describe(Tree) == [
        ("data_dir", "Path", Path("var"), "where bodies and events are kept."),
        ("inner.port", describe(Tree)[1][1], 23, "TCP port, 1 to 65535."),
    ]
    assert dump(Tree()) == {"data_dir": "var", "inner": {"port": 23}}
