# SPDX-License-Identifier: Apache-2.0
"""Bodies survive what they must survive, and nothing else is ever seen under their name."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.errors import InputError, StoreError
from mead.store.bodies import BodyStore

BODY = b"MZ" + bytes(range(256)) * 40
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> BodyStore:
    return BodyStore(tmp_path / "bodies")


def temporary(store: BodyStore) -> list[Path]:
    return list((store.directory / "tmp").iterdir())


def test_a_body_comes_back_by_its_digest(store: BodyStore) -> None:
    stored = store.put(BODY)
    assert (stored.sha256, stored.size, stored.new) == (DIGEST, len(BODY), True)
    assert store.read(DIGEST) == BODY
    assert store.has(DIGEST)
    assert list(store.digests()) == [DIGEST]
    assert store.path(DIGEST) == store.directory / DIGEST[:2] / DIGEST[2:4] / DIGEST


def test_the_same_body_is_stored_once(store: BodyStore) -> None:
    store.put(BODY)
    before = store.path(DIGEST).stat()
    assert not store.put(BODY).new
    assert not store.put_stream([BODY[:100], BODY[100:]]).new
    assert store.path(DIGEST).stat().st_ino == before.st_ino
    assert not temporary(store)


def test_a_body_is_never_executable_or_writable(store: BodyStore) -> None:
    old = os.umask(0)
    try:
        store.put(BODY)
    finally:
        os.umask(old)
    assert store.path(DIGEST).stat().st_mode & 0o7777 == 0o440


def test_an_empty_body_is_a_body(store: BodyStore) -> None:
    stored = store.put(b"")
    assert stored.size == 0
    assert store.read(stored.sha256) == b""


def test_pieces_make_a_body(store: BodyStore) -> None:
    assert store.put_stream(BODY[at : at + 7] for at in range(0, len(BODY), 7)).sha256 == DIGEST
    assert store.read(DIGEST) == BODY


def test_a_body_beyond_the_limit_leaves_nothing(tmp_path: Path) -> None:
    store = BodyStore(tmp_path, max_body_bytes=1000)
    with pytest.raises(InputError, match="larger than 1000 bytes"):
        store.put(b"x" * 1001)
    with pytest.raises(InputError):
        store.put_stream(b"x" * 100 for _ in range(11))
    assert store.put(b"x" * 1000).new
    assert not temporary(store)


def test_pieces_that_break_off_leave_nothing(store: BodyStore) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put_stream(pieces())
    assert not temporary(store)
    assert not list(store.digests())


def test_a_torn_body_is_told_and_put_aside(store: BodyStore) -> None:
    store.put(BODY)
    path = store.path(DIGEST)
    path.chmod(0o600)
    path.write_bytes(BODY[:-1] + b"?")
    with pytest.raises(StoreError, match="not what its name says"):
        store.read(DIGEST)
    assert not store.has(DIGEST)
    assert (store.directory / "quarantine" / f"{DIGEST}.0").exists()
    assert store.put(BODY).new
    assert store.read(DIGEST) == BODY


def test_a_body_cut_short_is_replaced_by_the_next_whole_one(store: BodyStore) -> None:
    store.put(BODY)
    path = store.path(DIGEST)
    path.chmod(0o600)
    path.write_bytes(b"")
    assert store.put(BODY).new
    assert store.read(DIGEST) == BODY


def test_a_missing_body_is_told(store: BodyStore) -> None:
    with pytest.raises(StoreError, match="there is none"):
        store.read(DIGEST)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", DIGEST.upper(), DIGEST[:-1], DIGEST + "\n"])
def test_only_a_digest_names_a_body(store: BodyStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        store.read(name)


def test_what_a_crash_left_is_removed_at_opening(store: BodyStore) -> None:
    (store.directory / "tmp" / "left").write_bytes(b"x")
    BodyStore(store.directory)
    assert not temporary(store)


def test_what_is_being_written_is_not_removed(store: BodyStore) -> None:
    def pieces() -> Iterator[bytes]:
        yield BODY[:50]
        BodyStore(store.directory)
        assert len(temporary(store)) == 1
        yield BODY[50:]

    assert store.put_stream(pieces()).sha256 == DIGEST
    assert store.read(DIGEST) == BODY


def test_threads_may_store_the_same_body_at_once(store: BodyStore) -> None:
    results = []
    threads = [threading.Thread(target=lambda: results.append(store.put(BODY))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.sha256 for result in results} == {DIGEST}
    assert store.read(DIGEST) == BODY


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="opening the store of bodies"):
        BodyStore(tmp_path / "file" / "bodies")


FULL = """
import sys
from pathlib import Path
from mead.errors import StoreError
from mead.store.bodies import BodyStore
store = BodyStore(Path(sys.argv[1]))
small = store.put(b"small")
try:
    store.put(bytes(1 << 20))
except StoreError as error:
    print(error)
assert store.read(small.sha256) == b"small"
assert not list((store.directory / "tmp").iterdir())
"""


@pytest.mark.root
@pytest.mark.tool("unshare")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", tmp_path, sys.executable, FULL],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "the disk is full; free space or move data_dir" in done.stdout


WRITER = """
import os, sys
from pathlib import Path
from mead.store.bodies import BodyStore
store = BodyStore(Path(sys.argv[1]))
while True:
    stored = store.put(os.urandom(200_000))
    os.write(1, stored.sha256.encode() + b"\\n")
"""


def test_a_killed_writer_loses_nothing_that_it_had_stored(tmp_path: Path) -> None:
    chance = random.Random(1)
    promised: set[str] = set()
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for _ in range(chance.randrange(1, 20)):
                promised.add(writer.stdout.readline().decode().strip())
            writer.send_signal(signal.SIGKILL)
            promised.update(writer.stdout.read().decode().split())
    store = BodyStore(tmp_path)
    present = set(store.digests())
    assert promised <= present
    for digest in present:
        store.read(digest)
    assert not temporary(store)


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SINCE = datetime(2021, 1, 1, tzinfo=UTC)


def aged(store: BodyStore, data: bytes) -> str:
    digest = store.put(data).sha256
    os.utime(store.path(digest), (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    return digest


@pytest.mark.parametrize("way", ["put", "put_stream", "want"])
def test_a_body_is_wanted_when_it_is_stored_or_asked_for(store: BodyStore, way: str) -> None:
    digest = aged(store, BODY)
    assert list(store.unwanted(SINCE)) == [digest]
    if way == "want":
        assert store.want(digest)
    elif way == "put":
        assert not store.put(BODY).new
    else:
        assert not store.put_stream([BODY]).new
    assert list(store.unwanted(SINCE)) == []
    assert not store.forget(digest, SINCE)
    assert store.read(digest) == BODY


def test_a_body_that_nobody_wants_is_forgotten(store: BodyStore) -> None:
    digest = aged(store, BODY)
    assert store.forget(digest, SINCE)
    assert not store.forget(digest, SINCE), "it is gone already"
    assert not store.want(digest)
    assert not store.has(digest)
    assert store.put(BODY).new


def test_a_body_is_not_forgotten_by_one_while_another_wants_it(store: BodyStore) -> None:
    """Whoever finds a body may rely on it: either it stays, or it was not found."""
    for _ in range(50):
        digest = aged(store, BODY)
        with ThreadPoolExecutor(1) as other:
            wants = other.submit(store.want, digest)
            forgotten = store.forget(digest, SINCE)
        assert wants.result() == (not forgotten)
        assert store.has(digest) == wants.result()


ENDS_AT = """
import os, sys
from pathlib import Path
from mead.store.bodies import BodyStore

step, left = int(sys.argv[2]), 0
def count(*_):
    global left
    left += 1
    if left == step:
        os._exit(9)
real_fsync, real_write = os.fsync, os.write
def fsync(handle):
    count()
    real_fsync(handle)
    count()
def write(handle, data):
    written = real_write(handle, data[: max(1, len(data) // 2)])
    count()
    return written
os.fsync, os.write = fsync, write
def audit(event, arguments):
    if event in {"os.rename", "os.remove", "os.mkdir", "os.chmod"}:
        count()
sys.addaudithook(audit)
store = BodyStore(Path(sys.argv[1]))
digest = store.put(b"body" * 100).sha256
print(digest)
"""


def test_a_writer_that_ends_at_any_step_leaves_a_whole_body_or_none(tmp_path: Path) -> None:
    """Between writing, syncing, renaming and syncing the directories; and the next writer goes on."""
    data, ended, step = b"body" * 100, 9, 0
    digest = hashlib.sha256(data).hexdigest()
    while ended == 9:
        step += 1
        directory = tmp_path / str(step)
        done = subprocess.run(
            [sys.executable, "-c", ENDS_AT, directory, str(step)], check=False, capture_output=True
        )
        ended = done.returncode
        store = BodyStore(directory)
        assert not temporary(store), f"orphans after step {step}"
        if store.has(digest):
            assert store.read(digest) == data, f"torn after step {step}"
        store.put(data)
        assert store.read(digest) == data
        assert list((directory / "quarantine").iterdir()) == []
    assert ended == 0, done.stderr
    assert step > 15
