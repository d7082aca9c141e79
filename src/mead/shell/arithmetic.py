# SPDX-License-Identifier: Apache-2.0
"""`$((…))`: integer arithmetic of 64 bits, with assignment, as ash has it.

**Source:** POSIX.1-2017 §2.6.4; precedence of ISO C.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, MutableMapping
from typing import Final

from mead.shell.limits import LimitReachedError

__all__ = ["ArithmeticFault", "evaluate"]

_NUMBER: Final = r"0[xX][0-9A-Fa-f]+|[0-9]+(?:#[0-9A-Za-z]+)?"
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_SIGN: Final = r"<<=|>>=|\*\*|\+\+|--|&&|\|\||[-+*/%&|^]=|<<|>>|[<>=!]=|[-+*/%<>=!~&|^?:(),]"
_TOKEN: Final = re.compile(rf"\s*({_NUMBER}|{_NAME}|{_SIGN})", re.ASCII)
_ELEMENT_OR_TOKEN: Final = re.compile(
    rf"\s*({_NUMBER}|{_NAME}(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])?|{_SIGN})", re.ASCII
)
_MASK: Final = (1 << 64) - 1
_MAX_TOKENS: Final = 2_000
_MAX_DEPTH: Final = 60
_MAX_EVALUATED: Final = 20_000
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class ArithmeticFault(Exception):  # noqa: N818  # it is what ash calls an arithmetic error, not ours
    """What ash says about an expression that it cannot evaluate."""


def _wrap(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise ArithmeticFault("divide by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _power(left: int, right: int) -> int:
    if right < 0:
        raise ArithmeticFault("exponent less than 0")
    return pow(left, right, 1 << 64)


_BINARY: Final[dict[str, tuple[int, Callable[[int, int], int]]]] = {
    "||": (1, lambda a, b: int(bool(a or b))),
    "&&": (2, lambda a, b: int(bool(a and b))),
    "|": (3, operator.or_), "^": (4, operator.xor), "&": (5, operator.and_),
    "==": (6, operator.eq), "!=": (6, operator.ne),
    "<": (7, operator.lt), ">": (7, operator.gt), "<=": (7, operator.le), ">=": (7, operator.ge),
    "<<": (8, lambda a, b: a << (b & 63)), ">>": (8, lambda a, b: a >> (b & 63)),
    "+": (9, operator.add), "-": (9, operator.sub),
    "*": (10, operator.mul), "/": (10, _divide), "%": (10, lambda a, b: a - _divide(a, b) * b),
    "**": (11, _power),
}  # fmt: skip


class _Evaluator:
    """A precedence climber over the tokens of one expression.

    The value of a variable is an expression as well; `looked_up` has the names that are being looked up,
    `spent` counts tokens over all of them.
    """

    def __init__(
        self,
        text: str,
        variables: MutableMapping[str, str],
        looked_up: frozenset[str],
        spent: list[int],
        *,
        arrays: bool,
    ) -> None:
        self._arrays = arrays
        self._tokens = self._tokenise(text)
        self._index = 0
        self._depth = 0
        self._variables = variables
        self._looked_up, self._spent = looked_up, spent
        spent[0] += len(self._tokens)
        if spent[0] > _MAX_EVALUATED:
            raise LimitReachedError("expression_tokens", _MAX_EVALUATED, "tokens")

    def _tokenise(self, text: str) -> list[str]:
        tokens: list[str] = []
        token = _ELEMENT_OR_TOKEN if self._arrays else _TOKEN
        position, text = 0, text.strip(" \t\n\r")
        while position < len(text):
            found = token.match(text, position)
            if not found:
                raise ArithmeticFault("arithmetic syntax error")
            if len(tokens) >= _MAX_TOKENS:
                raise LimitReachedError("expression_tokens", _MAX_TOKENS, "tokens")
            tokens.append(found[1])
            position = found.end()
        return tokens

    def _peek(self) -> str:
        return self._tokens[self._index] if self._index < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._index += 1
        return token

    def result(self) -> int:
        if not self._tokens:
            return 0
        value = self.expression()
        if self._index < len(self._tokens):
            raise ArithmeticFault("arithmetic syntax error")
        return value

    def expression(self) -> int:
        value = self._assignment()
        while self._peek() == ",":
            self._take()
            value = self._assignment()
        return value

    def _assignment(self) -> int:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise LimitReachedError("expression_nesting", _MAX_DEPTH, "levels")
        name = self._peek()
        sign = self._tokens[self._index + 1] if self._index + 1 < len(self._tokens) else ""
        if (name[:1].isalpha() or name[:1] == "_") and self._is_assignment(sign):
            self._index += 2
            value = self._assignment()
            if sign != "=":
                value = _wrap(int(_BINARY[sign[:-1]][1](self._variable(name), value)))
            self._variables[name] = str(value)
        else:
            value = self._ternary()
        self._depth -= 1
        return value

    @staticmethod
    def _is_assignment(sign: str) -> bool:
        return sign == "=" or (sign.endswith("=") and sign[:-1] in _BINARY and sign not in _BINARY)

    def _ternary(self) -> int:
        condition = self._binary(1)
        if self._peek() != "?":
            return condition
        self._take()
        chosen = self._assignment()
        if self._take() != ":":
            raise ArithmeticFault("arithmetic syntax error")
        other = self._assignment()
        return chosen if condition else other

    def _binary(self, minimum: int) -> int:
        left = self._unary()
        self._part_signs()
        while (entry := _BINARY.get(self._peek())) and entry[0] >= minimum:
            self._take()
            right = self._binary(entry[0] + 1)
            left = _wrap(int(entry[1](left, right)))
            self._part_signs()
        return left

    def _part_signs(self) -> None:
        """`++` and `--` that change no variable are two signs: `1--1` is two."""
        if self._peek() in {"++", "--"}:
            self._tokens[self._index : self._index + 1] = self._peek()

    def _unary(self) -> int:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise LimitReachedError("expression_nesting", _MAX_DEPTH, "levels")
        value = self._operand()
        self._depth -= 1
        return value

    def _operand(self) -> int:
        if self._peek() in {"++", "--"}:
            if self._is_name(self._tokens[self._index + 1 : self._index + 2]):
                sign = self._take()
                return self._step(self._take(), sign, prefix=True)
            self._part_signs()
        token = self._take()
        if token in {"-", "+", "!", "~"}:
            value = self._unary()
            return {"-": _wrap(-value), "+": value, "!": int(not value), "~": ~value}[token]
        if token == "(":  # noqa: S105  # a token of the expression
            value = self.expression()
            if self._take() != ")":
                raise ArithmeticFault("arithmetic syntax error")
            return value
        if token[:1].isdigit():
            return self._number(token)
        if token[:1].isalpha() or token[:1] == "_":
            if self._peek() in {"++", "--"}:
                return self._step(token, self._take(), prefix=False)
            return self._variable(token)
        raise ArithmeticFault("arithmetic syntax error")

    @staticmethod
    def _is_name(tokens: list[str]) -> bool:
        return bool(tokens) and (tokens[0][:1].isalpha() or tokens[0][:1] == "_")

    def _step(self, name: str, sign: str, *, prefix: bool) -> int:
        before = self._variable(name)
        after = _wrap(before + (1 if sign == "++" else -1))
        self._variables[name] = str(after)
        return after if prefix else before

    @staticmethod
    def _number(token: str) -> int:
        base, hash_sign, digits = token.partition("#")
        try:
            if hash_sign:
                return _wrap(_based(int(base[:3]), digits[:80].lower()))
            if token[:2] in {"0x", "0X"}:
                value = int(token[2:82], 16)
            else:
                value = int(token[:80], 8 if token[0] == "0" and len(token) > 1 else 10)
        except ValueError as error:
            raise ArithmeticFault("arithmetic syntax error") from error
        return 0 if value > _MASK else _wrap(value)

    def _variable(self, name: str) -> int:
        text = self._variables.get(name, "").strip(" \t\n")
        if not text:
            return 0
        if text.isdigit():
            return self._number(text)
        if name in self._looked_up:
            raise ArithmeticFault("expression recursion loop detected")
        if len(self._looked_up) > _MAX_DEPTH // 2:
            raise ArithmeticFault("expression recursion loop detected")
        looked_up = self._looked_up | {name}
        return _Evaluator(text, self._variables, looked_up, self._spent, arrays=self._arrays).result()


def _based(base: int, digits: str) -> int:
    """The value of `base#digits`."""
    if not 2 <= base <= len(_DIGITS):
        raise ValueError(base)
    value = 0
    for digit in digits:
        place = _DIGITS.index(digit)
        if place >= base:
            raise ValueError(digit)
        value = value * base + place
    return value


def evaluate(text: str, variables: MutableMapping[str, str], *, arrays: bool = False) -> int:
    """The value of the expression `text`; assignments go into `variables`.

    With `arrays` a name may be that of an element, `a[i]`; `variables` knows what that is.

    Variables hold expressions: all together may have so many tokens.

    Raises:
        ArithmeticFault: ash could not evaluate it either.
        LimitReachedError: it is too long or too deep.
    """
    return _Evaluator(text, variables, frozenset(), [0], arrays=arrays).result()
