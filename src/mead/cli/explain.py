# SPDX-License-Identifier: Apache-2.0
"""`mead explain`: answers before a manual does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches

import click

from mead.errors import ConfigError

__all__ = ["command"]

EXIT_CODES = {
    "0": "done",
    "1": "done, and the answer is: found, malicious, or a check failed (--exit-zero turns it off)",
    "2": "usage or configuration is wrong; the message names the option or the line",
    "10": "an input could not be read",
    "11": "a tool or an extra is missing; the message names the command that installs it",
    "12": "the store or the bus could not be reached; is `mead run` up, is the disk full?",
    "13": "containment could not be proven; nothing was started",
    "70": "an error in MEAD itself; please report it",
    "130": "interrupted",
}


_WHERE = """\
--where takes one SQL condition over the fields of events (`mead explain events` lists them):
  service = 'telnet' and username = 'root'
  kind in ('fetch.failed', 'fetch.refused') and url like '%.sh'
  size between 1000 and 5000 and command is not null
  time >= now() - interval 2 hours
comparisons, and, or, not, in, between, like, ilike, is null, + - *, coalesce, casts
regular expressions (RE2): command ~ 'wget|curl', regexp_matches(command, '^cd')
functions: {functions}, contains, starts_with, ends_with, now
Anything else is refused, with the place where it stands."""


@click.command("explain")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Explain TOPIC: an event kind, a field, a setting, a service, an analyser, an exit code, `where`.

    Without a topic all of them are listed.
    """
    topics = dict(_topics())
    if topic is None:
        click.echo("\n".join(topics))
        return
    if topic not in topics:
        near = get_close_matches(topic, topics, 3)
        hint = f"did you mean {', '.join(near)}?" if near else "`mead explain` alone lists all topics"
        raise ConfigError(f"nothing is known about {topic!r}; {hint}")
    click.echo(topics[topic])


def _topics() -> Iterator[tuple[str, str]]:
    yield from _overviews()
    yield from _details()


def _overviews() -> Iterator[tuple[str, str]]:
    from mead.model.catalogue import FIELDS, KINDS
    from mead.store.expression import FUNCTIONS

    kinds = "\n".join(f"  {name}: {_first_line(kind)}" for name, kind in KINDS.items())
    fields = "\n".join(f"  {name}: {text}" for name, text in FIELDS.items())
    yield "events", f"kinds of events\n{kinds}\n\nfields, each of the same meaning in every kind\n{fields}"
    functions = ", ".join(name for name, _, _ in FUNCTIONS.values())
    yield "where", _WHERE.format(functions=functions)
    yield "exit codes", "\n".join(f"{code:>4}  {text}" for code, text in EXIT_CODES.items())


def _first_line(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _details() -> Iterator[tuple[str, str]]:
    from mead.analysis.registry import ANALYSERS
    from mead.config import describe
    from mead.deck.settings import Settings
    from mead.model.catalogue import ENVELOPE, FIELDS, KINDS, columns_of
    from mead.sensors.services import SERVICES

    common = {column.name for column in ENVELOPE}
    for name, kind in KINDS.items():
        own = [column for column in columns_of(kind) if column.name not in common]
        fields = "\n".join(f"  {column.name} ({column.type}): {FIELDS[column.name]}" for column in own)
        yield name, f"event {name}: {inspect.cleandoc(kind.__doc__ or '')}\n{fields}".rstrip()
    for name, text in FIELDS.items():
        used = [kind for kind, cls in KINDS.items() if name in cls.__struct_fields__]
        where = "every event" if name in common else ", ".join(used)
        yield name, f"field {name}: {text}\n  in {where}"
    for key, kind_name, default, text in describe(Settings):
        yield key, f"setting {key} ({kind_name}, default {default!r}): {text}"
    for entry in SERVICES.entries():
        yield entry.name, f"service {entry.name}: {entry.summary}"
    for entry in ANALYSERS.entries():
        yield entry.name, f"analyser {entry.name}: {entry.summary}"
    for code, text in EXIT_CODES.items():
        yield code, f"exit code {code}: {text}"
