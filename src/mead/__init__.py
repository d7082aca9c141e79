# SPDX-License-Identifier: Apache-2.0
"""MEAD: Malware Encaging and Analysis Deck.

Watches malware arrive, cages it, joins what it saw into one chain and turns it into reports.
The data flows through the sub-packages in the order drawn in ARCHITECTURE.md.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mead-deck")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
