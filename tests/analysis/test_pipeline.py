# SPDX-License-Identifier: Apache-2.0
"""A body and all that is in it: looked at once each, within bounds, in the jail."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage

import msgspec
import pytest
import pyzipper

from mead.analysis.analyser import Artifact
from mead.analysis.look import Looker
from mead.analysis.pipeline import Pipeline, Tree
from mead.analysis.settings import AnalysisSettings


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


QUICK = ("hashes", "unpack")


@pytest.fixture
def looker(settings: AnalysisSettings) -> Iterator[Looker]:
    with Looker(msgspec.structs.replace(settings, analysers=QUICK)) as looker:
        yield looker


def _run(looker: Looker, data: bytes, name: str | None = None) -> Tree:
    return Pipeline(looker).run(Artifact.of(data, name))


def test_every_body_once_every_edge_kept(looker: Looker, program: bytes) -> None:
    inner = _zip({"x.exe": program})
    tree = _run(looker, _zip({"a.zip": inner, "b.zip": inner, "x.exe": program}))
    assert len(tree.nodes) == 3
    assert len([edge for edge in tree.edges if edge.size == len(program)]) == 2
    assert {run.jail_level for node in tree.nodes for run in node.runs} != {""}
    assert all("rlimits" in run.jail_level for node in tree.nodes for run in node.runs)


def test_a_password_in_the_mail_opens_the_attachment(looker: Looker, program: bytes) -> None:
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"Zebra-4471")
        archive.writestr("invoice.exe", program)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "invoice"
    mail.set_content("Please open it. Password: Zebra-4471\n")
    mail.add_attachment(out.getvalue(), maintype="application", subtype="zip", filename="invoice.zip")
    tree = _run(looker, mail.as_bytes())
    (edge,) = [edge for edge in tree.edges if edge.relation == "unpacked_with"]
    assert (edge.name, edge.detail) == ("invoice.exe", "password Zebra-4471")


def test_a_ten_gigabyte_bomb_is_a_recorded_limit_and_quick(looker: Looker) -> None:
    layer = gzip.compress(bytes(10 << 20), 9)
    whole = layer * 1000  # a gzip of a thousand members: ten gigabytes
    started = time.monotonic()
    tree = _run(looker, _zip({"bomb.gz": whole}))
    assert time.monotonic() - started < 15
    limits = {hit.limit for node in tree.nodes for run in node.runs for hit in run.report.limits}
    assert limits & {"unpack.child", "unpack.ratio", "unpack.total"}


def test_a_nested_bomb_like_42_zip_ends_at_the_bounds_of_its_tree(looker: Looker) -> None:
    body = _zip({"0.dll": bytes(20 << 20)})
    for level in range(5):
        body = _zip({f"{level}-{n}.zip": body + bytes((n,)) for n in range(16)})
    small = msgspec.structs.replace(
        looker.settings, max_artifacts=40, max_total_bytes=16 << 20, analyser_seconds=100, max_seconds=100
    )  # a busy machine must not reach the bound of time before those that are tested
    with Looker(small) as bounded:
        tree = Pipeline(bounded).run(Artifact.of(body))
    assert len(tree.nodes) <= 40
    assert {hit.limit for hit in tree.limits} & {"tree.artifacts", "tree.bytes"}
    assert tree.deferred


def test_depth_is_bounded(settings: AnalysisSettings) -> None:
    body = b"deep"
    for _ in range(8):
        body = gzip.compress(body)
    with Looker(msgspec.structs.replace(settings, analysers=QUICK, max_depth=3)) as looker:
        tree = _run(looker, body)
    assert max(node.depth for node in tree.nodes) == 3
    assert [hit.limit for hit in tree.limits] == ["tree.depth"]


def test_time_is_bounded(looker: Looker, program: bytes) -> None:
    ticks = iter(range(0, 100_000, 70))
    tree = Pipeline(looker, lambda: float(next(ticks))).run(Artifact.of(_zip({"a": program, "b": b"x" * 99})))
    assert [hit.limit for hit in tree.limits] == ["tree.time"]
    assert tree.deferred


def test_watchers_are_told_of_each_body(looker: Looker, program: bytes) -> None:
    told: list[str] = []
    Pipeline(looker).run(
        Artifact.of(_zip({"x": program})), lambda artifact, node, edges: told.append(node.sha256)
    )
    assert len(told) == 2
