"""Q36: sends are judged after all arrivals and timers of their instant, in an order that content alone decides."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import BOTH, MAIL, OFFER, bill, paid, small


def touch(name: str, send: str = MAIL, *, at: str = "due_date 09:00", more: str = "", **kwargs: Any) -> str:
    return small(name, f"schedule: [{{id: t, at: {at}, {send}}}]\n{more}", **kwargs)


GOAL = "goal: {when: payment.received}"


def order(p: Play) -> list[tuple[str, Any, str | None, str | None]]:
    return [(r.journey, r.key.get("installment_no"), r.step, r.channel) for r in p.rows if r.status == "sent"]


# all are due on 12 March at 09:00; each case names them from the first to the last
@pytest.mark.parametrize(
    ("journeys", "bills", "expected"),
    [
        pytest.param(
            (touch("a", priority=10), touch("b", priority=90)),
            [("02-01 10:00", 1)],
            [("b", 1, "t", "email"), ("a", 1, "t", "email")],
            id="priority",
        ),
        pytest.param(
            (touch("a"), touch("b")),
            [("02-01 10:00", 1)],
            [("a", 1, "t", "email"), ("b", 1, "t", "email")],
            id="journey id",
        ),
        pytest.param(
            (touch("a", only="x"), touch("b", only="y")),
            [("02-01 10:00", 1, "y"), ("02-01 10:00:00.001", 2, "x")],
            [("b", 1, "t", "email"), ("a", 2, "t", "email")],
            id="the older run before the journey id",
        ),
        pytest.param(
            (touch("a"),),
            [("02-01 10:00", 3), ("02-01 10:00", 20), ("02-01 10:00", 1)],
            [("a", 1, "t", "email"), ("a", 20, "t", "email"), ("a", 3, "t", "email")],
            id="the key as canonical JSON: 20 before 3",
        ),
        pytest.param(
            (touch("a"),),
            [("02-01 10:00", 3), ("02-01 10:00:00.001", 1)],
            [("a", 3, "t", "email"), ("a", 1, "t", "email")],
            id="the older run before the key",
        ),
        pytest.param(
            (small("a", f"schedule: [{{id: z, at: due_date 09:00, {MAIL}}}, {{id: b, at: due_date 09:00, {BOTH}}}]"),),
            [("02-01 10:00", 1)],
            [("a", 1, "b", "sms"), ("a", 1, "b", "email"), ("a", 1, "z", "email")],
            id="step id, then sms before email",
        ),
    ],
)
def test_the_last_tie_breakers(
    journeys: tuple[str, ...], bills: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]
) -> None:
    p = Play(project(*journeys))
    for when, no, *only in bills:
        bill(p, f"2026-{when}", no=no, **({"pay_method": only[0]} if only else {}))
    p.until("2026-03-20 00:00")
    assert order(p) == expected


def test_the_earlier_due_goes_first_whatever_the_age_of_its_run() -> None:
    """Both SMS come out of the night at 08:00; the younger run's was due first."""
    text = "send: csat_sorry, by: sms"
    p = Play(
        project(touch("old", text, at="due_date 23:00", only="o"), touch("young", text, at="due_date 22:00", only="y"))
    )
    bill(p, "2026-02-01 10:00", no=1, pay_method="o")
    bill(p, "2026-02-02 10:00", no=2, pay_method="y")
    p.until("2026-03-20 00:00")
    assert [name for name, *_ in order(p)] == ["young", "old"]


def test_the_first_takes_the_place_in_the_cap() -> None:
    offers = [touch(name, OFFER, klass="marketing", priority=50) for name in ("a", "b")]
    p = Play(project(*offers))
    bill(p, "2026-02-01 10:00")
    p.until("2026-03-12 12:00")
    assert [(r.journey, r.status) for r in p.rows] == [("a", "sent"), ("b", "deferred")]


# a payment ends the run that has something due on 12 March at 09:00
@pytest.mark.parametrize(
    ("when", "sent"),
    [("2026-03-12 08:59:59.999", 0), ("2026-03-12 09:00", 0), ("2026-03-12 09:00:00.001", 1)],
)
def test_arrivals_of_the_instant_come_first(when: str, sent: int) -> None:
    p = Play(project(touch("a", more=GOAL)))
    bill(p, "2026-02-01 10:00")
    paid(p, when)
    p.until("2026-03-20 00:00")
    assert (len(p.sent), p.not_sent()) == (sent, [])


@pytest.mark.parametrize("paying", [False, True])
def test_a_run_that_ended_within_the_instant_sends_nothing(paying: bool) -> None:
    """A reaction's message of this very instant is overtaken by the goal of the same instant."""
    text = small("a", f"react: [{{when: payment.failed, do: [{{id: f, {MAIL}}}]}}]\n{GOAL}")
    p = Play(project(text))
    bill(p, "2026-02-01 10:00")
    p.event("2026-02-02 10:00", "payment.failed", policy_id="P-1", installment_no=1, entity="P-1/1", seq=2)
    if paying:
        paid(p, "2026-02-02 10:00")
    p.until("2026-03-20 00:00")
    went, ended = [("2026-02-02 10:00", "email", "f")], [("2026-02-02 10:00", "f", "suppressed", "journey_ended")]
    assert (p.sent, p.not_sent()) == (([], ended) if paying else (went, []))


def test_a_timer_of_the_instant_may_end_the_run_as_well() -> None:
    """A flow ends the run at the instant at which a touch is due: the timers first, then the sends."""
    text = small(
        "a",
        f"flow: [{{wait_until: due_date 09:00}}, {{end: over}}]\nschedule: [{{id: t, at: due_date 09:00, {MAIL}}}]",
    )
    p = Play(project(text))
    bill(p, "2026-02-01 10:00")
    p.until("2026-03-20 00:00")
    assert (p.sent, p.not_sent()) == ([], [("2026-03-12 09:00", "t", "suppressed", "journey_ended")])


def test_customers_do_not_wait_for_each_other() -> None:
    p = Play(project(touch("a")), (CUSTOMER, CUSTOMER | {"customer_id": "C2"}))
    bill(p, "2026-02-01 10:00")
    bill(p, "2026-02-01 11:00", customer="C2")
    p.until("2026-03-20 00:00")
    assert sorted(r.customer_id for r in p.rows) == ["C1", "C2"]
