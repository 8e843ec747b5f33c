"""N17, Q24, Q24a, Q39: what an end does to timers, waits and open messages, and which end comes first."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import CARE, MAIL, SMS, bill, paid, small

ENDS = f"""
goal: {{when: payment.received, if: event.outstanding_cny <= 0, do: [{{id: thanks, {SMS}}}]}}
exit:
  - {{when: policy.cancelled, because: cancelled, do: [{{id: bye, {MAIL}}}]}}
  - {{when: policy.lapsed, because: lapsed}}
"""
SCHEDULE = f"""
schedule:
  - {{id: night, at: 3 days before due_date 22:00, {SMS}}}
  - {{id: t, at: due_date 09:00, {MAIL}}}
"""
LATE = f"""
flow:
  - {{wait_for: payment.failed, within: 1 day, otherwise: [{{id: nudge, {SMS}}}, {{id: more, {MAIL}}}]}}
  - {{id: below, {MAIL}}}
"""
DEADLINE = f"""
deadlines:
  - {{id: d, after: 1 day, since: payment.due_scheduled, stop: payment.failed, at_most: 1, do: [{{id: late, {SMS}}}]}}
"""
JOURNEYS = (
    small("sched", SCHEDULE + ENDS, only="sched"),
    small("waits", f"flow: [{{wait: 5 days}}, {{id: w, {MAIL}}}]\n" + ENDS, only="waits"),
    small("late", LATE, only="late"),
    small("dead", DEADLINE, only="dead", expire="5 days after due_date"),
    small("care", f"on_cap: defer\nflow: [{{id: c, {CARE}}}]\n{ENDS}", klass="care", only="care"),
    small("short", SCHEDULE, expire="1 day after start", only="short"),
    small("finish", SCHEDULE + "finish: after night\n", only="finish"),
    small("ended", f"flow: [{{id: x, {MAIL}}}, {{wait: 1 day}}, {{end: enough}}]\n{SCHEDULE}", only="ended"),
)
PLACE = {"policy_id": "P-1"}


def play(journey: str, start: str = "2026-03-01 10:00") -> Play:
    p = Play(project(*JOURNEYS))
    bill(p, start, "2026-03-12", pay_method=journey)
    return p


def rows(p: Play) -> list[str]:
    p.until("2026-07-01 00:00")
    return [" ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, r.status, r.reason))) for r in p.rows]


HELD = "03-09 22:00 night held quiet_hours"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("2026-03-05 10:00", ["03-05 10:00 thanks sent"], id="nothing had come due: no row"),
        pytest.param(
            "2026-03-09 21:59:59.999", ["03-09 21:59:59.999 thanks held quiet_hours"], id="1 ms before a touch"
        ),
        pytest.param("2026-03-09 22:00", ["03-09 22:00 thanks held quiet_hours"], id="at the instant of a touch"),
        pytest.param(
            "2026-03-09 22:00:00.001",
            [HELD, "03-09 22:00:00.001 night suppressed journey_ended", "03-09 22:00:00.001 thanks held quiet_hours"],
            id="1 ms after: held, and gone",
        ),
        pytest.param(
            "2026-03-10 08:00",
            [HELD, "03-10 08:00 night suppressed journey_ended", "03-10 08:00 thanks sent"],
            id="at the instant of the release",
        ),
        pytest.param(
            "2026-03-10 08:00:00.001",
            [HELD, "03-10 08:00 night sent", "03-10 08:00:00.001 thanks sent"],
            id="1 ms after",
        ),
        pytest.param(
            "2026-03-12 09:00", [HELD, "03-10 08:00 night sent", "03-12 09:00 thanks sent"], id="at the last touch"
        ),
    ],
)
def test_a_goal_cancels_what_is_open_and_sends_its_own(when: str, expected: list[str]) -> None:
    p = play("sched")
    paid(p, when)
    held_thanks = any("thanks held" in row for row in expected)
    assert rows(p) == expected + (["03-10 08:00 thanks sent"] if held_thanks else [])
    assert p.ends == [("sched", "goal")]


@pytest.mark.parametrize(
    ("journey", "kind", "payload", "expected", "end"),
    [
        ("waits", "payment.received", {"installment_no": 1}, ["03-05 10:00 thanks sent"], "goal"),
        ("waits", "policy.cancelled", {}, ["03-05 10:00 bye sent"], "cancelled"),
        ("waits", "policy.lapsed", {}, [], "lapsed"),
        (
            "waits",
            "payment.received",
            {"installment_no": 1, "outstanding_cny": "0.01"},
            ["03-06 10:00 w sent"],
            "expired",
        ),
        ("waits", "payment.received", {"installment_no": 2}, ["03-06 10:00 w sent"], "expired"),
        ("sched", "policy.cancelled", {}, ["03-05 10:00 bye sent"], "cancelled"),
    ],
)
def test_which_end(journey: str, kind: str, payload: dict[str, Any], expected: list[str], end: str) -> None:
    p = play(journey)
    p.event("2026-03-05 10:00", kind, **(PLACE | payload))
    assert rows(p) == expected
    assert p.ends == [(journey, end)]


def test_an_ends_own_messages_pass_the_guards() -> None:
    p = play("waits")
    p.event("2026-03-04 10:00", "message.status", status="bounced", channel="email")
    p.event("2026-03-05 10:00", "policy.cancelled", **PLACE)
    assert rows(p) == ["03-05 10:00 bye suppressed invalid_address"]


@pytest.mark.parametrize("kind", ["payment.received", "policy.lapsed"])
def test_after_the_end_nothing_is_heard(kind: str) -> None:
    p = play("waits")
    p.event("2026-03-05 10:00", "policy.lapsed", **PLACE)
    p.event("2026-03-05 11:00", kind, installment_no=1, **PLACE)
    assert rows(p) == []
    assert p.ends == [("waits", "lapsed")]


@pytest.mark.parametrize(
    ("journey", "expected", "end"),
    [
        pytest.param("short", [], "expired", id="expire"),
        pytest.param("finish", [HELD, "03-10 08:00 night sent"], "finished", id="finish"),
        pytest.param("ended", ["03-01 10:00 x sent"], "enough", id="end"),
        pytest.param("late", ["03-02 10:00 nudge sent", "03-02 10:00 more sent", "03-02 10:00 below sent"], "finished"),
        pytest.param("sched", [HELD, "03-10 08:00 night sent", "03-12 09:00 t sent"], "expired", id="goal and expire"),
    ],
)
def test_a_run_ends_at_the_first_of_its_ends(journey: str, expected: list[str], end: str) -> None:
    p = play(journey)
    assert rows(p) == expected
    assert p.ends == [(journey, end)]


# ---- Q24: consent


@pytest.mark.parametrize(
    ("change", "expected", "ends"),
    [
        pytest.param({"channel": "all"}, ["03-02 08:00 c suppressed no_consent"], [("care", "consent_withdrawn")]),
        pytest.param(
            {"channel": "email"}, ["03-02 10:00 c suppressed no_consent"], [("care", "expired")], id="one is left"
        ),
        pytest.param({"channel": "sms"}, ["03-02 10:00 c sent"], [("care", "expired")], id="not its channel"),
        pytest.param({"purpose": "marketing"}, ["03-02 10:00 c sent"], [("care", "expired")], id="not its purpose"),
    ],
)
def test_consent_that_ends_a_run_takes_its_messages(
    change: dict[str, str], expected: list[str], ends: list[tuple[str, str]]
) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-01 09:00", "2026-03-12", no=1, pay_method="care")
    bill(p, "2026-03-01 10:00", "2026-03-13", no=2, pay_method="care")
    p.event("2026-03-02 08:00", "consent.changed", **({"purpose": "care", "channel": "all", "granted": False} | change))
    assert rows(p) == ["03-01 09:00 c sent", "03-01 10:00 c deferred frequency_cap", *expected]
    assert set(p.ends) == set(ends)


# ---- Q24a: later news wins


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        pytest.param(
            "2026-03-02 22:00",
            ["03-02 22:00 below sent"],
            id="in time, to the instant",
        ),
        pytest.param(
            "2026-03-02 22:00:00.001",
            [
                "03-02 22:00 nudge held quiet_hours",
                "03-02 22:00:00.001 nudge suppressed superseded",
                "03-02 22:00:00.001 more sent",
                "03-02 22:00:00.001 below sent",
            ],
            id="1 ms late: the held nudge is overtaken, its branch goes on",
        ),
        pytest.param(
            "2026-03-03 08:00",
            [
                "03-02 22:00 nudge held quiet_hours",
                "03-03 08:00 nudge suppressed superseded",
                "03-03 08:00 more sent",
                "03-03 08:00 below sent",
            ],
            id="at the release",
        ),
        pytest.param(
            "2026-03-03 08:00:00.001",
            [
                "03-02 22:00 nudge held quiet_hours",
                "03-03 08:00 nudge sent",
                "03-03 08:00 more sent",
                "03-03 08:00 below sent",
            ],
            id="1 ms after it",
        ),
    ],
)
def test_what_was_waited_for_overtakes_the_otherwise_branch(failed: str, expected: list[str]) -> None:
    p = play("late", "2026-03-01 22:00")
    p.event(failed, "payment.failed", installment_no=1, **PLACE)
    assert rows(p) == expected


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        pytest.param("2026-03-02 22:00", [], id="in time"),
        pytest.param(
            "2026-03-03 07:00",
            ["03-02 22:00 late held quiet_hours", "03-03 07:00 late suppressed superseded"],
            id="while it is held",
        ),
        pytest.param("2026-03-03 09:00", ["03-02 22:00 late held quiet_hours", "03-03 08:00 late sent"], id="too late"),
    ],
)
def test_what_stops_a_deadline_overtakes_its_message(failed: str, expected: list[str]) -> None:
    p = play("dead", "2026-03-01 22:00")
    p.event(failed, "payment.failed", installment_no=1, **PLACE)
    assert rows(p) == expected
