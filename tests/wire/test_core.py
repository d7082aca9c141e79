# SPDX-License-Identifier: Apache-2.0
"""The words of a core are values: comparable, and frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from mead.wire.core import Close, Fact, Limit, PeerError, Send, Wait


def test_outputs_are_compared_by_value() -> None:
    assert [Send(b"a"), Wait(1.0), Close("done")] == [Send(b"a"), Wait(1.0), Close("done")]
    assert PeerError(0, "bad", b"x") != PeerError(1, "bad", b"x")
    assert isinstance(Limit("line", 1, "bytes"), Fact)


def test_outputs_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Send(b"a").data = b"b"  # type: ignore[misc] # that is what is tried
