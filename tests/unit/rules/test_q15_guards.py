"""Q15: the guards stand in one order; where several hold, the first one's reason is the row's."""

from typing import Any

import pytest

from sojourn.core.decide import decide
from sojourn.core.model import Row, Tick
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import bill, small

TEXT = "send: claim_ack, by: sms, with: {claim_no: = customer.name}"  # the customer has no name: no value
BODY = f"""
personalised: true
not_while: customer.tier == 'high_value'
control: {{percent: 1, name: everybody_39}}
schedule:
  - {{id: t, at: due_date 10:00, {TEXT}, on_cap: drop}}
  - {{id: night, at: due_date 22:00, {TEXT}, on_cap: drop, valid_for: 9 hours}}
  - {{id: dark, at: due_date 22:00, {TEXT}, on_cap: drop, valid_for: 10 hours}}
  - {{id: other, at: 20 days after due_date 10:00, send: churn_last, by: email}}
exit: {{when: payment.received, because: over}}
"""
FREE = BODY.replace("control: {percent: 1, name: everybody_39}\n", "")
FIRST = "schedule: [{id: first, at: due_date 00:00, send: onboarding_handbook, by: email, with: {product: X}}]"
JOURNEYS = (
    small("controlled", BODY, klass="marketing", only="controlled"),
    small("free", FREE, klass="marketing", only="free"),
    small("slot", FIRST, klass="care", only="slot"),
)
SERVICE = small("service", "\n".join(line for line in BODY.splitlines() if "churn_last" not in line), only="service")
DUE = "2026-03-12"


def became(p: Play, **profile: Any) -> None:
    p.event("2026-03-03 10:00", "customer.updated", changed=["x"], profile=profile)


# what hinders a message, in the order of the guards
HINDRANCES: dict[str, Any] = {
    "deceased": lambda p: p.event("2026-03-03 10:00", "customer.deceased"),
    "do_not_contact": lambda p: became(p, do_not_contact=True),
    "control_group": None,
    "personalisation_opt_out": lambda p: became(p, personalisation_opt_out=True),
    "not_while": lambda p: became(p, tier="high_value"),
    "paused_complaint": lambda p: p.event("2026-03-03 10:00", "complaint.opened"),
    "no_address": lambda p: became(p, mobile=None),
    "invalid_address": lambda p: became(p, mobile_valid=False),
    "no_consent": lambda p: p.event(
        "2026-03-03 10:00", "consent.changed", purpose="marketing", channel="sms", granted=False
    ),
    "frequency_cap": lambda p: bill(p, "2026-03-03 11:00", DUE, no=2, pay_method="slot"),
    "missing_variable": None,
}


def reason(journey: str, holding: list[str], step: str = "t") -> tuple[str, str | None]:
    p = Play(project(SERVICE) if journey == "service" else project(*JOURNEYS))
    bill(p, "2026-03-02 10:00", DUE, pay_method=journey)
    for name in holding:
        if HINDRANCES[name] is not None:
            HINDRANCES[name](p)
    p.until("2026-03-13 09:00")
    (row,) = [row for row in p.rows if row.step == step][-1:]
    return row.status, row.reason


ORDER = list(HINDRANCES)


def cases(leave: str) -> list[tuple[str, list[str]]]:
    """Give for each hindrance itself with all that stand behind it."""
    order = [name for name in ORDER if name not in leave.split()]
    return [(name, order[n:]) for n, name in enumerate(order)]


@pytest.mark.parametrize(
    ("first", "holding"),
    cases("do_not_contact control_group"),
    ids=[name for name, _ in cases("do_not_contact control_group")],
)
def test_of_a_marketing_message(first: str, holding: list[str]) -> None:
    assert reason("free", holding) == ("suppressed", first)


@pytest.mark.parametrize(
    ("first", "holding"),
    [case for case in cases("paused_complaint no_consent frequency_cap") if ORDER.index(case[0]) <= 2],
    ids=["deceased", "do_not_contact", "control_group"],
)
def test_of_a_service_message_with_control_group(first: str, holding: list[str]) -> None:
    assert reason("service", holding) == ("suppressed", first)


@pytest.mark.parametrize("others", [[], ["personalisation_opt_out", "not_while", "paused_complaint", "no_address"]])
def test_the_control_group_comes_before_all_that_is_the_customers(others: list[str]) -> None:
    assert reason("controlled", others) == ("suppressed", "control_group")


# at night: (step, holding, status, reason)
@pytest.mark.parametrize(
    ("step", "holding", "expected"),
    [
        pytest.param("night", [], ("suppressed", "quiet_hours"), id="the night ends too late"),
        pytest.param("night", ["no_address"], ("suppressed", "no_address"), id="the address comes before the night"),
        pytest.param("night", ["frequency_cap"], ("suppressed", "quiet_hours"), id="the night before the cap"),
        pytest.param(
            "dark", ["frequency_cap"], ("suppressed", "missing_variable"), id="held, the cap is free next morning"
        ),
    ],
)
def test_the_night_stands_between_address_and_cap(step: str, holding: list[str], expected: tuple[str, str]) -> None:
    assert reason("free", holding, step) == expected


# an end at that instant, and what has become too old, come before all others
@pytest.mark.parametrize(
    ("journey", "holding"), [("free", ["not_while"]), ("controlled", []), ("free", ["frequency_cap"])]
)
def test_an_ended_run_comes_first(journey: str, holding: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 10:00", DUE, pay_method=journey)
    for name in holding:
        HINDRANCES[name](p)
    p.event(f"{DUE} 10:00", "payment.received", policy_id="P-1", installment_no=1)
    p.until("2026-03-13 09:00")
    assert [row.step for row in p.rows if row.step == "t"] == []
    assert (journey, "over") in p.ends


@pytest.mark.parametrize("name", ["deceased", "not_while", "no_address", "missing_variable"])
def test_what_is_too_old_comes_before_the_customer(name: str) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 10:00", DUE, pay_method="free")
    if HINDRANCES[name] is not None:
        HINDRANCES[name](p)
    late = decide(p.world.book, p.world.states["C1"], Tick(), at("2026-03-15 10:00:00.001", p.zone))
    rows = [row for row in late.commands if isinstance(row, Row) and row.step == "t"]
    assert [(row.status, row.reason) for row in rows] == [("suppressed", "expired")]
