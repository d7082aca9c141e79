"""TLS is spoken in memory, after its ClientHello was looked at."""

from __future__ import annotations

import ssl
from typing import Any

import pytest


def client_side(**options: Any) -> Any:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(incoming, outgoing, server_hostname="host.example"), incoming, outgoing


def shake(b: Any, tls: Any, incoming: Any, outgoing: Any, *, pieces: Any = 1 << 20) -> Any:
    for _ in range(10):
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            incoming.write(b.send(outgoing.read()))
            return
        data = outgoing.read()
        for start in range(0, len(data), pieces):
            incoming.write(b.send(data[start : start + pieces]))
    raise AssertionError("no handshake")


@pytest.mark.parametrize("pieces", [1 << 20, 7])
async def test_a_request_through_tls_is_fingerprinted_and_answered(bench: Any, pieces: Any) -> Any:
    b = bench("https", port=443)
    assert b.open() == b""
    tls, incoming, outgoing = client_side()
    shake(b, tls, incoming, outgoing, pieces=pieces)
    tls.write(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n")
    incoming.write(b.send(outgoing.read()))
    assert tls.read(4096).startswith(b"HTTP/1.1 200")
    await b.finish()
    kinds = {event.fingerprint_kind: event for event in b.events.of("client.seen")}
    assert kinds["ja4"].fingerprint.startswith("t1")
    assert len(kinds["ja3"].fingerprint) == 32
    assert kinds["ja3"].server_name == "host.example"
    assert b.events.of("request.received")[0].target == "/"


async def test_what_is_said_without_tls_is_recorded_and_refused(bench: Any) -> Any:
    b = bench("https", port=443)
    b.open()
    answer = b.send(b"GET / HTTP/1.0\r\n\r\n")
    assert b"plain HTTP request" in answer or not answer
    assert b.closed == "no TLS"
    await b.finish()
    assert b.events.of("request.received")


async def test_garbage_inside_tls_ends_it_with_a_peer_error(bench: Any) -> Any:
    b = bench("https", port=443)
    b.open()
    b.send(b"\x16\x03\x01\x00\x05" + b"\xff" * 5 + b"\x16" * 500)
    assert b.closed == "TLS failed"
    await b.finish()
    assert b.events.of("peer.error")


async def test_in_a_replay_only_the_hello_is_read(bench: Any) -> Any:
    b = bench("https", port=443, live=False)
    b.open()
    tls, _, outgoing = client_side()
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    assert b.send(outgoing.read() + b"\x17\x03\x03\x00\x02xx") == b""
    b.send(b"\x17\x03\x03\x00\x02xx")
    await b.finish()
    assert {event.fingerprint_kind for event in b.events.of("client.seen")} == {"ja3", "ja4"}
    assert b.events.of("request.received") == []


async def test_certificates_differ_between_installs_and_are_kept(bench: Any, tmp_path: Any) -> Any:
    from mead.sensors.persona import Persona
    from mead.sensors.tls import server_context

    persona = Persona(b"k" * 32, tmp_path)
    server_context(persona, "nginx-debian", old=False)
    first = persona.stored("tls_nginx-debian.pem")
    again = Persona(b"k" * 32, tmp_path)
    server_context(again, "nginx-debian", old=False)
    assert again.stored("tls_nginx-debian.pem") == first
    assert b"CERTIFICATE" in first
