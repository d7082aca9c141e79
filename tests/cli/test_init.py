# SPDX-License-Identifier: Apache-2.0
"""`mead init` asks once and writes a configuration that is read as it was meant."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mead.cli import init as module
from mead.cli.main import cli
from mead.deck.settings import load_settings
from mead.errors import MeadError


def _init(path: Path, *options: str, answers: str = "", code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["-c", str(path), "init", *options], input=answers)
    error = result.exception if isinstance(result.exception, MeadError) else None
    assert (error.exit_code if error else result.exit_code) == code, result.output
    assert result.stdout == ""
    return f"{result.stderr}{error or ''}"


def test_fetch_is_recommended_and_taken_when_the_question_is_answered_by_enter(tmp_path: Path) -> None:
    said = _init(tmp_path / "mead.toml", answers="\n\n\n")
    assert "fetch: at once (recommended)" in said
    settings = load_settings(tmp_path / "mead.toml")
    assert (settings.egress.policy, settings.site.name) == ("fetch", "home")
    assert settings.sensor.addresses == ("127.0.0.1", "::1")
    assert settings.egress.own_addresses == []


def test_a_public_sensor_is_asked_what_the_world_sees(tmp_path: Path) -> None:
    said = _init(tmp_path / "mead.toml", answers="edge\ny\n198.51.100.7, 2001:db8::/48\nqueue\n")
    assert "behind NAT" in said
    settings = load_settings(tmp_path / "mead.toml")
    assert settings.egress.policy == "queue"
    assert settings.egress.own_addresses == ["198.51.100.7", "2001:db8::/48"]
    assert settings.sensor.addresses == ("0.0.0.0", "::")
    assert settings.sensor.services["telnet"] == (23, 2323)


def test_options_answer_all_questions(tmp_path: Path) -> None:
    options = [
        "--name",
        "x",
        "--public",
        "--policy",
        "observe",
        "--address",
        "198.51.100.7",
        "--data-dir",
        'a "b"\\c',
    ]
    _init(tmp_path / "mead.toml", *options, "--own-address", "192.0.2.0/24")
    settings = load_settings(tmp_path / "mead.toml")
    assert settings.egress.own_addresses == ["192.0.2.0/24", "198.51.100.7"]
    assert settings.egress.policy == "observe"
    assert str(settings.data_dir) == 'a "b"\\c'


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "nobody is there to answer; give --name, --public or --loopback, and --policy"),
        (["--name", "a b", "--loopback", "--policy", "fetch"], "site.name: expected"),
        (
            ["--name", "a", "--loopback", "--policy", "fetch", "--address", "x"],
            "--address: 'x' is no address",
        ),
        (
            ["--name", "a", "--loopback", "--policy", "fetch", "--own-address", "x"],
            "own_addresses: 'x' is neither",
        ),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_written(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    assert reason in _init(tmp_path / "mead.toml", *options, code=2)
    assert not (tmp_path / "mead.toml").exists()


def test_a_wrong_name_is_asked_again_at_once(tmp_path: Path) -> None:
    said = _init(tmp_path / "mead.toml", answers="two words\nhome2\n\n\n")
    assert "letters, digits, - and _" in said
    assert load_settings(tmp_path / "mead.toml").sensor.name == "home2"


def test_any_directory_name_survives_the_quoting(tmp_path: Path) -> None:
    odd = 'a "b" \\c\x7f\tü'
    options = ["--name", "a", "--loopback", "--policy", "fetch", "--data-dir"]
    _init(tmp_path / "mead.toml", *options, odd)
    assert load_settings(tmp_path / "mead.toml").data_dir == Path(odd)
    assert "UTF-8 only" in _init(tmp_path / "other.toml", *options, "x\udcff", code=2)


def test_somebody_who_leaves_at_the_prompt_is_not_lectured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = type("Terminal", (), {"isatty": staticmethod(lambda: True)})

    def leave(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(module.click, "prompt", leave)
    monkeypatch.setattr(module, "sys", type("Streams", (), {"stdin": terminal}))
    context = module.command.make_context("init", [], obj=tmp_path / "mead.toml")
    with pytest.raises(click.Abort):
        module.command.invoke(context)


def test_root_on_public_addresses_keeps_its_data_in_var_lib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["-c", str(tmp_path / "mead.toml"), "init", "--name", "x", "--public", "--policy", "queue"]
    for user, home in ((0, Path("/var/lib/mead")), (1000, Path("var").absolute())):
        monkeypatch.setattr(module.os, "geteuid", lambda user=user: user)
        assert CliRunner().invoke(cli, [*arguments, "--force"]).exit_code == 0
        assert load_settings(tmp_path / "mead.toml").data_dir == home


def test_a_configuration_is_replaced_only_by_force(tmp_path: Path) -> None:
    options = ["--name", "a", "--loopback", "--policy"]
    _init(tmp_path / "mead.toml", *options, "fetch")
    assert "is there already" in _init(tmp_path / "mead.toml", *options, "observe", code=2)
    assert load_settings(tmp_path / "mead.toml").egress.policy == "fetch"
    _init(tmp_path / "mead.toml", *options, "observe", "--force")
    assert load_settings(tmp_path / "mead.toml").egress.policy == "observe"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    said = _init(tmp_path / "none" / "mead.toml", "--name", "a", "--loopback", "--policy", "fetch", code=2)
    assert "cannot be written: No such file or directory; name another file" in said
