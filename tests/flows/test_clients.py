"""The clients that people have, against the running deck; what they did stands in the store."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("deck"), pytest.mark.timeout(240)]

SSH_OPTIONS = [
    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
    "-o", "PreferredAuthentications=password", "-o", "BatchMode=no", "-o", "PubkeyAuthentication=no",
]  # fmt: skip
PASSWORDS = ("root", "admin", "12345", "123456", "password", "1234", "default", "toor", "qwerty", "111111")


def _run(*command: str, given: bytes = b"", seconds: int = 120) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=seconds)


def _events(deck: Any, where: str) -> list[dict[str, Any]]:
    text = deck.mead("events", "--where", where, "-o", "jsonl", "--limit", "100000").stdout
    return [json.loads(line) for line in text.splitlines()]


def _wait(deck: Any, where: str, enough: int = 1) -> list[dict[str, Any]]:
    """Events of this kind, once there are `enough`."""
    deadline = time.monotonic() + 30
    while len(found := _events(deck, where)) < enough:
        assert time.monotonic() < deadline, f"{len(found)} of {enough} where {where}"
        time.sleep(0.3)
    return found


def _marker() -> tuple[str, bytes, str]:
    token = f"t{secrets.token_hex(8)}"
    body = f"benign marker {token}\n".encode() * 50 + bytes(range(256))
    return token, body, hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module")
def password(deck: Any) -> str:
    """A password that the SSH door accepts for root, found as anybody would: by trying."""
    for _ in range(2):
        for candidate in PASSWORDS:
            done = _run(
                "sshpass", "-p", candidate, "ssh", *SSH_OPTIONS, "-p", str(deck.ports["ssh"]),
                "-o", "NumberOfPasswordPrompts=1", "root@127.0.0.1", "true",
            )  # fmt: skip
            if done.returncode == 0:
                return candidate
    pytest.fail("no password was accepted")


@pytest.fixture
def ssh(deck: Any, password: str) -> Callable[..., list[str]]:
    """The command line of an OpenSSH tool with password and port."""

    def command(tool: str, *arguments: str) -> list[str]:
        port = ["-p" if tool == "ssh" else "-P", str(deck.ports["ssh"])]
        return ["sshpass", "-p", password, tool, *SSH_OPTIONS, *port, *arguments]

    return command


@pytest.mark.tool("ssh", "sshpass")
def test_ssh_runs_a_command_and_keeps_what_comes_on_its_standard_input(
    deck: Any, ssh: Callable[..., list[str]]
) -> None:
    token, body, digest = _marker()
    assert b"Linux" in _run(*ssh("ssh", "root@127.0.0.1", f"uname -a; echo {token}")).stdout
    assert _run(*ssh("ssh", "root@127.0.0.1", f"cat > /tmp/{token}"), given=body).returncode == 0
    _wait(deck, f"kind = 'sample.captured' and sha256 = '{digest}'")
    _wait(deck, f"kind = 'command.input' and command like '%{token}%'", 2)
    assert _wait(deck, "kind = 'client.seen' and fingerprint_kind = 'hassh'")


@pytest.mark.tool("scp", "sftp", "sshpass")
@pytest.mark.parametrize("how", ["scp", "scp -O", "sftp"])
def test_uploads_by_scp_and_sftp_are_kept_whole(
    deck: Any, ssh: Callable[..., list[str]], how: str, tmp_path: Path
) -> None:
    token, body, digest = _marker()
    path = tmp_path / token
    path.write_bytes(body)
    if how == "sftp":
        done = _run(*ssh("sftp", "-b", "-", "root@127.0.0.1"), given=f"put {path} /tmp/{token}\n".encode())
    else:
        done = _run(*ssh("scp", *how.split()[1:], str(path), f"root@127.0.0.1:/tmp/{token}"))
    assert done.returncode == 0, done.stderr
    (captured,) = _wait(deck, f"kind = 'sample.captured' and sha256 = '{digest}'")[:1]
    assert captured["size"] == len(body)
    assert json.loads(deck.mead("show", digest, "-o", "json").stdout)["sightings"][0]["service"] == "ssh"


@pytest.mark.tool("sftp", "sshpass")
def test_sftp_finds_the_files_that_it_made(deck: Any, ssh: Callable[..., list[str]], tmp_path: Path) -> None:
    token, body, digest = _marker()
    (tmp_path / "up").write_bytes(body)
    batch = f"mkdir /tmp/{token}\nput {tmp_path}/up /tmp/{token}/a\nrename /tmp/{token}/a /tmp/{token}/b\n"
    batch += (
        f"ls -l /tmp/{token}\nget /tmp/{token}/b {tmp_path}/down\nrm /tmp/{token}/b\nrmdir /tmp/{token}\n"
    )
    done = _run(*ssh("sftp", "-b", "-", "root@127.0.0.1"), given=batch.encode())
    assert done.returncode == 0, done.stderr
    assert f"{len(body)}".encode() in done.stdout
    assert (tmp_path / "down").read_bytes() == body
    _wait(deck, f"kind = 'sample.captured' and sha256 = '{digest}'")


@pytest.mark.tool("ssh", "sshpass")
def test_tunnels_are_recorded_and_lead_nowhere(deck: Any, ssh: Callable[..., list[str]]) -> None:
    token, _, _ = _marker()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(1)
        port = listening.getsockname()[1]
        done = _run(
            *ssh("ssh", "-W", f"127.0.0.1:{port}", "root@127.0.0.1"), given=f"EHLO {token}\n".encode()
        )
        assert done.returncode in {0, 255}
        with pytest.raises(TimeoutError):
            listening.accept()
        wish = ["-o", "ExitOnForwardFailure=yes", "-R", f"0:127.0.0.1:{port}"]
        assert _run(*ssh("ssh", *wish, "root@127.0.0.1", "true")).returncode == 0
    (told,) = _wait(deck, f"kind = 'tunnel.requested' and target_port = {port}")
    assert (told["target_host"], told["size"]) == ("127.0.0.1", len(f"EHLO {token}\n"))
    assert _wait(deck, "kind = 'tunnel.requested' and listen")
    assert json.loads(deck.mead("show", told["sha256"], "-o", "json").stdout)["size"] == told["size"]


@pytest.mark.tool("telnet", "expect")
def test_telnet_logs_in_and_what_was_typed_can_be_replayed(deck: Any, tmp_path: Path) -> None:
    token, _, _ = _marker()
    script = tmp_path / "telnet.exp"
    tries = "\n".join(f"attempt {password}" for password in PASSWORDS)
    script.write_text(f"""
set timeout 20
proc attempt {{password}} {{
  expect {{
    -nocase -re "(login|username): ?$" {{ send "root\\r" }}
    eof {{ exit 3 }}
  }}
  expect -nocase "password:"
  send "$password\\r"
  expect {{
    -nocase "incorrect" {{}}
    -nocase "failed" {{}}
    -re "\\[#$>\\] ?$" {{
      send "/bin/busybox {token}\\r"
      expect "{token}: applet not found"
      send "echo {token}-typed\\r"
      expect -re "\\[#$>\\] ?$"
      send "exit\\r"
      expect eof
      exit 0
    }}
    eof {{ exit 3 }}
  }}
}}
spawn telnet 127.0.0.1 {deck.ports["telnet"]}
{tries}
exit 4
""")
    for _ in range(6):
        done = _run("expect", str(script))
        if done.returncode == 0:
            break
        assert done.returncode in {3, 4}, done.stdout
    assert done.returncode == 0, done.stdout[-2000:]
    (typed, *_) = _wait(deck, f"kind = 'command.input' and command like '%{token}-typed%'")
    closed = _wait(deck, f"kind = 'session.close' and session = '{typed['session']}'")
    recording = tmp_path / "session.cast"
    assert closed[0]["transcript"]
    deck.mead("show", typed["session"], "--transcript", str(recording))
    assert f"{token}-typed" in recording.read_text()


@pytest.mark.tool("curl")
def test_curl_requests_and_uploads_are_recorded(deck: Any, tmp_path: Path) -> None:
    token, body, digest = _marker()
    path = tmp_path / token
    path.write_bytes(body)
    for scheme in ("http", "https"):
        base = f"{scheme}://127.0.0.1:{deck.ports[scheme]}"
        done = _run("curl", "-sk", "-u", f"admin:{token}", "-A", f"agent/{token}", f"{base}/{token}")
        assert done.returncode == 0, done.stderr
        assert _run("curl", "-sk", "-F", f"file=@{path}", f"{base}/upload.cgi").returncode == 0
    requests = _wait(deck, f"kind = 'request.received' and target = '/{token}'", 2)
    assert {request["service"] for request in requests} == {"http", "https"}
    assert {request["user_agent"] for request in requests} == {f"agent/{token}"}
    _wait(deck, f"kind = 'login.attempt' and password = '{token}'", 2)
    _wait(deck, f"kind = 'sample.captured' and sha256 = '{digest}'", 2)
    kinds = {
        event["fingerprint_kind"] for event in _wait(deck, "kind = 'client.seen' and service = 'https'", 2)
    }
    assert {"ja3", "ja4"} <= kinds


@pytest.mark.tool("curl")
@pytest.mark.parametrize(
    "how",
    [
        ["-T", "{path}"], ["-0", "-T", "{path}"], ["-H", "Transfer-Encoding: chunked", "-T", "{path}"],
        ["-H", "Expect: 100-continue", "--data-binary", "@{path}"],
        ["-X", "FROB", "--data-binary", "@{path}"],
        ["-k", "--tlsv1.2", "--tls-max", "1.2", "-T", "{path}"], ["-k", "--http2", "-T", "{path}"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_whatever_way_curl_sends_a_body_it_arrives_whole(deck: Any, how: list[str], tmp_path: Path) -> None:
    token, body, _ = _marker()
    (tmp_path / token).write_bytes(body * 20)
    digest = hashlib.sha256(body * 20).hexdigest()
    scheme = "https" if "-k" in how else "http"
    url = f"{scheme}://127.0.0.1:{deck.ports[scheme]}/{token}"
    done = _run("curl", "-s", *(word.format(path=tmp_path / token) for word in how), url)
    assert done.returncode == 0, done.stderr
    (captured,) = _wait(deck, f"kind = 'sample.captured' and sha256 = '{digest}'")
    (request,) = _wait(deck, f"kind = 'request.received' and target = '/{token}'")
    assert captured["session"] == request["session"]


@pytest.mark.tool("curl")
def test_one_connection_carries_several_requests(deck: Any) -> None:
    token, _, _ = _marker()
    urls = [f"http://127.0.0.1:{deck.ports['http']}/{token}-{number}" for number in range(3)]
    assert _run("curl", "-s", *urls).returncode == 0
    requests = _wait(deck, f"kind = 'request.received' and target like '/{token}-%'", 3)
    assert [request["target"][-1] for request in requests] == ["0", "1", "2"]


@pytest.mark.tool("ncrack")
@pytest.mark.parametrize("service", ["telnet", "ssh"])
def test_every_guess_of_ncrack_is_one_login_event(deck: Any, service: str, tmp_path: Path) -> None:
    token, _, _ = _marker()
    guesses = [f"{token}-{number}" for number in range(12)]
    (tmp_path / "list").write_text("\n".join(guesses) + "\n")
    _run(
        "ncrack", "--user", "nosuchuser", "-P", str(tmp_path / "list"), "-T4",
        f"{service}://127.0.0.1:{deck.ports[service]}",
    )  # fmt: skip
    found = _wait(deck, f"kind = 'login.attempt' and password like '{token}-%'", len(guesses))
    assert sorted(event["password"] for event in found) == sorted(guesses)
    assert {event["service"] for event in found} == {service}


@pytest.mark.tool("hydra")
def test_every_guess_of_hydra_is_one_login_event(deck: Any, tmp_path: Path) -> None:
    token, _, _ = _marker()
    guesses = [f"{token}-{number}" for number in range(12)]
    (tmp_path / "list").write_text("\n".join(guesses))
    _run(
        "hydra", "-I", "-t", "4", "-l", "nosuchuser", "-P", str(tmp_path / "list"),
        "-s", str(deck.ports["ssh"]), "127.0.0.1", "ssh",
    )  # fmt: skip
    found = _wait(deck, f"kind = 'login.attempt' and password like '{token}-%'", len(guesses))
    assert {event["password"] for event in found} == set(guesses)


@pytest.mark.tool("medusa")
def test_medusa_is_seen_too(deck: Any, tmp_path: Path) -> None:
    token, _, _ = _marker()
    (tmp_path / "list").write_text(f"{token}-a\n{token}-b\n")
    _run(
        "medusa", "-h", "127.0.0.1", "-n", str(deck.ports["ssh"]), "-u", "nosuchuser",
        "-P", str(tmp_path / "list"), "-M", "ssh", "-t", "1",
    )  # fmt: skip
    assert len(_wait(deck, f"kind = 'login.attempt' and password like '{token}-%'", 2)) == 2


@pytest.mark.tool("nmap")
def test_nmap_names_products_and_no_honeypot(deck: Any) -> None:
    ports = ",".join(str(port) for port in deck.ports.values())
    done = _run("nmap", "-Pn", "-n", "-sV", "--version-all", "-p", ports, "127.0.0.1", seconds=230)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\d+/tcp +open", said, re.MULTILINE)) == len(deck.ports), said
    assert not re.search(
        r"honey|cowrie|kippo|dionaea|nepenthes|kojoney|twisted|asyncssh", said, re.IGNORECASE
    )
    assert "OpenSSH" in said
