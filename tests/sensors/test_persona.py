"""Everything visible derives from the seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.errors import ConfigError
from mead.sensors.persona import Persona

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def face(persona: Persona) -> tuple[object, ...]:
    product = persona.product
    return (
        persona.hostname, persona.boot_time, persona.mac, persona.ssh.banner, persona.device.name,
        persona.device_host, persona.failure_seconds, product.name, persona.installed,
    )  # fmt: skip


def test_the_same_seed_gives_the_same_face() -> None:
    assert face(Persona(b"x" * 32, None, NOW)) == face(Persona(b"x" * 32, None, NOW))


def test_no_constant_is_shared_by_all_installs() -> None:
    faces = [face(Persona(bytes([n]) * 32, None, NOW)) for n in range(40)]
    for values in zip(*faces, strict=True):
        assert len(set(values)) > 1


def test_a_source_meets_the_same_machine_each_time_and_others_meet_others() -> None:
    persona = Persona(b"y" * 32, None, NOW)
    seen = {f"192.0.2.{n}": persona.shell_for(f"192.0.2.{n}", "telnet") for n in range(60)}
    assert all(persona.shell_for(source, "telnet") is shell for source, shell in seen.items())
    assert len({shell.architecture for shell in seen.values()}) >= (2 if persona.device.gnu else 4)


def test_the_machine_behind_ssh_is_the_one_that_the_banner_claims() -> None:
    for n in range(30):
        persona = Persona(bytes([n]) * 20, None, NOW)
        shell = persona.shell_for("192.0.2.1", "ssh")
        assert shell.kernel == persona.ssh.kernel
        assert shell.distribution == persona.ssh.distribution
        assert shell.hostname == persona.hostname


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    persona = Persona(b"z" * 32, tmp_path / "new")
    assert persona.stored("key") is None
    assert persona.kept("key", b"first") == b"first"
    assert persona.kept("key", b"second") == b"first"
    assert persona.stored("key") == b"first"
    assert (tmp_path / "new" / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["born", "key"]


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="mead init"):
        Persona(b"short")


def test_a_restart_moves_no_time(tmp_path: Path) -> None:
    first = Persona(b"b" * 32, tmp_path, NOW)
    later = Persona(b"b" * 32, tmp_path, NOW + timedelta(days=3))
    for one, other in (
        (first.boot_time, later.boot_time), (first.installed, later.installed), (first.born, later.born),
        (first.shell_for("192.0.2.1", "telnet").boot_time, later.shell_for("192.0.2.1", "telnet").boot_time),
        (first.shell_for("192.0.2.1", "ssh").boot_time, later.shell_for("192.0.2.1", "ssh").boot_time),
    ):  # fmt: skip
        assert one == other
    (tmp_path / "born").write_text("yesterday")
    with pytest.raises(ConfigError, match="born is no time"):
        Persona(b"b" * 32, tmp_path, NOW)
