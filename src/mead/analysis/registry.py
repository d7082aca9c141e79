# SPDX-License-Identifier: Apache-2.0
"""The analysers there are, and those that this installation can run."""

from __future__ import annotations

from mead.analysis.analyser import Analyser
from mead.analysis.settings import AnalysisSettings
from mead.errors import MissingTool
from mead.registry import Entry, Registry

__all__ = ["ANALYSERS", "available"]

_STATIC = "mead.analysis.static"

BUILTIN = (
    Entry("filetype", f"{_STATIC}.filetype:ANALYSER", "what the bytes are, whatever their name says"),
    Entry("hashes", f"{_STATIC}.hashes:ANALYSER", "md5, sha1, sha256, ssdeep and TLSH"),
    Entry("unpack", "mead.analysis.unpack.analyser:ANALYSER", "takes containers and packed programs apart"),
    Entry("strings", f"{_STATIC}.strings:ANALYSER", "URLs, addresses, domains, wallets in the text"),
    Entry(
        "scripts", f"{_STATIC}.scripts:ANALYSER", "runs shell scripts in the shell emulator, for their URLs"
    ),
    Entry("pe", f"{_STATIC}.pe:ANALYSER", "facts about Windows programs", "static"),
    Entry("elf", f"{_STATIC}.elf:ANALYSER", "facts about Linux programs", "static"),
    Entry("yara", f"{_STATIC}.yara:ANALYSER", "YARA rules", "static"),
    Entry("clamav", f"{_STATIC}.clamav:ANALYSER", "ClamAV through clamd"),
)

ANALYSERS: Registry[Analyser] = Registry("analyser", BUILTIN, group="mead.analysers")


def available(settings: AnalysisSettings) -> tuple[list[Analyser], dict[str, str]]:
    """The analysers that can run, and for each of the others why it cannot.

    Raises:
        ConfigError: the settings name an analyser that does not exist.
    """
    names = settings.analysers or tuple(entry.name for entry in ANALYSERS.entries())
    ready: list[Analyser] = []
    missing: dict[str, str] = {}
    for name in names:
        try:
            ready.append(ANALYSERS.load(name))
        except MissingTool as error:
            missing[name] = str(error)
    return ready, missing
