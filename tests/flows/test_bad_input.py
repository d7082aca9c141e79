# SPDX-License-Identifier: Apache-2.0
"""Hostile and broken input at every door of a running deck, and a machine that lacks what it needs.

What must hold each time: a clear message or a recorded limit, no traceback, and the neighbours go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("deck"), pytest.mark.timeout(240)]

MEAD = str(Path(sys.executable).parent / "mead")
MIB = 1 << 20
FLOOD_MIB = 100


def _events(deck: Any, where: str) -> list[dict[str, Any]]:
    text = deck.mead("events", "--where", where, "-o", "jsonl", "--limit", "100000").stdout
    return [json.loads(line) for line in text.splitlines()]


def _wait(deck: Any, where: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while not (found := _events(deck, where)):
        assert time.monotonic() < deadline, where
        time.sleep(0.3)
    return found


def _connected(deck: Any, service: str) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", deck.ports[service]), timeout=30)
    if service != "https":
        return peer
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(peer)


@pytest.fixture
def neighbour(deck: Any) -> Iterator[Callable[[], None]]:
    """A Telnet session that was there before, and still answers when it is called."""
    with socket.create_connection(("127.0.0.1", deck.ports["telnet"]), timeout=30) as peer:
        peer.recv(1000)

        def answers() -> None:
            peer.sendall(b"somebody\r\n")
            assert peer.recv(1000)

        answers()
        yield answers


@pytest.fixture(autouse=True)
def _no_traceback(deck: Any) -> Iterator[None]:
    """Nothing that a test does is unexpected to the deck."""
    log = deck.directory / "log"
    before = log.stat().st_size
    yield
    said = log.read_bytes()[before:].decode()
    assert "Traceback" not in said
    assert "unexpected" not in said


@pytest.mark.parametrize(
    ("service", "head"),
    [
        ("telnet", b""),
        ("ssh", b"SSH-2.0-flood\r\n"),
        ("http", b""),
        ("http", b"GET / HTTP/1.1\r\nHost: "),
        ("http", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n"),
        ("http", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("https", b"GET /"),
    ],
    ids=repr,
)
def test_100_mb_without_a_newline_end_in_a_recorded_limit(
    deck: Any, neighbour: Callable[[], None], service: str, head: bytes
) -> None:
    before = _sensor_bytes(deck)
    with _connected(deck, service) as peer:
        port = peer.getsockname()[1]
        with suppress(OSError):  # hanging up on such a peer is a fair answer
            peer.sendall(head)
            for _ in range(FLOOD_MIB):
                peer.sendall(b"A" * MIB)
            peer.shutdown(socket.SHUT_WR)
    neighbour()
    (closed,) = _wait(deck, f"kind = 'session.close' and src_port = {port} and service = '{service}'")
    kinds = {event["kind"] for event in _events(deck, f"session = '{closed['session']}'")}
    assert kinds & {"limit.reached", "peer.error"}, kinds
    assert _sensor_bytes(deck) - before < 64 * MIB


def _sensor_bytes(deck: Any) -> int:
    pid = json.loads((deck.directory / "data" / "running.json").read_text())["pid"]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


NOISE = bytes(range(128, 256)) + b"\xc3\x28\xed\xa0\x80\xf8\x88"
"""No part of it is UTF-8: lone continuations, overlong forms, a surrogate."""


def test_invalid_utf_8_is_kept_readable_in_every_format(deck: Any, neighbour: Callable[[], None]) -> None:
    token = secrets.token_hex(8).encode()
    noise = token + NOISE.replace(b"\xff", b"")
    with _connected(deck, "telnet") as peer:
        peer.recv(1000)
        for _ in range(3):
            peer.sendall(noise + b"\r\n")
            time.sleep(0.1)  # a login prompt throws away what was typed ahead of it
        peer.recv(1000)
    boundary = token + b"\x80"
    part = b'Content-Disposition: form-data; name="a\xff"; filename="' + noise + b'"\r\n\r\n' + noise
    body = b"--" + boundary + b"\r\n" + part + b"\r\n--" + boundary + b"--\r\n"
    request = (
        b"POST /" + noise + b"?x=" + noise + b" HTTP/1.1\r\nHost: " + noise + b"\r\nUser-Agent: " + noise
        + b"\r\nAuthorization: Basic /////w==\r\nContent-Type: multipart/form-data; boundary=" + boundary
        + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\nConnection: close\r\n\r\n" + body
    )  # fmt: skip
    for service in ("http", "https"):
        with _connected(deck, service) as peer:
            peer.sendall(request)
            while peer.recv(65536):
                pass
    with _connected(deck, "ssh") as peer:
        peer.sendall(b"SSH-2.0-" + noise + b"\r\n")
        peer.recv(1000)
    neighbour()
    text = token.decode()
    _wait(deck, f"kind = 'request.received' and service = 'https' and contains(target, '{text}')")
    _wait(deck, f"kind = 'client.seen' and service = 'ssh' and contains(client_version, '{text}')")
    found = _wait(deck, f"kind = 'login.attempt' and contains(username, '{text}')")
    assert "\\x80\\x81" in found[0]["username"]
    where = f"contains(username, '{text}') or contains(target, '{text}') or contains(user_agent, '{text}')"
    for output in ("table", "json", "jsonl", "csv"):
        done = deck.mead("events", "-o", output, "--where", where)
        assert text in done.stdout.replace("\n", "")
        assert all(c.isprintable() or c in "\r\n" for c in done.stdout)


def _bomb(gibibytes: int) -> bytes:
    """A zip with one member of zeros: one deflate block, again and again (its checksum is not right)."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflater.compress(bytes(16 * MIB)) + deflater.flush(zlib.Z_FULL_FLUSH)
    packed, size = block * (gibibytes * 64) + b"\x03\x00", gibibytes << 30
    extra = struct.pack("<HHQQ", 1, 16, size, len(packed))
    fixed = struct.pack("<HHHHHIIIHH", 45, 0, 8, 0, 0x21, 0, 0xFFFFFFFF, 0xFFFFFFFF, 1, len(extra))
    local = b"PK\x03\x04" + fixed + b"z" + extra
    central = b"PK\x01\x02" + b"\x2d\x00" + fixed + struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"z" + extra
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def _upload(deck: Any, body: bytes) -> str:
    with _connected(deck, "http") as peer:
        head = f"PUT /{secrets.token_hex(4)}.zip HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        peer.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        while peer.recv(65536):
            pass
    return hashlib.sha256(body).hexdigest()


def test_a_bomb_of_10_gib_is_skipped_and_what_came_after_it_is_analysed(
    deck: Any, neighbour: Callable[[], None], tmp_path: Path
) -> None:
    bomb = _bomb(10)
    assert len(bomb) < 11 * MIB
    (tmp_path / "bomb.zip").write_bytes(bomb)
    digest = _upload(deck, bomb)
    benign = _upload(deck, f"benign neighbour {secrets.token_hex(8)}".encode())
    neighbour()
    for body in (digest, benign):
        _wait(deck, f"kind = 'analysis.done' and sha256 = '{body}' and analyser = 'hashes'")
    (unpacked,) = _wait(deck, f"kind = 'analysis.done' and sha256 = '{digest}' and analyser = 'unpack'")[:1]
    assert unpacked["verdict"] == "skipped"
    assert "limit unpack." in unpacked["reason"]
    done = subprocess.run(
        [MEAD, "analyse", str(tmp_path / "bomb.zip"), "-o", "jsonl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["verdict"] in {"skipped", "failed"}


def test_after_kill_9_nobody_believes_the_file_that_says_who_is_running(
    tmp_path: Path, start_deck: Any
) -> None:
    with start_deck(tmp_path) as first:
        stale = (tmp_path / "data" / "running.json").read_bytes()
    process = subprocess.Popen(
        [MEAD, "-c", str(first.configuration), "run"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr
    while b"The deck is up" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "data" / "running.json").exists()
    deadline = time.monotonic() + 30
    while (done := first.mead("selftest", check=False)).returncode != 12:
        assert time.monotonic() < deadline, done.stdout
        time.sleep(0.2)
    assert "has ended: start the deck with `mead run`" in done.stderr
    (tmp_path / "data" / "running.json").write_bytes(stale)
    assert first.mead("selftest", check=False).returncode == 12
    process.stderr.close()
    with start_deck(tmp_path) as again:
        assert again.mead("selftest").returncode == 0


def _refused(tmp_path: Path, configuration: str, *, user: str | None = None) -> tuple[int, str]:
    """Exit code and words of a `mead run` that cannot be."""
    (tmp_path / "mead.toml").write_text(configuration)
    done = subprocess.run(
        [MEAD, "-c", str(tmp_path / "mead.toml"), "run"],
        capture_output=True, text=True, check=False, timeout=90, user=user, cwd="/",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("configuration", "code", "said"),
    [
        ("[sensor]\nnmae = 'x'\n", 2, "mead.toml:3: unknown key sensor.nmae; did you mean name?"),
        (
            "[sensor.services]\ngopher = [70]\n",
            2,
            "mead.toml:3: no service is called 'gopher'; known: telnet",
        ),
        ("[sensor.services]\ntelnet = [70000]\n", 2, "mead.toml:3: sensor.services.telnet.0: expected `int`"),
        ("[bus]\nbinary = '/none/nats-server'\n", 11, "/none/nats-server is not a program that can be run"),
        ("[sensor]\naddresses = ['198.51.100.9']\n", 2, "this machine does not have that address"),
    ],
)
def test_a_deck_that_cannot_be_says_why_and_ends(
    tmp_path: Path, configuration: str, code: int, said: str
) -> None:
    ended, words = _refused(tmp_path, f'data_dir = "{tmp_path}/data"\n{configuration}')
    assert (ended, said in words) == (code, True), words
    assert words.count(said) == 1


@pytest.mark.parametrize("setting", ["[bus]\nport = {port}\n", "[sensor.services]\ntelnet = [{port}]\n"])
def test_a_port_in_use_is_named(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configuration = f'data_dir = "{tmp_path}/data"\n{setting.format(port=port)}'
        code, words = _refused(tmp_path, configuration)
    assert code in {2, 12}
    assert "in use" in words
    assert str(port) in words


@pytest.mark.parametrize("place", ["/proc/mead", "/dev/null/data"])
def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path, place: str) -> None:
    code, words = _refused(tmp_path, f'data_dir = "{place}"\n')
    assert code == 2
    assert f"data directory {place}: " in words
    assert "set data_dir in mead.toml to one you may write" in words


@pytest.mark.root
def test_a_data_directory_of_somebody_else_is_named() -> None:
    try:
        subprocess.run([MEAD, "--version"], user="nobody", cwd="/", capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody else may run this installation")
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories are closed to others
        place = Path(name)
        place.chmod(0o755)
        (place / "data").mkdir(mode=0o700)
        code, words = _refused(place, f'data_dir = "{place}/data"\n', user="nobody")
    assert code == 2
    assert f"data directory {place}/data: not writable; set data_dir" in words
