# SPDX-License-Identifier: Apache-2.0
"""TLS around a dialogue: the ClientHello is fingerprinted before OpenSSL sees it.

The encryption runs in memory, so that the dialogue inside and the host outside stay as they are.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mead.model.codec import text
from mead.model.event import ClientSeen
from mead.sensors.dialogue import Context, Dialogue, Link, Work
from mead.sensors.persona import Persona
from mead.sensors.session import Session
from mead.wire.core import Close, Fact, Output, PeerError, Send
from mead.wire.tls import ClientHello, HelloReader

__all__ = ["HelloTap", "Tls", "server_context"]

_READ_BYTES = 1 << 16
_RECORD = 0x16


class HelloTap:
    """Reads the ClientHello in passing and tells its JA3 and JA4."""

    __slots__ = ("_reader", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reader: HelloReader | None = HelloReader()

    def receive(self, data: bytes) -> list[Output]:
        """Look at bytes of the peer; facts that are not ours to tell are handed on."""
        if self._reader is None:
            return []
        out: list[Output] = []
        for item in self._reader.receive(data):
            if isinstance(item, ClientHello):
                self._tell(item)
            else:
                out.append(item)
        if self._reader.done:
            self._reader = None
        return out

    def _tell(self, hello: ClientHello) -> None:
        name = text(hello.server_name) if hello.server_name else None
        for kind, value, of in (("ja3", hello.ja3, hello.ja3_text), ("ja4", hello.ja4, hello.ja4_r)):
            self._session.emit(
                ClientSeen, fingerprint_kind=kind, fingerprint=value, fingerprint_text=of, server_name=name
            )


class _Inside:
    """The link of the dialogue inside: what it says later is encrypted too."""

    def __init__(self, tls: Tls, link: Link) -> None:
        self._tls = tls
        self._link = link

    def send(self, data: bytes) -> None:
        self._link.send(self._tls.encrypt(data))

    def close(self, reason: str) -> None:
        self._link.close(reason)

    def later(self, work: Work) -> None:
        self._link.later(lambda: self._tls.wrapped(work()))

    def alarm(self, seconds: float, work: Work) -> None:
        self._link.alarm(seconds, lambda: self._tls.wrapped(work()))


class Tls:
    """A dialogue spoken through TLS; what a peer says without TLS is recorded, and answered with `plain`."""

    __slots__ = (
        "_begun",
        "_context",
        "_incoming",
        "_inner",
        "_object",
        "_outgoing",
        "_plain",
        "_ready",
        "_server",
        "_tap",
    )

    def __init__(
        self,
        context: Context,
        server: ssl.SSLContext | None,
        inside: Callable[[Context], Dialogue],
        *,
        plain: Callable[[datetime], bytes] = lambda now: b"",  # noqa: ARG005 - hangs up whenever
    ) -> None:
        self._plain = plain
        self._context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = server
        self._object: ssl.SSLObject | None = None
        self._tap: HelloTap | None = HelloTap(context.session)
        self._begun = self._ready = False
        link = _Inside(self, context.link)
        self._inner = inside(
            Context(
                context.session, context.capture, context.persona, context.credentials, link, context.live
            )
        )

    def open(self) -> list[Output]:
        return []

    def receive(self, data: bytes) -> list[Output]:
        if data and not self._begun:
            self._begun = True
            if data[0] != _RECORD:
                self._tap = None
            elif self._server is not None:
                self._object = self._server.wrap_bio(self._incoming, self._outgoing, server_side=True)
        if self._tap is None:
            return self._in_the_clear(data)
        out = self._tap.receive(data)
        if self._object is None:
            return out
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        self._advance(self._object, out)
        return out

    def lost(self) -> None:
        self._inner.lost()
        self._object = None

    def encrypt(self, data: bytes) -> bytes:
        """`data` as TLS records."""
        if self._object is None or not self._ready:
            return b""
        self._object.write(data)
        return self._outgoing.read()

    def wrapped(self, outputs: list[Output]) -> list[Output]:
        """What the dialogue inside says, encrypted; its last word is followed by TLS's own."""
        out: list[Output] = []
        for item in outputs:
            if isinstance(item, Send):
                out.append(Send(self.encrypt(item.data)))
            elif isinstance(item, Close):
                out += [*self._farewell(), item]
            else:
                out.append(item)
        return out

    def _farewell(self) -> list[Output]:
        if self._object is not None and self._ready:
            with suppress(ssl.SSLError):  # the peer need not answer
                self._object.unwrap()
        return self._pending()

    def _in_the_clear(self, data: bytes) -> list[Output]:
        """Record what is said without TLS, and answer it as a server that wants TLS."""
        heard = self._inner.receive(data)
        out: list[Output] = [item for item in heard if isinstance(item, Fact)]
        if len(out) == len(heard):
            return out
        answer = self._plain(self._context.session.now())
        return [*out, *([Send(answer)] if answer else []), Close("no TLS")]

    def _advance(self, tls: ssl.SSLObject, out: list[Output]) -> None:
        try:
            if not self._ready:
                tls.do_handshake()
                self._ready = True
                out += [*self._pending(), *self.wrapped(self._inner.open())]
            while chunk := tls.read(_READ_BYTES):
                out += self.wrapped(self._inner.receive(chunk))
                if any(isinstance(item, Close) for item in out):
                    return
            self._left(out)
        except ssl.SSLWantReadError:
            out += self._pending()
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._left(out)
        except ssl.SSLError as error:
            out.append(PeerError(self._context.session.bytes_in, f"TLS: {error.reason or error}", b""))
            out += [*self._pending(), Close("TLS failed")]

    def _left(self, out: list[Output]) -> None:
        """The peer says no more; what it asked for is answered before the end."""
        if self._ready:
            out += self.wrapped(self._inner.receive(b""))
        self._context.link.later(lambda: self.wrapped([Close("closed by peer")]))

    def _pending(self) -> list[Output]:
        data = self._outgoing.read()
        return [Send(data)] if data else []


@dataclass(frozen=True, slots=True)
class _Habits:
    """How a web server program sets up OpenSSL; the ciphers and what is preferred make its fingerprint."""

    ciphers: str
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    prefers: bool = True
    """Whether the order of the server decides, not that of the client."""
    alpn: bool = True


_DEVICE = _Habits(
    "ALL:!aNULL:!eNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, alpn=False
)  # fmt: skip
_HABITS = {
    # nginx.conf and mods-available/ssl.conf of Debian
    "nginx": _Habits("HIGH:!aNULL:!MD5:@SECLEVEL=2"),
    "apache": _Habits("HIGH:!aNULL:@SECLEVEL=2", prefers=False),
}


@lru_cache(maxsize=32)
def server_context(persona: Persona, name: str, software: str) -> ssl.SSLContext:
    """A context with this sensor's own certificate, set up as the program called `software` does it."""
    habits = _HABITS.get(software, _DEVICE)
    stored = persona.stored(f"tls_{name}.pem")
    if stored is None:
        certificate = _host_certificate(persona) if software in _HABITS else _certificate(persona, name)
        stored = persona.kept(f"tls_{name}.pem", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile(suffix=".pem") as file:  # OpenSSL takes a certificate from a file only
        file.write(stored)
        file.flush()
        context.load_cert_chain(file.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what devices speak
        context.minimum_version = habits.oldest
    context.maximum_version = habits.newest
    context.set_ciphers(habits.ciphers)
    if not habits.prefers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if habits.alpn:
        context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION
    return context


def _host_certificate(persona: Persona) -> bytes:
    """The certificate that a distribution makes for a host, as Debian's package ssl-cert does."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, persona.hostname)])
    builder = _builder(persona, "host", subject, timedelta(days=3650))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _signed(
        builder.public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(persona.hostname)]), critical=False),
        key,
    )


def _certificate(persona: Persona, name: str) -> bytes:
    """A self-signed certificate as a device makes it at its first start, with its key."""
    draw = persona.random("tls", name)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    common = draw.choice((persona.hostname, f"192.168.{draw.randrange(0, 3)}.1", f"{persona.hostname}.local"))
    organisation = draw.choice(("", "Home Gateway", "Network Device", "IT Department", "Default Company Ltd"))
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    subject = x509.Name(attributes)
    builder = _builder(persona, name, subject, timedelta(days=365 * draw.choice((1, 10, 20))))
    return _signed(
        builder.public_key(key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ),
        key,
    )


def _builder(persona: Persona, name: str, subject: x509.Name, lifetime: timedelta) -> x509.CertificateBuilder:
    serial = persona.random("serial", name).getrandbits(120) | 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .serial_number(serial)
        .not_valid_before(persona.installed)
        .not_valid_after(persona.installed + lifetime)
    )


def _signed(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> bytes:
    """The key and its certificate, signed by itself."""
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
