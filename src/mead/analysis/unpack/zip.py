# SPDX-License-Identifier: Apache-2.0
"""ZIP, read by its central directory and, where that lies, by its local headers.

Own reader because hostile archives are damaged on purpose, and because the usual libraries lack methods
that occur in the wild (implode, Deflate64). Source: APPNOTE.TXT 6.3.10; WinZip AES: "AES Encryption
Information: AE-1 and AE-2", 2009.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged, Encrypted
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.passwords import candidates
from mead.analysis.unpack.zipcrypto import decrypt_aes, decrypt_classic
from mead.analysis.unpack.zipmethods import decode

__all__ = ["FORMAT", "Member", "members"]

MAX_MEMBERS_LISTED = 20_000

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive, as far as its headers say."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    """Of the local header."""
    time: int = 0
    extra: bytes = b""

    @property
    def encrypted(self) -> bool:
        """Whether a password is needed."""
        return bool(self.flags & 1)


def _bid(data: bytes) -> int:
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"}:
        return 90
    return 40 if data.rfind(b"PK\x05\x06", max(0, len(data) - 65_600)) >= 0 else 0


def _name(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8", "backslashreplace") if flags & 0x800 else raw.decode("cp437")


def _wide(member: Member) -> Member:
    """Take the 64-bit sizes of a ZIP64 extra field."""
    at = 0
    extra = member.extra
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            values = list(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            fields = ("size", "packed", "offset")
            wanted = [f for f in fields if getattr(member, f) == 0xFFFFFFFF]
            return replace(member, **dict(zip(wanted, values, strict=False)))
        at += 4 + length
    return member


def members(data: bytes) -> list[Member]:
    """All members: those of the central directory, then those that only local headers tell of.

    At most `MAX_MEMBERS_LISTED` of each. O(bytes).

    Raises:
        Damaged: neither gives any.
    """
    end = data.rfind(b"PK\x05\x06")
    found = list(islice(_central(data, end), MAX_MEMBERS_LISTED)) if end >= 0 else []
    found = _realigned(data, found)
    listed = {member.offset for member in found}
    found.extend(member for member in islice(_scan(data), MAX_MEMBERS_LISTED) if member.offset not in listed)
    if not found and data[:4] != b"PK\x05\x06":
        raise Damaged("no member found")
    return found


def _central(data: bytes, end: int) -> Iterator[Member]:
    if end + _END.size > len(data):
        return
    _, _, _, _, _count, size, start, _ = _END.unpack_from(data, end)
    shift = max(0, end - size - start) if size <= end else 0
    at = start + shift
    if data[at : at + 4] != b"PK\x01\x02":
        at = data.find(b"PK\x01\x02")
        shift = max(0, at - start)
    while at >= 0 and at + _CENTRAL.size <= end:
        head = _CENTRAL.unpack_from(data, at)
        if head[0] != b"PK\x01\x02":
            break
        name_at = at + _CENTRAL.size
        extra_at = name_at + head[10]
        entry = Member(
            name=_name(data[name_at:extra_at], head[3]), flags=head[3], method=head[4], time=head[5],
            crc=head[7], packed=head[8], size=head[9], offset=head[16],
            extra=data[extra_at : extra_at + head[11]],
        )  # fmt: skip
        wide = _wide(entry)
        yield replace(wide, offset=wide.offset + shift)
        at = extra_at + head[11] + head[12]


def _realigned(data: bytes, found: list[Member]) -> list[Member]:
    """Offsets made right by looking for the first member's local header, if it is not where it should be."""
    first = found[0] if found else None
    if first is None or data[first.offset : first.offset + 4] == b"PK\x03\x04":
        return found
    name = first.name.encode("utf-8" if first.flags & 0x800 else "cp437", "replace")
    at = data.rfind(b"PK\x03\x04")
    while at >= 0 and data[at + 30 : at + 30 + len(name)] != name:
        at = data.rfind(b"PK\x03\x04", 0, at)
    return (
        found if at < 0 else [replace(member, offset=member.offset + at - first.offset) for member in found]
    )


def _scan(data: bytes) -> Iterator[Member]:
    """Members by their local headers, for archives whose directory is missing or hides some."""
    at, ends = data.find(b"PK\x03\x04"), _Ends(data)
    while at >= 0 and at + _LOCAL.size <= len(data):
        _, _, flags, method, clock, _, crc, packed, size, n, x = _LOCAL.unpack_from(data, at)
        name_at = at + _LOCAL.size
        body_at = name_at + n + x
        if body_at > len(data):
            return
        extra = data[name_at + n : body_at]
        entry = _wide(
            Member(
                _name(data[name_at : name_at + n], flags), flags, method, crc, packed, size, at, clock, extra
            )
        )
        if flags & 8 and not packed:
            entry = replace(entry, packed=ends.after(body_at) - body_at, size=-1, crc=-1)
        yield entry
        at = data.find(b"PK\x03\x04", body_at + max(0, entry.packed))


class _Ends:
    """Where the data of streamed members end: before their descriptor or the next header.

    Asked with rising offsets; all calls together are O(bytes).
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = dict.fromkeys((b"PK\x07\x08", b"PK\x03\x04", b"PK\x01\x02"), -1)

    def after(self, start: int) -> int:
        for mark, known in self._next.items():
            if known < start:
                at = self._data.find(mark, start)
                self._next[mark] = at if at >= 0 else len(self._data)
        return min(self._next.values())


def _raw(data: bytes, member: Member) -> bytes:
    if data[member.offset : member.offset + 4] != b"PK\x03\x04" or member.offset + 30 > len(data):
        raise Damaged(f"{member.name}: no local header at {member.offset}")
    n, x = struct.unpack_from("<HH", data, member.offset + 26)
    start = member.offset + 30 + n + x
    raw = data[start : start + member.packed]
    if not raw and member.packed:
        raise Damaged(f"{member.name}: nothing of {member.packed} bytes is there")
    return raw


def _open(data: bytes, member: Member, budget: Budget, password: bytes | None) -> bytes | None:
    """The member's content; `None` when it is over a bound.

    Raises:
        Damaged, Encrypted: it cannot be read, or not with this password.
    """
    raw, method = _raw(data, member), member.method
    if len(raw) < member.packed:
        budget.damaged(f"{member.name}: cut off after {len(raw)} of {member.packed} bytes")
    if member.encrypted:
        if password is None:
            raise Encrypted(member.name)
        if method == 99:
            raw, method = decrypt_aes(raw, member.extra, password)
        else:
            check = member.time >> 8 if member.flags & 8 else member.crc >> 24
            raw = decrypt_classic(raw, password, check & 0xFF)
    content = budget.gather(decode(method, raw, member.flags, member.size), whole=member.encrypted)
    checked = content is not None and member.method != 99 and member.crc >= 0
    if checked and zlib.crc32(content or b"") != member.crc:
        if member.encrypted:
            raise Encrypted(member.name)
        budget.damaged(f"{member.name}: wrong checksum")
    return content


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    listed = members(artifact.data)
    if len(listed) >= MAX_MEMBERS_LISTED:
        budget.hit("unpack.listed", MAX_MEMBERS_LISTED, "members")
    known: str | None = None
    locked: Encrypted | None = None
    for member in listed:
        if member.name.endswith("/") and not member.size:
            continue
        budget.check_time()
        try:
            if member.encrypted:
                content, known = _with_password(artifact, member, budget, known, listed)
            else:
                content = _open(artifact.data, member, budget, None)
        except Encrypted as error:
            locked = locked or error
        except Damaged as error:
            budget.damaged(str(error))
        else:
            if content is not None:
                yield _child(member, content, known)
    if locked:
        raise locked


def _child(member: Member, content: bytes, password: str | None) -> Child:
    if member.encrypted:
        return Child(data=content, name=member.name, relation="unpacked_with", detail=f"password {password}")
    return Child(data=content, name=member.name, detail="zip")


def _with_password(
    artifact: Artifact, member: Member, budget: Budget, known: str | None, listed: list[Member]
) -> tuple[bytes | None, str]:
    first = [] if known is None else [known]
    for word in (*first, *candidates(artifact, budget.settings, (m.name for m in listed))):
        budget.check_time()
        try:
            return _open(artifact.data, member, budget, word.encode()), word
        except (Encrypted, Damaged):
            continue
    raise Encrypted(f"{member.name}: no known password fits")


FORMAT = Format("zip", _bid, _unpack)
