# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C waits for the end of a block, and is not forgotten."""

from __future__ import annotations

import os
import signal

import pytest

from mead.cli.interrupts import obeyed_later


def test_the_block_ends_and_then_ctrl_c_is_obeyed() -> None:
    ended = False

    def block() -> None:
        nonlocal ended
        with obeyed_later():
            os.kill(os.getpid(), signal.SIGINT)
            ended = True

    with pytest.raises(KeyboardInterrupt):
        block()
    assert ended
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_nothing_happens_and_errors_are_those_of_the_block() -> None:
    with obeyed_later():
        pass
    with pytest.raises(ZeroDivisionError), obeyed_later():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
