"""One line of customers: checked against the profile, or refused with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.definitions.catalogue import load_catalogue
from sojourn.intake.decode import REASONS, Known, Refused, decode_customer

CATALOGUE = load_catalogue(Path(__file__).parents[2])
DEFAULTS = CATALOGUE.profile.defaults


def known(**values: Any) -> Known:
    answer = decode_customer({"customer_id": "C1"} | values, CATALOGUE)
    assert isinstance(answer, Known), answer
    return answer


def test_a_line_with_the_id_alone_is_a_customer_of_defaults() -> None:
    assert known() == Known("C1", {"customer_id": "C1"})
    assert DEFAULTS["language"] == "zh-CN"
    assert DEFAULTS["tier"] == "basic"
    assert DEFAULTS["mobile_valid"] is True


def test_fields_are_kept_in_wire_form() -> None:
    line = known(
        birth_date="1980-02-29",
        aum_cny=6000000.5,
        tags=["b", "a", "b"],
        churn_score=1,
        hat_size=4,
        last_activity_at={"life": "2026-03-12T09:00:00Z"},
        policies=[{"policy_id": "P-1", "status": "active"}],
        family={"children": 2, "pets": 1},
        timezone="Asia/Kathmandu",
    )
    assert line.fields == {
        "customer_id": "C1",
        "birth_date": "1980-02-29",
        "aum_cny": "6000000.5",
        "tags": ["a", "b"],
        "churn_score": 1.0,
        "last_activity_at": {"life": 1_773_306_000_000},
        "policies": [{"policy_id": "P-1", "status": "active"}],
        "family": {"children": 2},
        "timezone": "Asia/Kathmandu",
    }


def test_consent_is_true_or_false_or_a_record() -> None:
    line = known(
        consent={
            "marketing": {
                "sms": True,
                "email": {"granted": False, "at": "2026-03-12T09:00:00Z", "method": "web"},
            },
            "care": {"sms": None, "fax": True},
            "gossip": {"sms": True},
        }
    )
    assert line.fields["consent"] == {
        "marketing": {
            "sms": {"granted": True},
            "email": {"granted": False, "at": 1_773_306_000_000, "method": "web"},
        },
        "care": {},
    }


def test_what_is_derived_or_empty_is_not_taken() -> None:
    line = known(age=12, lifecycle_stage="former", email="", mobile=None)
    assert line.fields == {"customer_id": "C1", "email": None, "mobile": None}


def test_a_locale_that_nobody_declared_reads_as_the_default_q28() -> None:
    assert known(language="fr").fields["language"] == "zh-CN"
    assert known(language="en").fields["language"] == "en"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "bad_json"),
        (b"[]", "wrong_type"),
        (b"{}", "no_customer"),
        (b'{"customer_id": ""}', "no_customer"),
        (b'{"customer_id": 5}', "wrong_type"),
        (b'{"customer_id": "a\\u0000"}', "bad_id"),
        (b'{"customer_id": "\xff"}', "not_utf8"),
        (b'{"customer_id": "' + b"a" * 300_000 + b'"}', "too_large"),
        (b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}", "too_deep"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_line_that_is_no_customer_is_refused(line: bytes, reason: str) -> None:
    answer = decode_customer(line, CATALOGUE)
    assert isinstance(answer, Refused)
    assert answer.reason == reason


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("tier", "platinum", "wrong_type"),
        ("tier", 1, "wrong_type"),
        ("do_not_contact", "true", "wrong_type"),
        ("birth_date", "1980-02-30", "wrong_type"),
        ("birth_date", "1200-01-01", "wrong_type"),
        ("birth_date", 19800101, "wrong_type"),
        ("risk_level", 0, "wrong_type"),
        ("risk_level", "3", "wrong_type"),
        ("risk_level", True, "wrong_type"),
        ("aum_cny", "1e9", "wrong_type"),
        ("aum_cny", True, "wrong_type"),
        ("churn_score", 1e300, "wrong_type"),
        ("churn_score", "0.5", "wrong_type"),
        ("tags", "a", "wrong_type"),
        ("tags", ["a"] * 2000, "wrong_type"),
        ("tags", [None], "wrong_type"),
        ("timezone", "Nowhere", "wrong_type"),
        ("timezone", "../../etc/passwd", "wrong_type"),
        ("name", "a" * 5000, "wrong_type"),
        ("email", "a@b\r\nBcc: c@d", "wrong_type"),
        ("policies", [{"status": "active"}], "missing_field"),
        ("last_activity_at", {"life": "yesterday"}, "bad_time"),
        ("last_activity_at", [], "wrong_type"),
        ("family", {"children": "two"}, "wrong_type"),
        ("consent", True, "wrong_type"),
        ("consent", {"care": True}, "wrong_type"),
        ("consent", {"care": {"sms": "yes"}}, "wrong_type"),
        ("consent", {"care": {"sms": {}}}, "missing_field"),
        ("consent", {"care": {"sms": {"granted": True, "at": "soon"}}}, "bad_time"),
        ("points_balance", 10**20, "wrong_type"),
        ("language", 1, "wrong_type"),
    ],
)
def test_a_value_that_is_not_of_its_type_refuses_the_line(field: str, value: Any, reason: str) -> None:
    answer = decode_customer(json.dumps({"customer_id": "C1", field: value}).encode(), CATALOGUE)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.detail.startswith(field)) == (reason, True), answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(CATALOGUE.profile.fields)), JSON)
def test_any_value_in_any_field_is_taken_or_refused(field: str, value: Any) -> None:
    answer = decode_customer({"customer_id": "C1", field: value}, CATALOGUE)
    assert isinstance(answer, Known) or answer.reason in REASONS
