"""N7: at one instant come control actions, then all arrivals in log order, then timers; messages go by priority."""

from itertools import permutations

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import CARE, MAIL, SMS, bill, moved, paid, small

TOUCHED = """
    schedule: [{{id: t, at: due_date 09:00, {what}}}]
    react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}, do: [{{id: chg, {mail}}}]}}]
    goal: {{when: payment.received, if: event.outstanding_cny <= 0, do: [{{id: r, {mail}}}]}}
    exit:
      - {{when: policy.lapsed, because: lapsed}}
"""


def touched(name: str, what: str, klass: str = "service") -> str:
    return small(name, TOUCHED.format(what=what, mail=MAIL), klass=klass, only=name)


PLAIN = touched("plain", MAIL)
LATER = PLAIN.replace("id: t, at: due_date", "id: t2, at: 1 day after due_date")
JOURNEYS = (
    PLAIN,
    touched("caring", CARE, "care"),
    *(
        small(name, f"schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]", priority=priority, only=name)
        for name, priority in (("high", 70), ("middle", 50), ("low", 30))
    ),
    *(
        small(f"{name}_care", f"flow: [{{id: c, {CARE}}}]", klass="care", priority=priority, only=f"{name}_care")
        for name, priority in (("high", 70), ("middle", 50), ("low", 30))
    ),
    small(
        "steps",
        f"""
        schedule:
          - {{id: a, at: due_date 09:00, {MAIL}, priority: 10}}
          - {{id: b, at: due_date 09:00, {MAIL}, priority: 90}}
          - {{id: c, at: due_date 09:00, {MAIL}}}
        """,
        only="steps",
    ),
    small("night", f"flow: [{{id: n, {SMS}}}]", only="night"),
    small("late", f"flow: [{{wait: 2 hours}}, {{id: n, {SMS}}}]", only="late"),
)
T = "2026-03-12 09:00"
BEFORE, AT, AFTER = "2026-03-12 08:59:59.999", T, "2026-03-12 09:00:00.001"


def play() -> Play:
    return Play(project(*JOURNEYS))


def happens(p: Play, what: str, when: str) -> None:
    if what == "paid":
        paid(p, when)
    elif what == "moved":
        moved(p, when, "2026-03-20")
    elif what == "lapsed":
        p.event(when, "policy.lapsed", policy_id="P-1")
    elif what == "deceased":
        p.event(when, "customer.deceased")
    elif what == "withdrawn":
        p.event(when, "consent.changed", purpose="care", channel="all", granted=False)
    elif what == "complaint":
        p.event(when, "complaint.opened")
    else:
        p.event(when, "customer.updated", changed=["do_not_contact"], profile={"do_not_contact": True})


@pytest.mark.parametrize(
    ("journey", "what"),
    [
        ("plain", "paid"),
        ("plain", "moved"),
        ("plain", "lapsed"),
        ("plain", "deceased"),
        ("plain", "silenced"),
        ("caring", "paid"),
        ("caring", "withdrawn"),
        ("caring", "complaint"),
        ("caring", "deceased"),
        ("caring", "silenced"),
    ],
)
@pytest.mark.parametrize(("when", "reminded"), [(BEFORE, False), (AT, False), (AFTER, True)])
def test_an_arrival_beats_a_timer_of_its_instant(journey: str, what: str, when: str, reminded: bool) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method=journey)
    happens(p, what, when)
    p.until("2026-03-12 12:00")
    assert ((T, "email", "t") in p.sent) is reminded


START, MOVED, PAID = "start", "moved", "paid"
CHANGE_GOES = [(T, "chg", "sent", None), ("2026-03-20 09:00", "t", "sent", None)]
RECEIPT = (T, "r", "sent", None)
CHANGE_DIES = (T, "chg", "suppressed", "journey_ended")


# all at the very instant at which the touch is due: every order of every choice of the three
@pytest.mark.parametrize(
    ("log", "rows"),
    [
        ([START], [(T, "t", "sent", None)]),
        ([MOVED], []),
        ([PAID], []),
        ([START, MOVED], CHANGE_GOES),
        ([MOVED, START], CHANGE_GOES),  # early (N9)
        ([START, PAID], [RECEIPT]),
        ([PAID, START], []),  # remembered (N9)
        ([MOVED, PAID], []),
        ([PAID, MOVED], []),
        ([START, MOVED, PAID], [CHANGE_DIES, RECEIPT]),
        ([START, PAID, MOVED], [RECEIPT]),
        ([MOVED, START, PAID], [CHANGE_DIES, RECEIPT]),
        ([MOVED, PAID, START], []),
        ([PAID, START, MOVED], []),
        ([PAID, MOVED, START], []),
    ],
)
def test_arrivals_of_one_instant_are_taken_in_log_order(
    log: list[str], rows: list[tuple[str, str, str, str | None]]
) -> None:
    p = play()
    for what in log:
        if what == START:
            bill(p, T, pay_method="plain")
        else:
            happens(p, what, T)
    p.until("2026-06-30 00:00")
    assert [(p.local(row.decided_at), row.step, row.status, row.reason) for row in p.rows] == rows


@pytest.mark.parametrize("order", list(permutations(["high", "middle", "low"])), ids="-".join)
@pytest.mark.parametrize("apart", [0, 1], ids=["started together", "started 1 ms apart"])
def test_messages_of_one_instant_go_by_priority(order: tuple[str, ...], apart: int) -> None:
    p = play()
    for n, name in enumerate(order):
        bill(p, f"2026-02-01 10:00:00.00{n * apart}", no=n + 1, pay_method=name)
    p.until("2026-03-13 00:00")
    assert [(row.journey, p.local(row.handed_over_at)) for row in p.rows] == [("high", T), ("middle", T), ("low", T)]


def test_the_priority_of_a_step_wins_over_its_journeys() -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="steps")
    p.until("2026-03-13 00:00")
    assert [row.step for row in p.rows] == ["b", "c", "a"]


# `late` wants its SMS two hours after its start, `night` at once; both are held until 08:00
@pytest.mark.parametrize(
    ("late", "night", "first"),
    [
        pytest.param("21:00", "22:00", "night", id="the younger run was due before"),
        pytest.param("21:00", "22:59:59.999", "night", id="due 1 ms before"),
        pytest.param("21:00", "23:00", "late", id="due together: the older run"),
        pytest.param("21:00", "23:00:00.001", "late", id="due 1 ms after"),
    ],
)
def test_of_one_priority_the_earlier_due_goes_first(late: str, night: str, first: str) -> None:
    p = play()
    bill(p, f"2026-03-12 {late}", "2026-04-01", no=1, pay_method="late")
    bill(p, f"2026-03-12 {night}", "2026-04-01", no=2, pay_method="night")
    p.until("2026-03-14 00:00")
    went = [row for row in p.rows if row.status == "sent"]
    assert [p.local(row.handed_over_at) for row in went] == ["2026-03-13 08:00"] * 2
    assert went[0].journey == first


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])), ids=str)
def test_of_one_due_time_the_older_run_goes_first(order: tuple[int, ...]) -> None:
    p = play()
    for n, no in enumerate(order):
        bill(p, f"2026-02-0{n + 1} 10:00", no=no, pay_method="plain")
    p.until("2026-03-13 00:00")
    assert [row.key["installment_no"] for row in p.rows] == list(order)


@pytest.mark.parametrize("order", list(permutations(["high_care", "middle_care", "low_care"])), ids="-".join)
@pytest.mark.parametrize("apart", [0, 1], ids=["one instant", "1 ms apart"])
def test_the_slot_of_the_day_goes_to_the_first_in_order(order: tuple[str, ...], apart: int) -> None:
    """Together the highest priority wins; 1 ms apart the first that could go has gone."""
    p = play()
    for n, name in enumerate(order):
        bill(p, f"2026-03-12 10:00:00.00{n * apart}", "2026-04-01", no=n + 1, pay_method=name)
    p.until("2026-03-12 23:00")
    assert [row.journey for row in p.rows if row.status == "sent"] == [order[0] if apart else "high_care"]


@pytest.mark.parametrize(
    ("published", "reminded"),
    [(BEFORE, False), (AT, False), (AFTER, True)],
    ids=["1 ms before", "at that instant", "1 ms after"],
)
def test_a_publication_beats_a_timer_of_its_instant(published: str, reminded: bool) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="plain")
    p.publish(published, project(LATER), "move")
    p.until("2026-04-01 00:00")
    assert p.sent == ([(T, "email", "t")] if reminded else []) + [("2026-03-13 09:00", "email", "t2")]


@pytest.mark.parametrize(("arrives", "version"), [(BEFORE, 1), (AT, 2), (AFTER, 2)])
def test_a_publication_beats_an_arrival_of_its_instant(arrives: str, version: int) -> None:
    p = play()
    if arrives == BEFORE:
        bill(p, arrives, "2026-04-01", pay_method="plain")
    p.publish(AT, project(LATER), "stay")
    if arrives != BEFORE:
        bill(p, arrives, "2026-04-01", pay_method="plain")
    p.until("2026-04-03 00:00")
    assert {row.journey_version for row in p.rows} == {version}
