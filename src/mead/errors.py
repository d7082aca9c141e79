# SPDX-License-Identifier: Apache-2.0
"""The few errors that a caller may want to tell apart.

    MeadError                exit code
    ├── ConfigError          2    the operator's configuration or command line is wrong
    ├── InputError           10   a file or stream that we were asked to read cannot be read
    ├── MissingTool          11   an external program or an optional extra is not installed
    ├── StoreError           12   the store cannot be opened, read or written
    ├── BusError             12   the bus cannot be reached or refuses
    └── ContainmentError     13   containment is not proven; nothing was started

Everything else is a built-in exception. What an attacker does wrong is never an exception: it is a
`mead.wire.core.PeerError` fact.
"""

from __future__ import annotations

__all__ = [
    "BusError",
    "ConfigError",
    "ContainmentError",
    "InputError",
    "MeadError",
    "MissingTool",
    "StoreError",
]


class MeadError(Exception):
    """Base of all errors that MEAD raises on purpose; the message says what, where, what next."""

    exit_code = 1


class ConfigError(MeadError):
    """The configuration or the command line cannot be used as it is."""

    exit_code = 2


class InputError(MeadError):
    """An input named by the operator cannot be read or is not what it claims to be."""

    exit_code = 10


class MissingTool(MeadError):  # noqa: N818 - the tool is missing; "MissingToolError" says no more
    """An external program or an optional extra is missing; the message names how to get it."""

    exit_code = 11


class StoreError(MeadError):
    """The store cannot be opened, read or written."""

    exit_code = 12


class BusError(MeadError):
    """The bus cannot be reached, or refused what was sent."""

    exit_code = 12


class ContainmentError(MeadError):
    """Containment could not be proven; the run was not started."""

    exit_code = 13
