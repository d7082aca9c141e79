# SPDX-License-Identifier: Apache-2.0
"""What a recorded server said: which service it was, and whom it let in.

A capture has both sides. The dialogues of a replay answer in their own way, which nobody hears; but where
the recorded server refused a login, what came next was another login and no command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mead.sensors.credentials import Credentials, CredentialsSettings
from mead.wire.detect import bid

__all__ = ["ANSWER_BYTES", "RecordedCredentials", "service_of"]

ANSWER_BYTES = 4096
"""How much of an answer is looked at: its end."""
_SERVICES = {"tls": "https", "http": "http", "ssh": "ssh", "telnet": "telnet"}
_SURE = 0.85
_SERVERS = (
    ("ssh", re.compile(rb"SSH-\d")),
    ("http", re.compile(rb"HTTP/\d")),
    ("https", re.compile(rb"[\x15\x16]\x03[\x00-\x04]..[\x01\x02]", re.DOTALL)),
    ("telnet", re.compile(rb"\xff[\xfb-\xfe]")),
    ("telnet", re.compile(rb"[^\n]{0,80}(?:\r?\n[^\n]{0,80}){0,20}(?i:login|user ?name|account): ?\Z")),
)
_REFUSALS = re.compile(
    rb"(?i)(?:login|authentication|password|username) (?:is )?(?:incorrect|invalid|fail)|access denied"
    rb"|(?:incorrect|bad|wrong|invalid) (?:login|password|user|credential)|user not found"
)
_ASKS_AGAIN = re.compile(rb"(?i)(?:login|user ?name|user|account|password): ?\Z")


def service_of(first: bytes, said: bytes, port: int, ports: Mapping[int, str]) -> str | None:
    """The service of a connection.

    Args:
        first: The client's first bytes.
        said: What the server said before them, and to them.
        port: The server's.
        ports: Which service is usual at which port, for when neither side said enough.
    """
    bids = bid(first)
    for service, form in _SERVERS:
        if form.match(said):
            return service
    if bids and bids[0][1] >= _SURE:
        return _SERVICES.get(bids[0][0])
    if ports.get(port) in _SERVICES.values():
        return ports[port]
    return _SERVICES.get(bids[0][0]) if bids else None


class RecordedCredentials(Credentials):
    """Lets in whom the recorded server let in; where it is silent, whoever asks."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed, CredentialsSettings(minimum_tries=1, maximum_tries=1, any_user=True))
        self._answer = b""
        self._refused = 0

    def heard(self, answer: bytes) -> None:
        """Take what the server said to the bytes that are played next."""
        self._answer = answer
        self._refused = len(_REFUSALS.findall(answer))
        if not self._refused and _ASKS_AGAIN.search(answer):
            self._refused = 1

    def accepts(self, source: str, username: bytes, password: bytes) -> bool:
        """Whether the recorded server took this login."""
        if self._answer.startswith(b"HTTP/"):
            return self._answer[9:12] not in {b"401", b"403"} and super().accepts(source, username, password)
        if self._refused:
            self._refused -= 1
            return False
        return bool(self._answer) or super().accepts(source, username, password)
