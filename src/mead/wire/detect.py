# SPDX-License-Identifier: Apache-2.0
"""Which protocol do these first bytes of a client speak? Bids, for a port that takes anything.

A bid is a guess between 0 and 1; who asked decides. No state, no side effect, O(1): only the first
512 bytes are looked at.
"""

from __future__ import annotations

import re

__all__ = ["bid"]

LOOKED_AT_BYTES = 512
_SURE, _LIKELY, _MAYBE, _WEAK = 1.0, 0.9, 0.6, 0.3

_FORMS: tuple[tuple[str, float, bytes], ...] = (
    ("tls", _SURE, rb"\x16\x03[\x00-\x04]..\x01"),
    ("tls", _MAYBE, rb"\x80.\x01\x03[\x00-\x03]"),
    ("ssh", _SURE, rb"SSH-\d"),
    ("http2", _SURE, rb"PRI \* HTTP/2\.0\r\n"),
    ("rtsp", _SURE, rb"[A-Z_]+ \S+ RTSP/\d"),
    ("sip", _SURE, rb"[A-Z]+ sips?:\S+ SIP/\d"),
    ("http", _SURE, rb"[A-Za-z_-]{3,20} [^\r\n]* HTTP/\d"),
    ("http", _LIKELY, rb"(?:GET|POST|HEAD|PUT|OPTIONS|DELETE|CONNECT|PROPFIND|TRACE|PATCH) [/*h]"),
    ("telnet", _LIKELY, rb"\xff[\xf0-\xfe]"),
    ("smb", _SURE, rb"\x00\x00..[\xfe\xff]SMB"),
    ("smb", _LIKELY, rb"\x81\x00\x00[\x44\x48] "),
    ("rdp", _SURE, rb"\x03\x00..[\x06-\xff]\xe0.{5}(?:Cookie: |\x01.\x08\x00)"),
    ("rdp", _MAYBE, rb"\x03\x00\x00[\x0b\x13].\xe0\x00\x00"),
    ("s7", _MAYBE, rb"\x03\x00\x00\x16\x11\xe0\x00\x00...\xc0|\x03\x00\x00\x16\x11\xe0.{5}\xc1"),
    ("redis", _SURE, rb"\*\d{1,6}\r\n\$\d"),
    ("redis", _LIKELY, rb"(?i)(?:PING|INFO|FLUSHALL|KEYS \*|CONFIG (?:GET|SET) |SLAVEOF |AUTH )[^\n]*\n"),
    ("adb", _SURE, rb"CNXN\x00\x00\x00[\x01\x00]|CNXN\x01\x00\x00\x01"),
    ("smtp", _LIKELY, rb"(?i)(?:EHLO|HELO) "),
    ("smtp", _MAYBE, rb"(?i)(?:MAIL FROM:|STARTTLS\r\n)"),
    ("ftp", _MAYBE, rb"(?i)USER [^\r\n]*\r?\n"),
    ("ftp", _WEAK, rb"(?i)(?:SYST|FEAT|AUTH (?:TLS|SSL))\r?\n"),
    ("pop3", _WEAK, rb"(?i)(?:USER [^\r\n]*|CAPA|STLS)\r?\n"),
    ("imap", _LIKELY, rb"(?i)[A-Z0-9.]{1,10} (?:LOGIN |CAPABILITY|STARTTLS|AUTHENTICATE )"),
    ("irc", _MAYBE, rb"(?i)(?:NICK|CAP LS|USER \S+ \S+ \S+ :)"),
    ("socks5", _LIKELY, rb"\x05(?:\x01[\x00-\x02]|\x02[\x00-\x02]{2}|\x03[\x00-\x03]{3}|\x04[\x00-\x04]{4})"),
    ("socks4", _LIKELY, rb"\x04[\x01\x02].{6}[^\x00]{0,255}\x00"),
    ("mqtt", _SURE, rb"\x10.{1,4}\x00(?:\x04MQTT|\x06MQIsdp)"),
    ("vnc", _SURE, rb"RFB \d{3}\.\d{3}\n"),
    ("postgres", _SURE, rb"\x00\x00..\x00\x03\x00[\x00-\x02][a-z_]{1,63}\x00"),
    ("postgres", _SURE, rb"\x00\x00\x00[\x08\x10]\x04\xd2\x16[\x2e-\x30]"),
    ("mysql", _LIKELY, rb"..\x00\x01.{8}.\x00{19}"),
    ("mssql", _LIKELY, rb"\x12\x01\x00.\x00\x00[\x00\x01]\x00\x00"),
    ("mssql", _MAYBE, rb"\x10\x01..\x00\x00[\x00\x01]\x00"),
    ("mongodb", _LIKELY, rb"..\x00\x00.{4}\x00\x00\x00\x00(?:\xdd\x07|\xd4\x07|\xdc\x07)\x00\x00"),
    ("memcached", _LIKELY, rb"(?:stats|version|flush_all|gets? \S+|set \S+ \d+ \d+ \d+)[^\r\n]*\r\n"),
    ("ldap", _LIKELY, rb"\x30(?:.|\x84.{4}|\x82..|\x81.)\x02\x01.[\x60\x63\x77]"),
    ("jdwp", _SURE, rb"JDWP-Handshake"),
    ("rmi", _SURE, rb"JRMI\x00[\x01\x02][KLM]"),
    ("t3", _SURE, rb"t3s? \d+\.\d+"),
    ("ajp", _LIKELY, rb"\x12\x34..[\x02\x0a]"),
    ("rsync", _SURE, rb"@RSYNCD: "),
    ("bittorrent", _SURE, rb"\x13BitTorrent protocol"),
    ("x11", _LIKELY, rb"(?:l\x00\x0b\x00\x00\x00|B\x00\x00\x0b\x00\x00)"),
    ("dicom", _LIKELY, rb"\x01\x00\x00\x00..\x00\x01\x00\x00"),
    ("modbus", _MAYBE, rb"..\x00\x00\x00[\x02-\xff].[\x01-\x10\x2b]"),
    ("iec104", _MAYBE, rb"\x68\x04\x07\x00\x00\x00"),
    ("dns", _MAYBE, rb"..[\x01\x00]\x00[\x00\x20]?\x00\x01\x00\x00\x00\x00\x00[\x00\x01]"),
    ("git", _SURE, rb"[0-9a-f]{4}git-(?:upload|receive)-pack "),
    ("pjl", _LIKELY, rb"\x1b%-12345X|@PJL"),
)  # fmt: skip
_BIDDERS = tuple((service, score, re.compile(form, re.DOTALL)) for service, score, form in _FORMS)


def bid(first_bytes: bytes) -> list[tuple[str, float]]:
    """Services that could be meant, with a score between 0 and 1, the likeliest first."""
    looked_at = first_bytes[:LOOKED_AT_BYTES]
    bids: dict[str, float] = {}
    for service, score, form in _BIDDERS:
        if score > bids.get(service, 0.0) and form.match(looked_at):
            bids[service] = score
    return sorted(bids.items(), key=lambda item: -item[1])
