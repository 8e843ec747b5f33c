"""N18, Q14: control groups and experiments by the hash of the customer; a control run sends and calls nothing."""

from hashlib import sha256
from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import MAIL, OFFER, small

SPLIT = f"""
control: {{percent: 20, name: held_back}}
flow:
  - experiment: colours
    metric: m
    guardrail: g
    arms:
      red: {{percent: 30, do: [{{id: red, {MAIL}}}]}}
      green: {{percent: 50, do: [{{id: green, {MAIL}}}]}}
      blue: {{percent: 20, do: [{{id: blue, {MAIL}}}]}}
"""
WALK = f"""
control: {{percent: 99, name: most}}
flow:
  - {{call: escalate, with: {{level: L1}}}}
  - {{id: first, {OFFER}}}
  - {{wait: 1 day}}
  - {{id: second, if: sent('first'), {OFFER}}}
goal: {{when: payment.received, do: [{{id: thanks, {OFFER}}}]}}
"""
JOURNEYS = (
    small("split", SPLIT, only="split"),
    small("walk", WALK, klass="marketing", only="walk", again="{after: 10 days}"),
    small("offer", f"flow: [{{id: offer, {OFFER}}}]", klass="marketing", only="offer"),
)


def place(salt: str, customer: str) -> int:
    """Work out the bucket as the rule says it."""
    return int(sha256(f"{salt}:{customer}".encode()).hexdigest()[:8], 16) % 100


def named(number: int) -> dict[str, Any]:
    return CUSTOMER | {"customer_id": f"客户-{number}"}


def test_arms_in_file_order_by_cumulative_percentage() -> None:
    customers = [named(number) for number in range(200)]
    p = Play(project(*JOURNEYS), customers)
    for customer in customers:
        p.event(
            "2026-03-01 10:00",
            "payment.due_scheduled",
            customer=customer["customer_id"],
            pay_method="split",
            due_date="2026-12-01",
        )
    p.until("2026-03-02 00:00")
    got = {row.customer_id: (row.step, row.reason) for row in p.rows}
    for customer in (one["customer_id"] for one in customers):
        bucket = place("colours", customer)
        arm = "red" if bucket < 30 else "green" if bucket < 80 else "blue"
        reason = "control_group" if place("control:held_back", customer) < 20 else None
        assert got[customer] == (arm, reason)
    assert {place("colours", customer) for customer in got} >= {29, 30, 79, 80}  # the boundaries were met


def controlled() -> str:
    return next(f"客户-{n}" for n in range(100) if place("control:most", f"客户-{n}") < 99)


def walk(*bills: tuple[str, str, int], paid: str | None = None) -> Play:
    p = Play(project(*JOURNEYS), (CUSTOMER | {"customer_id": controlled()},))
    for when, journey, number in bills:
        start = {"policy_id": "P-1", "installment_no": number, "pay_method": journey, "due_date": "2026-12-01"}
        p.event(when, "payment.due_scheduled", customer=controlled(), **start)
    if paid:
        p.event(paid, "payment.received", customer=controlled(), policy_id="P-1", installment_no=1)
    return p.until("2026-12-30 00:00")


CONTROL = "control_group"


def verdicts(p: Play) -> list[str]:
    return [" ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, r.status, r.reason))) for r in p.rows]


def test_a_control_run_walks_the_whole_journey_and_its_would_be_sends_are_rows() -> None:
    p = walk(("2026-03-01 10:00", "walk", 1), paid="2026-03-05 10:00")
    assert verdicts(p) == [
        f"03-01 10:00 first suppressed {CONTROL}",
        f"03-02 10:00 second suppressed {CONTROL}",
        f"03-05 10:00 thanks suppressed {CONTROL}",
    ]
    assert p.ends == [("walk", "goal")]


def test_it_counts_nothing_for_the_cap() -> None:
    p = walk(("2026-03-01 10:00", "walk", 1), ("2026-03-01 11:00", "offer", 2))
    assert "03-01 11:00 offer sent" in verdicts(p)


@pytest.mark.parametrize(
    ("second", "enters"),
    [("2026-03-15 09:59:59.999", False), ("2026-03-15 10:00", True)],
)
def test_its_would_be_sends_count_for_the_cool_down(second: str, enters: bool) -> None:
    p = Play(project(*JOURNEYS), (CUSTOMER | {"customer_id": controlled()},))
    start = {"policy_id": "P-1", "installment_no": 1, "pay_method": "walk", "due_date": "2026-12-01"}
    p.event("2026-03-01 10:00", "payment.due_scheduled", customer=controlled(), **start)
    p.event("2026-03-05 10:00", "payment.received", customer=controlled(), policy_id="P-1", installment_no=1)
    p.event(second, "payment.due_scheduled", customer=controlled(), **start)
    assert (p.until("2026-03-16 00:00").starts == 2) is enters
