"""Q23: not_while is judged at every hand-over but of mandatory messages; what the free look is."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, living_in, small

BODY = f"""
not_while: customer.in_free_look
flow:
  - {{id: one, {MAIL}}}
  - {{wait: 1 day}}
  - {{id: two, {MAIL}}}
  - {{id: must, {MAIL}, class: mandatory}}
"""
STEP = f"""
flow:
  - {{id: own, {MAIL}, not_while: customer.tier == 'growth'}}
  - {{id: free, {MAIL}}}
"""
JOURNEYS = (
    small("looks", BODY, only="looks"),
    small("steps", STEP, only="steps"),
    small("night", "not_while: customer.in_free_look\nflow: [{id: t, send: csat_sorry, by: sms}]", only="night"),
)
FIELD = {"policy_id": "P-9", "free_look_days": 15}


def issued(p: Play, when: str) -> None:
    p.event(when, "policy.issued", **FIELD)


# issued on 1 March: (what follows, the last instant of the free look)
@pytest.mark.parametrize(
    ("news", "last"),
    [
        pytest.param([], "2026-04-30 23:59:59.999", id="no receipt: 60 days"),
        pytest.param(
            [("policy.receipt_signed", {"receipt_date": "2026-03-04"})], "2026-03-19 23:59:59.999", id="15 days"
        ),
        pytest.param([("policy.cancelled", {})], "2026-03-01 10:30", id="cancelled"),
        pytest.param(
            [("policy.receipt_signed", {"receipt_date": "2026-03-04", "policy_id": "P-8"})],
            "2026-04-30 23:59:59.999",
            id="another policy's receipt",
        ),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Chatham"])
def test_the_free_look_ends_with_its_last_local_day(
    news: list[tuple[str, dict[str, Any]]], last: str, zone: str
) -> None:
    def row(when: str) -> list[str | None]:
        p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
        issued(p, "2026-03-01 10:00")
        bill(p, "2026-03-01 10:30", "2026-05-30", no=1, pay_method="looks")  # before the news
        for kind, payload in news:
            p.event("2026-03-01 10:30:00.001", kind, **({"policy_id": "P-9"} | payload))
        if when > "2026-03-01 10:30":
            bill(p, when, "2026-05-30", no=2, pay_method="looks")
        p.until(when)
        return [row.reason for row in p.rows if row.step == "one"][-1:]

    after = {"9": f"{last[:8]}{int(last[8:10]) + 1} 00:00", "0": "2026-03-01 10:31"}[last[-1]]
    after = after.replace("2026-04-31", "2026-05-01")
    assert (row(last), row(after)) == (["not_while"], [None])


NO, YES = "suppressed", "sent"


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        pytest.param("2026-03-02 10:00", [NO, NO, YES], id="at the first hand-over"),
        pytest.param("2026-03-02 10:00:00.001", [YES, NO, YES], id="after it"),
        pytest.param("2026-03-03 10:00", [YES, NO, YES], id="at the second"),
        pytest.param("2026-03-03 10:00:00.001", [YES, YES, YES], id="after it, too"),
    ],
)
def test_it_is_judged_at_every_hand_over_but_of_mandatory(issued_at: str, expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    if issued_at <= "2026-03-02 10:00":
        issued(p, issued_at)
    bill(p, "2026-03-02 10:00", pay_method="looks")
    if issued_at > "2026-03-02 10:00":
        issued(p, issued_at)
    p.until("2026-03-04 00:00")
    assert [row.status for row in p.rows] == expected


@pytest.mark.parametrize(
    ("issued_at", "reason"), [("2026-03-03 08:00", "not_while"), ("2026-03-03 08:00:00.001", None)]
)
def test_a_held_message_is_judged_at_release(issued_at: str, reason: str | None) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 22:00", pay_method="night")
    issued(p, issued_at)
    p.until("2026-03-04 00:00")
    assert [row.reason for row in p.rows] == ["quiet_hours", reason]


@pytest.mark.parametrize(("tier", "own"), [("growth", NO), ("basic", YES)])
def test_a_step_may_have_its_own(tier: str, own: str) -> None:
    p = Play(project(*JOURNEYS), (living_in("Asia/Shanghai", tier=tier),))
    bill(p, "2026-03-02 10:00", pay_method="steps")
    p.until("2026-03-04 00:00")
    assert [(row.step, row.status) for row in p.rows] == [("own", own), ("free", YES)]
