"""N24, Q41: business time in Shanghai, 09:00 to 18:00, with the make-up days and without the holidays of 2026."""

import pytest

from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import MAIL, bill, living_in, small

SPANS = (
    "1 business day",
    "2 business days",
    "5 business days",
    "1 business hour",
    "4 business hours",
    "9 business hours",
)
SPANS += ("10 business hours", "27 business hours")
JOURNEYS = tuple(
    small(f"wait{number}", f"flow: [{{wait: {span}}}, {{id: over, {MAIL}}}]", only=f"wait{number}")
    for number, span in enumerate(SPANS)
)


def ended(span: str, begins: str, zone: str = "Asia/Shanghai") -> str:
    """Give when a wait that begins at a Shanghai time ends, in Shanghai time."""
    p = Play(project(*JOURNEYS), (living_in(zone),))
    bill(p, begins, "2026-12-25", pay_method=f"wait{SPANS.index(span)}")
    p.until("2026-12-30 00:00")
    ((when, _, _),) = p.sent
    assert when is not None
    return when


DAYS = [
    # an ordinary week: Monday is 2026-03-09
    ("1 business day", "2026-03-09 10:00", "2026-03-10 10:00"),
    ("2 business days", "2026-03-09 10:00", "2026-03-11 10:00"),
    ("5 business days", "2026-03-09 10:00", "2026-03-16 10:00"),
    ("1 business day", "2026-03-13 10:00", "2026-03-16 10:00"),  # Friday
    ("1 business day", "2026-03-14 10:00", "2026-03-16 10:00"),  # Saturday
    ("1 business day", "2026-03-15 10:00", "2026-03-16 10:00"),  # Sunday
    ("2 business days", "2026-03-14 10:00", "2026-03-17 10:00"),
    # clamped into the opening hours
    ("1 business day", "2026-03-09 08:59:59.999", "2026-03-10 09:00"),
    ("1 business day", "2026-03-09 09:00", "2026-03-10 09:00"),
    ("1 business day", "2026-03-09 18:00", "2026-03-10 18:00"),
    ("1 business day", "2026-03-09 18:00:00.001", "2026-03-10 18:00"),
    ("1 business day", "2026-03-09 20:00", "2026-03-10 18:00"),
    ("1 business day", "2026-03-09 23:59:59.999", "2026-03-10 18:00"),
    ("1 business day", "2026-03-10 00:00", "2026-03-11 09:00"),
    # make-up days: Sunday 4 January, Saturday 14 and 28 February, 9 May, Sunday 20 September, Saturday 10 October
    ("1 business day", "2026-01-02 10:00", "2026-01-04 10:00"),
    ("1 business day", "2026-02-13 10:00", "2026-02-14 10:00"),
    ("2 business days", "2026-02-13 10:00", "2026-02-24 10:00"),  # over the Spring Festival
    ("1 business day", "2026-02-14 20:00", "2026-02-24 18:00"),
    ("1 business day", "2026-02-18 10:00", "2026-02-24 10:00"),
    ("5 business days", "2026-02-23 10:00", "2026-02-28 10:00"),
    ("1 business day", "2026-02-28 10:00", "2026-03-02 10:00"),
    ("1 business day", "2026-05-08 10:00", "2026-05-09 10:00"),
    ("2 business days", "2026-05-08 10:00", "2026-05-11 10:00"),
    ("1 business day", "2026-09-18 10:00", "2026-09-20 10:00"),
    ("1 business day", "2026-10-09 10:00", "2026-10-10 10:00"),
    # holidays
    ("1 business day", "2026-04-03 10:00", "2026-04-07 10:00"),
    ("1 business day", "2026-04-30 10:00", "2026-05-06 10:00"),
    ("1 business day", "2026-06-18 10:00", "2026-06-22 10:00"),
    ("1 business day", "2026-09-24 10:00", "2026-09-28 10:00"),
    ("1 business day", "2026-09-30 10:00", "2026-10-08 10:00"),
    ("5 business days", "2026-09-30 10:00", "2026-10-13 10:00"),  # 8, 9, 10, 12, 13
]


@pytest.mark.parametrize(("span", "begins", "ends"), DAYS)
def test_business_days_keep_the_clock_time(span: str, begins: str, ends: str) -> None:
    assert ended(span, begins) == ends


@pytest.mark.parametrize(
    ("span", "begins", "ends"),
    [
        ("4 business hours", "2026-03-09 09:00", "2026-03-09 13:00"),
        ("4 business hours", "2026-03-09 14:00", "2026-03-09 18:00"),
        ("4 business hours", "2026-03-09 14:00:00.001", "2026-03-10 09:00:00.001"),
        ("4 business hours", "2026-03-09 16:00", "2026-03-10 11:00"),
        ("4 business hours", "2026-03-09 17:59:59.999", "2026-03-10 12:59:59.999"),
        ("4 business hours", "2026-03-09 18:00", "2026-03-10 13:00"),
        ("4 business hours", "2026-03-09 20:00", "2026-03-10 13:00"),
        ("4 business hours", "2026-03-09 03:00", "2026-03-09 13:00"),
        ("1 business hour", "2026-03-13 17:30", "2026-03-16 09:30"),  # Friday
        ("1 business hour", "2026-03-14 12:00", "2026-03-16 10:00"),  # Saturday
        ("9 business hours", "2026-03-09 09:00", "2026-03-09 18:00"),
        ("10 business hours", "2026-03-09 09:00", "2026-03-10 10:00"),
        ("9 business hours", "2026-03-09 10:00", "2026-03-10 10:00"),
        ("27 business hours", "2026-03-12 12:00", "2026-03-17 12:00"),
        ("4 business hours", "2026-02-13 17:00", "2026-02-14 12:00"),  # make-up Saturday
        ("4 business hours", "2026-02-14 17:00", "2026-02-24 12:00"),
        ("10 business hours", "2026-02-28 10:00", "2026-03-02 11:00"),
        ("4 business hours", "2026-09-20 15:00", "2026-09-21 10:00"),  # make-up Sunday
        ("27 business hours", "2026-10-09 10:00", "2026-10-13 10:00"),
    ],
)
def test_business_hours_count_opening_hours_only(span: str, begins: str, ends: str) -> None:
    assert ended(span, begins) == ends


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Chatham", "Australia/Lord_Howe", "America/Sao_Paulo"])
@pytest.mark.parametrize(
    ("span", "begins", "ends"),
    [
        ("1 business day", "2026-03-06 10:00", "2026-03-09 10:00"),  # New York's clocks go forward between
        ("4 business hours", "2026-03-06 16:00", "2026-03-09 11:00"),
        ("1 business day", "2026-10-30 23:00", "2026-11-02 18:00"),
    ],
)
def test_it_is_shanghais_whatever_the_customers_zone(zone: str, span: str, begins: str, ends: str) -> None:
    assert ended(span, begins, zone) == ends


MAKE_UP = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]


def test_the_table_of_2026_is_that_of_the_rule() -> None:
    calendar = project(*JOURNEYS).calendar
    assert sorted(day.isoformat() for day in calendar.workdays if day.year == 2026) == MAKE_UP
    assert (calendar.zone, calendar.opens, calendar.closes) == ("Asia/Shanghai", 9 * 3_600_000, 18 * 3_600_000)


def test_a_deadline_counts_it_too() -> None:
    one = f"{{id: d, after: 1 business day, since: payment.due_scheduled, at_most: 1, do: [{{id: late, {MAIL}}}]}}"
    p = Play(project(small("late", f"deadlines: [{one}]")))
    bill(p, "2026-02-14 20:00", "2026-03-12")
    p.until("2026-03-01 00:00")
    assert [row.handed_over_at for row in p.rows] == [at("2026-02-24 18:00", "Asia/Shanghai")]
