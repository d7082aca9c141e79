# SPDX-License-Identifier: Apache-2.0
"""Names and passwords in requests: Basic authentication and login forms.

Source: RFC 7617 (Basic).
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from mead.wire.http import HttpRequest
from mead.wire.http_form import Form, parse_query

__all__ = ["basic_login", "form_login"]

_NAMES = frozenset(
    {b"username", b"user", b"login", b"name", b"uname", b"userid", b"account", b"log", b"luci_username"}
)
_SECRETS = frozenset({b"password", b"passwd", b"pass", b"pwd", b"psd", b"userpass", b"luci_password"})


def basic_login(request: HttpRequest) -> tuple[bytes, bytes] | None:
    """Name and password of an `Authorization: Basic` header."""
    value = request.header(b"authorization")
    if value is None or not value[:6].lower().startswith(b"basic"):
        return None
    try:
        name, _, secret = b64decode(value[6:].strip() + b"==").partition(b":")
    except (Base64Error, ValueError):
        return None
    return name, secret


def form_login(request: HttpRequest, form: Form) -> tuple[bytes, bytes] | None:
    """Name and password of a form, when a field is called as passwords are."""
    fields = {field.name.lower(): field.value for field in (*parse_query(request.query), *form.fields)}
    secret = next((fields[name] for name in fields if name in _SECRETS), None)
    if secret is None or request.method not in {b"POST", b"GET"}:
        return None
    return next((fields[name] for name in fields if name in _NAMES), b""), secret
