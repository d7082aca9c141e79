# SPDX-License-Identifier: Apache-2.0
"""`mead analyse`: everything that can be said about files, offline, without a store or a bus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.inputs import InputPath, opened
from mead.cli.interrupts import obeyed_later
from mead.cli.output import defang, defang_text, emit, escape, output_option, promptly
from mead.cli.progress import Progress
from mead.errors import InputError

if TYPE_CHECKING:
    from mead.analysis.look import Looker
    from mead.analysis.pipeline import Edge, Node, Tree
    from mead.analysis.settings import AnalysisSettings

__all__ = ["command"]

_CSV_COLUMNS = (
    "file", "depth", "name", "relation", "detail", "sha256", "md5", "size", "type", "mime", "verdict",
    "parent_sha256", "findings", "indicators", "limits", "engines",
)  # fmt: skip


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=InputPath())
@click.option("--password", "passwords", multiple=True, help="Password to try first on encrypted containers.")
@click.option(
    "--rules", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Directory of YARA rules."
)
@click.option("--clamd", type=click.Path(path_type=Path), help="Unix socket of clamd.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when something malicious was found.")
@output_option
@click.pass_context
def command(
    ctx: click.Context, files: tuple[Path, ...], passwords: tuple[str, ...], rules: Path | None,
    clamd: Path | None, exit_zero: bool, output: str,
) -> None:  # fmt: skip
    """Look into files: identity, what is inside, findings with evidence, indicators, engines.

    Nothing is executed; hostile parsing happens in a jail. Exit code 1: an engine found something
    malicious; 10: an input could not be read.
    """
    chosen = _changed(settings(ctx).analysis, passwords, rules, clamd)
    seen = _Seen()
    with _looker(chosen) as looker:
        for name, why in {**looker.unavailable, **_absent(chosen)}.items():
            click.echo(f"mead: not used: {name}: {escape(why)}", err=True)
        trees = _trees(files, looker, seen)
        if output == "table":
            for file, tree in trees:
                click.echo("\n".join(_shown(file, tree)))
        else:
            emit(promptly(_records(trees)), output, _CSV_COLUMNS if output == "csv" else None)
    if seen.unread:
        ctx.exit(InputError.exit_code)
    if seen.malicious and not exit_zero:
        ctx.exit(1)


def _looker(settings: AnalysisSettings) -> Looker:
    with obeyed_later():  # this brings the parsers' libraries in
        from mead.analysis.look import Looker

        return Looker(settings)


@dataclass(slots=True)
class _Seen:
    """What the exit code depends on; the trees themselves are not kept."""

    unread: bool = False
    malicious: bool = False


def _changed(
    settings: AnalysisSettings, passwords: tuple[str, ...], rules: Path | None, clamd: Path | None
) -> AnalysisSettings:
    import msgspec

    changes: dict[str, Any] = {"passwords": (*passwords, *settings.passwords)}
    if rules:
        changes["yara_rules"] = str(rules.resolve())
    if clamd:
        changes["clamd_socket"] = str(clamd)
    return msgspec.structs.replace(settings, **changes)


def _absent(settings: AnalysisSettings) -> dict[str, str]:
    """The engine in another process, where it is not there."""
    path = settings.clamd_socket
    if (settings.analysers and "clamav" not in settings.analysers) or (path and Path(path).exists()):
        return {}
    return {"clamav": f"no clamd at {path}: apt-get install clamav-daemon, or --clamd SOCKET"}


def _trees(files: tuple[Path, ...], looker: Any, seen: _Seen) -> Iterator[tuple[str, Tree]]:
    from mead.analysis.analyser import Artifact
    from mead.analysis.pipeline import Pipeline

    with Progress("analysing") as progress:
        for number, path in enumerate(files, 1):
            try:
                data = _read(path, looker.settings.max_input_bytes)
            except InputError as error:
                seen.unread = True
                click.echo(f"mead: {escape(str(error), max_characters=400)}", err=True)
                continue
            progress.now(f"{path.name} ({number} of {len(files)})")
            tree = Pipeline(looker).run(Artifact.of(data, path.name))
            progress.hide()
            seen.malicious |= tree.malicious
            yield str(path), tree


def _read(path: Path, most: int) -> bytes:
    with opened(path) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > most:
        raise InputError(f"{path}: larger than {most} bytes; raise analysis.max_input_bytes")
    return data


def _records(found: Iterator[tuple[str, Tree]]) -> Iterator[dict[str, Any]]:
    for file, tree in found:
        ways_in, ways_out = _ways(tree)
        for node in tree.nodes:
            edges, inside = ways_in.get(node.sha256, []), ways_out.get(node.sha256, [])
            yield _record(file, tree, node, edges, inside)


def _ways(tree: Tree) -> tuple[dict[str, list[Edge]], dict[str, list[Edge]]]:
    """The edges of a tree by child and by parent."""
    ways_in: dict[str, list[Edge]] = {}
    ways_out: dict[str, list[Edge]] = {}
    for edge in tree.edges:
        ways_in.setdefault(edge.child, []).append(edge)
        ways_out.setdefault(edge.parent, []).append(edge)
    return ways_in, ways_out


def _record(file: str, tree: Tree, node: Node, edges: list[Edge], inside: list[Edge]) -> dict[str, Any]:
    """One body as a flat record; the identity stands at its top, lists below."""
    identity = _identity(node)
    first = edges[0] if edges else None
    limits = [hit for run in node.runs for hit in run.report.limits]
    if not node.depth:
        limits = [*limits, *tree.limits]
    return {
        "file": file,
        "depth": node.depth,
        "name": node.name,
        "relation": first.relation if first else None,
        "detail": first.detail if first else None,
        "parent_sha256": first.parent if first else None,
        "parents": [
            {"sha256": e.parent, "relation": e.relation, "name": e.name, "detail": e.detail} for e in edges
        ],
        "sha256": node.sha256,
        "size": node.size,
        **identity,
        "verdict": _verdict(tree, node),
        "findings": [
            {
                "analyser": run.analyser, "claim": f.claim, "value": f.value, "rule": f.rule,
                "confidence": f.confidence, "evidence": list(f.evidence), "jail_level": run.jail_level,
                "engine_version": run.engine.version, "database": run.engine.database,
            }
            for run in node.runs for f in run.report.findings
        ],
        "indicators": [
            {"indicator": i.indicator, "kind": i.indicator_kind, "offset": i.offset, "analyser": run.analyser}
            for run in node.runs for i in run.report.indicators
        ],
        "limits": [{"limit": h.limit, "value": h.limit_value, "unit": h.unit} for h in limits],
        "engines": [
            {
                "analyser": run.analyser, "version": run.engine.version, "database": run.engine.database,
                "verdict": run.report.verdict, "reason": run.report.reason, "jail_level": run.jail_level,
                "duration_ms": run.duration_ms,
            }
            for run in node.runs
        ],
        "children": [edge.child for edge in inside],
        "deferred": tree.deferred if not node.depth else [],
    }  # fmt: skip


def _identity(node: Node) -> dict[str, str | None]:
    claims = {f.claim: f.value for run in node.runs for f in run.report.findings}
    names = ("md5", "sha1", "ssdeep", "tlsh", "imphash", "telfhash")
    found = {name: claims.get(f"hash.{name}") for name in names}
    return {
        **found,
        "type": claims.get("type"),
        "mime": claims.get("type.mime"),
        "magic": claims.get("type.libmagic"),
    }


def _verdict(tree: Tree, node: Node) -> str:
    """The gravest word of the engines that judge; without one, `unknown`: never better than it is.

    A bound of the whole tree leaves something of its root unseen.
    """
    verdicts: set[str] = {run.report.verdict for run in node.runs}
    if tree.limits and not node.depth:
        verdicts.add("skipped")
    for word in ("found", "failed", "skipped"):
        if word in verdicts:
            return word
    return "clean" if "clean" in verdicts else "unknown"


def _safe(value: str, *, max_characters: int = 160) -> str:
    """Text of an attacker for a terminal: nothing that it obeys, and no link to click on."""
    return defang_text(escape(value, max_characters=max_characters))


def _shown(file: str, tree: Tree) -> Iterator[str]:
    yield f"{_safe(file)}"
    ways_in, _ = _ways(tree)
    for node in tree.nodes:
        yield from _node(tree, node, ways_in.get(node.sha256, []))
    for hit in tree.limits:
        yield f"  limit reached: {hit.limit} {hit.limit_value} {hit.unit}; {len(tree.deferred)} left out"
    versions = {
        run.analyser: " ".join(
            filter(None, (run.engine.version, run.engine.database, f"jail {run.jail_level}"))
        )
        for node in tree.nodes for run in node.runs
    }  # fmt: skip
    yield "  engines"
    yield from (f"    {name:<10}{_safe(text, max_characters=300)}" for name, text in versions.items())


def _node(tree: Tree, node: Node, edges: list[Edge]) -> Iterator[str]:
    pad = "  " * (node.depth + 1)
    identity = _identity(node)
    how = f" [{edges[0].relation}: {_safe(edges[0].detail or '')}]" if edges else ""
    yield f"{pad}{_safe(node.name or '(no name)')}{how}  {node.size} bytes  {_verdict(tree, node)}"
    yield f"{pad}  sha256 {node.sha256}"
    yield from (f"{pad}  {name:<6} {_safe(value)}" for name, value in identity.items() if value)
    for run in node.runs:
        if run.report.reason:
            why = _safe(run.report.reason, max_characters=300)
            yield f"{pad}  {run.analyser}: {run.report.verdict}: {why}"
        for finding in run.report.findings:
            if finding.claim.startswith(("hash.", "type")):
                continue
            what = " ".join(filter(None, (finding.claim, finding.rule, finding.value)))
            yield f"{pad}  {run.analyser}: {_safe(what)} ({finding.confidence} %)"
            yield from (f"{pad}      {_safe(line)}" for line in finding.evidence[:8])
            if len(finding.evidence) > 8:
                yield f"{pad}      … {len(finding.evidence) - 8} more"
        for indicator in run.report.indicators[:50]:
            shown = defang(escape(indicator.indicator, max_characters=300))
            yield f"{pad}  {indicator.indicator_kind}: {shown} (offset {indicator.offset})"
