# SPDX-License-Identifier: Apache-2.0
"""What a server's certificate says of itself. It is never judged: hosts of malware have bad ones.

Source: RFC 5280 §4.1, RFC 4514 (names as text).
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass

from cryptography import x509

from mead.model.codec import text

__all__ = ["Certificate"]

_MAX_NAME_BYTES = 512


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate by its digest, with the names that could be read in it."""

    sha256: str
    subject: str | None = None
    issuer: str | None = None

    @classmethod
    def read(cls, der: bytes) -> Certificate:
        """Read one, as the server sent it; names that cannot be read are left out."""
        digest = hashlib.sha256(der).hexdigest()
        with warnings.catch_warnings():  # of what is odd in it: an observation, not our fault
            warnings.simplefilter("ignore")
            try:
                read = x509.load_der_x509_certificate(der)
                return cls(digest, _shown(read.subject), _shown(read.issuer))
            except (ValueError, TypeError, x509.InvalidVersion):
                return cls(digest)


def _shown(name: x509.Name) -> str:
    return text(name.rfc4514_string().encode("utf-8", "backslashreplace"), max_bytes=_MAX_NAME_BYTES)
