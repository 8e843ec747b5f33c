"""Q48, Q49, Q50, Q51: the virtual clock, ids and waits, what rows are named by, and which cause stands in `detail`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sojourn.core.model import Row
from sojourn.rows import instant_text
from sojourn.simulate.lines import read_line
from sojourn.simulate.replay import Replay
from tests.unit.rules.kit import CUSTOMER, ROOT, SHANGHAI, Play, at, project, reference
from tests.unit.rules.small import MAIL, OFFER, bill, small

# ---- Q48


def replayed(first: str, until: str) -> list[Row]:
    """Replay one sign of life for a customer whose birthday is 12 March; give the rows."""
    rows: list[Row] = []
    replay = Replay(Path(ROOT), rows.append, frozenset({"birthday_care"}))
    payload = {"product_line": "life", "kind": "login", "channel": "app", "amount": None}
    said = {"event_id": "e1", "type": "activity.recorded", "customer_id": "C1", "source": "App", "payload": payload}
    when = instant_text(at(first, SHANGHAI))
    line = msgspec.json.encode(said | {"occurred_at": when, "arrives_at": when})
    replay.run(
        [read_line(1, line)],
        [msgspec.json.encode(CUSTOMER | {"birth_date": "1980-03-12"})],
        at(until, SHANGHAI),
    )
    return rows


@pytest.mark.parametrize(
    ("first", "until", "greeted"),
    [
        pytest.param("2026-03-01 10:00", "2026-03-12 08:59:59.999", 0, id="1 ms before --until"),
        pytest.param("2026-03-01 10:00", "2026-03-12 09:00", 1, id="at --until: applied"),
        pytest.param("2026-03-12 09:00", "2026-03-20 00:00", 1, id="known at its instant"),
        pytest.param("2026-03-12 09:00:00.001", "2026-03-20 00:00", 0, id="known 1 ms after it: next year"),
    ],
)
def test_the_clock_starts_at_the_first_line_and_until_belongs_to_it(first: str, until: str, greeted: int) -> None:
    assert [row.status for row in replayed(first, until)] == ["sent"] * greeted


# ---- Q49


@pytest.mark.parametrize(
    ("days", "taken"), [(0, 1), (1, 1), (29, 1), (30, 1)], ids=["the same day", "a day", "29 days", "30 days"]
)
def test_an_id_is_known_for_at_least_thirty_days(days: int, taken: int) -> None:
    p = Play(project(small("a", f"react: [{{when: payment.failed, do: [{{id: t, {MAIL}}}]}}]")))
    bill(p, "2026-03-01 10:00", "2026-06-01")
    begin = timedelta(milliseconds=at("2026-03-02 10:00"))
    for after in (0, days):
        when = instant_text(round((begin + timedelta(days=after)).total_seconds() * 1000))[:16].replace("T", " ")
        p.event(when, "payment.failed", id="x", policy_id="P-1", installment_no=1)
    p.until("2026-05-01 00:00")
    assert len(p.sent) == taken


WORDS = ["wait_until: {}", "wait_for: payment.failed, until: {}"]
UNTIL = ["due_date 09:00", "3 days before due_date 09:00"]


@pytest.mark.parametrize(
    ("begin", "until", "goes_on"),
    [
        ("2026-03-12 08:59", "due_date 09:00", "2026-03-12 09:00"),
        ("2026-03-12 09:00", "due_date 09:00", "2026-03-12 09:00"),
        ("2026-03-12 09:01", "due_date 09:00", "2026-03-12 09:01"),
        ("2026-03-20 10:00", "3 days before due_date 09:00", "2026-03-20 10:00"),
    ],
)
@pytest.mark.parametrize("word", WORDS)
def test_a_wait_never_ends_before_it_begins(word: str, begin: str, until: str, goes_on: str) -> None:
    texts = {
        f"{one.split(':')[0]}_{n}": f"flow: [{{{one.format(end)}}}, {{id: t, {MAIL}}}]"
        for one in WORDS
        for n, end in enumerate(UNTIL)
    }
    p = Play(project(*(small(name, body, only=name) for name, body in texts.items())))
    bill(p, begin, "2026-03-12", pay_method=f"{word.split(':', maxsplit=1)[0]}_{UNTIL.index(until)}")
    p.until("2026-05-01 00:00")
    assert p.sent == [(goes_on, "email", "t")]


# ---- Q50


def test_the_key_holds_no_customer_and_is_empty_where_the_customer_is_the_key() -> None:
    p = Play(reference("advisor_handoff"))
    p.event("2026-03-02 10:00", "customer.tier_changed", from_tier="growth", to_tier="high_value")
    p.until("2026-03-02 12:00")
    assert {(r.journey, str(dict(r.key))) for r in p.rows} == {("advisor_handoff", "{}")}
    q = Play(project(small("a", f"flow: [{{id: t, {MAIL}}}]")))
    bill(q, "2026-03-02 10:00")
    q.until("2026-03-02 12:00")
    assert [dict(r.key) for r in q.rows] == [{"policy_id": "P-1", "installment_no": 1}]


def test_unnamed_steps_are_numbered_by_kind_in_document_order() -> None:
    call = "call: advisor.task, with: {type: retention_call}"
    text = small(
        "a",
        f"""
        flow:
          - {{{call}}}
          - {{wait: 1 day}}
          - choose:
              - {{if: due_date is none, do: [{{{call}}}]}}
              - otherwise: [{{{call}}}, {{id: named, {call}}}]
          - {{{call}}}
        """,
    )
    p = Play(project(text))
    bill(p, "2026-03-02 10:00")
    p.until("2026-03-04 12:00")
    assert [r.step for r in p.rows] == ["call_1", "call_3", "named", "call_4"]


# ---- Q51: the first of the causes is told


@pytest.mark.parametrize(
    ("customer", "cause"),
    [
        ({"do_not_contact": True, "personalisation_opt_out": True, "consent": {}}, "do_not_contact"),
        ({"personalisation_opt_out": True, "consent": {}}, "personalisation_opt_out"),
        ({"consent": {}}, "no_consent"),
        ({"deceased": True, "do_not_contact": True, "consent": {}}, None),  # a note, no row
    ],
)
def test_the_first_cause_stands_in_detail(customer: dict[str, Any], cause: str | None) -> None:
    text = small("a", f"flow: [{{id: t, {OFFER}}}]\npersonalised: true", klass="marketing")
    p = Play(project(text), (CUSTOMER | customer,))
    bill(p, "2026-03-02 10:00")
    p.until("2026-03-03 00:00")
    told = [(r.status, r.reason, r.detail["cause"], r.step, r.template, r.channel) for r in p.rows]
    assert told == ([("skipped", "not_entered", cause, None, None, None)] if cause else [])
    if cause is None:
        assert [n.cause for n in p.notes if n.kind == "ignored"] == ["deceased"]
