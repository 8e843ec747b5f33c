"""N16, Q43, Q45, Q51: stay, move, drain: what a publication does to runs, and to starts."""

import functools
from typing import Literal

import pytest

from sojourn.core.model import Publication
from sojourn.definitions.publish import Release, first_book, next_book
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import MAIL, SMS, bill, paid, small


class Version:
    """What a version of a journey says; ``pair`` makes two of them one journey of the projects OLD and NEW."""

    def __init__(self, body: str, **more: str) -> None:
        self.body, self.more = body, more

    def named(self, name: str) -> str:
        return small(name, self.body, only=name, **self.more)


OLD: list[str] = []
NEW: list[str] = []


def pair(old: Version, new: Version) -> str:
    """Let a journey have two versions; give its name. All of them stand in two projects, which are read once."""
    name = f"touch{len(OLD)}"
    OLD.append(old.named(name))
    NEW.append(new.named(name))
    return name


touch = Version
OTHER = small("other", f"flow: [{{id: other, {MAIL}}}]", only="other")
ONE = touch(f"""
schedule:
  - {{id: a, at: 3 days before due_date 09:00, {MAIL}}}
  - {{id: b, at: due_date 09:00, {MAIL}}}
""")
TWO = touch(f"""
schedule:
  - {{id: a, at: 2 days before due_date 09:00, {MAIL}}}
  - {{id: c, at: 1 day before due_date 09:00, {MAIL}}}
""")


def rows(p: Play) -> list[str]:
    """Give the rows as `day-time step v1 status reason`."""
    return [
        " ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, f"v{r.journey_version}", r.status, r.reason)))
        for r in p.rows
    ]


@functools.cache
def following(running: Literal["stay", "move", "drain"]) -> Release:
    """Give the book that follows OLD; it is put together once."""
    return next_book(first_book(project(*OLD)), project(*NEW), running)[0]


def lived(name: str, when: str, running: str, *, start: str = "2026-02-01 10:00") -> Play:
    """Start a run of a journey of two versions (due 2026-03-12) and publish; nothing else happens yet."""
    p = Play(project(*OLD))
    bill(p, start, pay_method=name)
    p.world.publish(following(running), None, Publication(running), at(when, p.zone))
    return p


# ---- the schedule

ONE_TWO = pair(ONE, TWO)
OLD_WAY = ["03-09 09:00 a v1 sent", "03-12 09:00 b v1 sent"]


@pytest.mark.parametrize("running", ["stay", "drain"])
@pytest.mark.parametrize("when", ["2026-03-01 10:00", "2026-03-10 10:00"])
def test_a_run_keeps_its_version(running: str, when: str) -> None:
    assert rows(lived(ONE_TWO, when, running).until("2026-06-30 00:00")) == OLD_WAY


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("2026-03-01 10:00", ["03-10 09:00 a v2 sent", "03-11 09:00 c v2 sent"], id="before all touches"),
        pytest.param(
            "2026-03-09 09:00",
            ["03-10 09:00 a v2 sent", "03-11 09:00 c v2 sent"],
            id="at the instant of a touch: the publication first",
        ),
        pytest.param(
            "2026-03-09 09:00:00.001",
            ["03-09 09:00 a v1 sent", "03-11 09:00 c v2 sent"],
            id="1 ms later: decided for this date, not repeated",
        ),
        pytest.param("2026-03-11 09:00", ["03-09 09:00 a v1 sent", "03-11 09:00 c v2 sent"], id="new, due now"),
        pytest.param(
            "2026-03-11 09:00:00.001",
            ["03-09 09:00 a v1 sent", "03-11 09:00:00.001 c v2 skipped skipped_past"],
            id="new, 1 ms past",
        ),
        pytest.param(
            "2026-03-12 09:00",
            ["03-09 09:00 a v1 sent", "03-12 09:00 c v2 skipped skipped_past"],
            id="at the instant of a touch that is gone",
        ),
    ],
)
def test_a_moved_run_takes_the_new_schedule(when: str, expected: list[str]) -> None:
    assert rows(lived(ONE_TWO, when, "move").until("2026-06-30 00:00")) == expected


def night(step: str, time: str = "22:00") -> str:
    return touch(f"""
schedule:
  - {{id: {step}, at: due_date {time}, {SMS}}}
  - {{id: end, at: 9 days after due_date 09:00, {MAIL}}}
""")


LAST = "03-21 09:00 end v2 sent"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            pair(night("n"), night("n", "09:30")),
            ["03-12 22:00 n v1 held quiet_hours", "03-13 08:00 n v2 sent", LAST],
            id="still there: it goes",
        ),
        pytest.param(
            pair(night("n"), night("m")),
            [
                "03-12 22:00 n v1 held quiet_hours",
                "03-12 23:00 n v2 suppressed superseded",
                "03-12 23:00 m v2 skipped skipped_past",
                LAST,
            ],
            id="gone: superseded",
        ),
    ],
)
def test_a_held_message_of_a_removed_step_is_superseded(name: str, expected: list[str]) -> None:
    p = lived(name, "2026-03-12 23:00", "move").until("2026-06-30 00:00")
    assert rows(p) == expected
    assert None not in {row.template for row in p.rows}  # N22: also where the step is gone


# ---- the flow: started on the 1st at 10:00; v1 sends x after two days, y and z three days later

FLOW = "w1 2, x, w2 3, y, z"


def flow(text: str) -> str:
    """Give a journey of `w1 2` (a wait of two days), `x` (an e-mail), `n~` (an SMS)."""
    steps = []
    for word in text.split(", "):
        name, _, days = word.partition(" ")
        if days:
            steps.append(f"{{id: {name}, wait: {days} days}}")
        else:
            steps.append(f"{{id: {name.rstrip('~')}, {SMS if name.endswith('~') else MAIL}}}")
    return touch("flow:\n" + "\n".join(f"  - {step}" for step in steps))


@pytest.mark.parametrize(
    ("name", "when", "expected"),
    [
        pytest.param(
            pair(flow(FLOW), flow("w1 1, x, w2 1, y, z")),
            "2026-03-02 12:00",
            ["03-03 10:00 x v2", "03-04 10:00 y v2", "03-04 10:00 z v2"],
            id="a running wait keeps its end, later ones are new",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 9, x, w2 9, y, z")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-06 10:00 y v2", "03-06 10:00 z v2"],
            id="the second wait keeps its end, too",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 2, x, y, z")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-04 12:00 y v2", "03-04 12:00 z v2"],
            id="the wait is gone: at the next step",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 2, x, z")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-04 12:00 z v2"],
            id="the next but one",
        ),
        pytest.param(pair(flow(FLOW), flow("w1 2, x")), "2026-03-04 12:00", ["03-03 10:00 x v1"], id="nothing is left"),
        pytest.param(
            pair(flow(FLOW), flow("n, w1 2, x, w2 3, k, y, z")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-06 10:00 k v2", "03-06 10:00 y v2", "03-06 10:00 z v2"],
            id="new steps before and behind",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 2, w2 3, x, y")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-06 10:00 y v2"],
            id="sent already: not repeated at its new place",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 2, y, x, w2 3, z")),
            "2026-03-04 12:00",
            ["03-03 10:00 x v1", "03-06 10:00 z v2"],
            id="in front",
        ),
        pytest.param(
            pair(flow(FLOW), flow("w1 2, k, x, w2 3, y, z")),
            "2026-03-03 10:00",
            ["03-03 10:00 k v2", "03-03 10:00 x v2", "03-06 10:00 y v2", "03-06 10:00 z v2"],
            id="at the instant at which the wait ends",
        ),
    ],
)
def test_a_flow_goes_on_at_the_same_step_or_the_next(name: str, when: str, expected: list[str]) -> None:
    p = lived(name, when, "move", start="2026-03-01 10:00").until("2026-06-30 00:00")
    assert rows(p) == [f"{row} sent" for row in expected]
    assert p.ends == [(name, "finished")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            pair(flow("n~, y"), flow("y")),
            ["03-01 23:00 n v2 suppressed superseded", "03-01 23:00 y v2 sent"],
            id="gone",
        ),
        pytest.param(
            pair(flow("n~, y"), flow("n~, k, y")),
            ["03-02 08:00 n v2 sent", "03-02 08:00 k v2 sent", "03-02 08:00 y v2 sent"],
            id="kept",
        ),
    ],
)
def test_a_flow_that_stands_at_a_held_message(name: str, expected: list[str]) -> None:
    p = lived(name, "2026-03-01 23:00", "move", start="2026-03-01 22:00")
    assert rows(p.until("2026-06-30 00:00")) == ["03-01 22:00 n v1 held quiet_hours", *expected]


# ---- deadlines, reactions, ends


def late(at_most: int, name: str = "late") -> str:
    return touch(f"""
deadlines:
  - id: {name}
    after: 3 days
    since: [payment.due_scheduled, payment.failed]
    at_most: {at_most}
    do: [{{id: {name}, {MAIL}}}]
schedule: [{{id: far, at: 60 days after due_date 09:00, {MAIL}}}]
""")


@pytest.mark.parametrize(
    ("name", "failed", "expected"),
    [
        pytest.param(
            pair(late(5), late(3)),
            None,
            ["03-04 10:00 v1", "03-07 10:00 v2", "03-10 10:00 v2"],
            id="goes on to its number",
        ),
        pytest.param(
            pair(late(5), late(2)), None, ["03-04 10:00 v1", "03-07 10:00 v2"], id="the firing before the move counts"
        ),
        pytest.param(pair(late(5), late(1)), None, ["03-04 10:00 v1"], id="has fired often enough already"),
        pytest.param(pair(late(5), late(9, "new")), None, ["03-04 10:00 v1"], id="a new one waits for its event"),
        pytest.param(
            pair(late(5), late(2, "new")),
            "2026-03-06 10:00",
            ["03-04 10:00 v1", "03-09 10:00 v2", "03-12 10:00 v2"],
            id="and starts with it",
        ),
    ],
)
def test_deadlines_of_the_new_version(name: str, failed: str | None, expected: list[str]) -> None:
    p = lived(name, "2026-03-05 10:00", "move", start="2026-03-01 10:00")
    if failed:
        p.event(failed, "payment.failed", policy_id="P-1", installment_no=1)
    p.until("2026-03-31 00:00")
    assert [row.replace("late ", "").replace("new ", "") for row in rows(p)] == [f"{row} sent" for row in expected]


PLAIN = f"schedule: [{{id: far, at: 20 days after due_date 09:00, {MAIL}}}]\n"
GOAL = PLAIN + f"goal: {{when: payment.received, do: [{{id: thanks, {MAIL}}}]}}"
EXIT = PLAIN + "exit: [{when: payment.received, because: over}]"
REACT = PLAIN + f"react: [{{when: payment.received, do: [{{id: got, {MAIL}}}]}}]"
FAR = "04-01 09:00 far {} sent"


@pytest.mark.parametrize(
    ("running", "name", "expected", "end"),
    [
        ("move", pair(touch(PLAIN), touch(GOAL)), ["03-10 10:00 thanks v2 sent"], "goal"),
        ("stay", pair(touch(PLAIN), touch(GOAL)), [FAR.format("v1")], "finished"),
        ("drain", pair(touch(PLAIN), touch(GOAL)), [FAR.format("v1")], "finished"),
        ("move", pair(touch(GOAL), touch(PLAIN)), [FAR.format("v2")], "finished"),
        ("stay", pair(touch(GOAL), touch(PLAIN)), ["03-10 10:00 thanks v1 sent"], "goal"),
        ("move", pair(touch(PLAIN), touch(EXIT)), [], "over"),
        ("move", pair(touch(EXIT), touch(PLAIN)), [FAR.format("v2")], "finished"),
        ("drain", pair(touch(EXIT), touch(PLAIN)), [], "over"),
        ("move", pair(touch(PLAIN), touch(REACT)), ["03-10 10:00 got v2 sent", FAR.format("v2")], "expired"),
        ("stay", pair(touch(PLAIN), touch(REACT)), [FAR.format("v1")], "finished"),
        ("move", pair(touch(REACT), touch(PLAIN)), [FAR.format("v2")], "finished"),
    ],
)
def test_goal_exit_and_reactions(running: str, name: str, expected: list[str], end: str) -> None:
    p = lived(name, "2026-03-05 10:00", running)
    paid(p, "2026-03-10 10:00")
    p.until("2026-07-30 00:00")
    assert rows(p) == expected
    assert p.ends == [(name, end)]


@pytest.mark.parametrize(
    ("name", "expected", "end"),
    [
        (pair(touch(PLAIN), touch(PLAIN, expire="20 days after due_date")), [FAR.format("v2")], "finished"),
        (pair(touch(PLAIN), touch(PLAIN, expire="19 days after due_date")), [], "expired"),
        (pair(touch(PLAIN), touch(PLAIN, expire="30 days after start")), [], "expired"),
        (pair(touch(PLAIN), touch(PLAIN, expire="60 days after start")), [FAR.format("v2")], "finished"),
        (pair(touch(PLAIN), touch(PLAIN, expire="58 days after start")), [], "expired"),
    ],
)
def test_the_new_day_after_which_nothing_matters(name: str, expected: list[str], end: str) -> None:
    p = lived(name, "2026-03-10 10:00", "move").until("2026-07-30 00:00")
    assert (rows(p), p.ends) == (expected, [(name, end)])


# ---- starts: one bill a day at noon from the 1st to the 6th; publications at noon of the 2nd and the 4th

A, B, C = (small("touch", f"flow: [{{id: {step}, {MAIL}}}]") for step in "abc")


def started(*published: tuple[str, tuple[str, ...], str]) -> Play:
    p = Play(project(A, OTHER))
    days = {when: (journeys, running) for when, journeys, running in published}
    for number in range(1, 7):
        when = f"2026-03-{number:02d} 12:00"
        if when in days:
            p.publish(when, project(*days[when][0]), days[when][1])
        bill(p, when, "2026-12-01", no=number, seq=number)
    return p.until("2026-04-01 00:00")


SECOND, FOURTH = "2026-03-02 12:00", "2026-03-04 12:00"


@pytest.mark.parametrize(
    ("published", "steps"),
    [
        pytest.param([], ["a v1"] * 6, id="never"),
        pytest.param([(SECOND, (B, OTHER), "stay")], ["a v1"] + ["b v2"] * 5, id="stay"),
        pytest.param([(SECOND, (B, OTHER), "move")], ["a v1"] + ["b v2"] * 5, id="move"),
        pytest.param([(SECOND, (B, OTHER), "drain")], ["a v1"], id="drain"),
        pytest.param([(SECOND, (OTHER,), "stay")], ["a v1"], id="gone"),
        pytest.param(
            [(SECOND, (B, OTHER), "drain"), (FOURTH, (C, OTHER), "stay")],
            ["a v1"] + ["c v3"] * 3,
            id="drained, then changed again",
        ),
        pytest.param(
            [(SECOND, (B, OTHER), "drain"), (FOURTH, (B,), "stay")], ["a v1"], id="drained, and not changed since"
        ),
        pytest.param([(SECOND, (A,), "drain")], ["a v1"] * 6, id="drain changes nothing in it"),
        pytest.param([(SECOND, (OTHER,), "stay"), (FOURTH, (A, OTHER), "stay")], ["a v1"] * 4, id="gone and back"),
        pytest.param(
            [(SECOND, (B, OTHER), "stay"), (FOURTH, (A, OTHER), "stay")],
            ["a v1"] + ["b v2"] * 2 + ["a v3"] * 3,
            id="changed back: a change like any other",
        ),
        pytest.param(
            [(SECOND, ("# a remark\n" + A, OTHER), "drain"), (FOURTH, (B, OTHER), "stay")],
            ["a v1"] * 3 + ["b v2"] * 3,
            id="a remark is no content",
        ),
    ],
)
def test_who_starts_after_a_publication(published: list[tuple[str, tuple[str, ...], str]], steps: list[str]) -> None:
    p = started(*published)
    assert [" ".join(row.split()[2:4]) for row in rows(p)] == steps


@pytest.mark.parametrize(
    ("arrives", "step"),
    [
        ("2026-03-02 11:59:59.999", "a v1"),
        ("2026-03-02 12:00", "b v2"),
        ("2026-03-02 12:00:00.001", "b v2"),
    ],
)
@pytest.mark.parametrize("running", ["stay", "move"])
def test_an_event_of_that_instant_is_judged_by_the_new_one(arrives: str, step: str, running: str) -> None:
    p = Play(project(A))
    if arrives < SECOND:
        bill(p, arrives)
    p.publish(SECOND, project(B), running)
    if arrives >= SECOND:
        bill(p, arrives)
    p.until("2026-04-01 00:00")
    assert [" ".join(row.split()[2:4]) for row in rows(p)] == [step]


@pytest.mark.parametrize("running", ["stay", "drain", "move"])
def test_what_is_gone_still_runs_to_its_end(running: str) -> None:
    p = Play(project(*OLD))
    bill(p, "2026-02-01 10:00", pay_method=ONE_TWO)
    p.publish("2026-03-01 10:00", project(OTHER), running)
    p.until("2026-06-30 00:00")
    assert (rows(p), p.ends) == (OLD_WAY, [(ONE_TWO, "finished")])
