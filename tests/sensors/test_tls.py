"""TLS is spoken in memory, after its ClientHello was looked at."""

from __future__ import annotations

import ssl
import warnings
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mead.sensors.persona import Persona
from mead.sensors.tls import server_context


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
    assert b"plain HTTP" in answer or not answer
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


async def test_a_request_that_is_answered_and_closed_ends_with_tls_own_goodbye(bench: Any) -> None:
    b = bench("https", port=443)
    b.open()
    tls, incoming, outgoing = client_side()
    shake(b, tls, incoming, outgoing)
    tls.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    incoming.write(b.send(outgoing.read()))
    assert tls.read(1 << 16)
    assert b.closed == "request answered"
    assert tls.read(1) == b""  # close_notify; without it this is an error
    await b.finish()


async def test_what_was_asked_before_the_peer_said_goodbye_is_answered(bench: Any) -> None:
    b = bench("https", port=443)
    b.open()
    tls, incoming, outgoing = client_side()
    shake(b, tls, incoming, outgoing)
    tls.write(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ssl.SSLWantReadError):
        tls.unwrap()
    b.send(outgoing.read())
    await b.finish()
    assert [event.target for event in b.events.of("request.received")] == ["/one", "/two"]
    assert b.closed


@pytest.mark.parametrize(
    ("software", "oldest", "newest", "alpn"),
    [
        ("nginx", "TLSv1.2", "TLSv1.3", True),
        ("apache", "TLSv1.2", "TLSv1.3", True),
        ("boa", "TLSv1", "TLSv1.2", False),
    ],
)
def test_each_program_takes_the_versions_that_it_takes(
    bench: Any, software: str, oldest: str, newest: str, alpn: bool
) -> None:
    server = server_context(bench("https").persona, "x", software)
    taken = []
    for version in (
        ssl.TLSVersion.TLSv1,
        ssl.TLSVersion.TLSv1_1,
        ssl.TLSVersion.TLSv1_2,
        ssl.TLSVersion.TLSv1_3,
    ):
        client = ssl.create_default_context()
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.set_alpn_protocols(["h2", "http/1.1"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client.minimum_version = client.maximum_version = version
        if (spoken := handshake(client, server)) is not None:
            taken.append(spoken[0])
            assert spoken[1] == ("http/1.1" if alpn else None)
    assert (taken[0], taken[-1]) == (oldest, newest)


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[str | None, str | None] | None:
    """Version and ALPN that the two agree on; None: they do not."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(8):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return None
    return ends[0].version(), ends[0].selected_alpn_protocol()


async def test_certificates_differ_between_installs_and_are_kept(tmp_path: Any) -> Any:
    persona = Persona(b"k" * 32, tmp_path / "one")
    server_context(persona, "nginx-debian", "nginx")
    first = persona.stored("tls_nginx-debian.pem")
    again = Persona(b"k" * 32, tmp_path / "one")
    server_context(again, "nginx-debian", "nginx")
    assert again.stored("tls_nginx-debian.pem") == first
    assert b"CERTIFICATE" in first
    other = Persona(b"l" * 32, tmp_path / "two")
    server_context(other, "nginx-debian", "nginx")
    assert other.stored("tls_nginx-debian.pem") != first


@pytest.mark.parametrize(("software", "authority"), [("nginx", False), ("goahead", True)])
def test_the_certificate_is_one_that_such_a_host_makes_for_itself(
    tmp_path: Any, software: str, authority: bool
) -> None:
    persona = Persona(b"k" * 32, tmp_path)
    server_context(persona, "x", software)
    stored = persona.stored("tls_x.pem") or b""
    certificate = x509.load_pem_x509_certificate(stored[stored.index(b"-----BEGIN CERTIFICATE") :])
    assert certificate.issuer == certificate.subject
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is authority
    names = [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert names == [persona.hostname] or authority
    assert certificate.not_valid_before_utc.replace(microsecond=0) == persona.installed.replace(microsecond=0)
