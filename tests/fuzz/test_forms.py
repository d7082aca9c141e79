# SPDX-License-Identifier: Apache-2.0
"""Any form and any datagrams: what is read of a request's body, and of QUIC."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.wire.core import PeerError
from mead.wire.detect import bid
from mead.wire.http_form import parse_form
from mead.wire.quic import QuicReader
from mead.wire.tls import ClientHello

QUIC_HEAD = b"\xc0\x00\x00\x00\x01\x08abcdefgh\x00\x00\x40\x40"
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@given(st.binary(max_size=64), st.binary(max_size=300))
def any_form(content_type: bytes, body: bytes) -> None:
    parse_form(content_type, body)
    whole = b"--" + content_type + b"\r\n" + body
    form = parse_form(b"multipart/form-data; boundary=" + content_type, whole)
    assert sum(len(file.data) for file in form.files) + sum(len(f.value) for f in form.fields) <= len(whole)
    assert all(0 < score <= 1 for _, score in bid(body))


@given(st.lists(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(QUIC_HEAD.__add__)), max_size=5))
def any_datagrams(datagrams: list[bytes]) -> None:
    reader = QuicReader()
    out = [item for datagram in [*datagrams, b""] for item in reader.receive(datagram)]
    assert len([item for item in out if isinstance(item, ClientHello | PeerError)]) == 1


@pytest.mark.parametrize("property_of", [any_form, any_datagrams])
def test_any_form_is_read_and_any_datagrams_end_in_one_answer(property_of: Any) -> None:
    settings(max_examples=600, derandomize=True, **QUIET)(property_of)()  # type: ignore[arg-type] # mixed values


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("property_of", [any_form, any_datagrams])
def test_any_form_and_any_datagrams_100_000_times(property_of: Any) -> None:
    settings(max_examples=100_000, **QUIET)(property_of)()  # type: ignore[arg-type] # mixed values
