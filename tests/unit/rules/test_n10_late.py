"""N10: the arrival decides whether an event is in time; the branch taken stays, the event still counts elsewhere."""

import pytest

from tests.unit.rules.kit import Play, project, reference
from tests.unit.rules.small import MAIL, bill, living_in, moved, paid, small


def step(name: str) -> str:
    return f"{{id: {name}, {MAIL}}}"


JOURNEYS = (
    small(
        "waits",
        f"""
        flow:
          - {{wait_for: activity.recorded, within: 2 days, then: [{step("a")}], otherwise: [{step("b")}]}}
          - {{wait_for: activity.recorded, within: 3 days, then: [{step("c")}], otherwise: [{step("d")}]}}
        """,
        only="waits",
    ),
    small(
        "sticky",
        f"""
        flow:
          - wait: 1 day
          - {{wait_for: activity.recorded, within: 1 day, then: [{step("a")}], otherwise: [{step("b")}]}}
          - {{wait_for: activity.recorded, within: 1 day, then: [{step("c")}], otherwise: [{step("d")}]}}
        """,
        only="sticky",
    ),
    small(
        "picky",
        f"""
        flow:
          - wait_for: {{when: activity.recorded, if: event.product_line == 'motor'}}
            within: 2 days
            then: [{step("a")}]
            otherwise: [{step("b")}]
        """,
        only="picky",
    ),
    small(
        "until",
        f"""
        flow:
          - wait_for: activity.recorded
            until: 2 days later 08:00
            then: [{step("a")}]
            otherwise: [{step("b")}]
        """,
        only="until",
    ),
    small(
        "busy",
        f"""
        flow:
          - {{wait_for: payment.due_changed, within: 2 days, then: [{step("a")}], otherwise: [{step("b")}]}}
        react: [{{when: payment.due_changed, do: [{step("chg")}]}}]
        goal: {{when: payment.received, do: [{step("r")}]}}
        """,
        only="busy",
    ),
    small(
        "itself",
        f"flow: [{{wait_for: enquiry.made, within: 2 days, then: [{step('a')}], otherwise: [{step('b')}]}}]",
        when="enquiry.made",
        key="[product_line]",
        facts="{}",
        expire="30 days after start",
    ),
)
S = "2026-02-01 10:00"


def play(zone: str = "Asia/Shanghai") -> Play:
    return Play(project(*JOURNEYS), (living_in(zone),), zone=zone)


def sent(p: Play) -> list[tuple[str | None, str | None]]:
    return [(when, name) for when, _, name in p.sent]


# the first wait ends on 3 February 10:00, the second three days after the message of the first
@pytest.mark.parametrize(
    ("arrivals", "rows"),
    [
        pytest.param([], [("2026-02-03 10:00", "b"), ("2026-02-06 10:00", "d")], id="none"),
        pytest.param(
            ["2026-02-03 09:59:59.999"],
            [("2026-02-03 09:59:59.999", "a"), ("2026-02-06 09:59:59.999", "d")],
            id="1 ms before the timeout",
        ),
        pytest.param(
            ["2026-02-03 10:00"], [("2026-02-03 10:00", "a"), ("2026-02-06 10:00", "d")], id="at the timeout: in time"
        ),
        pytest.param(
            ["2026-02-03 10:00:00.001"],
            [("2026-02-03 10:00", "b"), ("2026-02-03 10:00:00.001", "c")],
            id="1 ms after: a later wait takes it",
        ),
        pytest.param(
            ["2026-02-06 10:00"], [("2026-02-03 10:00", "b"), ("2026-02-06 10:00", "c")], id="at the second timeout"
        ),
        pytest.param(
            ["2026-02-06 10:00:00.001"],
            [("2026-02-03 10:00", "b"), ("2026-02-06 10:00", "d")],
            id="1 ms after the second: nothing is undone",
        ),
        pytest.param(
            ["2026-02-01 11:00", "2026-02-01 12:00"],
            [("2026-02-01 11:00", "a"), ("2026-02-01 12:00", "c")],
            id="one for each wait",
        ),
        pytest.param(
            ["2026-02-03 10:00", "2026-02-03 10:00"],
            [("2026-02-03 10:00", "a"), ("2026-02-03 10:00", "c")],
            id="both at the timeout",
        ),
    ],
)
def test_a_timeout_is_decided_by_arrival(arrivals: list[str], rows: list[tuple[str, str]]) -> None:
    p = play()
    bill(p, S, pay_method="waits")
    for when in arrivals:
        p.event(when, "activity.recorded")
    p.until("2026-05-01 00:00")
    assert sent(p) == rows


def test_when_it_happened_does_not_make_a_late_event_timely() -> None:
    p = play()
    bill(p, S, pay_method="waits")
    p.event("2026-02-03 10:00:00.001", "activity.recorded", occurred="2026-02-02 10:00")
    p.until("2026-05-01 00:00")
    assert sent(p) == [("2026-02-03 10:00", "b"), ("2026-02-03 10:00:00.001", "c")]


# two days from 10:00 are 10:00, whatever the clocks do; `until` names a time of day
@pytest.mark.parametrize(
    ("journey", "zone", "begins", "last"),
    [
        ("waits", "America/New_York", "2026-03-07 10:00", "2026-03-09 10:00"),
        ("waits", "America/New_York", "2026-10-31 10:00", "2026-11-02 10:00"),
        ("waits", "Australia/Lord_Howe", "2026-10-03 10:00", "2026-10-05 10:00"),
        ("until", "Asia/Shanghai", "2026-03-07 10:00", "2026-03-09 08:00"),
        ("until", "America/New_York", "2026-03-07 23:59", "2026-03-09 08:00"),
        ("until", "Pacific/Chatham", "2026-04-04 00:00", "2026-04-06 08:00"),
    ],
)
@pytest.mark.parametrize(("late", "branch"), [(0, "a"), (1, "b")], ids=["at the timeout", "1 ms after"])
def test_the_timeout_is_in_the_customers_calendar(
    journey: str, zone: str, begins: str, last: str, late: int, branch: str
) -> None:
    p = play(zone)
    bill(p, begins, "2026-12-12", pay_method=journey)
    p.event(f"{last}:00.00{late}", "activity.recorded")
    assert sent(p.until(last)) == [(last, branch)]


# the flow begins on 1 February 10:00, its first wait for an event a day later
@pytest.mark.parametrize(
    ("arrivals", "rows"),
    [
        pytest.param(
            ["2026-02-01 16:00"], [("2026-02-02 10:00", "a"), ("2026-02-03 10:00", "d")], id="before the wait began"
        ),
        pytest.param(
            ["2026-02-02 10:00"], [("2026-02-02 10:00", "a"), ("2026-02-03 10:00", "d")], id="as the wait began"
        ),
        pytest.param(
            ["2026-02-01 16:00", "2026-02-01 17:00"],
            [("2026-02-02 10:00", "a"), ("2026-02-02 10:00", "c")],
            id="two before: one for each wait",
        ),
        pytest.param(
            ["2026-02-01 16:00", "2026-02-02 16:00"],
            [("2026-02-02 10:00", "a"), ("2026-02-02 16:00", "c")],
            id="one before, one in the second wait",
        ),
        pytest.param(
            ["2026-02-01 09:59:59.999"],
            [("2026-02-03 10:00", "b"), ("2026-02-04 10:00", "d")],
            id="before the flow began",
        ),
    ],
)
def test_a_wait_takes_what_came_since_the_flow_began(arrivals: list[str], rows: list[tuple[str, str]]) -> None:
    p = play()
    for when in [w for w in arrivals if w < S]:
        p.event(when, "activity.recorded")
    bill(p, S, pay_method="sticky")
    for when in [w for w in arrivals if w > S]:
        p.event(when, "activity.recorded")
    p.until("2026-05-01 00:00")
    assert sent(p) == rows


@pytest.mark.parametrize(
    ("lines", "branch"),
    [(["motor"], "a"), (["life"], "b"), (["life", "motor"], "a"), ([], "b")],
    ids=["matches", "does not match", "the second matches", "none"],
)
def test_only_a_matching_event_answers(lines: list[str], branch: str) -> None:
    p = play()
    bill(p, S, pay_method="picky")
    for line in lines:
        p.event("2026-02-02 10:00", "activity.recorded", product_line=line)
    p.until("2026-05-01 00:00")
    assert [name for _, name in sent(p)] == [branch]


@pytest.mark.parametrize(
    ("second", "rows"),
    [
        pytest.param(None, [("2026-02-03 10:00", "b")], id="the starting event is none"),
        pytest.param("2026-02-01 10:00", [("2026-02-01 10:00", "a")], id="another of the same instant is one"),
    ],
)
def test_the_starting_event_answers_no_wait(second: str | None, rows: list[tuple[str, str]]) -> None:
    p = play()
    p.event(S, "enquiry.made", product_line="life")
    if second:
        p.event(second, "enquiry.made", product_line="life")
    p.until("2026-05-01 00:00")
    assert sent(p) == rows


# the wait has ended on 3 February 10:00 with b
@pytest.mark.parametrize(
    ("what", "rows"),
    [
        pytest.param("moved", [("2026-02-03 10:00", "b"), ("2026-02-04 10:00", "chg")], id="a handler takes it"),
        pytest.param("paid", [("2026-02-03 10:00", "b"), ("2026-02-04 10:00", "r")], id="the goal takes it"),
    ],
)
def test_a_late_event_still_counts(what: str, rows: list[tuple[str, str]]) -> None:
    p = play()
    bill(p, S, pay_method="busy")
    if what == "moved":
        moved(p, "2026-02-04 10:00", "2026-03-20")
    else:
        paid(p, "2026-02-04 10:00")
    p.until("2026-06-30 00:00")
    assert sent(p) == rows
    assert p.ends == [("busy", "goal" if what == "paid" else "expired")]


# the reference journey nudges after 7 silent days
@pytest.mark.parametrize(
    ("comes_back", "steps"),
    [
        ("2026-02-08 09:59:59.999", ["offer"]),
        ("2026-02-08 10:00", ["offer"]),
        ("2026-02-08 10:00:00.001", ["offer", "nudge"]),
    ],
)
def test_who_comes_back_at_the_last_instant_is_not_nudged(comes_back: str, steps: list[str]) -> None:
    p = Play(reference("silence_reactivation"))
    p.event(S, "silence.detected", product_line="credit_card")
    p.event(comes_back, "activity.recorded", product_line="credit_card")
    p.until("2026-05-01 00:00")
    assert [name for _, name in sent(p)] == steps
    assert p.ends == [("silence_reactivation", "goal")]
