# SPDX-License-Identifier: Apache-2.0
"""Commands that encode, decode and digest: base64, uuencode, md5sum, cksum, openssl and their like."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]


def _base64(call: Call) -> int:
    options = call.options("diw:", {"decode": "d", "ignore-garbage": "i", "wrap": "w:"})
    data, status = call.all_input(options.operands, "{}: {}", raw="d" in options)
    if status:
        return status
    if "d" not in options:
        width = int(options.get("w", "76")[:6]) if options.get("w", "76").isdigit() else 76
        call.write(_wrapped(base64.b64encode(data), width))
        return status
    decoded, whole = _unbase64(data)
    call.machine.decoded("base64", decoded)
    if whole or call.gnu:
        call.write(decoded)
    else:
        call.write(decoded[: len(decoded) // 3 * 3])
    if not whole:
        raise FailedError("truncated input" if not call.gnu else "invalid input")
    return status


_NOT_BASE64: Final = bytes(
    byte for byte in range(256) if not (chr(byte).isascii() and chr(byte).isalnum()) and byte not in b"+/="
)


def _unbase64(data: bytes) -> tuple[bytes, bool]:
    """What was decoded, and whether nothing was left over or missing."""
    text, _, tail = data.translate(None, _NOT_BASE64).partition(b"=")
    missing = -len(text) % 4
    whole = missing == 0 or (missing < 3 and tail.startswith(b"=" * (missing - 1)) and b"=" in data)
    cut = len(text) - 1 if missing == 3 else len(text)
    try:
        return base64.b64decode(text[:cut] + b"=" * (-cut % 4)), whole
    except (binascii.Error, ValueError):
        return b"", False


def _wrapped(text: bytes, width: int) -> bytes:
    if width <= 0:
        return text
    return b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width))


def _digest(algorithm: Callable[[bytes], str]) -> Applet:
    def run(call: Call) -> int:
        options = call.options("csw", {"check": "c", "status": "s"})
        status = 0
        for name, data in call.inputs(
            options.operands,
            "{}: {}" if call.gnu or "c" in options else "can't open '{}': {}",
            raw="c" not in options,
        ):
            if data is None:
                status = 1
                continue
            if "c" in options:
                status = _check(call, data, algorithm, silent="s" in options) or status
                continue
            call.machine.budget.charge_copy(len(data))
            call.write(f"{algorithm(data)}  {name}\n")
        return status

    return run


def _check(call: Call, listing: bytes, algorithm: Callable[[bytes], str], *, silent: bool) -> int:
    checked = failed = 0
    for line in listing.decode("latin-1").split("\n"):
        wanted, _, name = line.partition("  ")
        if not name:
            continue
        try:
            good = algorithm(call.read(name, raw=True)) == wanted
        except PathError as error:
            call.complain(f"can't open '{name}': {error.reason}")
            good = False
        checked += 1
        failed += not good
        if not silent:
            call.write(f"{name}: {'OK' if good else 'FAILED'}\n")
    if failed and not silent:
        call.complain(f"WARNING: {failed} of {checked} computed checksums did NOT match")
    return int(failed > 0)


def _cksum(call: Call) -> int:
    for name, data in call.inputs(call.argv[1:], raw=True):
        if data is not None:
            shown = "" if name == "-" else f" {name}"
            call.write(f"{_posix_crc(data)} {len(data)}{shown}\n")
    return 0


def _posix_crc(data: bytes) -> int:
    """The CRC of POSIX cksum: the polynomial of zlib, bits the other way round, the length appended."""
    size, tail = len(data), bytearray()
    while size:
        tail.append(size & 0xFF)
        size >>= 8
    turned = (data + bytes(tail)).translate(_TURNED)
    crc = zlib.crc32(turned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2) ^ 0xFFFFFFFF


_TURNED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _sum(call: Call) -> int:
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    for name, data in call.inputs(names):
        if data is not None:
            total = 0
            call.machine.budget.charge(len(data) >> 6)
            for byte in data:
                total = ((total >> 1) + ((total & 1) << 15) + byte) & 0xFFFF
            call.write(f"{total:05d} {-(-len(data) // 1024):>5} {name if names else ''}".rstrip() + "\n")
    return 0


def _uuencode(call: Call) -> int:
    options = call.options("m", first_operand_ends=True)
    words = options.operands
    if not 1 <= len(words) <= 2:
        raise UsageError
    data, status = call.all_input(words[:-1])
    if status:
        return status
    if "m" in options:
        call.write(f"begin-base64 644 {words[-1]}\n")
        call.write(_wrapped(base64.b64encode(data), 60) + b"====\n")
        return 0
    call.write(f"begin 644 {words[-1]}\n")
    for at in range(0, len(data), 45):
        call.write(binascii.b2a_uu(data[at : at + 45], backtick=True))
    call.write("`\nend\n")
    return 0


def _openssl(call: Call) -> int:
    words = call.argv[1:]
    if not words:
        return 0
    if words[0] == "version":
        call.write("OpenSSL 3.0.11 19 Sep 2023 (Library: OpenSSL 3.0.11 19 Sep 2023)\n")
    elif words[0] in {"base64", "enc"} and (words[0] == "base64" or {"-base64", "-a"} & set(words)):
        return _openssl_base64(call, words)
    elif words[0] in {"md5", "sha1", "sha256", "sha512", "dgst"}:
        name = next(
            (word.lstrip("-") for word in words if word.lstrip("-") in {"md5", "sha1", "sha256", "sha512"}),
            "sha256",
        )
        data, _ = call.all_input([word for word in words[1:] if not word.startswith("-")], raw=True)
        call.write(f"{name.upper()}(stdin)= {hashlib.new(name, data).hexdigest()}\n")
    elif words[0] in {"passwd", "rand"}:
        call.write(call.machine.random(16).hex() + "\n")
    return 0


def _openssl_base64(call: Call, words: list[str]) -> int:
    named = {words[index]: words[index + 1] for index in range(len(words) - 1)}
    raw = "-d" in words
    data = call.read(named["-in"], raw=raw) if "-in" in named else call.drain(call.stdin, raw=raw)
    if raw:
        result, _ = _unbase64(data)
        call.machine.decoded("base64", result)
    else:
        result = _wrapped(base64.b64encode(data), 0 if "-A" in words else 64)
    if "-out" in named:
        call.save(named["-out"], result)
    else:
        call.write(result)
    return 0


def _uudecode(call: Call) -> int:
    options = call.options("o:")
    data, status = call.all_input(options.operands, "{}: {}")
    if status:
        return status
    lines = data.split(b"\n")
    header = next((index for index, line in enumerate(lines) if line.startswith(b"begin")), None)
    if header is None:
        raise FailedError("no 'begin' line")
    words = lines[header].decode("latin-1").split()
    body = lines[header + 1 :]
    if words[0] == "begin-base64":
        decoded = _unbase64(b"".join(body[: body.index(b"====")] if b"====" in body else body))[0]
    else:
        decoded = b"".join(_uu_line(line) for line in body)
    call.machine.decoded("uuencode", decoded)
    name = options.get("o") or words[-1]
    if name in {"-", "/dev/stdout"}:
        call.write(decoded)
    else:
        call.save(name, decoded)
    return 0


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line) if line and line != b"end" else b""
    except binascii.Error:
        return b""


def _printenv(call: Call) -> int:
    variables, exported = call.process.variables, call.process.exported
    names = call.argv[1:]
    status = 0
    for name in names or [name for name in variables if name in exported]:
        if name not in exported or name not in variables:
            status = 1
        else:
            call.write(f"{variables[name]}\n" if names else f"{name}={variables[name]}\n")
    return status


TABLE: Final[dict[str, Applet]] = {
    "base64": _base64, "cksum": _cksum, "sum": _sum, "uuencode": _uuencode,
    "md5sum": _digest(lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    "sha1sum": _digest(lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest()),
    "sha256sum": _digest(lambda data: hashlib.sha256(data).hexdigest()),
    "sha512sum": _digest(lambda data: hashlib.sha512(data).hexdigest()),
    "openssl": _openssl, "uudecode": _uudecode, "printenv": _printenv,
}  # fmt: skip
