"""Bodies of POST /v1/events: what comes out is one envelope for each event, and nothing raises."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.web.bodies import split
from sojourn.web.masking import mask_address, mask_id

ENVELOPE = {"event_id": "E-1", "type": "claim.paid", "customer_id": "C1", "payload": {"a": "1.10"}}
CLOUD = {
    "specversion": "1.0", "id": "E-1", "type": "claim.paid", "source": "Claims", "time": "2026-03-08T20:00:00+08:00",
    "subject": "C1", "schemaversion": 2, "entitytype": "claim", "entityid": "K-1", "entityseq": 3, "traceid": "t1",
    "data": {"claim_id": "K-1", "amount_cny": 1.10},
}  # fmt: skip
FROM_CLOUD = {
    "event_id": "E-1", "type": "claim.paid", "schema_version": 2, "occurred_at": "2026-03-08T20:00:00+08:00",
    "source": "Claims", "customer_id": "C1", "payload": {"claim_id": "K-1", "amount_cny": 1.1}, "trace_id": "t1",
    "entity": {"type": "claim", "id": "K-1", "seq": 3},
}  # fmt: skip


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def read(body: bytes, kind: str = "application/json", **headers: str) -> list[Any]:
    return [json.loads(part) for part in split(body, {"content-type": kind, **headers})]


def test_one_envelope_an_array_and_lines() -> None:
    other = ENVELOPE | {"event_id": "E-2"}
    assert read(raw(ENVELOPE)) == [ENVELOPE]
    assert read(raw([ENVELOPE, other]), "application/json; charset=utf-8") == [ENVELOPE, other]
    assert read(raw(ENVELOPE) + b"\n\r\n" + raw(other) + b"\n", "application/x-ndjson") == [ENVELOPE, other]
    assert split(b"[]", {"content-type": "application/json"}) == []


def test_bytes_of_an_event_stay_as_they_came() -> None:
    odd = b'{"a": 1.10, "b": 12e3,  "c": "\\u00e9"}'
    assert split(b"[" + odd + b"]", {}) == [odd]
    assert split(odd, {}) == [odd]


def test_a_cloud_event_in_all_three_modes() -> None:
    assert read(raw(CLOUD), "application/cloudevents+json") == [FROM_CLOUD]
    assert read(raw([CLOUD, CLOUD]), "application/cloudevents-batch+json") == [FROM_CLOUD, FROM_CLOUD]
    headers = {f"ce-{name}": str(value) for name, value in CLOUD.items() if name != "data"}
    assert read(raw(CLOUD["data"]), **headers) == [FROM_CLOUD]


def test_a_cloud_event_with_its_own_customer_and_data_in_base64() -> None:
    cloud = {name: value for name, value in CLOUD.items() if name not in ("data", "traceid")}
    cloud |= {"customerid": "C2", "data_base64": base64.b64encode(b'{"x": 1}').decode()}
    (envelope,) = read(raw(cloud), "application/cloudevents+json")
    assert (envelope["customer_id"], envelope["payload"]) == ("C2", {"x": 1})
    assert "trace_id" not in envelope


def test_amounts_of_a_cloud_event_keep_their_digits() -> None:
    body = b'{"specversion": "1.0", "id": "1", "data": {"n": 1.10000000000000000001}}'
    (part,) = split(body, {"content-type": "application/cloudevents+json"})
    assert b"1.10000000000000000001" in part


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[", b"[1,", b"\xff\xfe", b"[" * 2_000, b'{"specversion": "1.0", "data_base64": "%"}', b"null"],
)
@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json", "text/plain"])
def test_what_cannot_be_told_apart_goes_on_as_it_came(body: bytes, kind: str) -> None:
    assert split(body, {"content-type": kind}) == [body]


@given(st.binary(max_size=200), st.sampled_from(["application/json", "application/cloudevents-batch+json"]))
def test_no_bytes_raise(body: bytes, kind: str) -> None:
    assert all(isinstance(part, bytes) for part in split(body, {"content-type": kind}))
    assert len(split(body, {"ce-specversion": "1.0", "ce-entityseq": "9" * 40})) == 1


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("sms", "+8613812341234", "138****1234"),
        ("sms", "+447700900123", "+44****0123"),
        ("sms", "110", "****"),
        ("email", "wang@example.com", "w***@e******.com"),
        ("email", "nobody", "***"),
    ],
)
def test_addresses_are_masked(kind: str, address: str, shown: str) -> None:
    assert mask_address(kind, address) == shown


@given(st.text(min_size=1, max_size=30))
def test_an_id_is_never_shown_whole(value: str) -> None:
    assert mask_id(value) != value


@pytest.mark.parametrize(
    "bad",
    [
        b'{"event_id": "E-1", "payload": ' + b"[" * 1_000 + b"]" * 1_000 + b"}",
        b'{"event_id": E-1}',
        b'{"event_id": "a, ] b", 7}',
        b'{"event_id" "E-1", "payload": [1, {"a": "\\"]}"}]}',
        b"",
    ],
    ids=["too deep", "bare word", "marks in a text", "no colon", "nothing between commas"],
)
def test_an_element_that_is_no_json_does_not_touch_its_neighbours(bad: bytes) -> None:
    first, last = raw(ENVELOPE), raw(ENVELOPE | {"event_id": "E-2"})
    body = b" [" + first + b" ,\n" + bad + b", " + last + b"]\n"
    assert split(body, {"content-type": "application/json"}) == [first, bad, last]


@pytest.mark.parametrize("body", [b'[{"a": 1}, {bad]', b"[1, 2", b"[1 2]}", b'[{"a}, {]', b"[x]]", b"[}, 1]"])
def test_an_array_whose_brackets_do_not_match_stays_whole(body: bytes) -> None:
    assert split(body, {"content-type": "application/json"}) == [body]
