from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mead.errors import ConfigError
from mead.store.connection import connect
from mead.store.rows import SQL_TYPES, STORE_COLUMNS
from mead.store.settings import StoreSettings
from mead.store.where import MAX_CHARACTERS, MAX_TOKENS, parse_where


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(StoreSettings(), files=[], spill=None)
    columns = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in STORE_COLUMNS)
    connection.execute(f"CREATE TABLE events ({columns})")
    connection.execute(
        'INSERT INTO events (time, kind, service, src, src_port, success, command, size, "offset", data)'
        " VALUES"
        " ('2026-03-01 12:00+00', 'login.attempt', 'telnet', '192.0.2.1', 40000, true, NULL, NULL, 7, NULL),"
        " ('2026-03-02 13:00+00', 'command.input', 'ssh', '192.0.2.2', 22, NULL, 'wget http://x/y', 10, NULL,"
        " NULL), ('2026-03-03 14:00+00', 'scan.seen', NULL, '198.51.100.1', NULL, NULL, NULL, NULL, NULL,"
        " '{\"ports\":[23,2323]}')"
    )
    yield connection
    connection.close()


def _count(database: duckdb.DuckDBPyConnection, expression: str) -> int:
    condition = parse_where(expression)
    found = database.execute(f"SELECT count(*) FROM events WHERE {condition.sql}", list(condition.parameters))
    return int(found.fetchall()[0][0])


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("service = 'telnet'", 1),
        ("SERVICE = 'telnet' AND Kind = 'login.attempt'", 1),
        ("service = 'telnet' or service = 'ssh'", 2),
        ("service in ('telnet', 'ssh') and not service = 'ssh'", 1),
        ("service not in ('telnet')", 1),
        ("service is null", 1),
        ("service is not null", 2),
        ("service is distinct from 'telnet'", 2),
        ("src_port < 1024", 1),
        ("src_port = '22'", 1),
        ("1024 < src_port", 1),
        ("src_port between 20 and 30", 1),
        ("src_port > -1", 2),
        ("src_port + 1 = 23", 1),
        ("src_port * 2 - 4 = 40", 1),
        ("size > 1.5", 1),
        ("success", 1),
        ("not success", 0),
        ("success = true", 1),
        ("success = 'true'", 1),
        ("success is true", 1),
        ("success is not true", 2),
        ("time >= '2026-03-02'", 2),
        ("time >= '2026-03-02T13:00:00Z' and time < '2026-03-02T13:00:01Z'", 1),
        ("time > timestamp '2026-03-02 00:00:00'", 2),
        ("time::date = date '2026-03-02'", 1),
        ("cast(time as date) = '2026-03-02'", 1),
        ("time < now()", 3),
        ("time < current_timestamp + interval '1 day'", 3),
        ("time > timestamp '2026-03-03' - interval '1 day'", 2),
        ("now() - time > time - now()", 3),
        ("hour(time) = 13", 1),
        ("lower(upper(service)) = 'ssh'", 1),
        ("length(command) > 3", 1),
        ("command like 'wget%'", 1),
        ("command not like 'wget%'", 0),
        ("command ilike 'WGET%'", 1),
        ("command not ilike 'CURL%'", 1),
        ("command like 'wget!%' escape '!'", 0),
        ("command not like 'wget!%' escape '!'", 1),
        ("starts_with(src, '192.0.2.')", 2),
        ("contains(command, 'http')", 1),
        ("ends_with(command, 'y')", 1),
        ("regexp_matches(command, 'wget|curl')", 1),
        ("coalesce(service, 'none') = 'none'", 1),
        ("offset = 7", 1),
        ('"offset" = 7', 1),
        ("limit is null", 3),
        ("count is null and value is null and database is null and version is null and interface is null", 3),
        ("ports like '%2323%'", 1),
        ("src_port::text like '2%'", 1),
        ("((service = 'ssh'))", 1),
        ("true", 3),
        ("1 = 1", 3),
        ("service = 'it''s'", 0),
    ],
)  # fmt: skip
def test_a_condition_finds_its_rows(database: duckdb.DuckDBPyConnection, expression: str, rows: int) -> None:
    assert _count(database, expression) == rows


def test_values_are_parameters_and_never_part_of_the_sql() -> None:
    condition = parse_where("service = 'x'' or 1=1 --' and src_port = 4711")
    assert condition.parameters == ("x' or 1=1 --", 4711)
    assert "4711" not in condition.sql
    assert "or 1" not in condition.sql


def test_a_time_is_read_as_utc() -> None:
    assert parse_where("time >= '2026-03-02'").parameters == (datetime(2026, 3, 2, tzinfo=UTC),)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("servce = 'x'", r"no field is called 'servce' \(character 1\); did you mean service\?"),
        ("kind = 'a' and usrname = 'x'", r"'usrname' \(character 16\); did you mean username\?"),
        ('service = "telnet"', r"A text value stands in single quotes: 'telnet'"),
        ("service = 23", r"service takes a text, 23 is a number \(character 11\); write '23'"),
        ("src_port = 'http'", r"src_port takes a number, not 'http' \(character 12\)"),
        ("src_port = '99999999999999999999'", r"src_port takes a number, not '9+' \(character 12\)"),
        ("kind = 'a' and src_port in (1, 'b')", r"src_port takes a number, not 'b' \(character 32\)"),
        ("kind = 'a' and lower(src_port) = 'x'", r"takes a text, src_port is a number \(character 22\)"),
        ("time > '0001-01-01T00:00+02:00'", r"time takes '2026-01-31' .*\(character 8\)"),
        ("@", r"an operator with nothing beside it"),
        ("time > '2026-13-01'", r"time takes '2026-01-31' or '2026-01-31T12:00Z', not '2026-13-01'"),
        ("time > 5", r"time takes a time, 5 is a number"),
        ("success = 1", r"success takes a truth, 1 is a number"),
        ("success = 'maybe'", r"success takes true or false, not 'maybe'"),
        ("service", r"the condition takes a truth, service is a text"),
        ("service = src_port", r"service takes a text, src_port is a number"),
        ("lowr(service) = 'x'", r"no function is called 'lowr' \(character 1\); did you mean lower\?"),
        ("frobnicate(service) = 'x'", r"known: abs, coalesce"),
        ("service = 'x", r"quote or bracket left open"),
        ("(service = 'x'", r"--where: "),
        ("service =", r"--where: "),
        ("", r"empty"),
        ("   ", r"empty"),
        ("src_port = 99999999999999999999", r"beyond 64 bits"),
        ("time > now() - interval '1 fortnight'", r"interval '2 hours'"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained(expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_where(expression)


ATTACKS = [
    "1=1; drop table events",
    "1=1;",
    "drop table events",
    "select 1",
    "true union select 1",
    "true union all select * from read_text('/etc/passwd')",
    "kind in (select kind from events)",
    "kind = (select 'x')",
    "exists (select 1)",
    "kind = any(select 'x')",
    "kind = any(['x'])",
    "read_text('/etc/passwd') = 'x'",
    "read_csv('/etc/passwd') is not null",
    "read_parquet('s3://bucket/x') is null",
    "getenv('HOME') = 'x'",
    "current_setting('temp_directory') = 'x'",
    "pg_sleep(10) is null",
    "query('select 1') is null",
    "kind = $1",
    "kind = ?",
    "kind = :name",
    "kind = @name",
    "kind like kind",
    "regexp_matches(command, command)",
    "case when true then true else false end",
    "kind || 'x' = 'y'",
    "kind::blob is null",
    "kind::json is null",
    "time::time is null",
    "cast(kind as struct(a int)) is null",
    "try_cast(src_port as int) = 1",
    "[1,2,3] is null",
    "{'a': 1} is null",
    "kind[1] = 'x'",
    "events.kind = 'x'",
    "main.events.kind = 'x'",
    "information_schema.tables.x = 'x'",
    "row_number() over () = 1",
    "count(*) > 1",
    "sum(src_port) > 1",
    "list_transform([1], x -> x) is null",
    "kind = 'x' order by 1",
    "kind = 'x' limit 1",
    "kind = 'x' group by kind",
    "kind = 'x') or (1=1",
    "true -- comment",
    "true /* comment */",
    "kind = 'x' collate nocase",
    "kind similar to 'x'",
    "kind glob '*'",
    "(kind, src) = ('a', 'b')",
    "* = 1",
    "columns(*) is null",
    "kind in events",
    "kind = e'\\x41'",
    "x'4142' = kind",
    "pragma version",
    "attach 'x'",
    "copy events to '/tmp/x'",
    "install httpfs",
    "set threads = 1",
    "load 'x'",
    "call pragma_version()",
    "explain select 1",
    "events",
    "now(1) < time",
    "interval '1' day > interval '1 day' * 5",
    "kind between symmetric 'a' and 'b'",
    "src_port / 0 = 1",
    "src_port ^ 99 = 1",
    "src_port << 3 = 1",
    "coalesce(kind) = null",
    "hex(kind) = 'x'",
    "repeat(kind, 1000000) = 'x'",
    "kind = chr(65)",
    "nextval('s') = 1",
    "current_user = 'x'",
    "time at time zone 'UTC' < time",
]  # fmt: skip


@pytest.mark.parametrize("expression", ATTACKS)
def test_everything_else_is_refused(expression: str) -> None:
    with pytest.raises(ConfigError, match="--where"):
        parse_where(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "true or " * 2000 + "true",
        "kind = '" + "x" * MAX_CHARACTERS + "'",
        "(" * 500 + "true" + ")" * 500,
        "not " * 1000 + "true",
        "-" * 1000 + "1 = 1",
        "- " * 1000 + "1 = 1",
        "src_port in (" + ",".join("1" * 1 for _ in range(MAX_TOKENS)) + ")",
        "lower(" * 100 + "kind" + ")" * 100,
    ],
)
def test_size_and_depth_are_bounded(expression: str) -> None:
    with pytest.raises(ConfigError, match="--where"):
        parse_where(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "command like '%" + "_a%" * 500 + "_b%'",
        "command not ilike '%" + "a%_" * 500 + "'",
        "regexp_matches(command, '(a|aa)*(a|aa)*(a*)*b')",
        "regexp_matches(command, '(.*a){30}b')",
        "regexp_full_match(command, '(([a-z])+.)+[A-Z]([a-z])+$')",
        " or ".join(f"contains(command, 'a{number}')" for number in range(140)),
    ],
    ids=["like", "ilike", "alternatives", "repeats", "full match", "many"],
)
def test_the_cost_of_a_pattern_is_linear_in_the_text(expression: str) -> None:
    """A thousand events whose command is as long as one may be: backtracking would take hours."""
    condition = parse_where(expression)
    connection = connect(StoreSettings(), files=[], spill=None)
    connection.execute("CREATE TABLE events AS SELECT repeat('a', 4096) AS command FROM range(1000)")
    begin = time.process_time()
    connection.execute(f"SELECT count(*) FROM events WHERE {condition.sql}", list(condition.parameters))
    assert time.process_time() - begin < 20
    connection.close()


def test_a_long_list_and_a_long_chain_are_taken(database: duckdb.DuckDBPyConnection) -> None:
    assert _count(database, "src_port in (" + ",".join(str(port) for port in range(400)) + ")") == 1
    assert _count(database, " or ".join(f"src_port = {port}" for port in range(200))) == 1


WORDS = [
    "kind",
    "time",
    "src_port",
    "success",
    "'a'",
    "1",
    "=",
    "<",
    "(",
    ")",
    ",",
    "and",
    "or",
    "not",
    "is",
    "null",
    "like",
    "in",
    "select",
    "from",
    "events",
    ";",
    "union",
    "lower",
    "now",
    "interval",
    "'1_day'",
    "-",
    "+",
    "*",
    "::",
    "date",
    "case",
    "when",
    "end",
    "[",
    "]",
    "{",
    "}",
    ".",
    "$1",
    "?",
    "between",
    "escape",
    "true",
    "--",
    "/*",
    "as",
    "cast",
    "read_text",
    "'/etc/passwd'",
    "limit",
    "offset",
    "\\",
    '"',
    "'",
    "é",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_condition_that_runs_or_a_clear_refusal(
    database: duckdb.DuckDBPyConnection, expression: str
) -> None:
    try:
        condition = parse_where(expression)
    except ConfigError:
        return
    database.execute(f"SELECT count(*) FROM events WHERE {condition.sql}", list(condition.parameters))


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_in_quotes_is_only_a_value(text: str) -> None:
    condition = parse_where("service = '" + text.replace("'", "''") + "'")
    assert condition.parameters == (text,)
    assert condition.sql == '("service" = ?)'
