"""Q9: one event meets existing runs in the order goal, exit, set, react, waits, deadlines, and starts come last."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, moved, paid, small

GOAL = f"goal: {{when: payment.received, do: [{{id: goal, {MAIL}}}]}}"
EXIT = f"exit: {{when: payment.received, because: over, do: [{{id: exit, {MAIL}}}]}}"
REACT = f"react: [{{when: payment.received, do: [{{id: react, {MAIL}}}]}}]"
WAIT = f"""
flow:
  - wait_for: payment.received
    within: 9 days
    then: [{{id: then, {MAIL}}}]
    otherwise: [{{id: other, {MAIL}}}]
"""
DEADLINE = f"""
deadlines:
  - {{id: d, after: 1 day, since: payment.due_scheduled, stop: payment.received, do: [{{id: dead, {MAIL}}}]}}
"""
ENDS = {
    "goal_exit": (f"{GOAL}\n{EXIT}", ["goal"], "goal"),
    "goal_all": (f"{GOAL}\n{REACT}\n{WAIT}", ["goal"], "goal"),
    "exit_all": (f"{EXIT}\n{REACT}\n{WAIT}", ["exit"], "over"),
    "react_wait": (f"{REACT}\n{WAIT}", ["react", "then"], None),
    "react_dead": (f"{REACT}\n{DEADLINE}", ["react"], None),
}
JOURNEYS = tuple(small(name, body, only=name) for name, (body, _, _) in ENDS.items())


@pytest.mark.parametrize("name", ENDS)
def test_the_first_in_order_takes_an_event(name: str) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", pay_method=name)
    paid(p, "2026-02-01 12:00")
    p.until("2026-02-05 00:00")
    _, steps, end = ENDS[name]
    assert [step for _, _, step in p.sent] == steps
    assert p.ends == ([(name, end)] if end else [])


# the reaction sets a date, and what is judged after it sees the new one
SET = f"""
react:
  - when: payment.due_changed
    set: {{due_date: event.due_date}}
    do: [{{id: new, if: due_date == event.due_date, {MAIL}}}]
  - {{when: payment.due_changed, if: due_date == event.due_date, do: [{{id: second, {MAIL}}}]}}
flow:
  - wait_for: payment.due_changed
    if: due_date == event.due_date
    within: 9 days
    then: [{{id: then, {MAIL}}}]
    otherwise: [{{id: other, {MAIL}}}]
"""


def test_set_comes_before_waits_and_what_a_reaction_does() -> None:
    p = Play(project(small("sets", SET)))
    bill(p, "2026-02-01 10:00")
    moved(p, "2026-02-01 12:00", "2026-03-20")
    p.until("2026-02-05 00:00")
    assert {"new", "then"} <= {step for _, _, step in p.sent}


OWN = {
    "goal": ("flow: [{wait: 1 day}]\ngoal: {when: payment.due_scheduled}", ["goal"]),
    "exit": ("flow: [{wait: 1 day}]\nexit: {when: payment.due_scheduled, because: over}", ["over"]),
    "react": (f"react: [{{when: payment.due_scheduled, do: [{{id: a, {MAIL}}}]}}]", ["a"]),
    "wait": (f"flow: [{{wait_for: payment.due_scheduled, within: 1 day, then: [{{id: a, {MAIL}}}]}}]", ["a"]),
}
OWN_STARTS = tuple(small(f"own_{name}", body, only=f"own_{name}") for name, (body, _) in OWN.items())


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("name", OWN)
def test_a_run_never_receives_its_own_starting_event(name: str, second: bool) -> None:
    p = Play(project(*OWN_STARTS))
    bill(p, "2026-02-01 10:00", pay_method=f"own_{name}")
    if second:
        bill(p, "2026-02-01 12:00", seq=2, pay_method="none")
    p.until("2026-02-01 20:00")
    assert [step for _, _, step in p.sent] + [end for _, end in p.ends if end != "finished"] == (
        OWN[name][1] if second else []
    )


# the exit of a run and the start of the next are one event: the old run ends first
@pytest.mark.parametrize(("again", "starts"), [("after exit", 2), ("never", 1), ("{after: 1 day}", 2)])
def test_starts_come_last(again: str, starts: int) -> None:
    body = "flow: [{wait: 5 days}]\nexit: {when: payment.due_scheduled, because: renewed}"
    p = Play(project(small("renewed", body, again=again)))
    bill(p, "2026-02-01 10:00")
    bill(p, "2026-02-02 10:00", seq=2)
    p.until("2026-02-03 00:00")
    assert (p.starts, p.ends) == (starts, [("renewed", "renewed")])
    assert [note.kind for note in p.notes if note.kind in ("started", "ended")] == ["started", "ended", "started"][
        : starts + 1
    ]
