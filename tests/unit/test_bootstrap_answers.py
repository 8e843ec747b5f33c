"""What other systems answer to calls: typed as declared, or refused as a whole (Q4, Q26)."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sojourn.bootstrap.answers import AnswerReader
from sojourn.core.types import BOOL, DATE, DECIMAL, INSTANT, INT, NUMBER, TEXT, Type, enum_of, list_of
from sojourn.definitions.project import Project


def reader(**answer: Type) -> AnswerReader:
    calls = {"ask": SimpleNamespace(answer=answer)}
    return AnswerReader(cast(Project, SimpleNamespace(calls=calls)))


@pytest.mark.parametrize(
    ("type_", "wire", "typed"),
    [
        (TEXT, "T-1", "T-1"),
        (INT, 3, 3),
        (NUMBER, 0.5, 0.5),
        (BOOL, True, True),
        (DATE, "2026-03-12", date(2026, 3, 12)),
        (DECIMAL, "12.50", Decimal("12.50")),
        (INSTANT, "2026-03-12T09:00:00+08:00", 1_773_277_200_000),
        (INSTANT, 1_773_277_200_000, 1_773_277_200_000),
        (enum_of(["a", "b"]), "b", "b"),
        (list_of(TEXT), ["x"], ["x"]),
        (TEXT.optional(), None, None),
    ],
)
def test_a_value_of_each_type(type_: Type, wire: Any, typed: Any) -> None:
    assert reader(field=type_)("ask", {"field": wire, "nobody declared": 1}) == {"field": typed}


@pytest.mark.parametrize(
    ("type_", "wire"),
    [
        (TEXT, None), (TEXT, 7), (INT, "3"), (INT, True), (NUMBER, "0.5"), (BOOL, 1), (BOOL, "true"),
        (DATE, "12.03.2026"), (DATE, 20260312), (DECIMAL, "much"), (DECIMAL, 12.5), (INSTANT, "2026-03-12T09:00:00"),
        (INSTANT, True), (enum_of(["a"]), "b"), (list_of(TEXT), "x"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_refuses_the_answer(type_: Type, wire: Any) -> None:
    assert reader(field=type_)("ask", {"field": wire}) is None


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_an_answer_that_is_no_object(body: object) -> None:
    assert reader(field=TEXT)("ask", body) is None


def test_an_absent_field_may_be_left_out_only_where_it_is_declared_so() -> None:
    assert reader(field=TEXT.optional())("ask", {}) == {"field": None}
    assert reader(field=TEXT)("ask", {}) is None
    assert reader(field=TEXT)("somebody else", {"field": "x"}) is None
