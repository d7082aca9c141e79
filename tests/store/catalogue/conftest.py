# SPDX-License-Identifier: Apache-2.0
"""A catalogue on SQLite, and one on a PostgreSQL of its own where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mead.store.catalogue import Catalogue

USER = "postgres"


def _as_unprivileged(command: list[str], directory: Path) -> subprocess.CompletedProcess[bytes]:
    """PostgreSQL does not start as root."""
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    return subprocess.run(command, check=True, capture_output=True, cwd=directory, timeout=60)


def _program(name: str) -> str | None:
    """Debian keeps the server's programs out of the PATH, one folder per version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL that listens on a Unix socket only."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'psycopg[binary]'")
    control, initialise = _program("pg_ctl"), _program("initdb")
    if control is None or initialise is None:
        pytest.skip("needs PostgreSQL's pg_ctl and initdb: make setup as root installs them")
    directory = Path(tempfile.mkdtemp(prefix="mead-pg-"))
    if os.geteuid() == 0:
        os.chown(directory, 65534, 65534)
    data = str(directory / "data")
    _as_unprivileged(
        [initialise, "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"], directory
    )
    options = f"-k {directory} -c listen_addresses='' -c fsync=off -c jit=off"
    start = [control, "-D", data, "-o", options, "-w", "-l", str(directory / "log"), "start"]
    _as_unprivileged(start, directory)
    try:
        yield f"postgresql://{USER}@/postgres?host={directory}"
    finally:
        _as_unprivileged([control, "-D", data, "-m", "immediate", "-w", "stop"], directory)
        shutil.rmtree(directory)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty catalogue may be made."""
    if request.param == "sqlite":
        return str(tmp_path / "catalogue.sqlite")
    url: str = request.getfixturevalue("postgres")
    from sqlalchemy import create_engine, text

    name = f"mead_{os.urandom(6).hex()}"
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def catalogue(place: str) -> Iterator[Catalogue]:
    with Catalogue.open(place) as catalogue:
        yield catalogue
