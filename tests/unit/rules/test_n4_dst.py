"""N4: a local time that does not exist moves forward by the gap, one that exists twice is its first; both once."""

import pytest

from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import MAIL, bill, living_in, small

TIMES = ("0000", "0030", "0100", "0130", "0145", "0200", "0215", "0230", "0245", "0300", "0315", "0345", "0900", "2330")
TOUCHES = tuple(
    small(
        f"t{time}",
        f"schedule: [{{id: t, at: 'due_date {time[:2]}:{time[2:]}', {MAIL}}}]",
        only=time,
    )
    for time in TIMES
)
WAITS = (small("wait", f"flow: [{{wait: 1 day}}, {{id: t, {MAIL}}}]", only="wait"),)
BIRTHDAYS = tuple(
    small(
        f"birthday{time}",
        f"flow: [{{id: t, {MAIL}}}]",
        when=f"{{when: birthday, at: '{time[:2]}:{time[2:]}'}}",
        key="[year]",
        facts="{}",
        expire="10 days after start",
    )
    for time in ("0145", "0215")
)
NEW_YORK, LONDON, DUBLIN = "America/New_York", "Europe/London", "Europe/Dublin"
LORD_HOWE, SYDNEY, CHATHAM = "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Chatham"
SAO_PAULO, SANTIAGO, APIA = "America/Sao_Paulo", "America/Santiago", "Pacific/Apia"


def play(*journeys: str, zone: str, year: str, born: str | None = None) -> Play:
    person = living_in(zone, birth_date=born) if born else living_in(zone)
    return Play(project(*journeys), (person,), zone=zone, begin=f"{year}-01-01 00:00")


@pytest.mark.parametrize(
    ("zone", "day", "time", "utc"),
    [
        # 02:00 -> 03:00 (one hour, north)
        (NEW_YORK, "2026-03-08", "0145", "2026-03-08 06:45"),
        (NEW_YORK, "2026-03-08", "0200", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08", "0230", "2026-03-08 07:30"),
        (NEW_YORK, "2026-03-08", "0300", "2026-03-08 07:00"),
        # 01:00 -> 02:00
        (LONDON, "2026-03-29", "0030", "2026-03-29 00:30"),
        (LONDON, "2026-03-29", "0100", "2026-03-29 01:00"),
        (LONDON, "2026-03-29", "0130", "2026-03-29 01:30"),
        (LONDON, "2026-03-29", "0200", "2026-03-29 01:00"),
        (DUBLIN, "2026-03-29", "0130", "2026-03-29 01:30"),
        # 02:00 -> 02:30 (half an hour, south)
        (LORD_HOWE, "2026-10-04", "0145", "2026-10-03 15:15"),
        (LORD_HOWE, "2026-10-04", "0200", "2026-10-03 15:30"),
        (LORD_HOWE, "2026-10-04", "0215", "2026-10-03 15:45"),
        (LORD_HOWE, "2026-10-04", "0230", "2026-10-03 15:30"),
        # 02:00 -> 03:00 (one hour, south)
        (SYDNEY, "2026-10-04", "0230", "2026-10-03 16:30"),
        # 02:45 -> 03:45
        (CHATHAM, "2026-09-27", "0230", "2026-09-26 13:45"),
        (CHATHAM, "2026-09-27", "0245", "2026-09-26 14:00"),
        (CHATHAM, "2026-09-27", "0315", "2026-09-26 14:30"),
        (CHATHAM, "2026-09-27", "0345", "2026-09-26 14:00"),
        # 00:00 -> 01:00: midnight itself does not exist
        (SAO_PAULO, "2018-11-03", "2330", "2018-11-04 02:30"),
        (SAO_PAULO, "2018-11-04", "0000", "2018-11-04 03:00"),
        (SAO_PAULO, "2018-11-04", "0030", "2018-11-04 03:30"),
        (SAO_PAULO, "2018-11-04", "0100", "2018-11-04 03:00"),
        (SANTIAGO, "2026-09-06", "0030", "2026-09-06 04:30"),
        # a whole day is missing: 30 December 2011 moves to the 31st
        (APIA, "2011-12-30", "0900", "2011-12-30 19:00"),
    ],
)
def test_a_time_that_does_not_exist_moves_forward_by_the_gap(zone: str, day: str, time: str, utc: str) -> None:
    p = play(*TOUCHES, *WAITS, zone=zone, year=day[:4])
    bill(p, f"{day[:4]}-01-02 10:00", day, pay_method=time)
    p.until(f"{day[:4]}-12-31 23:59")
    assert [(row.status, row.due_at, row.handed_over_at) for row in p.rows] == [("sent", at(utc), at(utc))]


@pytest.mark.parametrize(
    ("zone", "day", "time", "utc"),
    [
        # 02:00 -> 01:00 (north)
        (NEW_YORK, "2026-11-01", "0030", "2026-11-01 04:30"),
        (NEW_YORK, "2026-11-01", "0100", "2026-11-01 05:00"),
        (NEW_YORK, "2026-11-01", "0130", "2026-11-01 05:30"),
        (NEW_YORK, "2026-11-01", "0200", "2026-11-01 07:00"),
        (LONDON, "2026-10-25", "0130", "2026-10-25 00:30"),
        (DUBLIN, "2026-10-25", "0130", "2026-10-25 00:30"),
        # 02:00 -> 01:30 (half an hour, south)
        (LORD_HOWE, "2026-04-05", "0100", "2026-04-04 14:00"),
        (LORD_HOWE, "2026-04-05", "0130", "2026-04-04 14:30"),
        (LORD_HOWE, "2026-04-05", "0145", "2026-04-04 14:45"),
        (LORD_HOWE, "2026-04-05", "0200", "2026-04-04 15:30"),
        # 03:00 -> 02:00 (south)
        (SYDNEY, "2026-04-05", "0230", "2026-04-04 15:30"),
        (SYDNEY, "2026-04-05", "0300", "2026-04-04 17:00"),
        # 03:45 -> 02:45
        (CHATHAM, "2026-04-05", "0230", "2026-04-04 12:45"),
        (CHATHAM, "2026-04-05", "0245", "2026-04-04 13:00"),
        (CHATHAM, "2026-04-05", "0315", "2026-04-04 13:30"),
        (CHATHAM, "2026-04-05", "0345", "2026-04-04 15:00"),
        # 00:00 -> 23:00 of the day before: that day has 23:30 twice
        (SAO_PAULO, "2018-02-17", "2330", "2018-02-18 01:30"),
        (SAO_PAULO, "2018-02-18", "0000", "2018-02-18 03:00"),
    ],
)
def test_a_time_that_exists_twice_is_its_first(zone: str, day: str, time: str, utc: str) -> None:
    p = play(*TOUCHES, *WAITS, zone=zone, year=day[:4])
    bill(p, f"{day[:4]}-01-02 10:00", day, pay_method=time)
    p.until(f"{day[:4]}-12-31 23:59")
    assert [(row.status, row.due_at, row.handed_over_at) for row in p.rows] == [("sent", at(utc), at(utc))]


@pytest.mark.parametrize(
    ("zone", "begins", "utc"),
    [
        pytest.param(NEW_YORK, "2026-03-07 02:30-05:00", "2026-03-08 07:30", id="into a gap"),
        pytest.param(LORD_HOWE, "2026-10-03 02:15+10:30", "2026-10-03 15:45", id="into a gap of half an hour"),
        pytest.param(NEW_YORK, "2026-10-31 01:30-04:00", "2026-11-01 05:30", id="into the hour that comes twice"),
        pytest.param(LORD_HOWE, "2026-04-04 01:45+11:00", "2026-04-04 14:45", id="into the half hour that comes twice"),
        pytest.param(NEW_YORK, "2026-11-01 01:30-04:00", "2026-11-02 06:30", id="from the first 01:30"),
        pytest.param(NEW_YORK, "2026-11-01 01:30-05:00", "2026-11-02 06:30", id="from the second 01:30"),
        pytest.param(NEW_YORK, "2026-03-08 03:30-04:00", "2026-03-09 07:30", id="from behind a gap"),
    ],
)
def test_a_wait_of_a_day_meets_gaps_and_double_times_likewise(zone: str, begins: str, utc: str) -> None:
    p = play(*TOUCHES, *WAITS, zone=zone, year="2026")
    bill(p, begins, "2026-12-01", pay_method="wait")
    p.until("2026-12-31 23:59")
    assert [row.handed_over_at for row in p.rows] == [at(utc)]


@pytest.mark.parametrize(
    ("zone", "born", "first", "second"),
    [
        # birthdays at 01:45 and at 02:15
        (NEW_YORK, "1980-03-08", "2026-03-08 06:45", "2026-03-08 07:15"),
        (NEW_YORK, "1980-11-01", "2026-11-01 05:45", "2026-11-01 07:15"),
        (LORD_HOWE, "1980-10-04", "2026-10-03 15:15", "2026-10-03 15:45"),
        (LORD_HOWE, "1980-04-05", "2026-04-04 14:45", "2026-04-04 15:45"),
        (LONDON, "1980-03-29", "2026-03-29 01:45", "2026-03-29 01:15"),
    ],
)
def test_a_day_starts_once_in_a_gap_and_in_a_double_hour(zone: str, born: str, first: str, second: str) -> None:
    p = play(*BIRTHDAYS, zone=zone, year="2026", born=born)
    p.until("2026-12-31 00:00")
    found = {(row.journey, row.handed_over_at) for row in p.rows}
    assert found == {("birthday0145", at(first)), ("birthday0215", at(second))}
    assert len(p.rows) == 2
