"""Q37, Q38: when a touch is past, which rows that leaves, when its `if` is judged; a moved date finishes nothing."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import BOTH, MAIL, SMS, bill, living_in, moved, small

TOUCHES = f"""
schedule:
  - {{id: both, at: 2 days before due_date 09:00, {BOTH}}}
  - {{id: never, at: 2 days before due_date 09:00, if: no > 5, {MAIL}}}
  - {{id: tier, at: due_date 09:00, if: customer.tier == 'growth', {MAIL}}}
  - {{id: call, at: 2 days before due_date 09:00, call: advisor.task, with: {{type: retention_call}}, touch: true}}
react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}}}]
"""
FACTS = "{due_date: event.due_date, no: event.installment_no}"


def caught(name: str, catch_up: str, more: str = "", what: str = MAIL) -> str:
    body = f"schedule: [{{id: t, at: due_date 09:00, catch_up: {catch_up}{more}, {what}}}]"
    return small(name, body, only=name)


JOURNEYS = (
    small("touches", TOUCHES, facts=FACTS, only="touches"),
    caught("two_hours", "2 hours"),
    caught("brief", "2 hours", ", valid_for: 1 hour", SMS),
    caught("two_days", "2 days"),
)


def rows(p: Play) -> list[str]:
    return [
        " ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, r.channel, r.status, r.reason))) for r in p.rows
    ]


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        pytest.param(
            "03-10 09:00",
            ["03-10 09:00 call call sent", "03-10 09:00 both sms sent", "03-10 09:00 both email sent"],
            id="at the instant itself",
        ),
        pytest.param(
            "03-10 09:00:00.001",
            ["03-10 09:00:00.001 both sms skipped skipped_past", "03-10 09:00:00.001 both email skipped skipped_past"],
            id="1 ms past: a row for each channel, none for a false `if` or a call",
        ),
    ],
)
def test_a_past_touch_leaves_a_row_for_each_channel(starts: str, expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, f"2026-{starts}", pay_method="touches")
    p.until("2026-05-01 00:00")
    assert sorted(rows(p)) == sorted(expected)


@pytest.mark.parametrize(
    ("zone", "starts", "status"),
    [
        ("Pacific/Chatham", "2026-03-10 09:00", "sent"),
        ("Pacific/Chatham", "2026-03-10 09:00:00.001", "skipped"),
        ("America/Sao_Paulo", "2026-03-10 09:00", "sent"),
        ("America/Sao_Paulo", "2026-03-10 09:00:00.001", "skipped"),
    ],
)
def test_past_is_a_matter_of_the_customers_clock(zone: str, starts: str, status: str) -> None:
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    bill(p, starts, pay_method="touches")
    p.until("2026-05-01 00:00")
    assert {r.status for r in p.rows if r.step == "both"} == {status}


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        pytest.param([("2026-02-02 10:00", "growth")], True, id="true when it fires"),
        pytest.param([("2026-02-02 10:00", "growth"), ("2026-03-12 08:59", "basic")], False, id="no longer true"),
        pytest.param([("2026-03-12 09:00", "growth")], True, id="true from that instant on"),
        pytest.param([("2026-03-12 09:00:00.001", "growth")], False, id="1 ms too late"),
    ],
)
def test_the_condition_is_judged_when_the_touch_fires(changes: list[tuple[str, str]], sent: bool) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", pay_method="touches")
    for seq, (when, tier) in enumerate(changes, 1):
        p.event(when, "customer.tier_changed", to_tier=tier, seq=seq)
    p.until("2026-05-01 00:00")
    mine = [row for row in rows(p) if " tier " in row]
    assert mine == (["03-12 09:00 tier email sent"] if sent else [])


# due on 12 March at 09:00, learned late; valid_until is counted from the instant at which it was learned
@pytest.mark.parametrize(
    ("journey", "starts", "expected"),
    [
        ("two_hours", "03-12 09:00:00.001", ["03-12 09:00:00.001 t email sent"]),
        ("two_hours", "03-12 11:00", ["03-12 11:00 t email sent"]),
        ("two_hours", "03-12 11:00:00.001", ["03-12 11:00:00.001 t email skipped skipped_past"]),
        ("brief", "03-12 10:59", ["03-12 10:59 t sms sent"]),  # two hours late, but valid for an hour from now on
        ("two_days", "03-14 09:00", ["03-14 09:00 t email sent"]),
        ("two_days", "03-14 09:00:00.001", ["03-14 09:00:00.001 t email skipped skipped_past"]),
    ],
)
def test_a_touch_that_catches_up_is_due_at_once(journey: str, starts: str, expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, f"2026-{starts}", pay_method=journey)
    p.until("2026-05-01 00:00")
    assert rows(p) == expected
    if "sent" in expected[0]:
        assert p.local(p.rows[0].due_at) == f"2026-{starts}"


# ---- Q37, Q51: `finish: after t` is met when t is sent, suppressed or skipped, but not when it is superseded

LIVES_ON = [
    "03-12 22:00 t sms held quiet_hours",
    "03-12 23:00 t sms suppressed superseded",
    "03-20 22:00 t sms held quiet_hours",
    "03-21 08:00 t sms sent",
]
ENDS = small(
    "ends",
    f"""
    schedule:
      - {{id: t, at: due_date 22:00, {SMS}}}
      - {{id: late, at: 5 days after due_date 09:00, {MAIL}}}
    react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}}}]
    finish: after t
    """,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(None, ["03-12 22:00 t sms held quiet_hours", "03-13 08:00 t sms sent"], id="sent"),
        pytest.param(
            ("2026-03-12 23:00", "2026-03-20"),
            LIVES_ON,
            id="superseded: it lives on",
        ),
        pytest.param(
            ("2026-03-11 10:00", "2026-03-10"),
            ["03-11 10:00 t sms skipped skipped_past"],
            id="skipped",
        ),
    ],
)
def test_a_superseded_touch_finishes_no_run(change: tuple[Any, ...] | None, expected: list[str]) -> None:
    p = Play(project(ENDS))
    bill(p, "2026-02-01 10:00")
    if change:
        moved(p, *change)
    p.until("2026-06-01 00:00")
    assert rows(p) == expected
    assert p.ends == [("ends", "finished")]
