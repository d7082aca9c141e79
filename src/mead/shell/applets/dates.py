# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Times as people write them, and `date`.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from mead.shell.call import Applet, Call, FailedError
from mead.shell.vfs import PathError

__all__ = ["TABLE", "parse_date"]

_FORMS: Final = (
    "%H:%M", "%H:%M:%S", "%m.%d-%H:%M", "%m.%d-%H:%M:%S", "%Y.%m.%d-%H:%M", "%Y.%m.%d-%H:%M:%S",
    "%b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H", "%Y-%m-%d",
)  # fmt: skip
_DIGITS: Final = re.compile(r"(\d{2,4})?(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{2}))?")
_LETTERS: Final = frozenset("aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ")


def parse_date(text: str, now: datetime) -> datetime | None:
    """The moment that `text` means; None when it means none."""
    if re.fullmatch(r"@\d{1,10}", text):
        return datetime.fromtimestamp(int(text[1:]), UTC)
    for form in _FORMS:
        dated, shape = (text, form) if "%Y" in form else (f"2000 {text}", f"%Y {form}")
        try:
            found = datetime.strptime(f"{dated} +0000", f"{shape} %z")
        except (ValueError, re.error):
            continue
        return _completed(found, form, now)
    return _from_digits(text, now)


def _completed(found: datetime, form: str, now: datetime) -> datetime:
    if "%d" not in form:
        return found.replace(year=now.year, month=now.month, day=now.day)
    if form == "%Y-%m-%d %H:%M":
        return found.replace(second=now.second)
    return found if "%Y" in form else found.replace(year=now.year)


def _from_digits(text: str, now: datetime) -> datetime | None:
    """The moment that `[[CC]YY]MMDDhhmm[.ss]` means."""
    found = _DIGITS.fullmatch(text)
    if not found:
        return None
    year = now.year if not found[1] else int(found[1]) + (2000 if len(found[1]) == 2 else 0)
    try:
        return datetime(
            year, int(found[2]), int(found[3]), int(found[4]), int(found[5]), int(found[6] or 0), tzinfo=UTC
        )
    except ValueError:
        return None


def _shown(moment: datetime, template: str) -> str:
    special: dict[str, Callable[[], str]] = {
        "%": lambda: "%", "s": lambda: str(int(moment.timestamp())), "N": lambda: f"{moment.microsecond * 1000:09d}",
        "e": lambda: f"{moment.day:>2}", "n": lambda: "\n", "t": lambda: "\t", "Z": lambda: "UTC", "z": lambda: "+0000",
        "k": lambda: f"{moment.hour:>2}", "P": lambda: moment.strftime("%p").lower(),
    }  # fmt: skip

    def part(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in special:
            return special[letter]()
        return moment.strftime(f"%{letter}") if letter in _LETTERS else found[0]

    return re.sub(r"%([a-zA-Z%])", part, template)


def _date(call: Call) -> int:
    options = call.options(
        "Rus:d:D:r:I::",
        {"rfc-2822": "R", "utc": "u", "date": "d:", "set": "s:", "reference": "r:", "iso-8601": "I"},
    )
    moment = call.machine.now()
    templates = [word for word in options.operands if word.startswith("+")]
    text = options.get("d") or options.get("s") or next((w for w in options.operands if w[:1] != "+"), "")
    if text:
        found = parse_date(text, moment)
        if found is None:
            quoted = f"‘{text}’".encode().decode("latin-1")
            raise FailedError(f"invalid date {quoted}" if call.gnu else f"invalid date '{text}'")
        if "d" not in options:
            call.machine.sleep((found - moment) / timedelta(seconds=1))
        moment = found
    if "r" in options:
        try:
            moment = datetime.fromtimestamp(call.node(options.get("r")).modified, UTC)
        except PathError as error:
            raise FailedError(f"{options.get('r')}: {error.reason}") from error
    template = "%a %b %e %H:%M:%S %Z %Y"
    if "R" in options:
        template = "%a, %d %b %Y %H:%M:%S %z"
    elif "I" in options:
        template = "%Y-%m-%d"
    call.write(_shown(moment, templates[0][1:] if templates else template) + "\n")
    return 0


TABLE: Final[dict[str, Applet]] = {"date": _date}
