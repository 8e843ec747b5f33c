"""N19, Q8: when a key may start anew, what counts for a cool-down, and who is not entered at all."""

from typing import Any

import pytest

from tests.unit.rules.kit import EVERYTHING, Play, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, living_in, small


def again(name: str, rule: str, what: str = MAIL, **more: Any) -> str:
    flow = f"flow: [{{id: m, {what}}}, {{wait: 5 days}}]"
    return small(name, flow, again=rule, only=name, expire="300 days after start", **more)


JOURNEYS = (
    again("never", "never"),
    again("after", "after exit"),
    again("ten", "{after: 10 days}"),
    again("person", "{after: 10 days, per: customer}"),
    again("quiet", "{after: 10 days}", "send: csat_sorry, by: sms"),
    again("care", "never", CARE, klass="care"),
    again("choice", "never", "send: silence_simple_steps, by: {first_of: [sms, email]}", klass="marketing"),
    again("offer", "never", OFFER, klass="marketing"),
)
OVER = "2026-03-06 10:00"  # a run that starts on the 1st at 10:00 ends here


def starts(journey: str, *bills: tuple[str, int], zone: str = "Asia/Shanghai", **customer: Any) -> list[str | None]:
    """Let (instant, installment) be wanted; give the instants of their first message."""
    p = Play(project(*JOURNEYS), (living_in(zone, **customer),), zone=zone)
    for seq, (when, number) in enumerate(bills, 1):
        bill(p, when, "2026-12-01", no=number, seq=seq, pay_method=journey)
    p.until("2026-12-30 00:00")
    return [p.local(row.decided_at) for row in p.rows]


FIRST = "2026-03-01 10:00"


@pytest.mark.parametrize(
    ("journey", "second", "number", "enters"),
    [
        ("never", "2026-03-02 10:00", 1, False),  # active
        ("never", "2026-09-01 10:00", 1, False),
        ("never", "2026-03-02 10:00", 2, True),  # another key
        ("after", "2026-03-06 09:59:59.999", 1, False),  # active
        ("after", OVER, 1, False),  # at that instant: the event before the timer (N7)
        ("after", "2026-03-06 10:00:00.001", 1, True),
        ("ten", "2026-03-06 10:00:00.001", 1, False),
        ("ten", "2026-03-16 09:59:59.999", 1, False),
        ("ten", "2026-03-16 10:00", 1, True),
        ("ten", "2026-03-02 10:00", 2, True),
        ("person", "2026-03-02 10:00", 2, False),  # active, whatever its key
        ("person", "2026-03-16 09:59:59.999", 2, False),
        ("person", "2026-03-16 10:00", 2, True),
        ("quiet", "2026-03-06 10:00:00.001", 1, True),  # it sent nothing: no cool-down
    ],
)
def test_when_a_key_may_start_anew(journey: str, second: str, number: int, enters: bool) -> None:
    mobile = {"mobile": None} if journey == "quiet" else {}
    assert starts(journey, (FIRST, 1), (second, number), **mobile) == [FIRST] + ([second] if enters else [])


@pytest.mark.parametrize(
    ("zone", "first", "refused", "free"),
    [  # five days of waiting, ten of cool-down, in the customer's calendar
        ("America/New_York", "2026-02-25 10:00", "2026-03-12 09:59:59.999", "2026-03-12 10:00"),
        ("America/New_York", "2026-10-20 10:00", "2026-11-04 09:59:59.999", "2026-11-04 10:00"),
        ("Australia/Lord_Howe", "2026-03-25 10:00", "2026-04-09 09:59:59.999", "2026-04-09 10:00"),
        ("Pacific/Chatham", "2026-09-15 10:00", "2026-09-30 09:59:59.999", "2026-09-30 10:00"),
    ],
)
def test_a_cool_down_is_calendar_time_in_the_customers_zone(zone: str, first: str, refused: str, free: str) -> None:
    assert starts("ten", (first, 1), (refused, 1), (free, 1), zone=zone) == [first, free]


# ---- Q8


def granted(**consent: dict[str, bool]) -> dict[str, Any]:
    return {"consent": EVERYTHING | consent}


NONE = {"sms": False, "email": False}


@pytest.mark.parametrize(
    ("journey", "customer", "cause"),
    [
        pytest.param("care", granted(care=NONE), "no_consent", id="none for care"),
        pytest.param("care", granted(care={"sms": True, "email": False}), "no_consent", id="none by its channel"),
        pytest.param("care", granted(marketing=NONE), None, id="marketing is no matter of care"),
        pytest.param("offer", granted(marketing=NONE), "no_consent", id="none for marketing"),
        pytest.param("choice", granted(marketing={"sms": False, "email": True}), None, id="one of its channels"),
        pytest.param("choice", granted(marketing=NONE), "no_consent", id="none of its channels"),
        pytest.param("never", granted(care=NONE, marketing=NONE), None, id="service needs none"),
        pytest.param("care", {"do_not_contact": True}, "do_not_contact", id="do not contact"),
        pytest.param(
            "offer", granted(marketing=NONE) | {"do_not_contact": True}, "do_not_contact", id="first in order"
        ),
    ],
)
def test_who_is_not_entered_leaves_one_row(journey: str, customer: dict[str, Any], cause: str | None) -> None:
    p = Play(project(*JOURNEYS), (living_in("Asia/Shanghai", **customer),))
    bill(p, FIRST, "2026-12-01", pay_method=journey)
    p.until("2026-12-30 00:00")
    (row,) = p.rows
    got = (row.status, row.reason, row.step, row.template, row.channel, row.detail.get("cause"))
    if cause is None:
        assert (row.status, row.step) == ("sent", "m")
    else:
        assert got == ("skipped", "not_entered", None, None, None, cause)
        assert p.starts == 0


@pytest.mark.parametrize("journey", ["never", "after", "ten"])
def test_a_refused_trigger_is_a_line_of_the_log_and_no_row(journey: str) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, FIRST, "2026-12-01", seq=1, pay_method=journey)
    bill(p, "2026-03-02 10:00", "2026-12-01", seq=2, pay_method=journey)
    p.until("2026-12-30 00:00")
    assert len(p.rows) == 1
    assert [(note.kind, note.cause) for note in p.notes if note.kind == "ignored"] == [("ignored", "active")]
