# SPDX-License-Identifier: Apache-2.0
"""Every setting is described, has a default, and is bounded."""

from __future__ import annotations

import msgspec
import pytest

from mead.analysis.settings import AnalysisSettings


def test_every_setting_is_described() -> None:
    described = AnalysisSettings.__doc__ or ""
    assert not [name for name in AnalysisSettings.__struct_fields__ if f"        {name}: " not in described]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"max_dept": 3}, AnalysisSettings)


@pytest.mark.parametrize("name", [n for n in AnalysisSettings.__struct_fields__ if n.startswith("max_")])
def test_a_bound_that_bounds_nothing_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `int` >="):
        msgspec.convert({name: -1}, AnalysisSettings)
