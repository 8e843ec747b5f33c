"""What goes out says what was decided, the same each time, and nothing of a person but his id."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.cli.sample import stages
from sojourn.core.model import CallOut, Cause, Note, Row, Send
from sojourn.outputs import (
    DEAD_LETTERS,
    DETAILS,
    INSTANCES,
    MESSAGES,
    WEBHOOKS,
    records_of,
    records_of_letters,
)
from sojourn.records import DeadLetter, Outgoing, Queued
from sojourn.rows import row_json
from sojourn.simulate import Replay
from sojourn.simulate.lines import read_lines

AT = 1_780_475_418_282
PROJECT = Path(__file__).parents[2]
ROW = Row(
    message_id="m1", customer_id="C-1", journey="renewal", journey_version=2, key={"policy_id": "P-1", "no": 3},
    step="first", template="due", template_version=4, locale="zh-CN", channel="sms", status="sent", reason=None,
    due_at=AT - 1000, decided_at=AT, handed_over_at=AT, event_id="E-1", trace_id="t-1", run_id="r1", klass="service",
)  # fmt: skip
ORDER = CallOut(
    message_id="m2", name="advisor.task", arguments={"name": "王丽"}, run_id="r1", journey="renewal", step="ask",
    answers=False, example={},
    send=Send(
        id="m2", touch="", run="r1", journey="renewal", version=2, started=0, key=(), step="ask", ref="ask", copy="",
        anchor="", by=("call",), channel="call", klass="service", priority=0, urgent=False, drop=False, due=0,
        valid_until=0, next_at=0, cause=Cause("E-1", "t-1"),
    ),
)  # fmt: skip


def changed(row: Row, **more: Any) -> Row:
    return msgspec.structs.replace(row, **more)


def value(record: Outgoing) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(record.body)
    return found


def payloads(records: list[Outgoing], topic: str) -> list[dict[str, Any]]:
    return [value(record)["payload"] for record in records if record.topic == topic]


def test_a_row_goes_out_as_the_log_has_it_without_what_was_said() -> None:
    row = changed(ROW, subject="s", text="t", html="h")
    (record,) = (one for one in records_of([row], [], AT) if one.topic == MESSAGES)
    wanted = {name: held for name, held in row_json(row).items() if name not in ("subject", "text", "html")}
    assert value(record)["payload"] == wanted
    assert list(value(record)["payload"]) == list(wanted)


def test_the_envelope_is_that_of_events() -> None:
    record = records_of([ROW], [], AT)[0]
    envelope = value(record)
    assert envelope.pop("payload")
    assert envelope == {
        "event_id": "m1.sent.1780475418282",
        "type": "sojourn.message",
        "schema_version": 1,
        "occurred_at": "2026-06-03T08:30:18.282Z",
        "source": "sojourn",
        "customer_id": "C-1",
        "trace_id": "t-1",
    }
    assert (record.id, record.topic, record.key) == (envelope["event_id"], MESSAGES, "C-1")


@pytest.mark.parametrize("status", ["sent", "suppressed", "skipped", "failed", "in_doubt"])
def test_a_step_that_is_over_is_told(status: str) -> None:
    told = payloads(records_of([changed(ROW, status=status, reason="expired")], [], AT), INSTANCES)
    assert [(one["kind"], one["step"], one["status"], one["reason"]) for one in told] == [
        ("step", "first", status, "expired")
    ]


@pytest.mark.parametrize(
    "row", [changed(ROW, status="held"), changed(ROW, status="deferred"), changed(ROW, run_id=None)]
)
def test_a_step_that_is_open_or_of_no_run_is_not_told(row: Row) -> None:
    assert payloads(records_of([row], [], AT), INSTANCES) == []


def test_runs_enter_before_their_rows_and_end_behind_them() -> None:
    notes = [
        ("C-1", Note(kind="ended", journey="renewal", run_id="r1", version=2, cause="goal", goal=True)),
        ("C-1", Note(kind="ended", journey="renewal", run_id="r2", version=2, cause="expired")),
        ("C-1", Note(kind="arm", journey="renewal", run_id="r1", version=2, cause="tone:warm")),
        ("C-1", Note(kind="started", journey="renewal", run_id="r1", version=2, event_id="E-1", key={"a": 1})),
    ]
    told = payloads(records_of([ROW], notes, AT), INSTANCES)
    assert [(one["kind"], one["run_id"]) for one in told] == [
        ("step", "r1"), ("entered", "r1"), ("step", "r1"), ("goal", "r1"), ("exit", "r2"),
    ]  # fmt: skip
    assert (told[0]["step"], told[0]["arm"]) == ("tone", "warm")
    assert (told[1]["event_id"], told[1]["key"], told[1]["journey_version"]) == ("E-1", {"a": 1}, 2)
    assert told[4]["reason"] == "expired"


@pytest.mark.parametrize("kind", ["ignored", "stale", "remembered", "early", "no_key", "broken"])
def test_other_notes_stay_inside(kind: str) -> None:
    assert records_of([], [("C-1", Note(kind=kind, journey="j", run_id="r", cause="ValueError: 王丽"))], AT) == []


def test_a_call_is_requested_and_over() -> None:
    over = changed(
        ROW, message_id="m2", channel="call", template="advisor.task", status="failed", detail={"code": "404"}
    )
    records = records_of([over], [], AT, [Queued("C-1", ORDER, AT)])
    asked, done = payloads(records, WEBHOOKS)
    assert (asked["call_id"], asked["name"], asked["status"], asked["attempt"]) == (
        "m2",
        "advisor.task",
        "requested",
        1,
    )
    assert (done["call_id"], done["name"], done["status"], done["detail"]) == (
        "m2", "advisor.task", "failed", {"code": "404"},
    )  # fmt: skip
    assert "王丽".encode() not in b"".join(record.body for record in records)


def test_ids_are_the_same_each_time_and_differ_where_the_decision_does() -> None:
    rows = [ROW, changed(ROW, status="in_doubt"), changed(ROW, decided_at=AT + 1), changed(ROW, message_id="m3")]
    first, again = (records_of(rows, [], AT), records_of(rows, [], AT + 60_000))
    assert [one.id for one in first] == [one.id for one in again]
    assert len({one.id for one in first}) == len(first) == 8


def test_a_dead_letter_tells_its_reason_and_place_only() -> None:
    letter = DeadLetter(
        source="kafka:in/3",
        position=7,
        arrival=AT,
        reason="wrong_type",
        detail="payload.name: 王丽",
        raw="王丽".encode(),
    )
    (record,) = records_of_letters([letter])
    assert (record.topic, record.key, value(record)["customer_id"]) == (DEAD_LETTERS, "", None)
    assert value(record)["payload"] == {
        "reason": "wrong_type", "source": "kafka:in/3", "position": 7, "event_id": None, "type": None,
    }  # fmt: skip
    later = msgspec.structs.replace(letter, arrival=AT + 5)
    assert [one.id for one in records_of_letters([later])] == [record.id]


def test_dead_letters_without_a_position_are_told_apart() -> None:
    letters = [
        DeadLetter(source="http", arrival=AT, reason="bad_json", detail="", raw=raw, customer=customer)
        for raw, customer in ((b"{", None), (b"[", None), (b"", "C-1"), (b"", "C-2"))
    ]
    assert len({one.id for one in records_of_letters(letters)}) == 4


@pytest.mark.parametrize("held", ["wang.li@example.com", "+8613800131234"])
def test_an_address_in_a_key_is_left_out(held: str) -> None:
    record = records_of([changed(ROW, key={"contact": held, "no": 1})], [], AT)[0]
    assert value(record)["payload"]["key"] == {"contact": None, "no": 1}


def test_the_details_that_decisions_give_are_kept() -> None:
    detail = {
        "condition": "customer.tier == 'high_value' and event.amount > 3",
        "until": AT,
        "missing": ["name", "due_date"],
        "by": "J15.second",
        "stalled_source": "kafka:cj.policy.v1/3",
        "repeatable": True,
        "purpose": "care",
    }
    assert value(records_of([changed(ROW, detail=detail)], [], AT)[0])["payload"]["detail"] == detail


PLAIN = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=8)


@given(
    st.dictionaries(st.sampled_from([*DETAILS, "name", "text", "value", "why"]), PLAIN | st.lists(PLAIN, max_size=2))
)
def test_no_words_of_a_person_pass_through_a_detail(detail: dict[str, Any]) -> None:
    detail.pop("condition", None)  # words of the project, not of a person
    detail.pop("missing", None)
    shown = value(records_of([changed(ROW, detail=detail)], [], AT)[0])["payload"]["detail"]
    assert shown == {}


def test_the_records_of_the_sample_name_nobody(tmp_path: Path) -> None:
    raws = [raw for _, batch in stages(PROJECT, AT) for raw in batch]
    rows: list[Row] = []
    notes: list[Note] = []
    play = Replay(PROJECT, rows.append, notes=notes.append)
    play.run(read_lines(raws), (), AT + 40 * 86_400_000)
    events = [msgspec.json.decode(raw) for raw in raws]
    profiles = [event["payload"]["profile"] for event in events if event["type"] == "customer.updated"]
    words = {
        held
        for profile in profiles
        for field in ("name", "salutation_zh", "salutation_en", "mobile", "email")
        if (held := profile.get(field))
    }
    said = " ".join(row.text or "" for row in rows)
    assert len(words) > 10
    assert any(word in said for word in words)  # the rows do name people, so the search below can fail
    bodies = b"".join(one.body for one in records_of(rows, [("C", note) for note in notes], AT)).decode()
    assert bodies.count('"sojourn.message"') == len(rows) > 20
    assert [word for word in words if word in bodies] == []
    assert [row.text for row in rows if row.text and row.text in bodies] == []
