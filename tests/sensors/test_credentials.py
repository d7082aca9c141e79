"""Logins are accepted as a weak device would, the same way each time."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from mead.sensors.credentials import Credentials, CredentialsSettings

SEED = b"a seed of a sensor under test..."


def test_factory_defaults_get_in_at_once() -> None:
    credentials = Credentials(SEED)
    assert credentials.accepts("192.0.2.1", b"root", b"vizxv")
    assert credentials.accepts("192.0.2.1", b"admin", b"admin")


def test_a_guess_is_accepted_after_as_many_tries_as_the_seed_says_and_from_then_on_from_anywhere() -> None:
    credentials = Credentials(SEED)
    results = [credentials.accepts("192.0.2.1", b"root", b"guess%d" % n) for n in range(6)]
    first = results.index(True)
    assert 1 <= first <= 3
    assert not any(results[:first])
    assert credentials.accepts("203.0.113.5", b"root", b"guess%d" % first)
    assert not credentials.accepts("203.0.113.5", b"root", b"guess0")


def test_the_number_of_tries_differs_between_sources_and_installs() -> None:
    def tries(seed: bytes, source: str) -> int:
        credentials = Credentials(seed)
        return next(n for n in range(1, 9) if credentials.accepts(source, b"root", b"p%d" % n))

    assert {tries(SEED, f"192.0.2.{n}") for n in range(40)} == {2, 3, 4}
    assert [tries(SEED, f"192.0.2.{n}") for n in range(20)] != [
        tries(b"another seed", f"192.0.2.{n}") for n in range(20)
    ]


def test_an_account_that_no_device_has_never_gets_in() -> None:
    credentials = Credentials(SEED)
    assert not any(credentials.accepts("192.0.2.1", b"345gs5662d34", b"345gs5662d34") for _ in range(50))
    assert any(
        Credentials(SEED, CredentialsSettings(any_user=True)).accepts("192.0.2.1", b"345gs5662d34", b"x")
        or n > 8
        for n in range(10)
    )


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    before = Credentials(SEED, directory=tmp_path)
    accepted = next(n for n in range(9) if before.accepts("192.0.2.1", b"root", b"p%d" % n))
    after = Credentials(SEED, directory=tmp_path)
    assert after.accepts("198.51.100.1", b"root", b"p%d" % accepted)
    assert (tmp_path / "credentials.table").stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_installed_is_accepted_later() -> None:
    credentials = Credentials(SEED)
    blob = b64encode(b"\0\0\0\x0bssh-ed25519" + bytes(36))
    (name,) = credentials.learn_keys(b"# mine\nssh-ed25519 " + blob + b" mdrfckr\nssh-rsa !!!\n")
    assert credentials.accepts_key(name)
    assert not credentials.accepts_key("SHA256:other")
