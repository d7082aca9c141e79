# SPDX-License-Identifier: Apache-2.0
"""All benchmarks, one after the other, and one table at the end: what `make bench` runs.

    python benchmarks/run.py [--only sessions,connects] [--quick] [--readme]

`--quick` takes a tenth of everything, to see that it works; `--readme` writes the table into README.md.
The options of each benchmark are taken as well.
"""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

import bus_rate
import connects
import ingest
import memory
import sessions
import startup
import uvloop
from figures import Figure, machine, table
from processes import raise_file_limit

import analysis

SUITES = {
    "sessions": (sessions, "Sessions, recorded whole"),
    "connects": (connects, "Connections that say nothing"),
    "memory": (memory, "Memory"),
    "startup": (startup, "Start"),
    "bus_rate": (bus_rate, "Bus and disk"),
    "ingest": (ingest, "Store"),
    "analysis": (analysis, "Analysis"),
}
_README = Path(__file__).with_name("README.md")
_PLACE = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)", re.DOTALL)
_COUNTS = ("sessions", "flood", "idle", "work", "starts", "events", "bus_events", "bodies")


def run(name: str, options: argparse.Namespace) -> list[Figure]:
    done = SUITES[name][0].run(options)
    return uvloop.run(done) if inspect.iscoroutine(done) else done


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(SUITES), help=f"some of {', '.join(SUITES)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    for suite, _ in SUITES.values():
        suite.arguments(parser)
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
        for count in _COUNTS:
            setattr(options, count, max(getattr(options, count) // 10, 1))
    return options


def main() -> None:
    options = parsed()
    raise_file_limit()
    text = f"Measured on {machine()}.\n"
    for name in options.only.split(","):
        text += f"\n### {SUITES[name][1]}\n\n{table(run(name, options))}\n"
    print(text)
    if options.readme:
        _README.write_text(_PLACE.sub(lambda _: f"\n{text}\n", _README.read_text()))


if __name__ == "__main__":
    main()
