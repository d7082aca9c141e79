"""Skips that say why, for what a machine may lack."""

from __future__ import annotations

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")
    for marker in item.iter_markers("tool"):
        for name in marker.args:
            if shutil.which(name) is None and not os.path.exists(f"/usr/sbin/{name}"):
                pytest.skip(f"needs the program {name}: make setup as root installs it")
    if item.get_closest_marker("soak") and not item.config.getoption("-m"):
        pytest.skip("slow: run by `make soak`")
