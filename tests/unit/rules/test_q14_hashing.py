"""Q14: control groups and experiments are split by sha256; a control run walks the journey and sends nothing."""

import hashlib

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import MAIL, OFFER, bill, small


def hashed(text: str) -> int:
    """Work out a bucket as the rule says it."""
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16) % 100


ARMS = f"""
flow:
  - experiment: colour
    metric: m
    guardrail: g
    arms:
      a: {{percent: 20, do: [{{id: a, {MAIL}}}]}}
      b: {{percent: 30, do: [{{id: b, {MAIL}}}]}}
      c: {{percent: 50, do: [{{id: c, {MAIL}}}]}}
"""
JOURNEYS = (
    small("tenth", f"control: {{percent: 10, name: tenth_of}}\nflow: [{{id: x, {MAIL}}}]", only="tenth"),
    small("half", f"control: {{percent: 50, name: half_of}}\nflow: [{{id: x, {MAIL}}}]", only="half"),
    small("named", f"control: {{percent: 50}}\nflow: [{{id: x, {MAIL}}}]", only="named"),
    small("arms", ARMS, only="arms"),
)
PEOPLE = [f"C{n}" for n in range(150)] + ["客户", "c-ü"]


def play_all(journey: str) -> dict[str, tuple[str | None, str | None]]:
    p = Play(project(*JOURNEYS), [CUSTOMER | {"customer_id": name} for name in PEOPLE])
    for name in PEOPLE:
        bill(p, "2026-03-02 10:00", customer=name, pay_method=journey)
    p.until("2026-03-02 10:00")
    return {row.customer_id: (row.step, row.reason) for row in p.rows}


@pytest.mark.parametrize(
    ("journey", "group", "percent"), [("tenth", "tenth_of", 10), ("half", "half_of", 50), ("named", "named", 50)]
)
def test_a_control_group_is_the_lowest_buckets(journey: str, group: str, percent: int) -> None:
    wanted = {name: ("x", "control_group" if hashed(f"control:{group}:{name}") < percent else None) for name in PEOPLE}
    assert len(set(wanted.values())) == 2
    assert play_all(journey) == wanted


def test_arms_go_by_cumulative_percentage_in_file_order() -> None:
    wanted = {
        name: ("a" if hashed(f"colour:{name}") < 20 else "b" if hashed(f"colour:{name}") < 50 else "c")
        for name in PEOPLE
    }
    assert set(wanted.values()) == {"a", "b", "c"}
    assert {name: step for name, (step, _) in play_all("arms").items()} == wanted


# C1 is in every control group named everybody_39 (bucket 0)
CALL = "{call: escalate, with: {level: L1}}"
CONTROLLED = f"""
control: {{percent: 1, name: everybody_39}}
flow:
  - {{id: first, {OFFER}}}
  - {CALL}
  - {{wait: 2 days}}
  - {{id: second, {OFFER}, if: sent('first')}}
goal: {{when: payment.received, do: [{{id: thanks, {MAIL}}}]}}
"""
FREE = small("free", f"flow: [{{id: free, {OFFER}}}]", klass="marketing", only="free", priority=10)
PAIR = (small("controlled", CONTROLLED, klass="marketing", only="controlled"), FREE)


def test_a_control_run_walks_on_calls_nothing_and_counts_nothing() -> None:
    assert hashed("control:everybody_39:C1") == 0
    p = Play(project(*PAIR))
    bill(p, "2026-03-02 10:00", no=1, pay_method="controlled")
    bill(p, "2026-03-02 11:00", no=2, pay_method="free")
    p.event("2026-03-06 10:00", "payment.received", policy_id="P-1", installment_no=1)
    p.until("2026-04-01 00:00")
    assert p.sent == [("2026-03-02 11:00", "email", "free")]
    assert p.not_sent() == [
        ("2026-03-02 10:00", "first", "suppressed", "control_group"),
        ("2026-03-04 10:00", "second", "suppressed", "control_group"),
        ("2026-03-06 10:00", "thanks", "suppressed", "control_group"),
    ]


def test_a_control_run_keeps_no_place_for_what_it_would_send() -> None:
    body = f"control: {{percent: 1, name: everybody_39}}\nschedule: [{{id: high, at: due_date 18:00, {OFFER}}}]"
    p = Play(project(small("high", body, klass="marketing", priority=90, only="high"), FREE))
    bill(p, "2026-03-01 10:00", "2026-03-02", no=1, pay_method="high")
    bill(p, "2026-03-02 10:00", no=2, pay_method="free")
    p.until("2026-03-03 00:00")
    assert p.sent == [("2026-03-02 10:00", "email", "free")]
    assert p.not_sent() == [("2026-03-02 18:00", "high", "suppressed", "control_group")]
