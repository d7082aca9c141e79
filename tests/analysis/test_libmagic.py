# SPDX-License-Identifier: Apache-2.0
"""libmagic is asked when it is there, and missed without noise when it is not."""

from __future__ import annotations

import pytest

from mead.analysis import libmagic


def test_it_describes_bytes() -> None:
    if libmagic.library_version() is None:
        pytest.skip("needs Debian's libmagic1")
    words, media = libmagic.describe(b"#!/bin/sh\necho hello\n") or ("", "")
    assert "shell script" in words
    assert media == "text/x-shellscript"


def test_it_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    libmagic._library.cache_clear()
    libmagic._cookie.cache_clear()
    monkeypatch.setattr(libmagic, "LIBRARY", "libmagic-not-there.so")
    assert libmagic.describe(b"x") is None
    assert libmagic.library_version() is None
    libmagic._library.cache_clear()
    libmagic._cookie.cache_clear()
