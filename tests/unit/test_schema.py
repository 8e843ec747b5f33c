"""What a project declares event types with: values are read strictly, or refused."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sojourn.schema import (
    END_OF_INSTANTS,
    Day,
    Event,
    Id,
    Instant,
    Money,
    Number,
    Score,
    Text,
    Whole,
    defaulted,
    example,
    instant_of,
    money_of,
    optional,
)


class Sample(Event, type="sample.taken", entity="sample", topic="t", source="Lab"):
    """One field of each kind."""

    id: Id = example("S-1")
    text: Text = example("a")
    whole: Whole = example(1)
    number: Number = example(0.5)
    score: Score = example(0.5)
    money: Money = example("1.00")
    day: Day = example("2026-03-12")
    at: Instant = example("2026-03-12T09:00:00+08:00")
    flag: bool = defaulted(False)
    note: Text | None = optional()


GOOD: dict[str, Any] = {
    "id": "S-1",
    "text": "",
    "whole": 3,
    "number": 1,
    "score": 1,
    "money": "3600.00",
    "day": "2026-03-12",
    "at": "2026-03-12T09:00:00.5+08:00",
}


def read(**changed: Any) -> Sample:
    return Sample.model_validate_json(json.dumps(GOOD | changed))


def test_a_good_payload_becomes_typed_values() -> None:
    sample = read(unheard_of=1)
    assert sample.money == Decimal("3600.00")
    assert sample.day.isoformat() == "2026-03-12"
    assert sample.at == 1_773_277_200_500
    assert sample.flag is False
    assert sample.note is None
    assert "unheard_of" not in sample.__dict__


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", 1),
        ("id", "a" * 201),
        ("id", "a\x00b"),
        ("id", "a\nb"),
        ("id", None),
        ("text", 1),
        ("text", "a" * 4097),
        ("text", "a\x00"),
        ("text", None),
        ("text", []),
        ("whole", "3"),
        ("whole", 3.0),
        ("whole", 3.5),
        ("whole", True),
        ("whole", 10**16),
        ("whole", None),
        ("number", "0.5"),
        ("number", True),
        ("score", 1.1),
        ("score", -0.1),
        ("money", "3,600.00"),
        ("money", "3600.001"),
        ("money", "1e3"),
        ("money", " 1"),
        ("money", "1_0"),
        ("money", "٣"),
        ("money", "NaN"),
        ("money", True),
        ("money", None),
        ("money", 0.001),
        ("money", 10**15),
        ("money", "1" * 16),
        ("money", "+1"),
        ("money", "01"),
        ("money", ""),
        ("day", "2026-3-1"),
        ("day", "2026-02-30"),
        ("day", 20260312),
        ("day", "2026-03-12T00:00:00"),
        ("day", "1849-12-31"),
        ("day", "9999-12-31"),
        ("day", "0000-01-01"),
        ("at", "2026-03-12T09:00:00"),
        ("at", 1_773_277_200_500),
        ("at", "2026-03-12"),
        ("at", "nonsense"),
        ("at", "1969-12-31T23:59:59Z"),
        ("at", "2101-01-01T00:00:00Z"),
        ("at", "2026-03-12 09:00:00Z"),
        ("flag", "true"),
        ("flag", 1),
        ("flag", None),
        ("note", 1),
    ],
)
def test_a_value_of_another_type_is_refused_and_never_converted(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**{field: value})
    assert [problem["loc"] for problem in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
@pytest.mark.parametrize("field", ["number", "score", "money", "whole"])
def test_a_number_that_is_none_is_refused(field: str, literal: str) -> None:
    text = json.dumps({name: value for name, value in GOOD.items() if name != field})
    with pytest.raises(ValidationError):
        Sample.model_validate_json(f'{text[:-1]}, "{field}": {literal}}}')


@pytest.mark.parametrize(
    ("given_value", "amount"),
    [
        ("0", "0.00"),
        ("-3.5", "-3.50"),
        (3600, "3600.00"),
        (3600.5, "3600.50"),
        (12.0, "12.00"),
        ("0.01", "0.01"),
    ],
)
def test_an_amount_always_has_two_digits(given_value: Any, amount: str) -> None:
    assert str(money_of(given_value)) == amount


@given(st.integers(0, END_OF_INSTANTS - 1), st.sampled_from(["Z", "+08:00", "-11:30", "+14:00"]))
def test_an_instant_is_read_to_the_millisecond_in_any_offset(instant: int, offset: str) -> None:
    from datetime import datetime, timedelta

    shift = timedelta() if offset == "Z" else timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:]))
    wall = datetime.fromisoformat("1970-01-01") + timedelta(milliseconds=instant) + shift
    if wall.year >= 1970:
        assert instant_of(wall.isoformat(timespec="milliseconds") + offset) == instant


def test_a_base_class_without_a_type_declares_none() -> None:
    class Base(Event):
        policy_id: Id = example("P-1")

    assert Base.declaration__ is None
    assert Sample.declaration__ is not None
    assert Sample.declaration__.type == "sample.taken"
