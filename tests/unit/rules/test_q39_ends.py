"""Q39: a run ends at the first of goal, exit, end and expire, or when nothing is left to do."""

import pytest

from sojourn.definitions.problems import DefinitionError
from tests.unit.rules.kit import SHANGHAI, Play, at, project
from tests.unit.rules.small import MAIL, SMS, bill, living_in, moved, paid, small

TOUCH = f"schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]"
NEW_DATE = "react: [{when: payment.due_changed, set: {due_date: event.due_date}}]"
PART = f"react: [{{when: payment.failed, do: [{{id: f, {MAIL}}}]}}]"
LATE = f"deadlines: [{{id: d, after: 3 days, since: payment.failed, at_most: 1, do: [{{id: f, {MAIL}}}]}}]"
GOAL = "goal: {when: payment.received}"
EXIT = "exit: [{when: policy.lapsed, because: lapsed}]"
FIVE = "5 days after due_date"
ALL = f"{TOUCH}\nflow: [{{wait_until: due_date 12:00}}, {{end: over}}]\n{GOAL}\n{EXIT}"


BODIES: dict[tuple[str, str], str] = {}  # (body, expire) -> the name of its journey: all of them stand in one project


def body_of(body: str, expire: str) -> str:
    """Register a body for the common project and give its name."""
    return BODIES.setdefault((body, expire), f"j{len(BODIES)}")


def begun(name: str, zone: str = SHANGHAI) -> Play:
    """Start a run of a registered journey on 1 March at 10:00."""
    texts = (small(name, body, expire=expire, only=name) for (body, expire), name in BODIES.items())
    p = Play(project(*texts), (living_in(zone),), zone=zone)
    bill(p, "2026-03-01 10:00", pay_method=name)
    return p


def ends_at(p: Play, when: str, reason: str) -> None:
    """Hold that the run lives until an instant and ends at it."""
    p.world.run_through(at(when, p.zone) - 1)
    assert p.ends == []
    p.until(when)
    assert [why for _, why in p.ends] == [reason]


MOVES, MANY, PAYS = body_of(NEW_DATE, FIVE), body_of(ALL, FIVE), body_of(f"{TOUCH}\n{GOAL}", FIVE)


# the bill comes on 1 March at 10:00 and is due on the 12th
@pytest.mark.parametrize(
    ("zone", "journey", "ends"),
    [
        (SHANGHAI, body_of(PART, FIVE), "2026-03-18 00:00"),
        (SHANGHAI, body_of(PART, "1 month after due_date"), "2026-04-13 00:00"),
        ("America/New_York", body_of(PART, FIVE), "2026-03-18 00:00"),
        ("Pacific/Chatham", body_of(PART, FIVE), "2026-03-18 00:00"),
        (SHANGHAI, body_of(PART, "8 days after start"), "2026-03-09 10:00"),
        ("America/New_York", body_of(PART, "8 days after start"), "2026-03-09 10:00"),
        (
            "America/New_York",
            body_of(PART, "192 hours after start"),
            "2026-03-09 11:00",
        ),  # clocks go forward on the 8th
    ],
)
def test_expire_counts_from_the_date_or_from_the_start(zone: str, journey: str, ends: str) -> None:
    p = begun(journey, zone)
    ends_at(p, ends, "expired")


@pytest.mark.parametrize(
    ("when", "to", "ends"),
    [
        ("2026-03-05 10:00", "2026-03-20", "2026-03-26 00:00"),
        ("2026-03-05 10:00", "2026-03-06", "2026-03-12 00:00"),
        ("2026-03-18 00:00", "2026-03-20", "2026-03-26 00:00"),  # the arrival comes before the expiry of that instant
        ("2026-03-15 10:00", "2026-03-01", "2026-03-15 10:00"),  # past already
    ],
)
def test_expire_moves_with_its_date(when: str, to: str, ends: str) -> None:
    p = begun(MOVES)
    p.world.run_before(at(when, SHANGHAI))
    assert p.ends == []
    moved(p, when, to)
    ends_at(p, ends, "expired") if ends != when else p.until(ends)
    assert [why for _, why in p.ends] == ["expired"]


# `t` is due on the 12th at 09:00; expire is the end of the 17th
@pytest.mark.parametrize(
    ("journey", "ends", "reason"),
    [
        (body_of(TOUCH, FIVE), "2026-03-12 09:00", "finished"),
        (body_of(f"{TOUCH}\n{EXIT}", FIVE), "2026-03-12 09:00", "finished"),
        (body_of(f"{TOUCH}\n{PART}", FIVE), "2026-03-18 00:00", "expired"),
        (body_of(f"{TOUCH}\n{LATE}", FIVE), "2026-03-18 00:00", "expired"),
        (body_of(f"{TOUCH}\n{GOAL}", FIVE), "2026-03-18 00:00", "expired"),
        (body_of(f"{TOUCH}\n{GOAL}", ""), "2026-03-12 09:00", "finished"),
        (body_of(f"{TOUCH}\n{PART}\nfinish: after t", FIVE), "2026-03-12 09:00", "finished"),
        (body_of(f"{TOUCH}\nflow: [{{wait: 13 days}}]", FIVE), "2026-03-14 10:00", "finished"),
        (body_of(f"{TOUCH}\nflow: [{{wait: 2 days}}]", FIVE), "2026-03-12 09:00", "finished"),
        (body_of(f"{TOUCH}\nflow: [{{wait: 2 days}}, {{end: over}}]", FIVE), "2026-03-03 10:00", "over"),
        (body_of(f"{TOUCH}\nflow: [{{wait: 30 days}}]", FIVE), "2026-03-18 00:00", "expired"),
        (body_of(f"schedule: [{{id: t, at: due_date 22:00, {SMS}}}]", FIVE), "2026-03-13 08:00", "finished"),  # held
    ],
)
def test_a_run_with_nothing_left_to_do_is_finished(journey: str, ends: str, reason: str) -> None:
    ends_at(begun(journey), ends, reason)


@pytest.mark.parametrize(
    ("events", "ends", "reason"),
    [
        ([("2026-03-12 11:59:59.999", "payment.received")], "2026-03-12 11:59:59.999", "goal"),
        ([("2026-03-12 12:00", "payment.received")], "2026-03-12 12:00", "goal"),
        ([("2026-03-12 12:00:00.001", "payment.received")], "2026-03-12 12:00", "over"),
        ([("2026-03-12 12:00", "policy.lapsed")], "2026-03-12 12:00", "lapsed"),
        (
            [("2026-03-05 10:00", "policy.lapsed"), ("2026-03-05 10:00", "payment.received")],
            "2026-03-05 10:00",
            "lapsed",
        ),
        ([("2026-03-05 10:00", "payment.received"), ("2026-03-05 10:00", "policy.lapsed")], "2026-03-05 10:00", "goal"),
        ([], "2026-03-12 12:00", "over"),
    ],
)
def test_the_first_end_counts(events: list[tuple[str, str]], ends: str, reason: str) -> None:
    p = begun(MANY)
    p.world.run_through(at(ends, SHANGHAI) - 1)
    assert p.ends == []
    for when, kind in events:
        p.event(when, kind, policy_id="P-1", installment_no=1)
    p.until("2026-06-01 00:00")
    assert [why for _, why in p.ends] == [reason]


@pytest.mark.parametrize(("when", "reason"), [("2026-03-18 00:00", "goal"), ("2026-03-18 00:00:00.001", "expired")])
def test_the_goal_beats_the_expiry_of_its_instant(when: str, reason: str) -> None:
    p = begun(PAYS)
    paid(p, when)
    p.until("2026-06-01 00:00")
    assert [why for _, why in p.ends] == [reason]


@pytest.mark.parametrize("endless", [PART, LATE, "flow: [{wait_for: payment.received}]"])
def test_check_wants_an_expire_where_a_run_could_live_for_ever(endless: str) -> None:
    with pytest.raises(DefinitionError, match="expire"):
        project(small("endless", endless, expire=""))
    assert project(small("mortal", endless, expire=FIVE)).journeys
