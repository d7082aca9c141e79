from __future__ import annotations

import re

import pytest
from sqlglot import exp, parse_one

from mead.errors import ConfigError
from mead.store.connection import connect
from mead.store.expression import FIELDS, FUNCTIONS, Term, Writer, refused
from mead.store.rows import LISTS, STORE_COLUMNS
from mead.store.settings import StoreSettings


def _write(text: str) -> Term:
    return Writer().term(parse_one(text, dialect="duckdb"))


def test_every_column_and_every_list_is_a_field() -> None:
    assert set(FIELDS) == {column.name for column in STORE_COLUMNS} | LISTS


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_can_be_asked_for(name: str) -> None:
    term = Writer().term(exp.column(name, quoted=True))
    assert term.type == FIELDS[name]
    assert f'"{name}"' in term.sql or f"$.{name}" in term.sql


@pytest.mark.parametrize(("name", "takes"), [entry[:2] for entry in FUNCTIONS.values()])
def test_every_function_is_one_that_the_database_has(name: str, takes: str) -> None:
    column = {"text": "src", "number": "src_port", "time": "time"}[takes]
    term = _write(f"{name}({column})")
    connection = connect(StoreSettings(), files=[], spill=None)
    connection.execute("CREATE TABLE events (src VARCHAR, src_port BIGINT, time TIMESTAMPTZ)")
    assert connection.execute(f"SELECT {term.sql} FROM events").fetchall() == []
    connection.close()


@pytest.mark.parametrize(
    "node",
    [
        exp.Column(this=exp.to_identifier("kind"), table=exp.to_identifier("events")),
        exp.Column(this=exp.Star()),
        exp.In(this=exp.column("kind"), query=parse_one("SELECT 1")),
        exp.In(this=exp.column("kind"), expressions=[exp.column("src")]),
        exp.Lower(this=exp.column("kind"), extra=exp.Literal.number(1)),
        exp.Subquery(this=parse_one("SELECT 1")),
        exp.Placeholder(),
        exp.Parameter(this=exp.Literal.number(1)),
        exp.Literal(this="inf", is_string=False),
        exp.Literal(this="nan", is_string=False),
        exp.Literal(this="1e400", is_string=False),
        exp.Literal(this="0x10", is_string=False),
    ],
    ids=lambda node: repr(node.sql()),
)
def test_a_part_that_would_be_dropped_is_refused(node: exp.Expr) -> None:
    with pytest.raises(ConfigError, match="--where"):
        Writer().term(node)


def test_what_is_written_holds_only_our_own_words() -> None:
    term = _write(
        "lower(src) LIKE 'secret%' AND src_port IN (4711, 4712) AND NOT time < TIMESTAMP '2026-01-01' "
        "AND time > now() - INTERVAL '47 days' AND (url ILIKE '%secret%' OR success IS NOT TRUE)"
    )
    assert "secret" not in term.sql
    assert not re.search(r"\d", term.sql)
    assert term.sql.count("?") == len(term.parameters) == 6


def test_a_refusal_counts_characters_from_one() -> None:
    assert "(character 1)" in str(refused("x", 0))
    assert "character" not in str(refused("x"))
