"""What a module calls public exists, is documented and is really its own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import mead

NAMES = [
    module.name
    for module in pkgutil.walk_packages(mead.__path__, "mead.")
    if ".migrations" not in module.name
]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_is_for_and_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    missing = [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
    assert not missing
    undocumented = [
        public
        for public in getattr(module, "__all__", ())
        if (inspect.isclass(thing := getattr(module, public)) or inspect.isfunction(thing))
        and not thing.__doc__
    ]
    assert not undocumented
