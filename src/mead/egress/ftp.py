# SPDX-License-Identifier: Apache-2.0
"""One file by passive FTP from a pinned address.

The data connection goes to the address that the gate pinned, whatever the server's PASV answer says, and
to an unprivileged port: a server cannot make us connect anywhere else.

Source: RFC 959, RFC 2428 (EPSV), RFC 1738 §3.2; passwords of `anonymous`: observed with wget 1.21.3, curl
7.88.1, BusyBox 1.35.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mead.egress.gate import Allowed
from mead.egress.policy import EgressSettings
from mead.egress.result import Request, Trace
from mead.egress.stream import Body, FetchError, Stream, connect
from mead.model.codec import text

__all__ = ["fetch_ftp"]

_MAX_LINE_BYTES = 4096
_MAX_LINES = 200
_PASSWORDS = (("Wget/", "-wget@"), ("curl", "ftp@example.com"), ("Wget", "busybox"), ("ftpget", "busybox"))
"""What tools give as password of `anonymous`, by the beginning of their user agent or name."""
_EPSV = re.compile(rb"\((.)\1\1([0-9]{1,5})\1\)")
_PASV = re.compile(rb"(?:[0-9]{1,3},){4}([0-9]{1,3}),([0-9]{1,3})")


async def fetch_ftp(allowed: Allowed, request: Request, settings: EgressSettings, trace: Trace) -> bytes:
    """Log in as the URL says, or anonymously, and get the file."""
    path = allowed.target.file_name
    if not path or any(byte in path for byte in b"\r\n\0"):
        raise FetchError("path cannot be asked for by FTP")
    address, source = str(allowed.address), allowed.source
    async with connect(address, allowed.port, settings, trace, source=source) as stream:
        control = _Control(stream, trace)
        await control.expect([220])
        await _log_in(control, allowed, request)
        await control.ask(b"TYPE I", [200])
        body = Body(trace, max_bytes=settings.max_body_bytes)
        size = await _announced_size(control, path)
        body.expect(size or 0)
        port = await _passive_port(control, allowed)
        async with connect(address, port, settings, trace, source=source) as data:
            await control.ask(b"RETR " + path, [125, 150])
            while piece := await data.read():
                body.add(piece)
        if size is not None and size != trace.size:
            raise FetchError("another size than announced arrived")
        await _end(control, whole=size is not None)
        return body.whole()


class _Control:
    """The control connection: a command, then its reply."""

    def __init__(self, stream: Stream, trace: Trace) -> None:
        self._stream = stream
        self._trace = trace

    async def ask(self, command: bytes, codes: Sequence[int]) -> bytes:
        if any(byte in command for byte in b"\r\n\0"):
            raise FetchError("line end in an FTP command")
        await self._stream.send(command + b"\r\n")
        return await self.expect(codes)

    async def expect(self, codes: Sequence[int]) -> bytes:
        """The last line of the next reply, which must have one of the codes."""
        line = await self.reply()
        if self._trace.status not in codes:
            raise FetchError(f"FTP server said {text(line.rstrip(), max_bytes=200)}")
        return line

    async def reply(self) -> bytes:
        """The last line of the next reply; one of several lines ends with the code that it began with."""
        begun = b""
        for _ in range(_MAX_LINES):
            line = await self._stream.line(max_bytes=_MAX_LINE_BYTES)
            code, more = line[:3], line[3:4] == b"-"
            if not code.isdigit() or (begun and code != begun):
                continue
            if not more:
                self._trace.status = int(code)
                return line
            begun = code
        raise FetchError("FTP reply has too many lines")

    @property
    def refused(self) -> bool:
        """Whether the last reply was a failure."""
        return (self._trace.status or 0) >= 400

    async def try_(self, command: bytes) -> tuple[int, bytes]:
        await self._stream.send(command + b"\r\n")
        line = await self.reply()
        return self._trace.status or 0, line


async def _log_in(control: _Control, allowed: Allowed, request: Request) -> None:
    username = allowed.target.username or "anonymous"
    tool = request.user_agent or request.tool
    usual = next((password for name, password in _PASSWORDS if tool.startswith(name)), "anonymous@")
    password = allowed.target.password or usual
    line = await control.ask(b"USER " + username.encode(), [230, 331])
    if line.startswith(b"331"):
        await control.ask(b"PASS " + password.encode(), [230, 202])


async def _end(control: _Control, *, whole: bool) -> None:
    """Hear whether the transfer was complete; many a small server says nothing or hangs up.

    Args:
        control: the control connection.
        whole: whether as many bytes came as were announced; then silence is no fault.
    """
    try:
        await control.expect([226, 250])
    except (FetchError, TimeoutError):
        if not whole or control.refused:
            raise


async def _announced_size(control: _Control, path: bytes) -> int | None:
    code, line = await control.try_(b"SIZE " + path)
    number = line[4:].strip()
    return int(number) if code == 213 and number.isdigit() and len(number) < 20 else None


async def _passive_port(control: _Control, allowed: Allowed) -> int:
    code, line = await control.try_(b"EPSV")
    if code == 229 and (found := _EPSV.search(line)):
        return _unprivileged(int(found[2]))
    if allowed.address.version == 6:
        raise FetchError("FTP server has no EPSV")
    line = await control.ask(b"PASV", [227])
    if not (found := _PASV.search(line[4:])):
        raise FetchError("FTP server's PASV answer has no port")
    return _unprivileged(int(found[1]) * 256 + int(found[2]))


def _unprivileged(port: int) -> int:
    if not 1024 <= port <= 65535:
        raise FetchError("FTP server named an unusable data port")
    return port
