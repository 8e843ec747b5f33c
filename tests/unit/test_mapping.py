"""Records of foreign topics: each becomes the event that topics.yaml says, or has its reason; none raises."""

import base64
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.core.model import Event
from sojourn.intake.decode import DEPTH_LIMIT, REASONS, SIZE_LIMIT, Refused, decode
from sojourn.intake.mapping import Ignored, Mapped, Topics, load_topics
from tests.unit.topics_kit import AT, CATALOGUE, FILE, IDENTITY, TOPIC, bytes_of, one, topics

BILLING = topics(FILE)
PAID: dict[str, Any] = {
    "kind": "PAID", "branch": 17, "no": "A-9", "client": {"no": 1001}, "contract": "P-1", "instalment": 3, "version": 2,
    "at": "2026-03-12 09:00:05", "day": "11.03.2026", "cents": 360050, "open": "0.00", "how": "WALLET",
}  # fmt: skip
FAILED: dict[str, Any] = PAID | {"kind": "FAILED", "attempts": ["a", "b"], "rc": 51}
Header = list[tuple[str, bytes | None]]


def read(value: Any, key: bytes | None = b"C1", headers: Header | None = None, **more: Any) -> Mapped:
    """Read one record of the topic of bills."""
    raw = value if value is None or isinstance(value, bytes) else bytes_of(value)
    given: dict[str, Any] = {"identity": IDENTITY, "timestamp": AT, "topics": BILLING, "topic": TOPIC} | more
    found = given.pop("topics")
    answer: Mapped = found.read(given.pop("topic"), key, raw, headers or [], **given)
    return answer


def event(mapped: Mapped) -> Event:
    """Give the event of an envelope, which must be one."""
    assert isinstance(mapped, bytes), mapped
    found = decode(mapped, CATALOGUE, AT + 1)
    assert isinstance(found, Event), found
    return found


def test_a_record_becomes_an_event() -> None:
    assert event(read(PAID)) == Event(
        id="17-A-9",
        type="payment.received",
        customer="1001",
        occurred=1_773_277_205_000,
        arrival=AT + 1,
        source="Legacy billing",
        entity_type="installment",
        entity_id="P-1",
        seq=2,
        payload={
            "policy_id": "P-1",
            "installment_no": 3,
            "amount_cny": Decimal("3600.50"),
            "outstanding_cny": Decimal("0.00"),
            "paid_date": date(2026, 3, 11),
            "method": "wallet",
        },
    )


def test_the_first_event_whose_condition_holds_is_taken_and_has_the_identity_where_no_id_is_given() -> None:
    found = event(read(FAILED))
    assert (found.type, found.id) == ("payment.failed", IDENTITY)
    assert found.payload["attempt_no"] == 2
    assert found.payload["reason_code"] == "insufficient_funds"
    assert event(read(FAILED | {"rc": "unheard of"})).payload["reason_code"] == "bank_error"


def test_the_identity_of_a_topic_with_a_long_name_is_still_an_id() -> None:
    first, second = (event(read(FAILED, identity=f"kafka:{'t' * 249}/0@e:{offset}")).id for offset in (1, 2))
    assert first != second


def test_what_none_takes_is_ignored_or_refused_as_the_file_says() -> None:
    assert read({"kind": "OPENED"}) == Ignored("otherwise")
    assert read({}) == Ignored("otherwise")
    strict = topics(FILE.replace("otherwise: ignore", "otherwise: refuse"))
    refused = read({"kind": "OPENED"}, topics=strict)
    assert isinstance(refused, Refused)
    assert refused.reason == "unmapped"


def test_tombstones_are_refused_unless_the_file_ignores_them() -> None:
    assert read(None) == Refused("bad_json", "the record has no value")
    assert read(None, topics=topics(FILE + "    tombstones: ignore\n")) == Ignored("tombstone")


def test_our_own_topics_pass_through_untouched() -> None:
    raw = b"anything at all \xff"
    assert read(raw, topic="cj.payment.v1") is raw
    assert read(None, topic="cj.payment.v1") == Refused("bad_json", "the record has no value")


BAD: list[tuple[str, Any, str, str]] = [
    ("no JSON", b"hello", "bad_json", "JSON"),
    ("empty", b"", "bad_json", "JSON"),
    ("not UTF-8", b'{"kind": "\xff"}', "not_utf8", "byte"),
    ("too large", b" " * (SIZE_LIMIT + 1), "too_large", "bytes"),
    ("too deep", b"[" * (DEPTH_LIMIT + 1), "too_deep", "levels"),
    ("a list", [PAID], "wrong_type", "if: an object is wanted, not a list, in `value.kind == 'PAID'`"),
    ("a text", "hello", "wrong_type", "if: an object is wanted, not a text"),
    ("a number for the kind", PAID | {"kind": 7}, "wrong_type", "if: a number is compared with a text"),
    ("no customer", PAID | {"client": {}}, "no_customer", "customer_id: nothing there, from `value.client.no`"),
    ("no client", PAID | {"client": None}, "no_customer", "customer_id: nothing there"),
    ("a client that is a text", PAID | {"client": "x"}, "wrong_type", "customer_id: an object is wanted, not a text"),
    ("a fraction of a customer", PAID | {"client": {"no": 1.5}}, "wrong_type", "a text is wanted, not a number"),
    ("a true customer", PAID | {"client": {"no": True}}, "wrong_type", "a text is wanted, not a truth value"),
    ("no time", PAID | {"at": None}, "bad_time", "occurred_at: nothing there"),
    ("no such time", PAID | {"at": "2026-02-30 09:00"}, "bad_time", "this day does not exist"),
    ("25 o'clock", PAID | {"at": "2026-03-12 25:00"}, "bad_time", "this time does not exist"),
    ("the year 9999", PAID | {"at": "9999-03-12 23:00"}, "bad_time", "outside the years"),
    ("another form of a time", PAID | {"at": "12.03.2026"}, "bad_time", "a local time as"),
    ("no such day", PAID | {"day": "31.02.2026"}, "wrong_type", "payload.paid_date: this day does not exist"),
    ("another form of a day", PAID | {"day": "2026-03-11"}, "wrong_type", "a day as DD.MM.YYYY is wanted"),
    ("a text for a number", PAID | {"cents": "360050"}, "wrong_type", "payload.amount_cny: a number is wanted"),
    ("a huge number", FAILED | {"cents": 10**30}, "wrong_type", "a number with too many digits"),
    ("a huge exponent", json.dumps(PAID).replace("360050", "1e999999999").encode(), "wrong_type", "too many digits"),
    ("an exponent of exponents", json.dumps(PAID).replace("360050", "1e" + "9" * 40).encode(), "wrong_type", "digits"),
    ("a fraction of an installment", PAID | {"instalment": 3.5}, "wrong_type", "a whole number is wanted"),
    ("an open amount in words", PAID | {"open": "none"}, "wrong_type", "a text of digits is wanted"),
    ("a fraction of a sequence", PAID | {"version": 1.5}, "wrong_type", "entity.seq: a whole number is wanted"),
    ("no contract", PAID | {"contract": None}, "bad_entity", "entity.id: nothing there"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason", "detail"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_record_has_its_reason(value: Any, reason: str, detail: str) -> None:
    answer = read(value)
    assert isinstance(answer, Refused)
    assert (answer.reason, detail in answer.detail) == (reason, True), answer


def test_what_is_absent_is_left_to_the_check_of_the_event() -> None:
    mapped = read(PAID | {"how": None})
    assert isinstance(mapped, bytes)
    refused = decode(mapped, CATALOGUE, AT)
    assert isinstance(refused, Refused)
    assert (refused.reason, "payload.method" in refused.detail) == ("missing_field", True)


def test_no_detail_holds_a_value_of_the_record() -> None:
    secret = "13800000000"
    for name in PAID:
        for value in (secret, {"a": secret}, [secret], int(secret)):
            answer = read(PAID | {name: value})
            assert not isinstance(answer, Refused) or secret not in answer.detail


VALUE: dict[str, Any] = {
    "a": {"b": [10, {"c": "deep"}], "e-f": "dash"}, "n": 7, "x": 2.5, "t": " Text ", "yes": True, "no": False,
    "list": ["a", "b", None, 3], "null": None, "day": "20260312", "s": 1_773_277_200, "digits": "0042", "neg": "-0.75",
    "big": 1e300,
}  # fmt: skip
EXPRESSIONS: list[tuple[str, Any]] = [
    ("key", "C1"),
    ("headers['system']", "SAP"),
    ("headers.system", "SAP"),
    ("headers['nobody']", None),
    ("value.a.b[1].c", "deep"),
    ("value['a']['e-f']", "dash"),
    ("value.a.b[7]", None),
    ("value.nobody.at_all[3]", None),
    ("value.t | trim | upper", "TEXT"),
    ("value.t | trim | lower | first(2)", "te"),
    ("value.t | trim | last(2)", "xt"),
    ("value.digits | number | text", "42"),
    ("((value.neg | number) * 4) | text", "-3"),
    ("((value.x + 1) * 2 - value.digits | number) | text", "-35"),
    ("(value.n / 2) | text", "3.5"),
    ("(value.n / 0) | text", None),
    ("(value.n - 10) | text", "-3"),
    ("-value.n | text", "-7"),
    ("(1 / 3) | text", "0.333333333333"),
    ("value.list | join('-')", "a-b-3"),
    ("value.list | first(2) | join('')", "ab"),
    ("value.list | length | text", "4"),
    ("value.null | default(value.nobody) | default('z')", "z"),
    ("value.yes | text", "true"),
    ("'y' if value.n > 5 else 'n'", "y"),
    ("'y' if value.nobody > 5 else 'n'", "n"),
    ("'y' if value.nobody != 5 else 'n'", "n"),
    ("'y' if value.yes", "y"),
    ("'y' if value.no", None),
    ("'y' if not value.no and value.n == 7 else 'n'", "y"),
    ("'y' if value.nobody or value.yes else 'n'", "y"),
    ("'y' if value.nobody and value.yes else 'n'", "n"),
    ("'y' if not value.nobody else 'n'", "n"),
    ("'y' if value.nobody is none and value.n is not none else 'n'", "y"),
    ("'y' if 'a' in value.list else 'n'", "y"),
    ("'y' if 'c' not in value.list else 'n'", "y"),
    ("'y' if value.n in [6, 7] else 'n'", "y"),
    ("'y' if value.t in [6, 7] else 'n'", "n"),
    ("'y' if value.x == 2.50 else 'n'", "y"),
    ("'y' if value.n <= 7.0 and value.n >= 7 and not (value.n < 7) else 'n'", "y"),
    ("timestamp | text", "2026-03-12T01:00:00.000Z"),
    ("timestamp | date('America/New_York') | text", "2026-03-11"),
    ("value.day | date('YYYYMMDD') | text", "2026-03-12"),
    ("value.s | instant('seconds') | text", "2026-03-12T01:00:00.000Z"),
    ("(value.s * 1000 + 5) | instant('milliseconds') | text", "2026-03-12T01:00:00.005Z"),
    ("'2026-03-08T02:30' | instant('America/New_York') | text", "2026-03-08T07:30:00.000Z"),
    ("'2026-11-01 01:30:00.25' | instant('America/New_York') | text", "2026-11-01T05:30:00.250Z"),
    ("'y' if value.s | instant('seconds') == timestamp else 'n'", "y"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted"), EXPRESSIONS, ids=[row[0] for row in EXPRESSIONS])
def test_an_expression_gives(expression: str, wanted: str | None) -> None:
    quoted = '"' + expression + '"'
    found = topics(one(event="message.status", message_id=quoted, status="key", channel="key", at="timestamp"))
    headers: Header = [("system", b"old"), ("system", b"SAP"), ("trace", b"\xff\xfe"), ("gone", None)]
    mapped = found.read("other.topic", b"C1", bytes_of(VALUE), headers, identity="i", timestamp=AT)
    assert isinstance(mapped, bytes), mapped
    assert json.loads(mapped)["payload"].get("message_id") == wanted


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("headers['trace']", "the header `trace` is not UTF-8"),
        ("value.t.x", "an object is wanted, not a text"),
        ("value.t[0]", "a list is wanted, not a text"),
        ("value.big", "a text is wanted, not a number with too many digits"),
        ("value.x", "a text is wanted, not a number"),
        ("'y' if value.t > 3 else 'n'", "a text has no order"),
        ("'y' if value.n > timestamp else 'n'", "a number is compared with an instant"),
        ("'y' if value.n == 'a' else 'n'", "a number is compared with a text"),
        ("'y' if value.a == value.a else 'n'", "an object is compared with nothing"),
        ("'y' if value.n else 'n'", "a truth value is wanted, not a number"),
        ("'y' if value.n in value.t else 'n'", "a list is wanted, not a text"),
        ("value.list | lower", "a text is wanted, not a list"),
        ("value.n | length | text", "a text is wanted, not a number"),
        ("value.n | first(1)", "a text is wanted, not a number"),
        ("value.a | text", "a text is wanted, not an object"),
        ("value.t | join('')", "a list is wanted, not a text"),
        ("(value.n * 999999999999999 * 999999999999999) | text", "the result has too many digits"),
        ("value.n | instant('Asia/Shanghai') | text", "a local time as"),
        ("(0 - value.s) | instant('seconds') | text", "of the years 1970 to 2100"),
        ("value.n | date('Asia/Shanghai') | text", "an instant is wanted, not a number"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(expression: str, detail: str) -> None:
    quoted = '"' + expression + '"'
    found = topics(one(event="message.status", message_id=quoted, status="key", channel="key", at="timestamp"))
    answer = found.read("other.topic", b"C1", bytes_of(VALUE), [("trace", b"\xff")], identity="i", timestamp=AT)
    assert isinstance(answer, Refused)
    assert detail in answer.detail, answer


CLOUD = """
topics:
  partner.events:
    format: cloudevents
    events:
      - if: cloud.type == 'com.partner.documents.v1'
        event: claim.documents_received
        trace: cloud.traceparent
        payload:
          claim_id: value.claimNumber
          docs: value.documents
          complete: value.final
    otherwise: refuse
"""
OURS = "topics:\n  partner.events:\n    format: cloudevents\n"
ATTRIBUTES = {
    "specversion": "1.0", "id": "e-1", "type": "com.partner.documents.v1", "source": "/partner/claims",
    "time": "2026-03-12T08:00:00Z", "subject": "C7", "traceparent": "00-ab-cd-01",
}  # fmt: skip
DATA = {"claimNumber": "K-1", "documents": ["id"], "final": False, "unheard": 1e300}
JSON_TYPE: tuple[str, bytes | None] = ("content-type", b"application/cloudevents+json; charset=utf-8")


def binary(attributes: dict[str, str], data: Any = DATA, file: str = CLOUD) -> Mapped:
    """Read a CloudEvent in binary mode."""
    headers: Header = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return read(
        data, b"k", [*headers, ("content-type", b"application/json")], topic="partner.events", topics=topics(file)
    )


def structured(whole: Any, file: str = CLOUD, headers: Header | None = None) -> Mapped:
    """Read a CloudEvent in structured mode."""
    return read(whole, None, [JSON_TYPE] if headers is None else headers, topic="partner.events", topics=topics(file))


def test_both_modes_of_a_cloud_event_are_the_same_event() -> None:
    found = event(binary(ATTRIBUTES))
    assert (found.id, found.customer, found.source, found.trace_id) == ("e-1", "C7", "/partner/claims", "00-ab-cd-01")
    assert found.occurred == 1_773_302_400_000
    assert found.payload == {"claim_id": "K-1", "docs": ["id"], "complete": False}
    encoded = base64.b64encode(bytes_of(DATA)).decode()
    assert event(structured(ATTRIBUTES | {"data": DATA})) == found
    assert event(structured(ATTRIBUTES | {"data_base64": encoded})) == found


def test_a_cloud_event_without_a_time_happened_when_it_was_recorded() -> None:
    without = {name: value for name, value in ATTRIBUTES.items() if name not in ("time", "traceparent")}
    found = event(binary(without | {"customerid": "C8"}))
    assert (found.occurred, found.customer, found.trace_id) == (AT, "C8", None)


def test_cloud_events_that_are_made_for_us_need_no_mapping() -> None:
    own = ATTRIBUTES | {"type": "claim.documents_received", "entitytype": "claim", "entityid": "K-1", "entityseq": "4"}
    data = {"claim_id": "K-1", "docs": [], "complete": True}
    found = event(binary(own, data, OURS))
    assert (found.type, found.customer, found.entity_id, found.seq) == ("claim.documents_received", "C7", "K-1", 4)
    refused = decode_of(structured(own | {"entityseq": 4, "data": data, "type": "no.such"}, OURS))
    assert refused.reason == "unknown_type"


def decode_of(mapped: Mapped) -> Refused:
    """Give why the event of an envelope is refused."""
    assert isinstance(mapped, bytes), mapped
    found = decode(mapped, CATALOGUE, AT)
    assert isinstance(found, Refused), found
    return found


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (binary({}), "missing_field", "no header `ce_specversion`"),
        (structured(ATTRIBUTES | {"data": DATA}, headers=[]), "missing_field", "this is no CloudEvent"),
        (structured([ATTRIBUTES]), "wrong_type", "structured mode is an object"),
        (structured({"data": DATA}), "wrong_type", "version 1 is wanted"),
        (binary(ATTRIBUTES | {"specversion": "0.3"}), "wrong_type", "version 1 is wanted"),
        (binary(ATTRIBUTES | {"type": "com.partner.other"}), "unmapped", "none of the events"),
        (binary({name: ATTRIBUTES[name] for name in ("specversion", "type", "source")}), "no_id", "event_id"),
        (binary({name: ATTRIBUTES[name] for name in ("specversion", "type", "source", "id")}), "no_customer", "cust"),
        (binary({name: ATTRIBUTES[name] for name in ("specversion", "type", "id")}), "missing_field", "source"),
        (binary(ATTRIBUTES, b"<xml/>"), "bad_json", "JSON"),
        (structured(ATTRIBUTES | {"data_base64": "%%%"}), "bad_json", "base64"),
        (structured(ATTRIBUTES | {"data_base64": 7}), "bad_json", "base64"),
        (structured(ATTRIBUTES | {"data_base64": base64.b64encode(b"{").decode()}), "bad_json", "JSON"),
        (structured(ATTRIBUTES), "missing_field", "payload"),
        (structured(ATTRIBUTES | {"data": "text"}), "wrong_type", "an object is wanted"),
        (structured(ATTRIBUTES | {"data": DATA}, headers=[("content-type", b"\xff")]), "not_utf8", "content-type"),
    ],
)
def test_what_is_no_cloud_event_has_its_reason(answer: Mapped, reason: str, detail: str) -> None:
    refused = decode_of(answer) if isinstance(answer, bytes) else answer
    assert isinstance(refused, Refused)
    assert (refused.reason, detail in refused.detail) == (reason, True), refused


def test_a_whole_payload_is_taken_as_it_is_and_typed_by_the_catalogue() -> None:
    text = one(event="claim.paid").split("        payload:")[0] + "        payload: value.data\n"
    value = {"data": {"claim_id": 7, "claim_no": "CN1", "amount_cny": 800.5, "account_tail": "1234", "more": 1e300}}
    value["data"]["paid_at"] = "2026-03-04T22:57:35+08:00"
    found = event(read(value, topic="other.topic", topics=topics(text)))
    assert (found.payload["claim_id"], found.payload["amount_cny"]) == ("7", Decimal("800.50"))
    refused = read({"data": [1]}, topic="other.topic", topics=topics(text))
    assert refused == Refused("wrong_type", "payload: an object is wanted, not a list")


def test_a_source_may_be_an_expression() -> None:
    text = one().replace("source: Other", "source: = headers['system'] | upper")
    value = {"claim": "K-1", "docs": [], "done": True}
    given: Header = [("system", b"sap")]
    assert event(read(value, headers=given, topic="other.topic", topics=topics(text))).source == "SAP"
    refused = read(value, topic="other.topic", topics=topics(text))
    assert refused == Refused("missing_field", "source: nothing there, from `headers['system'] | upper`")


def test_the_file_may_be_missing(tmp_path: Any) -> None:
    assert load_topics(tmp_path, CATALOGUE).names == CATALOGUE.topics
    (tmp_path / "topics.yaml").write_text(FILE, encoding="utf-8")
    assert TOPIC in load_topics(tmp_path, CATALOGUE).names


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*PAID, *FAILED, "data"]), inner),
    max_leaves=12,
)
ALL = topics(FILE + CLOUD.replace("\ntopics:", "") + OURS.replace("topics:\n", "").replace("partner", "own"))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["ce_specversion", "ce_id", "ce_type", "ce_time", "content-type", "a"]),
        st.none() | st.binary(max_size=8) | st.sampled_from([b"1.0", JSON_TYPE[1], b"com.partner.documents.v1"]),
    ),
    max_size=6,
)


def taken(value: bytes | None, key: bytes | None, headers: Header) -> None:
    """Read a record of every topic; whatever comes is an event, a reason or left out."""
    for name in (TOPIC, "partner.events", "own.events", "cj.claim.v1"):
        answer = ALL.read(name, key, value, headers, identity=IDENTITY, timestamp=AT)
        if isinstance(answer, bytes):
            found = decode(answer, CATALOGUE, AT)
            assert isinstance(found, Event) or found.reason in REASONS
        else:
            assert isinstance(answer, Ignored) or answer.reason in REASONS


@settings(max_examples=300, deadline=None)
@given(st.none() | st.binary(max_size=300), st.none() | st.binary(max_size=20), HEADERS)
def test_no_bytes_raise(value: bytes | None, key: bytes | None, headers: Header) -> None:
    taken(value, key, headers)


@settings(max_examples=300, deadline=None)
@given(JSON, JSON, st.sampled_from(sorted(PAID)), HEADERS)
def test_no_json_raises(value: Any, other: Any, name: str, headers: Header) -> None:
    taken(bytes_of(value), b"k", headers)
    taken(bytes_of(FAILED | {name: other}), None, headers)
    taken(bytes_of(PAID | {name: other}), None, headers)
    taken(bytes_of(ATTRIBUTES | {"data": other, name: other}), None, [JSON_TYPE])


KEYED = FILE.replace("policy_id: value.contract", "policy_id: key").replace("Legacy billing", "= headers['system']")


def kept_and_read_again(
    value: bytes | None, key: bytes | None, headers: Header, by: Topics, then: Topics | None = None
) -> Mapped:
    """Keep a record as a dead letter does, and read it again by the mapping of then."""
    raw = by.kept(TOPIC, key, value, headers, identity=IDENTITY, timestamp=AT)
    return (then or by).again(TOPIC, raw, identity="another", timestamp=0)


def test_a_dead_letter_of_a_foreign_topic_is_read_again_with_key_and_headers_once_the_mapping_is_mended() -> None:
    wrong, right = topics(KEYED.replace("value.client.no", "value.customer_no")), topics(KEYED)
    given: Header = [("system", b"SAP"), ("trace", b"\xff"), ("gone", None)]
    refused = read(FAILED, b"P-7", given, topics=wrong)
    assert isinstance(refused, Refused)
    assert refused.reason == "no_customer"
    again = kept_and_read_again(bytes_of(FAILED), b"P-7", given, wrong, right)
    assert again == read(FAILED, b"P-7", given, topics=right)
    assert (event(again).id, event(again).payload["policy_id"], event(again).source) == (IDENTITY, "P-7", "SAP")


def test_what_is_kept_of_our_own_topics_is_the_value() -> None:
    assert BILLING.kept("cj.claim.v1", b"k", b"\xff", [], identity="i", timestamp=AT) == b"\xff"
    assert BILLING.kept("cj.claim.v1", b"k", None, [], identity="i", timestamp=AT) == b""
    assert BILLING.again("cj.claim.v1", b"\xff", identity="i", timestamp=AT) == b"\xff"


def test_a_value_alone_is_read_without_key_and_headers() -> None:
    assert event(BILLING.again(TOPIC, bytes_of(FAILED), identity="i-1", timestamp=AT)).id == "i-1"


@settings(max_examples=200, deadline=None)
@given(st.none() | st.binary(max_size=100) | JSON.map(bytes_of), st.none() | st.binary(max_size=9), HEADERS)
def test_whatever_is_kept_reads_as_before(value: bytes | None, key: bytes | None, headers: Header) -> None:
    before = ALL.read(TOPIC, key, value, headers, identity=IDENTITY, timestamp=AT)
    assert kept_and_read_again(value, key, headers, ALL) == before


def test_a_timestamp_out_of_range_is_a_bad_time() -> None:
    for wrong in (-1, 10**18):
        answer = read(
            {"claim": "K", "docs": [], "done": True}, topic="other.topic", topics=topics(one()), timestamp=wrong
        )
        assert isinstance(answer, Refused)
        assert answer.reason == "bad_time"
