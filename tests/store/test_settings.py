from __future__ import annotations

import re

import msgspec

from mead.store.settings import StoreSettings


def test_every_setting_is_described() -> None:
    described = set(re.findall(r"^\s{8}(\w+):", StoreSettings.__doc__ or "", re.MULTILINE))
    assert described == {field.name for field in msgspec.structs.fields(StoreSettings)}


def test_by_default_nothing_is_forgotten_and_a_replaced_file_outlives_an_hour_of_query() -> None:
    assert StoreSettings().retention_days == 0
    assert StoreSettings().grace_seconds >= 3600
