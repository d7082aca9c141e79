# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""awk: values, and the functions that need nothing but them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mead.shell.parameters import lower, upper

__all__ = ["FUNCTIONS", "Value", "number", "text_of", "whole"]

Value = float | str
_NUMBER: Final = re.compile(r"\s*[-+]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_MASK: Final = (1 << 64) - 1


def number(value: Value) -> float:
    """A value as a number."""
    if isinstance(value, float):
        return value
    found = _NUMBER.match(value)
    return float(found[0]) if found else 0.0


def whole(value: Value) -> int:
    """A value as the nearest integer that any text is long enough for."""
    return round(max(-1e9, min(number(value), 1e9)))


def text_of(value: Value) -> str:
    """A value as text."""
    if isinstance(value, str):
        return value
    if abs(value) < 1e16 and value == int(value):
        return str(int(value))
    return f"{value:.6g}"


def _bits(value: Value) -> int:
    found = number(value)
    return int(max(0.0, min(found, 1.8e19))) & _MASK


def _substr(values: list[Value]) -> Value:
    text = text_of(values[0])
    start = max(0, whole(values[1]) - 1) if len(values) > 1 else 0
    end = start + max(0, whole(values[2])) if len(values) > 2 else len(text)
    return text[start:end]


def _index(text: str, part: str) -> Value:
    return float(text.find(part) + 1) if part else 0.0


def _safe(function: Callable[[float], float]) -> Callable[[list[Value]], Value]:
    def call(values: list[Value]) -> Value:
        try:
            return function(number(values[0]))
        except (ValueError, OverflowError):
            return math.nan

    return call


def _shift(values: list[Value], *, left: bool) -> Value:
    count = int(max(0, min(whole(values[1]) if len(values) > 1 else 0, 63)))
    return float(_bits(values[0]) << count & _MASK if left else _bits(values[0]) >> count)


def _both(values: list[Value], operation: Callable[[int, int], int]) -> Value:
    return float(operation(_bits(values[0]), _bits(values[1] if len(values) > 1 else 0.0)))


def _strftime(values: list[Value], now: datetime) -> Value:
    moment = now
    if len(values) > 1:
        moment = datetime.fromtimestamp(max(0.0, min(number(values[1]), 4e9)), UTC)
    template = re.sub(r"%(?![aAbBcdDeFHIjklmMnpPrRsStTuUwWxXyYzZ%])", "%%", text_of(values[0])[:256])
    return moment.strftime(template)


_PURE: Final[dict[str, Callable[[list[Value]], Value]]] = {
    "length": lambda values: float(len(text_of(values[0]))),
    "tolower": lambda values: lower(text_of(values[0])),
    "toupper": lambda values: upper(text_of(values[0])),
    "substr": _substr,
    "index": lambda values: _index(text_of(values[0]), text_of(values[1] if len(values) > 1 else "")),
    "int": lambda values: float(int(number(values[0]))) if abs(number(values[0])) < 1e300 else 0.0,
    "sqrt": _safe(math.sqrt), "exp": _safe(math.exp), "log": _safe(math.log), "sin": _safe(math.sin),
    "cos": _safe(math.cos),
    "atan2": lambda values: math.atan2(number(values[0]), number(values[1] if len(values) > 1 else 0.0)),
    "and": lambda values: _both(values, lambda a, b: a & b), "or": lambda values: _both(values, lambda a, b: a | b),
    "xor": lambda values: _both(values, lambda a, b: a ^ b), "compl": lambda values: float(~_bits(values[0]) & _MASK),
    "lshift": lambda values: _shift(values, left=True), "rshift": lambda values: _shift(values, left=False),
    "fflush": lambda _values: 0.0,
}  # fmt: skip


def _timeless(function: Callable[[list[Value]], Value]) -> Callable[[list[Value], datetime], Value]:
    return lambda values, _now: function(values)


FUNCTIONS: Final[dict[str, Callable[[list[Value], datetime], Value]]] = {
    **{name: _timeless(function) for name, function in _PURE.items()}, "strftime": _strftime,
}  # fmt: skip
"""Functions by name: of their values and the time."""
