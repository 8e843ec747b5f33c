"""Types of the language: the words for them, the two forms of a value, what a YAML scalar may say (Q4)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.core.types import (
    BOOL,
    DATE,
    DECIMAL,
    INSTANT,
    INT,
    NUMBER,
    TEXT,
    Type,
    decode,
    encode,
    enum_of,
    list_of,
    map_of,
    object_of,
    parse,
    set_of,
)

POLICY = object_of({"policy_id": TEXT, "paid": DECIMAL.optional(), "due": DATE.optional()})


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (TEXT, "a text"),
        (DATE.optional(), "a date that may be absent"),
        (enum_of(("sms", "email")), "one of `sms`, `email`"),
        (list_of(TEXT), "a list of texts"),
        (set_of(DATE).optional(), "a set of dates that may be absent"),
        (map_of(INSTANT), "a map of instants"),
        (list_of(POLICY), "a list of objects"),
        (list_of(list_of(INT)), "a list of lists of whole numbers"),
        (Type("list"), "a list of values"),
    ],
)
def test_a_type_says_itself_in_words(type_: Type, words: str) -> None:
    assert type_.describe() == words


def test_optional_and_required_are_each_others_way_back() -> None:
    assert DATE.optional().nullable
    assert DATE.optional().required() == DATE
    assert DATE.required() is DATE
    assert DATE.optional().optional() == DATE.optional()


def test_equal_types_are_equal_keys() -> None:
    again = object_of({"due": DATE.optional(), "paid": DECIMAL.optional(), "policy_id": TEXT})
    assert {POLICY: "x"}[again] == "x"
    assert object_of({"policy_id": TEXT}) != POLICY


@pytest.mark.parametrize(
    ("type_", "typed", "wire"),
    [
        (TEXT, "王", "王"),
        (INT, 12, 12),
        (DECIMAL, Decimal("3600.00"), "3600.00"),
        (NUMBER, 0.7, 0.7),
        (BOOL, False, False),
        (DATE, date(2026, 3, 12), "2026-03-12"),
        (INSTANT, 1_780_000_000_000, 1_780_000_000_000),
        (DATE.optional(), None, None),
        (list_of(DECIMAL), [Decimal("1.10"), Decimal(0)], ["1.10", "0"]),
        (map_of(DATE), {"motor": date(2026, 1, 1)}, {"motor": "2026-01-01"}),
        (POLICY, {"policy_id": "P-1", "due": date(2026, 2, 1)}, {"policy_id": "P-1", "due": "2026-02-01"}),
        (Type("object"), {"any": [1, "x"]}, {"any": [1, "x"]}),
        (Type("list"), [1, "x"], [1, "x"]),
    ],
)
def test_encode_and_decode_give_the_forms_of_a_value(type_: Type, typed: Any, wire: Any) -> None:
    assert encode(type_, typed) == wire
    assert decode(type_, wire) == typed


def test_a_set_is_written_sorted_and_without_doubles() -> None:
    assert encode(set_of(TEXT), ["b", "a", "b"]) == ["a", "b"]
    assert encode(set_of(DATE), {date(2026, 2, 1), date(2026, 1, 1)}) == ["2026-01-01", "2026-02-01"]
    assert encode(Type("set"), ["b", "a", "b"]) == ["a", "b"]


def test_fields_that_no_type_declares_are_not_written() -> None:
    assert encode(POLICY, {"policy_id": "P-1", "secret": "x"}) == {"policy_id": "P-1"}


SCALAR_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    TEXT: st.text(alphabet="aZ9 'é王\n\x00\U0001f600", max_size=12),
    INT: st.integers(),
    DECIMAL: st.decimals(allow_nan=False, allow_infinity=False),
    NUMBER: st.floats(allow_nan=False),
    BOOL: st.booleans(),
    DATE: st.dates(),
    INSTANT: st.integers(min_value=-(2**45), max_value=2**45),
}


def typed_values() -> st.SearchStrategy[tuple[Type, Any]]:
    """Pairs of a type and a value of it, nested a little."""
    scalars = st.sampled_from(sorted(SCALAR_VALUES, key=str)).flatmap(
        lambda type_: st.tuples(st.just(type_), SCALAR_VALUES[type_])
    )
    maybe = st.one_of(scalars, scalars.map(lambda pair: (pair[0].optional(), None)))

    def nest(inner: st.SearchStrategy[tuple[Type, Any]]) -> st.SearchStrategy[tuple[Type, Any]]:
        return st.one_of(
            inner.map(lambda pair: (list_of(pair[0]), [pair[1]] * 2)),
            inner.map(lambda pair: (map_of(pair[0]), {"k": pair[1]})),
            st.tuples(inner, inner).map(
                lambda two: (object_of({"a": two[0][0], "b": two[1][0]}), {"a": two[0][1], "b": two[1][1]})
            ),
        )

    return st.recursive(maybe, nest, max_leaves=4)


@given(typed_values())
def test_decode_undoes_encode(pair: tuple[Type, Any]) -> None:
    type_, typed = pair
    wire = encode(type_, typed)
    assert decode(type_, wire) == typed
    assert encode(type_, decode(type_, wire)) == wire


@given(st.lists(st.dates()))
def test_decode_undoes_encode_of_a_set(days: list[date]) -> None:
    canonical = sorted(set(days))
    assert decode(set_of(DATE), encode(set_of(DATE), days)) == canonical


@pytest.mark.parametrize(
    ("type_", "text", "typed"),
    [
        (TEXT, "0012", "0012"),
        (TEXT, "12e4567", "12e4567"),
        (TEXT, "yes", "yes"),
        (INT, "-12", -12),
        (INT, "0", 0),
        (DECIMAL, "1.10", Decimal("1.10")),
        (NUMBER, "0.7", 0.7),
        (BOOL, "true", True),
        (BOOL, "false", False),
        (DATE, "2028-02-29", date(2028, 2, 29)),
        (INSTANT, "1970-01-01T08:00:01+08:00", 1_000),
        (INSTANT, "1970-01-01 00:00Z", 0),
        (INSTANT, "1969-12-31T23:59:59.500Z", -500),
        (enum_of(("sms", "email")), "sms", "sms"),
        (DATE.optional(), "none", None),
    ],
)
def test_parse_reads_one_scalar(type_: Type, text: str, typed: Any) -> None:
    value = parse(type_, text)
    assert value == typed
    assert type(value) is type(typed)


@pytest.mark.parametrize(
    ("type_", "text", "allowed"),
    [
        (INT, "0012", "digits"),
        (INT, "12e4567", "digits"),
        (INT, "1_000", "digits"),
        (INT, "1.0", "digits"),
        (INT, "２", "digits"),
        (INT, "1000000000000001", "10**15"),
        (DECIMAL, ".5", "3600.00"),
        (DECIMAL, "nan", "3600.00"),
        (NUMBER, "1e5", "0.75"),
        (NUMBER, "inf", "0.75"),
        (BOOL, "yes", "true or false"),
        (BOOL, "True", "true or false"),
        (DATE, "2026-02-29", "a day that exists"),
        (DATE, "2026-2-9", "2026-03-12"),
        (DATE, "20260209", "2026-03-12"),
        (DATE, "none", "2026-03-12"),
        (INSTANT, "2026-03-12T09:00:00", "offset"),
        (INSTANT, "2026-03-12T25:00:00Z", "offset"),
        (INSTANT, "2026-03-12T09:00:00+99:00", "offset"),
        (enum_of(("sms", "email")), "fax", "one of `sms`, `email`"),
        (list_of(TEXT), "a", "a list of texts"),
    ],
)
def test_parse_refuses_and_says_what_is_allowed(type_: Type, text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match="`") as caught:
        parse(type_, text)
    assert allowed in str(caught.value)
    assert text in str(caught.value)
