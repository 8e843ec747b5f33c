"""From bytes to an event: every kind of bad input has its reason, and no bytes raise."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.core.model import Event
from sojourn.definitions.catalogue import load_catalogue
from sojourn.intake.decode import DEPTH_LIMIT, REASONS, SIZE_LIMIT, Refused, decode, decode_recorded

CATALOGUE = load_catalogue(Path(__file__).parents[2])
ARRIVAL = 1_773_277_200_000
GOOD: dict[str, Any] = {
    "event_id": "01J",
    "type": "payment.failed",
    "occurred_at": "2026-03-12T09:00:00.000Z",
    "customer_id": "C1",
    "source": "Payment gateway",
    "entity": {"type": "installment", "id": "P-1#3", "seq": 2},
    "trace_id": "t-1",
    "payload": {
        "policy_id": "P-1",
        "installment_no": 3,
        "attempt_no": 1,
        "amount_cny": "3600.00",
        "reason_code": "bank_error",
        "next_retry_date": "2026-03-15",
    },
}


def raw(changed: dict[str, Any] | None = None, payload: dict[str, Any] | None = None, without: str = "") -> bytes:
    whole = GOOD | (changed or {})
    if payload is not None:
        whole = whole | {"payload": GOOD["payload"] | payload}
    for name in without.split():
        top, _, field = name.partition(".")
        whole = {key: dict(value) if isinstance(value, dict) else value for key, value in whole.items()}
        del (whole[top] if field else whole)[field or top]
    return json.dumps(whole, ensure_ascii=False).encode()


def test_a_good_event_is_typed_and_arrives_when_it_was_told() -> None:
    event = decode(raw(), CATALOGUE, ARRIVAL)
    assert event == Event(
        id="01J",
        type="payment.failed",
        customer="C1",
        occurred=1_773_306_000_000,
        arrival=ARRIVAL,
        source="Payment gateway",
        entity_type="installment",
        entity_id="P-1#3",
        seq=2,
        trace_id="t-1",
        payload={
            "policy_id": "P-1",
            "installment_no": 3,
            "attempt_no": 1,
            "amount_cny": Decimal("3600.00"),
            "reason_code": "bank_error",
            "next_retry_date": date(2026, 3, 15),
            "due_date": None,
        },
    )


@pytest.mark.parametrize(
    "fine",
    [
        raw(without="entity"),
        raw({"entity": None}),
        raw(without="trace_id"),
        raw({"trace_id": None}),
        raw({"entity": {"type": "installment", "id": "P-1#3"}}),
        raw({"schema_version": 1, "unheard_of": [1, {"a": 2}]}),
        raw(payload={"unheard_of": {"deep": [1, 2]}}),
        raw(payload={"amount_cny": 3600}),
        raw({"occurred_at": "2026-03-12T17:00:00+08:00"}),
        raw({"customer_id": "客户 1", "arrives_at": "whenever"}),
        b" \n" + raw() + b"\n",
        raw()[:-1] + b', "customer_id": "C1"}',
    ],
)
def test_what_is_optional_unknown_or_said_twice_does_not_matter(fine: bytes) -> None:
    event = decode(fine, CATALOGUE, ARRIVAL)
    assert isinstance(event, Event), event
    assert event.payload["amount_cny"] == 3600
    assert event.occurred == 1_773_306_000_000


def deep(levels: int) -> bytes:
    return raw()[:-1] + b', "more": ' + b"[" * levels + b"]" * levels + b"}"


BAD: list[tuple[str, bytes, str]] = [
    ("empty", b"", "bad_json"),
    ("no JSON", b"hello", "bad_json"),
    ("cut off", raw()[:-5], "bad_json"),
    ("two objects", raw() + raw(), "bad_json"),
    ("NUL", b"\x00", "bad_json"),
    ("NUL behind", raw() + b"\x00", "bad_json"),
    ("byte order mark", b"\xef\xbb\xbf" + raw(), "bad_json"),
    ("NaN outside", raw()[:-1] + b', "more": NaN}', "bad_json"),
    ("NaN inside", raw().replace(b'"3600.00"', b"NaN"), "bad_json"),
    ("half a surrogate", raw().replace(b'"bank_error"', b'"\\ud800"'), "bad_json"),
    ("not UTF-8", raw().replace(b"C1", b"\xff\xfe"), "not_utf8"),
    ("not UTF-8 in what is ignored", raw()[:-1] + b', "more": "\xc3"}', "not_utf8"),
    ("UTF-16", raw().decode().encode("utf-16"), "not_utf8"),
    ("1 MB", raw({"trace_id": "a" * 1_000_000}), "too_large"),
    ("1,000 levels", deep(1000), "too_deep"),
    ("100,000 levels left open", raw()[:-1] + b', "more": ' + b"[" * 100_000, "too_deep"),
    ("one level too many", deep(DEPTH_LIMIT), "too_deep"),
    ("a list", b"[" + raw() + b"]", "wrong_type"),
    ("a text", b'"hello"', "wrong_type"),
    ("null", b"null", "wrong_type"),
    ("unknown type", raw({"type": "payment.failedd"}), "unknown_type"),
    ("unknown version", raw({"schema_version": 7}), "unknown_type"),
    ("a line of control", raw({"type": "sojourn.publish"}), "unknown_type"),
    ("no type", raw(without="type"), "missing_field"),
    ("no time", raw(without="occurred_at"), "missing_field"),
    ("no payload", raw(without="payload"), "missing_field"),
    ("no source", raw(without="source"), "missing_field"),
    ("empty source", raw({"source": ""}), "missing_field"),
    ("no field", raw(without="payload.policy_id"), "missing_field"),
    ("payload is a list", raw({"payload": []}), "wrong_type"),
    ("payload is null", raw({"payload": None}), "wrong_type"),
    ("type is a number", raw({"type": 1}), "wrong_type"),
    ("version is a text", raw({"schema_version": "1"}), "wrong_type"),
    ("a text for a number", raw(payload={"installment_no": "3"}), "wrong_type"),
    ("null for a text", raw(payload={"policy_id": None}), "wrong_type"),
    ("out of the list", raw(payload={"reason_code": "no_idea"}), "wrong_type"),
    ("a day that does not exist", raw(payload={"next_retry_date": "2026-02-30"}), "wrong_type"),
    ("1e999", raw().replace(b'"3600.00"', b"1e999"), "wrong_type"),
    (
        "a huge number",
        raw().replace(b'"installment_no": 3', b'"installment_no": ' + b"9" * 5000),
        "wrong_type",
    ),
    ("NUL in a text", raw(payload={"policy_id": "a\x00"}), "wrong_type"),
    ("a very long text", raw(payload={"policy_id": "a" * 10_000}), "wrong_type"),
    ("naive time", raw({"occurred_at": "2026-03-12T09:00:00"}), "bad_time"),
    ("no time at all", raw({"occurred_at": "yesterday"}), "bad_time"),
    ("a number for a time", raw({"occurred_at": 1773306000}), "bad_time"),
    ("year 0", raw({"occurred_at": "0000-01-01T00:00:00Z"}), "bad_time"),
    ("year 1", raw({"occurred_at": "0001-01-01T00:00:00+14:00"}), "bad_time"),
    ("year 1969", raw({"occurred_at": "1969-12-31T23:59:59Z"}), "bad_time"),
    ("year 2101", raw({"occurred_at": "2101-01-01T00:00:00Z"}), "bad_time"),
    ("year 9999", raw({"occurred_at": "9999-12-31T23:59:59-14:00"}), "bad_time"),
    ("31 February", raw({"occurred_at": "2026-02-31T00:00:00Z"}), "bad_time"),
    ("no event id", raw(without="event_id"), "no_id"),
    ("event id null", raw({"event_id": None}), "no_id"),
    ("event id empty", raw({"event_id": ""}), "no_id"),
    ("event id a number", raw({"event_id": 7}), "wrong_type"),
    ("no customer", raw(without="customer_id"), "no_customer"),
    ("customer null", raw({"customer_id": None}), "no_customer"),
    ("customer empty", raw({"customer_id": ""}), "no_customer"),
    ("customer of 10 kB", raw({"customer_id": "a" * 10_000}), "bad_id"),
    ("customer with NUL", raw({"customer_id": "C\x001"}), "bad_id"),
    ("customer with a line end", raw({"customer_id": "C1\r\nBcc"}), "bad_id"),
    ("long event id", raw({"event_id": "a" * 201}), "bad_id"),
    ("trace with a control character", raw({"trace_id": "\x1b[0m"}), "bad_id"),
    ("long source", raw({"source": "a" * 201}), "bad_id"),
    ("seq 0", raw({"entity": {"type": "installment", "id": "x", "seq": 0}}), "bad_entity"),
    ("seq a text", raw({"entity": {"type": "installment", "id": "x", "seq": "1"}}), "bad_entity"),
    ("seq a fraction", raw({"entity": {"type": "installment", "id": "x", "seq": 1.0}}), "bad_entity"),
    ("seq true", raw({"entity": {"type": "installment", "id": "x", "seq": True}}), "bad_entity"),
    (
        "seq beyond all bounds",
        raw({"entity": {"type": "installment", "id": "x", "seq": 10**30}}),
        "bad_entity",
    ),
    ("entity without id", raw({"entity": {"type": "installment", "seq": 1}}), "bad_entity"),
    ("entity with an empty id", raw({"entity": {"type": "installment", "id": "", "seq": 1}}), "bad_entity"),
    ("entity a text", raw({"entity": "installment"}), "bad_entity"),
    ("a longer id of an entity", raw({"entity": {"type": "installment", "id": "x" * 201}}), "bad_id"),
]


@pytest.mark.parametrize(("text", "reason"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_refused_with_its_reason(text: bytes, reason: str) -> None:
    for answer in (decode(text, CATALOGUE, ARRIVAL), decode_recorded(text, CATALOGUE)):
        assert isinstance(answer, Refused)
        assert answer.reason == reason, answer
        assert answer.detail.isprintable()
        assert len(answer.detail) < 500


def test_the_table_has_a_row_for_every_reason() -> None:
    assert {reason for _, _, reason in BAD} == set(REASONS) - {"unmapped"}  # which is a word of topics.yaml


def test_the_limits_themselves_are_allowed() -> None:
    assert isinstance(decode(deep(DEPTH_LIMIT - 1), CATALOGUE, ARRIVAL), Event)
    filled = raw()[:-1] + b', "more": "' + b"[" * 1000
    filled += b"a" * (SIZE_LIMIT - len(filled) - 2) + b'"}'
    assert len(filled) == SIZE_LIMIT
    assert isinstance(decode(filled, CATALOGUE, ARRIVAL), Event)
    assert isinstance(decode(raw({"customer_id": "客" * 200}), CATALOGUE, ARRIVAL), Event)


@pytest.mark.parametrize(
    "secret", ["policy_id", "reason_code", "next_retry_date", "amount_cny", "installment_no", "attempt_no"]
)
def test_a_refusal_never_repeats_a_value_of_the_payload(secret: str) -> None:
    answer = decode(raw(payload={secret: ["SECRET-7"]}), CATALOGUE, ARRIVAL)
    assert isinstance(answer, Refused)
    assert f"payload.{secret}" in answer.detail
    assert "SECRET-7" not in answer.detail


@pytest.mark.parametrize("kind", ["13900001111", "Li Lei", "李雷", "li13900001111", "a@b.example", "Zoe\n"])
def test_what_can_be_no_type_is_not_shown(kind: str) -> None:
    answer = decode(raw({"type": kind}), CATALOGUE, ARRIVAL)
    assert isinstance(answer, Refused)
    assert kind.strip() not in answer.detail.removeprefix("type: no name of a type")


def test_an_unknown_type_gets_the_nearest_name() -> None:
    answer = decode(raw({"type": "payment.faild"}), CATALOGUE, ARRIVAL)
    assert isinstance(answer, Refused)
    assert "did you mean `payment.failed`?" in answer.detail


@pytest.mark.parametrize(
    ("changed", "arrival"),
    [
        ({}, 1_773_306_000_000),
        ({"arrives_at": None}, 1_773_306_000_000),
        ({"arrives_at": "2026-03-13T09:00:00Z"}, 1_773_392_400_000),
        ({"arrives_at": "2026-03-12T08:59:59Z"}, 1_773_305_999_000),
    ],
)
def test_a_recorded_event_arrives_at_its_own_time(changed: dict[str, Any], arrival: int) -> None:
    event = decode_recorded(raw(changed), CATALOGUE)
    assert isinstance(event, Event)
    assert (event.arrival, event.occurred) == (arrival, 1_773_306_000_000)


@pytest.mark.parametrize("arrives", ["soon", 1, "2026-03-13T09:00:00", "2200-01-01T00:00:00Z"])
def test_a_recorded_event_with_a_bad_arrival_is_refused(arrives: Any) -> None:
    answer = decode_recorded(raw({"arrives_at": arrives}), CATALOGUE)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.detail.partition(":")[0]) == ("bad_time", "arrives_at")


def updated(profile: Any) -> bytes:
    return raw({"type": "customer.updated", "payload": {"changed": [], "profile": profile}})


def test_a_partial_profile_is_checked_against_the_profile_and_kept_in_wire_form() -> None:
    event = decode(updated({"mobile": None, "risk_level": 3, "age": 3, "hat_size": 4}), CATALOGUE, ARRIVAL)
    assert isinstance(event, Event)
    assert event.payload["profile"] == {"mobile": None, "risk_level": 3, "customer_id": "C1"}


@pytest.mark.parametrize(
    ("profile", "reason", "path"),
    [
        ({"tier": "platinum"}, "wrong_type", "payload.profile.tier"),
        ({"timezone": "Mars/Base"}, "wrong_type", "payload.profile.timezone"),
        ({"risk_level": 6}, "wrong_type", "payload.profile.risk_level"),
        ({"mobile": "+86\r\nBcc: a@b"}, "wrong_type", "payload.profile.mobile"),
        (
            {"consent": {"care": {"sms": {"at": "2026-01-01T00:00:00Z"}}}},
            "missing_field",
            "payload.profile.consent.care.sms.granted",
        ),
        ([], "wrong_type", "payload.profile"),
    ],
)
def test_a_bad_partial_profile_refuses_the_event(profile: Any, reason: str, path: str) -> None:
    answer = decode(updated(profile), CATALOGUE, ARRIVAL)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.detail.partition(":")[0]) == (reason, path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=400))
def test_no_bytes_whatsoever_raise(text: bytes) -> None:
    assert isinstance(decode(text, CATALOGUE, ARRIVAL), Refused)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(raw()) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_event_is_an_event_or_refused(place: int, noise: bytes) -> None:
    good = raw()
    answer = decode_recorded(good[:place] + noise + good[place + len(noise) :], CATALOGUE)
    assert isinstance(answer, Event | Refused)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([*GOOD, "schema_version", "arrives_at"]), JSON)
def test_any_value_anywhere_in_the_envelope_is_taken_or_refused(field: str, value: Any) -> None:
    answer = decode_recorded(raw({field: value}), CATALOGUE)
    assert isinstance(answer, Event) or answer.reason in REASONS


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(CATALOGUE.types)), st.data(), JSON)
def test_any_value_anywhere_in_a_payload_is_taken_or_refused(name: str, data: st.DataObject, value: Any) -> None:
    kind = CATALOGUE.types[name]
    field = data.draw(st.sampled_from(sorted(kind.fields)))
    payload = dict(kind.examples) | {field: value}
    answer = decode(raw({"type": name, "payload": payload}), CATALOGUE, ARRIVAL)
    assert isinstance(answer, Event) or answer.reason in (
        "missing_field",
        "wrong_type",
        "bad_time",
        "bad_json",
    )
