"""The catalogue is complete: kinds, fields, one type per field name."""

from __future__ import annotations

import re

import pytest

from mead.model import catalogue, event


def test_every_event_class_is_in_the_catalogue() -> None:
    classes = {
        kind for kind in vars(event).values() if isinstance(kind, type) and issubclass(kind, event.Event)
    }
    assert classes - {event.Event} == set(catalogue.KINDS.values())


@pytest.mark.parametrize("kind", sorted(catalogue.KINDS))
def test_a_kind_is_subject_dot_verb_and_says_what_it_is(kind: str) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+", kind)
    assert catalogue.KINDS[kind].__doc__


def test_every_field_is_described_and_no_description_is_left_over() -> None:
    used = {column.name for kind in catalogue.KINDS.values() for column in catalogue.columns_of(kind)} | {
        "kind"
    }
    assert used == set(catalogue.FIELDS)


def test_a_field_name_has_one_type_everywhere() -> None:
    names = [column.name for column in catalogue.COLUMNS]
    assert len(names) == len(set(names))
    assert catalogue.COLUMNS[: len(catalogue.ENVELOPE)] == catalogue.ENVELOPE


def test_a_field_with_two_types_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(event.Event, frozen=True, kw_only=True, tag="odd.kind"):
        """Its size is a text."""

        size: str

    monkeypatch.setitem(catalogue.KINDS, "odd.kind", Odd)
    with pytest.raises(TypeError, match=r"Odd\.size has two types: text"):
        catalogue._all_columns()
