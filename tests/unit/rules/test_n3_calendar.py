"""N3: an offset is applied to the anchor date, then comes the local time; waits of days keep the wall clock."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, living_in, moved, small

OFFSETS = {
    "d30": "30 days before due_date",
    "d0": "due_date",
    "d60": "60 days after due_date",
    "w2": "2 weeks before due_date",
    "mb1": "1 month before due_date",
    "m1": "1 month after due_date",
    "m2": "2 months after due_date",
    "m21": "21 months after due_date",
    "y1": "1 year after due_date",
    "y4": "4 years after due_date",
    "f1": "1 month after month_later",
}
TOUCHES = "\n".join(f"  - {{id: {name}, at: {words} 09:00, {MAIL}}}" for name, words in OFFSETS.items())
DATES = small(
    "dates",
    f"schedule:\n{TOUCHES}\nreact: [{{when: payment.due_changed, set: {{due_date: event.due_date}}}}]",
    facts="{due_date: event.due_date, month_later: due_date + months(1)}",
    expire="9 years after due_date",
    only="dates",
)
WAITS = {
    "day": "wait: 1 day",
    "days2": "wait: 2 days",
    "hours24": "wait: 24 hours",
    "hours48": "wait: 48 hours",
    "week": "wait: 1 week",
    "month": "wait: 1 month",
    "year": "wait: 1 year",
    "until10": "wait_until: 2 days later 10:00",
    "twice": "wait: 1 month}, {wait: 1 month",
}
FLOWS = tuple(
    small(f"w_{name}", f"flow: [{{{words}}}, {{id: w, {MAIL}}}]", expire="3 years after due_date", only=name)
    for name, words in WAITS.items()
)


@pytest.mark.parametrize(
    ("anchor", "touch", "day"),
    [
        ("2026-03-12", "d0", "2026-03-12"),
        ("2026-03-31", "d30", "2026-03-01"),
        ("2026-03-01", "d30", "2026-01-30"),
        ("2028-03-01", "d30", "2028-01-31"),  # February has 29 days
        ("2026-12-31", "d60", "2027-03-01"),
        ("2027-12-31", "d60", "2028-02-29"),
        ("2026-03-12", "w2", "2026-02-26"),
        ("2026-05-31", "m1", "2026-06-30"),
        ("2026-06-30", "m1", "2026-07-30"),  # the end of a month does not stick
        ("2027-01-31", "m1", "2027-02-28"),
        ("2028-01-31", "m1", "2028-02-29"),
        ("2027-01-31", "m2", "2027-03-31"),  # from the anchor, not from 28 February
        ("2026-12-31", "m2", "2027-02-28"),
        ("2026-03-31", "mb1", "2026-02-28"),
        ("2028-03-30", "mb1", "2028-02-29"),
        ("2026-12-31", "mb1", "2026-11-30"),
        ("2026-05-31", "m21", "2028-02-29"),
        ("2026-05-15", "m21", "2028-02-15"),
        ("2028-02-29", "y1", "2029-02-28"),
        ("2028-02-29", "y4", "2032-02-29"),
        ("2026-05-31", "f1", "2026-07-30"),  # the anchor is the derived fact: 30 June
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_an_offset_is_applied_to_the_date(anchor: str, touch: str, day: str, zone: str) -> None:
    p = Play(project(DATES, *FLOWS), (living_in(zone),), zone=zone)
    bill(p, "2026-01-02 10:00", anchor, pay_method="dates")
    p.until("2032-12-31 00:00")
    assert [(when, step) for when, _, step in p.sent if step == touch] == [(f"{day} 09:00", touch)]


def test_offsets_are_applied_anew_to_a_moved_date() -> None:
    p = Play(project(DATES, *FLOWS))
    bill(p, "2026-01-02 10:00", "2026-02-28", pay_method="dates")
    moved(p, "2026-01-03 10:00", "2026-05-31")
    p.until("2027-01-01 00:00")
    assert [(when, step) for when, _, step in p.sent] == [
        ("2026-04-30 09:00", "mb1"),
        ("2026-05-01 09:00", "d30"),
        ("2026-05-17 09:00", "w2"),
        ("2026-05-31 09:00", "d0"),
        ("2026-06-30 09:00", "m1"),
        ("2026-07-30 09:00", "d60"),
        ("2026-07-30 09:00", "f1"),
        ("2026-07-31 09:00", "m2"),
    ]


NEW_YORK, LORD_HOWE, CHATHAM = "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"


@pytest.mark.parametrize(
    ("zone", "begins", "wait", "ends"),
    [
        ("Asia/Shanghai", "2026-03-07 10:00", "day", "2026-03-08 10:00"),
        ("Asia/Shanghai", "2026-03-07 10:00", "hours24", "2026-03-08 10:00"),
        ("Asia/Shanghai", "2026-03-07 10:00:00.001", "day", "2026-03-08 10:00:00.001"),
        (NEW_YORK, "2026-03-07 10:00", "day", "2026-03-08 10:00"),  # a day of 23 hours
        (NEW_YORK, "2026-03-07 10:00", "hours24", "2026-03-08 11:00"),
        (NEW_YORK, "2026-03-07 10:00", "days2", "2026-03-09 10:00"),
        (NEW_YORK, "2026-03-07 10:00", "hours48", "2026-03-09 11:00"),
        (NEW_YORK, "2026-10-31 10:00", "day", "2026-11-01 10:00"),  # a day of 25 hours
        (NEW_YORK, "2026-10-31 10:00", "hours24", "2026-11-01 09:00"),
        (NEW_YORK, "2026-10-31 23:59:59.999", "day", "2026-11-01 23:59:59.999"),
        (NEW_YORK, "2026-03-07 02:30", "days2", "2026-03-09 02:30"),  # 02:30 does not exist in between
        (LORD_HOWE, "2026-10-03 10:00", "day", "2026-10-04 10:00"),
        (LORD_HOWE, "2026-10-03 10:00", "hours24", "2026-10-04 10:30"),
        (LORD_HOWE, "2026-04-04 10:00", "day", "2026-04-05 10:00"),
        (LORD_HOWE, "2026-04-04 10:00", "hours24", "2026-04-05 09:30"),
        (CHATHAM, "2026-09-26 10:00", "day", "2026-09-27 10:00"),
        (CHATHAM, "2026-09-26 10:00", "hours24", "2026-09-27 11:00"),
        (NEW_YORK, "2026-03-01 10:00", "week", "2026-03-08 10:00"),
        (NEW_YORK, "2026-01-31 10:00", "month", "2026-02-28 10:00"),
        (NEW_YORK, "2026-02-28 10:00", "month", "2026-03-28 10:00"),
        (NEW_YORK, "2026-01-31 10:00", "twice", "2026-03-28 10:00"),  # the second wait begins where the first ended
        ("Asia/Shanghai", "2028-02-29 10:00", "year", "2029-02-28 10:00"),
        (NEW_YORK, "2026-03-07 00:00", "until10", "2026-03-09 10:00"),
        (NEW_YORK, "2026-03-07 10:00:00.001", "until10", "2026-03-09 10:00"),
        (NEW_YORK, "2026-03-07 23:59:59.999", "until10", "2026-03-09 10:00"),
    ],
)
def test_a_wait_of_days_keeps_the_wall_clock_and_one_of_hours_is_elapsed(
    zone: str, begins: str, wait: str, ends: str
) -> None:
    p = Play(project(DATES, *FLOWS), (living_in(zone),), zone=zone)
    bill(p, begins, "2029-06-01", pay_method=wait)
    p.until("2029-12-31 00:00")
    assert p.sent == [(ends, "email", "w")]
