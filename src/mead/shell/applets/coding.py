# SPDX-License-Identifier: Apache-2.0
"""Commands that encode, decode and digest: base64, xxd, hexdump, od, md5sum, openssl and their like."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Final

from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]


def _base64(call: Call) -> int:
    options = call.options("diw:", {"decode": "d", "ignore-garbage": "i", "wrap": "w:"})
    data, status = call.all_input(options.operands)
    if "d" not in options:
        width = int(options.get("w", "76")[:6]) if options.get("w", "76").isdigit() else 76
        call.write(_wrapped(base64.b64encode(data), width))
        return status
    decoded, whole = _unbase64(data)
    call.machine.decoded("base64", decoded)
    call.write(decoded)
    if not whole:
        raise FailedError("truncated input" if not call.machine.persona.gnu else "invalid input")
    return status


def _unbase64(data: bytes) -> tuple[bytes, bool]:
    """What was decoded, and whether nothing was left over."""
    text = re.sub(rb"[^A-Za-z0-9+/=]", b"", data).split(b"=")[0]
    whole = len(text) - len(text) % 4 if len(text) % 4 == 1 else len(text)
    try:
        return base64.b64decode(text[:whole] + b"=" * (-whole % 4)), whole == len(text)
    except (binascii.Error, ValueError):
        return b"", False


def _wrapped(text: bytes, width: int) -> bytes:
    if width <= 0:
        return text
    return b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width))


def _xxd(call: Call) -> int:
    options = call.options("prig:c:l:n:s:u", first_operand_ends=False)
    data, status = call.all_input(options.operands[:1])
    skip = int(options.get("s", "0")[:9]) if options.get("s", "0").isdigit() else 0
    length = options.get("l") or options.get("n")
    data = data[skip:]
    if "r" in options:
        decoded = _unhex(data, plain="p" in options)
        call.machine.decoded("hex", decoded)
        call.write(decoded)
        return status
    data = data[: int(length[:9])] if length.isdigit() else data
    if "p" in options:
        call.write(_wrapped(data.hex().encode(), 60))
        return status
    width = max(1, min(int(options.get("c", "16")[:3]) if options.get("c", "16").isdigit() else 16, 256))
    call.machine.budget.charge(len(data) >> 3)
    for at in range(0, len(data), width):
        row = data[at : at + width]
        pairs = " ".join(row[index : index + 2].hex() for index in range(0, len(row), 2))
        call.write(f"{at + skip:08x}: {pairs:<{width * 5 // 2}} {_printable(row)}\n")
    return status


def _unhex(data: bytes, *, plain: bool) -> bytes:
    if not plain:
        lines = (re.sub(rb"^[0-9a-fA-F]+:|  .*$", b"", line) for line in data.split(b"\n"))
        data = b"".join(lines)
    digits = re.sub(rb"[^0-9a-fA-F]", b"", data)
    return bytes.fromhex(digits[: len(digits) & ~1].decode())


def _printable(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


def _hexdump(call: Call) -> int:
    options = call.options("bcdoxCve:f:n:s:")
    data, status = call.all_input(options.operands)
    if options.get("s").isdigit():
        data = data[int(options.get("s")[:9]) :]
    if options.get("n").isdigit():
        data = data[: int(options.get("n")[:9])]
    if "e" in options:
        call.write("".join(f"{byte:02x}" for byte in data[:65_536]))
        return status
    canonical = "C" in options or call.name == "hd"
    _dump(call, data, canonical=canonical)
    return status


def _dump(call: Call, data: bytes, *, canonical: bool) -> None:
    call.machine.budget.charge(len(data) >> 3)
    previous, starred = b"", False
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        if row == previous and len(row) == 16:
            if not starred:
                call.write("*\n")
            starred = True
            continue
        previous, starred = row, False
        if canonical:
            cells = (
                " ".join(f"{byte:02x}" for byte in row[:8])
                + "  "
                + " ".join(f"{byte:02x}" for byte in row[8:])
            )
            call.write(f"{at:08x}  {cells:<48}  |{_printable(row)}|\n")
        else:
            words = (row[index : index + 2].ljust(2, b"\0") for index in range(0, len(row), 2))
            cells = " ".join(f"{word[1]:02x}{word[0]:02x}" for word in words)
            call.write(f"{at:07x} {cells:<39}\n")
    if data:
        call.write(f"{len(data):08x}\n" if canonical else f"{len(data):07x}\n")


def _od(call: Call) -> int:
    options = call.options("A:t:N:j:vbcdoxw:", {"width": "w:"})
    data, status = call.all_input(options.operands)
    if options.get("N").isdigit():
        data = data[: int(options.get("N")[:9])]
    call.machine.budget.charge(len(data) >> 3)
    kind = options.get("t", "x1" if "x" in options else "c" if "c" in options else "o2")
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        address = "" if options.get("A") == "n" else f"{at:07o}"
        call.write(f"{address}{_od_row(row, kind)}\n")
    if options.get("A") != "n":
        call.write(f"{len(data):07o}\n")
    return status


def _od_row(row: bytes, kind: str) -> str:
    if kind.startswith("x1"):
        return "".join(f" {byte:02x}" for byte in row)
    if kind.startswith("c"):
        return "".join(f" {_od_char(byte):>3}" for byte in row)
    if kind.startswith(("u1", "d1")):
        return "".join(f" {byte:>3}" for byte in row)
    words = (int.from_bytes(row[at : at + 2], "little") for at in range(0, len(row), 2))
    return "".join(f" {word:04x}" if kind.startswith("x") else f" {word:06o}" for word in words)


def _od_char(byte: int) -> str:
    escapes = {0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r"}
    return escapes.get(byte) or (chr(byte) if 32 <= byte < 127 else f"{byte:03o}")


def _digest(algorithm: Callable[[bytes], str]) -> Applet:
    def run(call: Call) -> int:
        options = call.options("csw", {"check": "c", "status": "s"})
        status = 0
        for name, data in call.inputs(
            options.operands, "{}: {}" if call.machine.persona.gnu else "can't open '{}': {}"
        ):
            if data is None:
                status = 1
                continue
            if "c" in options:
                status = _check(call, data, algorithm) or status
                continue
            call.machine.budget.charge_bytes(len(data))
            call.write(f"{algorithm(data)}  {name}\n")
        return status

    return run


def _check(call: Call, listing: bytes, algorithm: Callable[[bytes], str]) -> int:
    checked = failed = 0
    for line in listing.decode("latin-1").split("\n"):
        wanted, _, name = line.partition("  ")
        if not name:
            continue
        try:
            good = algorithm(call.read(name)) == wanted
        except PathError:
            good = False
        checked += 1
        failed += not good
        call.write(f"{name}: {'OK' if good else 'FAILED'}\n")
    if failed:
        call.complain(f"WARNING: {failed} of {checked} computed checksums did NOT match")
    return int(failed > 0)


def _cksum(call: Call) -> int:
    for name, data in call.inputs(call.argv[1:]):
        if data is not None:
            call.write(f"{zlib.crc32(data)} {len(data)} {name}\n")
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
        data, _ = call.all_input([word for word in words[1:] if not word.startswith("-")])
        call.write(f"{name.upper()}(stdin)= {hashlib.new(name, data).hexdigest()}\n")
    elif words[0] in {"passwd", "rand"}:
        call.write(call.machine.random(16).hex() + "\n")
    return 0


def _openssl_base64(call: Call, words: list[str]) -> int:
    named = {words[index]: words[index + 1] for index in range(len(words) - 1)}
    data = call.read(named["-in"]) if "-in" in named else call.drain(call.stdin)
    if "-d" in words:
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
    data, _ = call.all_input(options.operands)
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
    names: Options = call.options("0")
    if not names.operands:
        raise UsageError
    call.write("".join(f"{call.process.variables.get(name, '')}\n" for name in names.operands))
    return 0


TABLE: Final[dict[str, Applet]] = {
    "base64": _base64, "xxd": _xxd, "hexdump": _hexdump, "hd": _hexdump, "od": _od, "cksum": _cksum,
    "md5sum": _digest(lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    "sha1sum": _digest(lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest()),
    "sha256sum": _digest(lambda data: hashlib.sha256(data).hexdigest()),
    "sha512sum": _digest(lambda data: hashlib.sha512(data).hexdigest()),
    "openssl": _openssl, "uudecode": _uudecode, "printenv": _printenv,
}  # fmt: skip
