# SPDX-License-Identifier: Apache-2.0
"""Numbers without a name are told as numbers, and quietly."""

from __future__ import annotations

import warnings

import lief

from mead.analysis.lieffacts import quietly, word


def test_a_value_is_its_name_or_its_number() -> None:
    assert word(lief.PE.Header.MACHINE_TYPES.I386) == "i386"
    assert word(0x7777) == "0x7777"


def test_nobody_is_warned_inside() -> None:
    with quietly():
        warnings.warn("a number without a name", RuntimeWarning, stacklevel=1)
