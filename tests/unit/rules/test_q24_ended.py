"""Q24, Q24a, Q25: what becomes of messages that exist when a run ends or later news comes, and of follow-ups."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, small

TEXT = "send: csat_sorry, by: sms"
SOLD = "send: silence_simple_steps, by: sms"
ENDS = """
schedule: [{id: pending, at: 7 days after due_date 10:00, %s}]
goal: {when: payment.received}
exit: {when: policy.cancelled, because: over}
"""
JOURNEYS = (
    small("held", f"flow: [{{id: t, {TEXT}}}, {{wait: 1 day}}, {{id: u, {TEXT}}}]{ENDS % MAIL}", only="held"),
    small(
        "sold",
        f"flow: [{{id: t, {SOLD}}}, {{wait: 1 day}}, {{id: u, {SOLD}}}]{ENDS % OFFER}",
        klass="marketing",
        only="sold",
    ),
    small("deferred", f"flow: [{{id: t, {OFFER}}}]{ENDS % OFFER}", klass="marketing", only="deferred"),
    small("care", f"flow: [{{id: c, {CARE}}}]", klass="care", only="care"),
)
OVER: dict[str, dict[str, Any]] = {
    "payment.received": {"policy_id": "P-1", "installment_no": 1},
    "policy.cancelled": {"policy_id": "P-1"},
    "consent.changed": {"purpose": "marketing", "channel": "all", "granted": False},
}


@pytest.mark.parametrize(
    ("journey", "when", "kind", "reason"),
    [
        ("held", "2026-03-02 22:00", "payment.received", "journey_ended"),
        ("held", "2026-03-02 22:00", "policy.cancelled", "journey_ended"),
        ("sold", "2026-03-02 22:00", "payment.received", "journey_ended"),
        ("sold", "2026-03-02 22:00", "consent.changed", "no_consent"),
        ("deferred", "2026-03-02 10:00", "policy.cancelled", "journey_ended"),
        ("deferred", "2026-03-02 10:00", "consent.changed", "no_consent"),
    ],
)
def test_what_exists_is_suppressed_and_the_rest_leaves_no_row(journey: str, when: str, kind: str, reason: str) -> None:
    p = Play(project(*JOURNEYS))
    if journey == "deferred":
        bill(p, "2026-03-02 09:00", no=2, pay_method="care")
    bill(p, when, pay_method=journey)
    p.event("2026-03-02 23:00", kind, **OVER[kind])
    p.until("2026-04-01 00:00")
    waits = ("deferred", "frequency_cap") if journey == "deferred" else ("held", "quiet_hours")
    rows = [(p.local(row.decided_at), row.step, row.status, row.reason) for row in p.rows if row.step != "c"]
    assert rows == [(when, "t", *waits), ("2026-03-02 23:00", "t", "suppressed", reason)]


# ---- Q24a: 22:00 is night; the wait is over at 22:00 of the next day
FLOW = f"""
flow:
  - wait_for: payment.failed
    within: 1 day
    otherwise:
      - wait_for: policy.reinstated
        within: 1 day
        otherwise:
          - {{id: late, {TEXT}}}
  - {{id: on, {MAIL}}}
"""
DEADLINE = f"""
deadlines:
  - id: d
    after: 1 day
    since: payment.due_scheduled
    stop: payment.failed
    at_most: 1
    do: [{{id: late, {TEXT}}}, {{id: on, {MAIL}}}]
"""
NEWS = (small("flow", FLOW, only="flow"), small("deadline", DEADLINE, only="deadline"))
FAILED: dict[str, Any] = {"policy_id": "P-1", "installment_no": 1}
LATE = {"flow": "2026-03-04 22:00", "deadline": "2026-03-03 22:00"}


@pytest.mark.parametrize(
    ("journey", "kind", "payload", "superseded"),
    [
        pytest.param("flow", "policy.reinstated", {"policy_id": "P-1"}, True, id="what its wait waited for"),
        pytest.param("flow", "payment.failed", FAILED, True, id="what an enclosing wait waited for"),
        pytest.param("flow", "payment.failed", FAILED | {"installment_no": 2}, False, id="of another run"),
        pytest.param("flow", "policy.lapsed", {"policy_id": "P-1"}, False, id="another event"),
        pytest.param("deadline", "payment.failed", FAILED, True, id="the stop event of the deadline"),
        pytest.param("deadline", "payment.received", FAILED, False, id="another event for a deadline"),
    ],
)
def test_later_news_wins_over_a_held_message(
    journey: str, kind: str, payload: dict[str, Any], superseded: bool
) -> None:
    p = Play(project(*NEWS))
    bill(p, "2026-03-02 22:00", pay_method=journey)
    night = LATE[journey]
    news = night.replace("22:00", "23:00")
    p.event(news, kind, **payload)
    p.until("2026-03-09 00:00")
    morning = f"{night[:9]}{int(night[9]) + 1} 08:00"
    got = [(p.local(row.decided_at), row.step, row.status, row.reason) for row in p.rows]
    expected = (news, "late", "suppressed", "superseded") if superseded else (morning, "late", "sent", None)
    assert got == [(night, "late", "held", "quiet_hours"), expected, (expected[0], "on", "sent", None)]


# ---- Q25: a follow-up goes out although the first was suppressed, unless it says so
FOLLOW = """
flow:
  - {id: offer, send: silence_simple_steps, by: sms}
  - {wait: 2 days}
  - {id: plain, send: churn_last, by: email, on_cap: drop}
  - {wait: 2 days}
  - {id: asked, send: churn_last, by: email, if: sent('offer')}
  - {id: unasked, send: churn_last, by: email, class: marketing, if: not sent('offer')}
"""
FOLLOWS = (small("follow", FOLLOW, klass="marketing", only="follow"),)
NO_SMS = {"purpose": "marketing", "channel": "sms", "granted": False}


@pytest.mark.parametrize(("withdrawn", "steps"), [(False, ["offer", "plain", "asked"]), (True, ["plain", "unasked"])])
def test_a_follow_up_depends_on_the_first_only_if_it_says_so(withdrawn: bool, steps: list[str]) -> None:
    p = Play(project(*FOLLOWS))
    if withdrawn:
        p.event("2026-03-01 10:00", "consent.changed", **NO_SMS)
    bill(p, "2026-03-02 10:00", pay_method="follow")
    p.until("2026-03-20 00:00")
    assert [step for _, _, step in p.sent] == steps
    assert p.not_sent() == ([("2026-03-02 10:00", "offer", "suppressed", "no_consent")] if withdrawn else [])
