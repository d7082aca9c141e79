# SPDX-License-Identifier: Apache-2.0
"""Mail messages and mailboxes: every part, decoded."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format

__all__ = ["FORMAT"]

MAX_PARTS = 2000

_HEADER = re.compile(
    rb"^(?:from|to|subject|mime-version|content-(?:type|transfer-encoding|disposition)|received|return-path"
    rb"|message-id|date|reply-to|delivered-to|x-[a-z-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_UUENCODINGS = {"x-uuencode", "uuencode", "uue", "x-uue"}
_SEPARATOR = re.compile(rb"(?:\A|\r?\n\r?\n)(?=From [^\r\n]{3,200}\r?\n[A-Za-z-]+: )")


def _bid(data: bytes) -> int:
    head = data[:4096]
    if not head or head.count(0):
        return 0
    body = re.split(rb"\r?\n\r?\n", head.lstrip(), maxsplit=1)[0]
    first = re.match(rb"From \S|[A-Za-z][A-Za-z0-9-]{1,60}:[ \t]", body)
    return 70 if first and len(_HEADER.findall(body)) >= 2 else 0


def _messages(data: bytes) -> Iterator[bytes]:
    starts = [match.end() for match in _SEPARATOR.finditer(data)]
    if not starts or starts[0] != 0:
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        message = data[start:end]
        yield message.split(b"\n", 1)[-1] if message.startswith(b"From ") else message


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    count = 0
    for raw in _messages(artifact.data):
        try:
            message = email.message_from_bytes(raw, policy=email.policy.compat32)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise Damaged(f"message cannot be read: {error}") from error
        for part in message.walk():
            budget.check_time()
            count += 1
            if count > MAX_PARTS:
                budget.hit("unpack.parts", MAX_PARTS, "parts")
                return
            child = _child(part)
            if child:
                yield child


def _child(part: Message) -> Child | None:
    if part.is_multipart():
        return None
    try:
        coding = str(part.get("content-transfer-encoding", "")).strip().lower()
        # The library is lenient with uuencode to the point of adding bytes; our own unpacker takes the text.
        payload = part.get_payload() if coding in _UUENCODINGS else part.get_payload(decode=True)
        payload = payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else payload
        name = part.get_filename()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Damaged(f"part cannot be decoded: {error}") from error
    if not isinstance(payload, bytes) or not payload.strip():
        return None
    return Child(data=payload, name=str(name) if name else part.get_content_type(), detail="mail")


FORMAT = Format("mail", _bid, _unpack)
