# SPDX-License-Identifier: Apache-2.0
"""`--where`: a SQL condition over the event fields, taken apart and put together again.

The text is parsed by sqlglot as an expression, never as a statement; `mead.store.expression` then writes
what it allows anew. The counterpart is `mead.store.connection`, which locks the database itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import Dialect, exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from mead.errors import ConfigError
from mead.store.expression import FIELDS, Writer, refused

__all__ = ["MAX_CHARACTERS", "MAX_NESTING", "MAX_TOKENS", "Condition", "parse_where"]

MAX_CHARACTERS = 8_192
MAX_TOKENS = 1_024
MAX_NESTING = 32


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is safe to run: `sql` holds no value of the user's, `parameters` hold them all."""

    sql: str
    parameters: tuple[Any, ...]


def parse_where(expression: str) -> Condition:
    """The condition that an expression such as `service = 'telnet' and src_port < 1024` stands for.

    Raises:
        ConfigError: it is not one condition, or holds anything that is not allowed; the message says what,
            and at which character.
    """
    if len(expression) > MAX_CHARACTERS:
        raise ConfigError(f"--where: {len(expression)} characters, at most {MAX_CHARACTERS} are taken")
    try:
        term = Writer().truth(_parsed(expression))
    except (ParseError, TokenError) as error:
        raise ConfigError(_syntax(error)) from error
    except RecursionError as error:
        raise ConfigError("--where: nested too deeply") from error
    return Condition(term.sql, term.parameters)


def _parsed(expression: str) -> exp.Expr:
    dialect = Dialect.get_or_raise("duckdb")
    tokens = dialect.tokenize(expression)
    if not tokens:
        raise ConfigError("--where: empty; write a condition such as kind = 'login.attempt'")
    _check(tokens)
    for at, token in enumerate(tokens):
        follows = tokens[at + 1].token_type if at + 1 < len(tokens) else None
        if (
            token.token_type != TokenType.STRING
            and token.text.lower() in FIELDS
            and follows != TokenType.L_PAREN
        ):
            token.token_type = TokenType.IDENTIFIER  # fields called limit, offset, time … need no quotes
    found = dialect.parser().parse_into(exp.Condition, tokens, expression)
    if len(found) != 1 or found[0] is None:
        raise ConfigError("--where: not one condition")
    return found[0]


def _check(tokens: list[Token]) -> None:
    if len(tokens) > MAX_TOKENS:
        raise ConfigError(f"--where: {len(tokens)} words and signs, at most {MAX_TOKENS} are taken")
    depth = 0
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth > MAX_NESTING:
            raise refused("more than 32 brackets inside each other", token.start)
        if token.token_type == TokenType.SEMICOLON:
            raise refused("a semicolon; one condition is taken, no statement", token.start)
        if token.comments:
            raise refused("a comment", token.start)


def _syntax(error: Exception) -> str:
    details = getattr(error, "errors", None)
    if not details:
        return "--where: cannot be read; is a quote or bracket left open?"
    first = details[0]
    return f"--where: {first.get('description') or 'not a condition'} (character {first.get('col') or '?'})"
