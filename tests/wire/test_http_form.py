# SPDX-License-Identifier: Apache-2.0
"""Forms as browsers, curl and exploit kits write them."""

from __future__ import annotations

import pytest

from mead.wire.http_form import Field, File, Form, parse_form, parse_query

MULTI = b"multipart/form-data; boundary=B"
UPLOAD = (
    b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.php"\r\nContent-Type: text/plain\r\n\r\n'
    b"<?php\r\n\r\n?>\r\n--B--\r\n"
)


def test_a_query() -> None:
    assert parse_query(b"a=1&b=%3bx+y&c&&=z") == (
        Field(b"a", b"1"),
        Field(b"b", b";x y"),
        Field(b"c", b""),
        Field(b"", b"z"),
    )


def test_an_upload() -> None:
    assert parse_form(MULTI, UPLOAD) == Form(
        (Field(b"a", b"1"),), (File(b"f", b"x.php", b"text/plain", b"<?php\r\n\r\n?>"),)
    )


@pytest.mark.parametrize(
    ("kind", "body", "form"),
    [
        (b'multipart/form-data; boundary="B"', UPLOAD, parse_form(MULTI, UPLOAD)),
        (b"multipart/form-data", b"", Form(faults=("boundary missing or wrong",))),
        (b"text/plain", b"a=1", Form()),
        (b"application/x-www-form-urlencoded; charset=x", b"a=1\r\n", Form((Field(b"a", b"1"),))),
        (
            MULTI,
            b"--B\nContent-Disposition: form-data; name=a; filename=b c\n\nx\n--B--",
            Form(files=(File(b"a", b"b", b"", b"x"),)),
        ),
        (MULTI, b"--B\r\nno head at all", Form((Field(b"", b"no head at all"),), faults=("not ended",))),
        (MULTI, b"--B\r\n\r\nbare\r\n--B--", Form((Field(b"", b"bare"),))),
        (
            MULTI,
            (
                b'--B\r\nContent-Disposition: form-data;\r\n name="q\\""; '
                b"filename*=utf-8''%e3%81%82\r\n\r\n\r\n--B--"
            ),
            Form(files=(File(b'q"', b"\xe3\x81\x82", b"", b""),)),
        ),
        (
            MULTI,
            b'--B\r\nX: y\r\nContent-Disposition: form-data; name="open; filename=z\r\n\r\nv\r\n--B--',
            Form((Field(b"open; filename=z", b"v"),)),
        ),
    ],
)
def test_tolerance(kind: bytes, body: bytes, form: Form) -> None:
    assert parse_form(kind, body) == form


def test_a_wrong_boundary_is_guessed() -> None:
    form = parse_form(b"multipart/form-data; boundary=wrong", UPLOAD)
    assert form.files == parse_form(MULTI, UPLOAD).files
    assert form.faults == ("boundary missing or wrong",)


def test_parts_and_fields_are_bounded() -> None:
    part = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
    form = parse_form(MULTI, part * 1500 + b"--B--")
    assert len(form.fields) == 1000
    assert form.faults == ("too many parts",)
    many = parse_form(b"application/x-www-form-urlencoded", b"a&" * 2000)
    assert len(many.fields) == 1000
    assert many.faults == ("too many fields",)
