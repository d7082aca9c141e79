# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from mead.egress.ports import refused_port


@pytest.mark.parametrize(
    ("scheme", "port"),
    [("http", 25), ("https", 22), ("http", 6379), ("ftp", 25), ("tftp", 53), ("tftp", 1900)],
)
def test_ports_of_other_services_are_refused(scheme: str, port: int) -> None:
    assert refused_port(scheme, port) == "port belongs to another service"


@pytest.mark.parametrize(
    ("scheme", "port"), [("http", 80), ("http", 8080), ("ftp", 21), ("tftp", 69), ("tcp", 25), ("tcp", 4444)]
)
def test_ports_where_fetching_is_all_that_happens_are_not(scheme: str, port: int) -> None:
    assert refused_port(scheme, port) is None
