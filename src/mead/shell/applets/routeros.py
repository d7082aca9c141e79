# SPDX-License-Identifier: Apache-2.0
"""The one thing that matters of MikroTik's command line: `/tool fetch`.

**Source:** RouterOS manual, "Fetch"; lines seen by public Cowrie sensors.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Call

__all__ = ["WORDS", "is_line", "run", "run_text"]

WORDS: Final = frozenset(
    f"/{word}"
    for word in [
        "tool",
        "system",
        "ip",
        "import",
        "user",
        "file",
        "interface",
        "log",
        "export",
        "routing",
        "snmp",
        "ppp",
        "queue",
        "radius",
        "certificate",
    ]
)
_LINE: Final = re.compile(
    r"\s*(?:/(?:tool|system|ip|import|user|file|interface|log|export|ppp|snmp)[ \t/]\S"
    r"|:(?:do|put|global|local|delay|if|foreach)\b)"
)
_FETCH: Final = re.compile(r"fetch\b([^;\n\r}]*)", re.IGNORECASE)
_SETTING: Final = re.compile(r'([a-z-]+)=\\?(?:"([^"\\]*)\\?"|([^\s"\\;]+))', re.IGNORECASE)


def is_line(text: str) -> bool:
    """Whether a line is meant for RouterOS."""
    return _LINE.match(text) is not None


def run(call: Call) -> int:
    """A RouterOS word typed into this shell."""
    return run_text(call, " ".join(call.argv))


def run_text(call: Call, text: str) -> int:
    """Note what the fetches in `text` would get, on-event scripts included; this device knows none of it."""
    process = call.process
    missing = "No such file or directory" if process.bash else "not found"
    process.complain(f"{text.split(maxsplit=1)[0]}: {missing}")
    for found in _FETCH.finditer(text):
        settings = {key.lower(): quoted or bare for key, quoted, bare in _SETTING.findall(found[1])}
        url = settings.get("url") or _from_parts(settings)
        if not url:
            continue
        if "://" not in url:
            url = f"{settings.get('mode', 'http')}://{url}"
        name = settings.get("dst-path") or url.rstrip("/").rpartition("/")[2]
        call.machine.offer(url, "fetch", call.path(name), "Mikrotik/6.x Fetch", call.process.depth)
    return 127


def _from_parts(settings: dict[str, str]) -> str:
    host, path = settings.get("address", ""), settings.get("src-path", "")
    return f"{settings.get('mode', 'http')}://{host}/{path.lstrip('/')}" if host and path else ""
