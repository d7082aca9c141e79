# SPDX-License-Identifier: Apache-2.0
"""What a `--where` expression may hold, and how it is written anew.

Only the syntax in the tables below is known; everything else is refused. What reaches the database is
written here, node by node, out of our own column names and operators; whatever the user wrote as a value
is a parameter. So there is nothing to escape. Values are checked against their field's type, so that
mistakes are explained before they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from sqlglot import exp
from sqlglot.expressions import DataType

from mead.errors import ConfigError
from mead.store.rows import LISTS, STORE_COLUMNS

__all__ = ["FIELDS", "FUNCTIONS", "Term", "Writer", "refused"]

_TYPES = {
    "text": "text",
    "json": "text",
    "int64": "number",
    "int32": "number",
    "bool": "truth",
    "time": "time",
}
FIELDS = {column.name: _TYPES[column.type] for column in STORE_COLUMNS} | dict.fromkeys(LISTS, "text")


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of our own SQL: its type, the values of its parameters, and what to call it in a message."""

    sql: str
    type: str
    parameters: tuple[Any, ...] = ()
    literal: bool = False
    what: str = ""
    node: exp.Expr | None = field(default=None, compare=False, repr=False)
    """What it was written for, to say where that stands."""


def refused(what: str, start: int | None = None) -> ConfigError:
    """The error for something that is not allowed; `start` counts characters from 0."""
    place = f" (character {start + 1})" if start is not None else ""
    return ConfigError(f"--where does not take {what}{place}; see `mead explain where`")


def _start(node: exp.Expr) -> int | None:
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts) if starts else None


def _only(node: exp.Expr, *names: str) -> None:
    """Refuse a node that has any part besides `names`: what we do not write must not be dropped."""
    extra = [
        name for name, value in node.args.items() if value not in (None, False, []) and name not in names
    ]
    if extra:
        raise refused(f"{node.key} with {extra[0]}", _start(node))


_COMPARISONS: dict[type, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip

_SIGNS: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}

_TEXT_TESTS: dict[type[exp.Expr], str] = {
    exp.Like: "{} {negate}LIKE {}", exp.ILike: "{} {negate}ILIKE {}",
    exp.RegexpLike: "regexp_matches({}, {})",
    exp.RegexpFullMatch: "regexp_full_match({}, {})", exp.StartsWith: "starts_with({}, {})",
    exp.EndsWith: "ends_with({}, {})", exp.Contains: "contains({}, {})",
}  # fmt: skip

FUNCTIONS: dict[type[exp.Expr], tuple[str, str, str]] = {
    exp.Lower: ("lower", "text", "text"),
    exp.Upper: ("upper", "text", "text"),
    exp.Length: ("length", "text", "number"),
    exp.Abs: ("abs", "number", "number"),
    exp.Hour: ("hour", "time", "number"),
    exp.DayOfWeek: ("dayofweek", "time", "number"),
}
"""Function to its name in the database, the type that it takes and the type that it gives."""

_CASTS = {
    "DATE": ("DATE", "time"), "TIMESTAMP": ("TIMESTAMPTZ", "time"), "TIMESTAMPTZ": ("TIMESTAMPTZ", "time"),
    "TIMESTAMPNTZ": ("TIMESTAMPTZ", "time"), "TEXT": ("VARCHAR", "text"), "VARCHAR": ("VARCHAR", "text"),
    "INT": ("BIGINT", "number"), "BIGINT": ("BIGINT", "number"),
}  # fmt: skip

_UNITS = {
    f"{unit}{plural}".upper(): f"to_{unit}s"
    for unit in ("second", "minute", "hour", "day", "week")
    for plural in ("", "s")
}

_EXAMPLES = {"time": "'2026-01-31' or '2026-01-31T12:00Z'", "number": "a number", "truth": "true or false"}


class Writer:
    """Turns each allowed node into our own SQL; a class that is not in the tables is refused."""

    def __init__(self) -> None:
        same: Callable[[exp.Expr], Term] = self._comparison
        self._write: dict[type[exp.Expr], Callable[[Any], Term]] = {
            exp.And: self._junction, exp.Or: self._junction, exp.Not: self._not, exp.Paren: self._paren,
            exp.Is: self._is, exp.In: self._in, exp.Between: self._between, exp.Escape: self._escape,
            exp.Column: self._column, exp.Literal: self._literal, exp.Boolean: self._boolean,
            exp.Neg: self._negative, exp.Cast: self._cast, exp.Interval: self._interval,
            exp.Add: self._sum, exp.Sub: self._sum, exp.Mul: self._sum, exp.Coalesce: self._coalesce,
            exp.CurrentTimestamp: self._now, exp.Anonymous: self._anonymous,
            **dict.fromkeys(_COMPARISONS, same),
            **dict.fromkeys(_TEXT_TESTS, self._text_test),
            **dict.fromkeys(FUNCTIONS, self._function),
        }  # fmt: skip

    def term(self, node: exp.Expr | None) -> Term:
        if node is None:
            raise refused("an operator with nothing beside it")
        writer = self._write.get(type(node))
        if writer is None:
            name = node.key.replace("_", " ").upper()
            raise refused(f"{name} here", _start(node))
        return replace(writer(node), node=node)

    def truth(self, node: exp.Expr) -> Term:
        return _fit(self.term(node), "truth", "the condition")

    def _junction(self, node: exp.And | exp.Or) -> Term:
        _only(node, "this", "expression")
        parts = [self.truth(part) for part in node.flatten(unnest=False)]
        word = " AND " if isinstance(node, exp.And) else " OR "
        return Term(f"({word.join(part.sql for part in parts)})", "truth", _all(*parts))

    def _not(self, node: exp.Not) -> Term:
        _only(node, "this")
        inner = self.truth(node.this)
        return Term(f"(NOT {inner.sql})", "truth", inner.parameters)

    def _paren(self, node: exp.Paren) -> Term:
        _only(node, "this")
        return self.term(node.this)

    def _comparison(self, node: exp.Expr) -> Term:
        _only(node, "this", "expression")
        left, right = _alike(self.term(node.this), self.term(node.expression))
        return Term(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", "truth", _all(left, right))

    def _is(self, node: exp.Is) -> Term:
        _only(node, "this", "expression")
        left = self.term(node.this)
        if isinstance(node.expression, exp.Null):
            return Term(f"({left.sql} IS NULL)", "truth", left.parameters)
        if isinstance(node.expression, exp.Boolean):
            _fit(left, "truth", "IS TRUE")
            return Term(
                f"({left.sql} IS {'TRUE' if node.expression.this else 'FALSE'})", "truth", left.parameters
            )
        raise refused("IS with anything but NULL, TRUE or FALSE", _start(node))

    def _in(self, node: exp.In) -> Term:
        _only(node, "this", "expressions")
        left = self.term(node.this)
        values = [self.term(value) for value in node.expressions]
        if not values or not all(value.literal for value in values):
            raise refused("IN with anything but a list of values", _start(node))
        values = [_fit(value, left.type, left.what) for value in values]
        listed = ", ".join(value.sql for value in values)
        return Term(f"({left.sql} IN ({listed}))", "truth", _all(left, *values))

    def _between(self, node: exp.Between) -> Term:
        _only(node, "this", "low", "high")
        this = self.term(node.this)
        low, high = (_alike(this, self.term(node.args[name]))[1] for name in ("low", "high"))
        return Term(f"({this.sql} BETWEEN {low.sql} AND {high.sql})", "truth", _all(this, low, high))

    def _text_test(self, node: exp.Expr) -> Term:
        _only(node, "this", "expression", "negate")
        left = _fit(self.term(node.this), "text", node.key.upper())
        pattern = _fit(self.term(node.args["expression"]), "text", node.key.upper())
        if not pattern.literal:
            raise refused(f"{node.key.upper()} with anything but text in single quotes", _start(node))
        negate = "NOT " if node.args.get("negate") else ""
        if negate and not isinstance(node, exp.Like | exp.ILike):
            raise refused(f"NOT inside {node.key.upper()}", _start(node))
        test = _TEXT_TESTS[type(node)].format(left.sql, pattern.sql, negate=negate)
        return Term(f"({test})", "truth", _all(left, pattern))

    def _escape(self, node: exp.Escape) -> Term:
        _only(node, "this", "expression")
        if not isinstance(node.this, exp.Like | exp.ILike) or not isinstance(node.expression, exp.Literal):
            raise refused("ESCAPE here", _start(node))
        if len(node.expression.this) != 1 or not node.expression.is_string:
            raise refused("ESCAPE with anything but one character", _start(node))
        inner, mark = self._text_test(node.this), self._literal(node.expression)
        return Term(f"({inner.sql[1:-1]} ESCAPE {mark.sql})", "truth", _all(inner, mark))

    def _column(self, node: exp.Column) -> Term:
        _only(node, "this")
        identifier = node.this
        if not isinstance(identifier, exp.Identifier):
            raise refused("anything but a field's name here", _start(node))
        written = str(identifier.this)
        name = written if written in FIELDS else written.lower()
        if name not in FIELDS:
            raise ConfigError(_unknown(written, bool(identifier.args.get("quoted")), _start(node)))
        if name in LISTS:
            return Term(f"CAST(json_extract(\"data\", '$.{name}') AS VARCHAR)", "text", what=name)
        return Term(f'"{name}"', FIELDS[name], what=name)

    def _literal(self, node: exp.Literal) -> Term:
        if node.is_string:
            return Term("?", "text", (str(node.this),), literal=True, what=f"'{node.this}'")
        try:
            value = float(node.this) if set(str(node.this)) & set(".eE") else int(node.this)
        except ValueError as error:
            raise refused(f"the number {node.this}", _start(node)) from error
        if abs(value) >= 1 << 63:
            raise refused("a number beyond 64 bits", _start(node))
        return Term("?", "number", (value,), literal=True, what=str(node.this))

    def _negative(self, node: exp.Neg) -> Term:
        _only(node, "this")
        inner = _fit(self.term(node.this), "number", "minus")
        if inner.literal:
            return Term("?", "number", (-inner.parameters[0],), literal=True, what=f"-{inner.what}")
        return Term(f"(- {inner.sql})", "number", inner.parameters)

    def _boolean(self, node: exp.Boolean) -> Term:
        return Term("TRUE" if node.this else "FALSE", "truth", literal=True, what=str(node.this).lower())

    def _cast(self, node: exp.Cast) -> Term:
        _only(node, "this", "to")
        name = node.to.this.value if isinstance(node.to.this, DataType.Type) else ""
        if name not in _CASTS or node.to.args.get("expressions") or node.to.args.get("nested"):
            raise refused(f"a cast to {node.to.sql('duckdb')}", _start(node))
        database_type, kind = _CASTS[name]
        inner = self.term(node.this)
        if inner.literal and kind == "time":
            inner = _fit(inner, "time", f"{name.lower()} value")
        if inner.type in {"truth", "interval"}:
            raise refused(f"a cast of {inner.type}", _start(node))
        return Term(f"CAST({inner.sql} AS {database_type})", kind, inner.parameters, what=inner.what)

    def _interval(self, node: exp.Interval) -> Term:
        _only(node, "this", "unit")
        unit = _UNITS.get(str(node.unit or "").upper())
        amount = node.this
        if unit is None or not isinstance(amount, exp.Literal) or not str(amount.this).isdecimal():
            raise refused("this interval; write for example interval '2 hours'", _start(node))
        if len(str(amount.this)) > 9:
            raise refused("an interval that long", _start(node))
        return Term(f"{unit}(CAST(? AS BIGINT))", "interval", (int(amount.this),), what="an interval")

    def _sum(self, node: exp.Expr) -> Term:
        _only(node, "this", "expression")
        left, right = self.term(node.this), self.term(node.expression)
        kinds = (left.type, right.type)
        sign = _SIGNS[type(node)]
        results = {("number", "number"): "number"}
        if sign != "*":
            results[("time", "interval")] = "time"
        if sign == "-":
            results[("time", "time")] = "interval"
        if kinds not in results:
            raise refused(f"{left.type} {sign} {right.type}", _start(node))
        return Term(f"({left.sql} {sign} {right.sql})", results[kinds], _all(left, right))

    def _function(self, node: exp.Expr) -> Term:
        _only(node, "this")
        name, takes, gives = FUNCTIONS[type(node)]
        inner = _fit(self.term(node.this), takes, f"{name}()")
        return Term(f"{name}({inner.sql})", gives, inner.parameters, what=f"{name}()")

    def _coalesce(self, node: exp.Coalesce) -> Term:
        _only(node, "this", "expressions")
        first = self.term(node.this)
        others = [_fit(self.term(other), first.type, first.what) for other in node.expressions]
        parts = (first, *others)
        return Term(
            f"coalesce({', '.join(part.sql for part in parts)})", first.type, _all(*parts), what="coalesce()"
        )

    def _now(self, node: exp.CurrentTimestamp) -> Term:
        _only(node)
        return Term("now()", "time", what="now()")

    def _anonymous(self, node: exp.Anonymous) -> Term:
        name = str(node.this).lower()
        if name == "now" and not node.expressions:
            return Term("now()", "time", what="now()")
        known = sorted(
            {entry[0] for entry in FUNCTIONS.values()} | {"now", "coalesce", "starts_with", "regexp_matches"}
        )
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"--where: no function is called {node.this!r}{_at(_start(node))}; {hint}")


def _all(*terms: Term) -> tuple[Any, ...]:
    return tuple(value for term in terms for value in term.parameters)


def _at(start: int | None) -> str:
    return f" (character {start + 1})" if start is not None else ""


def _unknown(name: str, quoted: bool, start: int | None) -> str:
    near = get_close_matches(name.lower(), FIELDS, 1)
    hint = f"did you mean {near[0]}?" if near else "`mead explain events` lists the fields"
    if quoted:
        hint += f" A text value stands in single quotes: '{name}'"
    return f"--where: no field is called {name!r}{_at(start)}; {hint}"


def _alike(left: Term, right: Term) -> tuple[Term, Term]:
    """Both terms in one type: a literal follows the other side."""
    if left.literal and not right.literal:
        return _fit(left, right.type, right.what), right
    return left, _fit(right, left.type, left.what)


def _fit(term: Term, wanted: str, beside: str) -> Term:
    """The term as a value of the type `wanted`; a literal is converted, anything else must be of it."""
    if term.type == wanted:
        return term
    place = _at(_start(term.node) if term.node else None)
    if term.literal and term.type == "text" and wanted in _EXAMPLES:
        try:
            return replace(term, sql="?", type=wanted, parameters=(_converted(term.parameters[0], wanted),))
        except (ValueError, OverflowError) as error:
            message = f"--where: {beside} takes {_EXAMPLES[wanted]}, not {term.what}{place}"
            raise ConfigError(message) from error
    hint = f"; write '{term.what}'" if wanted == "text" and term.literal else ""
    given = term.what or "what stands there"
    raise ConfigError(f"--where: {beside or 'this'} takes a {wanted}, {given} is a {term.type}{place}{hint}")


_TRUTHS = {"true": True, "false": False}


def _converted(text: str, wanted: str) -> Any:
    """The value that a text literal stands for.

    Raises:
        ValueError: it stands for none of that type.
    """
    if wanted == "truth":
        if text.lower() not in _TRUTHS:
            raise ValueError(text)
        return _TRUTHS[text.lower()]
    if wanted == "number":
        return _within_64_bits(int(text))
    moment = datetime.fromisoformat(text.strip())
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _within_64_bits(number: int) -> int:
    if abs(number) >= 1 << 63:
        raise ValueError(number)
    return number
