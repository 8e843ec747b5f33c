"""Rows as JSON: exactly the fields of interfaces.md, in their order."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.rows import instant_of, instant_text, row_json
from tests.contract.storekit import NOW, row

FIELDS = [
    "message_id",
    "customer_id",
    "journey",
    "journey_version",
    "key",
    "step",
    "template",
    "template_version",
    "locale",
    "channel",
    "status",
    "reason",
    "due_at",
    "decided_at",
    "handed_over_at",
    "subject",
    "text",
    "html",
    "event_id",
    "trace_id",
    "detail",
]


def test_a_row_has_the_fixed_fields_in_their_order() -> None:
    shown = row_json(row(reason="frequency_cap", handed_over_at=None, due_at=1_780_475_418_282))
    assert list(shown) == FIELDS
    assert shown["due_at"] == "2026-06-03T08:30:18.282Z"
    assert shown["handed_over_at"] is None
    assert shown["key"] == {"policy_id": "P-1", "installment_no": 3}


def test_details_become_plain() -> None:
    detail = {"amount": Decimal("1.50"), "day": date(2026, 2, 28), "of": (1, 2), "in": {"a": Decimal(7)}, "at": NOW}
    plain = json.loads(json.dumps(row_json(row(detail=detail))["detail"]))
    assert plain == {"amount": "1.50", "day": "2026-02-28", "of": [1, 2], "in": {"a": "7"}, "at": NOW}


def test_an_erased_person_has_no_id() -> None:
    assert row_json(row(customer=""))["customer_id"] is None


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_instants_are_written_with_four_digits_of_year_and_milliseconds(instant: int, text: str) -> None:
    assert instant_text(instant) == text
    assert instant_of(text) == instant


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_an_instant_comes_back(instant: int) -> None:
    assert instant_of(instant_text(instant)) == instant


def test_offsets_are_read_and_needed() -> None:
    assert instant_of("2026-06-03T16:30:18.282+08:00") == 1_780_475_418_282
    with pytest.raises(ValueError, match="offset"):
        instant_of("2026-06-03T08:30:18")
