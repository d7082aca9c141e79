# SPDX-License-Identifier: Apache-2.0
"""Artifacts are named by their digest; reports cross process borders as MessagePack."""

from __future__ import annotations

import hashlib

import msgspec

from mead.analysis.analyser import Artifact, Child, Finding, FunctionAnalyser, Report, Run
from mead.analysis.settings import AnalysisSettings


def test_an_artifact_knows_its_digest() -> None:
    assert Artifact.of(b"x").sha256 == hashlib.sha256(b"x").hexdigest()


def test_a_run_survives_encoding() -> None:
    report = Report(findings=(Finding(claim="c", evidence=("e",)),), children=(Child(data=b"\0\xff"),))
    run = Run(analyser="a", report=report)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(run), type=Run) == run


def test_an_analyser_made_of_functions(settings: AnalysisSettings) -> None:
    from mead.analysis.analyser import Engine

    made = FunctionAnalyser("n", lambda artifact, settings: None, lambda settings: Engine(version="1"))
    assert made.analyse(Artifact.of(b""), settings) is None
    assert made.engine(settings).version == "1"
    assert made.jailed
