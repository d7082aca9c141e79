# SPDX-License-Identifier: Apache-2.0
"""PDF: an encrypted one is no empty one."""

from __future__ import annotations

import pytest

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack


@pytest.mark.parametrize(
    ("trailer", "locked"),
    [(b"/Encrypt 12 0 R", True), (b"/Encrypt<</Filter/Standard>>", True), (b"/EncryptMetadata false", False)],
)
def test_an_encrypted_file_says_so(trailer: bytes, settings: AnalysisSettings, *, locked: bool) -> None:
    stream = b"1 0 obj\n<< /Length 60 >>\nstream\n" + b"x" * 60 + b"\nendstream\nendobj\n"
    report = unpack(
        Artifact.of(b"%PDF-1.4\n" + stream + b"trailer << /Root 1 0 R " + trailer + b" >>"), settings
    )
    assert report is not None
    assert ("encrypted" in {finding.claim for finding in report.findings}) == locked
