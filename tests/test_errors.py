"""Every error has the exit code of the command contract."""

from __future__ import annotations

import inspect

from mead import errors


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {name: cls.exit_code for name, cls in inspect.getmembers(errors, inspect.isclass)}
    assert codes == {
        "MeadError": 1, "ConfigError": 2, "InputError": 10, "MissingTool": 11,
        "StoreError": 12, "BusError": 12, "ContainmentError": 13,
    }  # fmt: skip
