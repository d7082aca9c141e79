# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from mead.egress.certificate import Certificate


def _made(subject: str) -> bytes:
    key = ec.derive_private_key(7, ec.SECP256R1())
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nobody, Inc.")])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject, _validate=False)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(past)
        .not_valid_after(past + dt.timedelta(1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


DER = _made("evil.example")


def test_the_names_are_read_and_the_digest_is_that_of_what_was_sent() -> None:
    read = Certificate.read(DER)
    assert read == Certificate(hashlib.sha256(DER).hexdigest(), "CN=evil.example", "O=Nobody\\, Inc.")


@pytest.mark.filterwarnings("ignore:Attribute's length")  # of the library that makes it
def test_a_name_is_bounded_and_holds_no_nul() -> None:
    subject = Certificate.read(_made("a\0" + "x" * 5000)).subject
    assert subject
    assert len(subject) < 600
    assert "\0" not in subject


def test_what_is_no_certificate_has_a_digest() -> None:
    assert Certificate.read(b"none") == Certificate(hashlib.sha256(b"none").hexdigest())


@given(
    st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(DER)),
)
def test_any_bytes_have_a_digest(changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(DER)
    for at, value in changes:
        damaged[at] = value
    der = bytes(damaged[:length])
    assert Certificate.read(der).sha256 == hashlib.sha256(der).hexdigest()
