# SPDX-License-Identifier: Apache-2.0
"""A body and everything inside it, breadth first, within the bounds of the settings.

Each unique body is looked at once, which is what ends an archive that contains itself; every way in which
it is contained is kept as an edge.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import msgspec
from msgspec import Struct

from mead.analysis.analyser import Artifact, Child, LimitHit, Run
from mead.analysis.look import Looker
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.passwords import MAX_NAMED, MAX_TEXT_BYTES, named_in
from mead.model.artifact import Relation

__all__ = ["Edge", "Node", "Pipeline", "Tree"]

MIN_LEFT_BYTES = 64 * 1024


class Edge(Struct, frozen=True, kw_only=True):
    """One way in which a body was contained in another."""

    parent: str
    child: str
    size: int = 0
    relation: Relation
    name: str | None = None
    detail: str | None = None


class Node(Struct, frozen=True, kw_only=True):
    """A body and what the analysers said."""

    sha256: str
    size: int
    depth: int
    name: str | None = None
    runs: tuple[Run, ...] = ()


class Tree(Struct, kw_only=True):
    """Everything that came of one input; the first node is the input itself."""

    nodes: list[Node] = []
    edges: list[Edge] = []
    limits: list[LimitHit] = []
    deferred: list[str] = []
    """Bodies that were taken out but not looked at, because a bound of the whole tree was reached."""

    @property
    def malicious(self) -> bool:
        """Whether any engine found something."""
        return any(run.report.verdict == "found" for node in self.nodes for run in node.runs)


Watcher: TypeAlias = Callable[[Artifact, Node, list[Edge]], None]
"""Told of each body when it has been looked at, with the edges to its children."""


class Pipeline:
    """Runs a `Looker` over bodies and what comes out of them."""

    def __init__(self, looker: Looker, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._looker = looker
        self._settings: AnalysisSettings = looker.settings
        self._monotonic = monotonic

    def run(
        self, root: Artifact, watch: Watcher | None = None, deferred: Callable[[Artifact], None] | None = None
    ) -> Tree:
        """Look at `root` and all below it; `deferred` gets the bodies that a bound kept us from."""
        tree, waiting, seen = Tree(), deque([root]), {root.sha256}
        left = self._settings.max_total_bytes
        end = self._monotonic() + self._settings.max_seconds
        while waiting:
            artifact = waiting.popleft()
            if self._spent(tree, left, end):
                tree.deferred.append(artifact.sha256)
                if deferred:
                    deferred(artifact)
                continue
            node, children = self._one(artifact, left, end)
            tree.nodes.append(node)
            left -= sum(len(child.data) for child in children)
            edges, fresh = self._descend(artifact, children, seen, tree)
            tree.edges.extend(edges)
            waiting.extend(fresh)
            if watch:
                watch(artifact, node, edges)
        return tree

    def _one(self, artifact: Artifact, left: int, end: float) -> tuple[Node, tuple[Child, ...]]:
        seconds = max(1, min(self._settings.analyser_seconds, int(end - self._monotonic())))
        bounds = msgspec.structs.replace(self._settings, max_total_bytes=left, analyser_seconds=seconds)
        runs = self._looker.look(artifact, bounds)
        children = tuple(child for run in runs for child in run.report.children)
        kept = tuple(
            msgspec.structs.replace(run, report=msgspec.structs.replace(run.report, children=()))
            if run.report.children else run
            for run in runs
        )  # fmt: skip
        node = Node(
            sha256=artifact.sha256,
            size=len(artifact.data),
            depth=artifact.depth,
            name=artifact.name,
            runs=kept,
        )
        return node, children

    def _descend(
        self, parent: Artifact, children: tuple[Child, ...], seen: set[str], tree: Tree
    ) -> tuple[list[Edge], list[Artifact]]:
        words = _passwords(parent, children)
        edges: list[Edge] = []
        fresh: list[Artifact] = []
        for child in children:
            artifact = Artifact.of(child.data, child.name, parent.depth + 1, words)
            edge = Edge(
                parent=parent.sha256, child=artifact.sha256, size=len(child.data), relation=child.relation,
                name=child.name,                detail=child.detail,
            )  # fmt: skip
            edges.append(edge)
            if artifact.sha256 in seen:
                continue
            seen.add(artifact.sha256)
            if artifact.depth > self._settings.max_depth:
                _hit(tree, "tree.depth", self._settings.max_depth, "levels")
                continue
            fresh.append(artifact)
        return edges, fresh

    def _spent(self, tree: Tree, left: int, end: float) -> bool:
        s = self._settings
        if len(tree.nodes) >= s.max_artifacts:
            return _hit(tree, "tree.artifacts", s.max_artifacts, "bodies")
        if left < MIN_LEFT_BYTES and tree.nodes:
            return _hit(tree, "tree.bytes", s.max_total_bytes, "bytes")
        if self._monotonic() >= end:
            return _hit(tree, "tree.time", s.max_seconds, "seconds")
        return False


def _hit(tree: Tree, limit: str, value: int, unit: str) -> bool:
    mark = LimitHit(limit=limit, limit_value=value, unit=unit)
    if mark not in tree.limits:
        tree.limits.append(mark)
    return True


def _passwords(parent: Artifact, children: tuple[Child, ...]) -> tuple[str, ...]:
    """Passwords that the text around the children names, then those that the parent came with."""
    words = dict.fromkeys(named_in(parent.data)) if len(parent.data) <= MAX_TEXT_BYTES else {}
    for child in children:
        if len(child.data) <= MAX_TEXT_BYTES:
            words.update(dict.fromkeys(named_in(child.data)))
    words.update(dict.fromkeys(parent.passwords))
    return tuple(words)[:MAX_NAMED]
