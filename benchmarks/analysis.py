# SPDX-License-Identifier: Apache-2.0
"""What it costs to look into a body: CPU milliseconds of the whole process tree, jail included.

    python benchmarks/analysis.py [--folder /usr/bin] [--bodies 200]

Looks into the programs of a folder of at most 2 MB, and into Debian's clamav-testfiles where they are
installed; clamd is left out.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from figures import Figure, show, tell

from mead.analysis.analyser import Artifact
from mead.analysis.look import Looker
from mead.analysis.pipeline import Pipeline
from mead.analysis.settings import AnalysisSettings
from mead.jail import JailLimits, JailPool

__all__ = ["arguments", "run"]

TESTFILES = Path("/usr/share/clamav-testfiles")
LARGEST_BYTES = 2 << 20
SETTINGS = AnalysisSettings(clamd_socket="", clamd_database="")


def cpu_seconds() -> float:
    """Of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def looked_into(paths: Iterable[Path], settings: AnalysisSettings) -> tuple[float, float, int, int]:
    """CPU and wall seconds, bodies looked at with all that was inside, and their bytes."""
    bodies = size = 0
    cpu, wall = cpu_seconds(), time.monotonic()
    with Looker(settings) as looker:
        for path in paths:
            tree = Pipeline(looker).run(Artifact.of(path.read_bytes(), path.name))
            bodies += len(tree.nodes)
            size += sum(node.size for node in tree.nodes)
    return cpu_seconds() - cpu, time.monotonic() - wall, bodies, size


def programs(folder: Path, most: int) -> list[Path]:
    found = [
        path for path in sorted(folder.iterdir()) if path.is_file() and path.stat().st_size <= LARGEST_BYTES
    ]
    return found[:most]


def of_bodies(what: str, paths: list[Path], settings: AnalysisSettings = SETTINGS) -> list[Figure]:
    cpu, wall, bodies, size = looked_into(paths, settings)
    note = f"{len(paths)} files, {bodies} bodies, {size / 1e6:.0f} MB, {wall:.1f} s of wall clock"
    return [
        Figure(f"{what}: CPU per body", cpu / bodies * 1000, "ms", note=note),
        Figure(f"{what}: CPU per MB", cpu / size * 1e9, "ms"),
    ]


def of_jail(jobs_per_child: int) -> Figure:
    jobs = 200
    cpu = cpu_seconds()
    with JailPool(JailLimits(jobs_per_child=jobs_per_child), preload=["mead.analysis.look"]) as pool:
        for _ in range(jobs):
            pool.run(abs, -1)
    spent = (cpu_seconds() - cpu) / jobs * 1000
    return Figure(
        f"an empty job, {jobs_per_child} per child", spent, "ms CPU", note="start of the template included"
    )


def run(options: argparse.Namespace) -> list[Figure]:
    found = programs(options.folder, options.bodies)
    figures = [tell(of_jail(1)), tell(of_jail(16))]
    figures += map(tell, of_bodies("programs", found))
    for name in ("hashes", "filetype", "strings", "unpack", "elf", "yara"):
        alone = msgspec.structs.replace(SETTINGS, analysers=(name,), external_tools=False)
        figures += map(tell, of_bodies(f"{name} alone", found, alone)[:1])
    if TESTFILES.is_dir():
        figures += map(tell, of_bodies("clamav-testfiles", sorted(TESTFILES.iterdir())))
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("/usr/bin"), help="programs to look into")
    parser.add_argument("--bodies", type=int, default=200, help="how many of them")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    show(run(parser.parse_args()))
