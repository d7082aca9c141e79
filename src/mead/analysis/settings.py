# SPDX-License-Identifier: Apache-2.0
"""Bounds and engines of the analysis, all of them with a unit."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["USUAL_PASSWORDS", "AnalysisSettings"]

USUAL_PASSWORDS = (
    "infected", "malware", "virus", "password", "1234", "12345", "123456", "123", "111", "0000", "1111",
    "infected666", "novirus", "dangerous", "danger", "sample", "secret", "test", "admin", "qwerty", "",
)  # fmt: skip
"""Passwords that people who pass malware on agree on, and that spammers put into their mails."""


Count = Annotated[int, Meta(ge=1)]


class AnalysisSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How deep, how long and with what bodies are looked at.

    Attributes:
        analysers: names of the analysers to run, in order; empty means all that are available
        max_input_bytes: largest body that is looked at
        max_depth: containers within containers
        max_artifacts: bodies looked at for one input
        max_children: bodies taken out of one container
        max_child_bytes: largest body taken out of a container
        max_total_bytes: bytes taken out of one input, all depths together
        max_ratio: largest expansion of one container once `ratio_free_bytes` are out
        ratio_free_bytes: bytes that a container may give whatever the ratio
        max_seconds: wall time for one input, all depths together
        analyser_seconds: wall time for all analysers on one body
        memory_bytes: address space of the child in which bodies are parsed
        max_indicators: indicators kept of one body
        max_strings_bytes: leading bytes that are searched for strings and indicators
        passwords: passwords tried on encrypted containers, after those that came with the body
        external_tools: whether `upx` and `7z` may be used (in the jail) where our own code does not suffice
        emulate_packers: whether packed Windows programs are unpacked by emulating their stub
        emulated_instructions: most instructions of an unpacking stub that are emulated
        yara_rules: directory of further YARA rules (`*.yar`, `*.yara`); empty for the built-in ones only
        yara_seconds: time for one YARA scan
        clamd_socket: unix socket of clamd; empty when there is none. One that is named here and does not
            answer is a failed scan; one that is not at the usual place is no scan
        clamd_database: directory of clamd's signatures, to fingerprint them
        clamd_seconds: time for one ClamAV scan
        clamd_reload_seconds: how long clamd may go on with its old signatures after they changed, because it
            loads the new ones in the background; 0 for one that waits for them
        clamd_max_bytes: largest body that is sent to clamd (its StreamMaxLength)
    """

    analysers: tuple[str, ...] = ()
    max_input_bytes: Count = 256 * 1024 * 1024
    max_depth: Annotated[int, Meta(ge=0)] = 40
    max_artifacts: Count = 500
    max_children: Count = 256
    max_child_bytes: Count = 64 * 1024 * 1024
    max_total_bytes: Count = 256 * 1024 * 1024
    max_ratio: Count = 200
    ratio_free_bytes: Count = 16 * 1024 * 1024
    max_seconds: Count = 120
    analyser_seconds: Count = 40
    memory_bytes: Count = 2 * 1024 * 1024 * 1024
    max_indicators: Count = 500
    max_strings_bytes: Count = 8 * 1024 * 1024
    passwords: tuple[str, ...] = USUAL_PASSWORDS
    external_tools: bool = True
    emulate_packers: bool = True
    emulated_instructions: Annotated[int, Meta(ge=0)] = 12_000_000
    yara_rules: str = ""
    yara_seconds: Count = 20
    clamd_socket: str = "/run/clamav/clamd.ctl"
    clamd_database: str = "/var/lib/clamav"
    clamd_seconds: Count = 60
    clamd_reload_seconds: Annotated[int, Meta(ge=0)] = 120
    clamd_max_bytes: Count = 25 * 1024 * 1024
