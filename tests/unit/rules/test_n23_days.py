"""N23, Q10, Q40: birthdays and festivals: the day, who is greeted, and once a year whatever is corrected."""

from typing import Any

import pytest

from tests.unit.rules.kit import EVERYTHING, SHANGHAI, Play, at, reference
from tests.unit.rules.small import living_in

CARELESS = EVERYTHING | {"care": {"sms": False, "email": False}}


def greeted(
    born: str | None, until: str, *, begin: str = "2026-01-01 00:00", zone: str = SHANGHAI, **more: Any
) -> Play:
    """Let a customer be known from `begin` on; birthdays only."""
    p = Play(reference("birthday_care"), (living_in(zone, birth_date=born, **more),), zone=zone, begin=begin)
    return p.until(until)


def days(p: Play) -> list[str | None]:
    return [when for when, channel, _ in p.sent if channel == "sms"]


def corrected(p: Play, when: str, **profile: Any) -> None:
    p.event(when, "customer.updated", changed=sorted(profile), profile=profile)


# ---- the day

EVERY_YEAR = ["2026-{} 09:00", "2027-{} 09:00", "2028-{} 09:00"]


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ("1988-03-12", [day.format("03-12") for day in EVERY_YEAR]),
        ("1988-02-29", ["2026-02-28 09:00", "2027-02-28 09:00", "2028-02-29 09:00"]),
        ("1988-02-28", [day.format("02-28") for day in EVERY_YEAR]),
        ("1988-03-01", [day.format("03-01") for day in EVERY_YEAR]),
        ("1900-01-01", [day.format("01-01") for day in EVERY_YEAR]),
        ("1988-12-31", [day.format("12-31") for day in EVERY_YEAR]),
        ("1988-07-15", [day.format("07-15") for day in EVERY_YEAR]),  # the PRC had summer time then
        (None, []),
    ],
)
@pytest.mark.parametrize("zone", [SHANGHAI, "America/New_York", "Pacific/Chatham"])
def test_a_birthday_is_a_date_in_every_year(zone: str, born: str | None, expected: list[str]) -> None:
    assert days(greeted(born, "2028-12-31 23:59", zone=zone)) == expected


@pytest.mark.parametrize(
    ("zone", "born", "utc"),
    [
        ("Asia/Shanghai", "1988-03-12", "2026-03-12 01:00"),
        ("America/New_York", "1988-03-08", "2026-03-08 13:00"),  # the day of 23 hours
        ("America/New_York", "1988-11-01", "2026-11-01 14:00"),
        ("Australia/Lord_Howe", "1988-10-04", "2026-10-03 22:00"),
        ("Pacific/Chatham", "1988-09-27", "2026-09-26 19:15"),
        ("America/Sao_Paulo", "1988-03-12", "2026-03-12 12:00"),
    ],
)
def test_nine_o_clock_is_the_customers(zone: str, born: str, utc: str) -> None:
    p = greeted(born, "2026-12-31 23:59", zone=zone)
    assert [row.handed_over_at for row in p.rows] == [at(utc)]


@pytest.mark.parametrize(
    ("known", "year"),
    [
        pytest.param("2026-03-12 08:59:59.999", "2026", id="1 ms before"),
        pytest.param("2026-03-12 09:00", "2026", id="at the instant"),
        pytest.param("2026-03-12 09:00:00.001", "2027", id="1 ms after: next year"),
    ],
)
def test_it_is_armed_when_the_customer_becomes_known(known: str, year: str) -> None:
    assert days(greeted("1988-03-12", f"{year}-12-31 00:00", begin=known)) == [f"{year}-03-12 09:00"]


@pytest.mark.parametrize(
    ("known", "year"),
    [
        ("2026-03-12 09:00", "2026"),
        ("2026-03-12 09:00:00.001", "2027"),
    ],
)
def test_or_when_the_date_becomes_known(known: str, year: str) -> None:
    p = greeted(None, "2026-02-01 00:00")
    corrected(p, known, birth_date="1988-03-12")
    assert days(p.until("2027-12-31 00:00"))[0] == f"{year}-03-12 09:00"


# ---- one greeting a year, whatever the corrections; born on 1988-03-12, 2026 and 2027 are played


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        pytest.param([("2026-03-01 10:00", "1988-03-20")], ["2026-03-20", "2027-03-20"], id="before"),
        pytest.param([("2026-03-12 09:00", "1988-03-20")], ["2026-03-20", "2027-03-20"], id="at the instant"),
        pytest.param([("2026-03-12 10:00", "1988-03-20")], ["2026-03-12", "2027-03-20"], id="after: not twice"),
        pytest.param([("2026-03-01 10:00", "1988-02-20")], ["2027-02-20"], id="to a day that is past"),
        pytest.param([("2026-03-12 10:00", "1988-02-20")], ["2026-03-12", "2027-02-20"], id="greeted, to a past day"),
        pytest.param([("2026-03-01 10:00", None)], [], id="not known any more"),
        pytest.param([("2026-03-12 10:00", "1990-03-12")], ["2026-03-12", "2027-03-12"], id="another year of birth"),
        pytest.param(
            [("2026-03-12 10:00", "1988-12-31"), ("2026-12-31 10:00", "1988-01-01")],
            ["2026-03-12", "2027-01-01"],
            id="twice, over the end of the year",
        ),
    ],
)
def test_one_greeting_a_year(corrections: list[tuple[str, str | None]], expected: list[str]) -> None:
    p = greeted("1988-03-12", "2026-01-02 00:00")
    for when, born in corrections:
        corrected(p, when, birth_date=born)
    assert days(p.until("2027-12-31 23:59")) == [f"{day} 09:00" for day in expected]


# ---- a move of zone (Q40): born on 1988-03-12, at home in Shanghai; instants in UTC


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        pytest.param([("2026-03-11 10:00", "America/New_York")], "2026-03-12 13:00", id="west, before"),
        pytest.param([("2026-03-12 02:00", "America/New_York")], "2026-03-12 01:00", id="west, after: not again"),
        pytest.param([("2026-03-11 20:00", "Pacific/Chatham")], "2026-03-11 20:00", id="east: past there, due at once"),
        pytest.param([("2026-03-11 19:15", "Pacific/Chatham")], "2026-03-11 19:15", id="east: due there now"),
        pytest.param([("2026-03-11 19:00", "Pacific/Chatham")], "2026-03-11 19:15", id="east: due there soon"),
        pytest.param(
            [("2026-03-12 00:30", "America/New_York"), ("2026-03-12 02:00", SHANGHAI)],
            "2026-03-12 02:00",
            id="there and back over the instant",
        ),
    ],
)
def test_a_move_neither_doubles_nor_loses_it(moves: list[tuple[str, str]], expected: str) -> None:
    p = Play(reference("birthday_care"), (living_in(SHANGHAI, birth_date="1988-03-12"),), zone="UTC")
    for when, zone in moves:
        corrected(p, when, timezone=zone)
    assert days(p.until("2026-12-31 00:00")) == [expected]


# ---- who is greeted, and how


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        pytest.param({}, [("birthday_basic", "sent", None)], id="basic"),
        pytest.param({"tier": "growth"}, [("birthday_growth", "sent", None)], id="growth"),
        pytest.param(
            {"tier": "high_value"},
            [("birthday_vip", "sent", None), ("advisor.task", "sent", None)],
            id="high value, and a call",
        ),
        pytest.param({"deceased": True}, [], id="deceased"),
        pytest.param({"consent": CARELESS}, [(None, "skipped", "not_entered")], id="no consent"),
        pytest.param({"do_not_contact": True}, [(None, "skipped", "not_entered")], id="do not contact"),
        pytest.param({"mobile": None}, [("birthday_basic", "suppressed", "no_address")], id="no address"),
        pytest.param(
            {"open_complaints": ["K1"]}, [("birthday_basic", "suppressed", "paused_complaint")], id="complaint"
        ),
    ],
)
def test_who_is_greeted(customer: dict[str, Any], expected: list[tuple[str | None, str, str | None]]) -> None:
    p = greeted("1988-03-12", "2026-12-31 00:00", **customer)
    assert [(row.template, row.status, row.reason) for row in p.rows] == expected


def test_the_key_is_the_year() -> None:
    p = greeted("1988-03-12", "2027-12-31 00:00")
    assert [(dict(row.key), p.local(row.due_at)) for row in p.rows] == [
        ({"year": 2026}, "2026-03-12 09:00"),
        ({"year": 2027}, "2027-03-12 09:00"),
    ]


# ---- festivals


FESTIVALS = {
    "spring_festival": ["2026-02-17", "2027-02-06", "2028-01-26"],
    "dragon_boat": ["2026-06-19", "2027-06-09", "2028-05-28"],
    "mid_autumn": ["2026-09-25", "2027-09-15", "2028-10-03"],
    "national_day": ["2026-10-01", "2027-10-01", "2028-10-01"],
}


@pytest.mark.parametrize("zone", [SHANGHAI, "America/New_York", "Australia/Lord_Howe"])
def test_festivals_come_from_the_table_and_end_with_it(zone: str) -> None:
    p = Play(reference("festival_care"), (living_in(zone),), zone=zone).until("2030-12-31 00:00")
    expected = sorted((day, festival) for festival, found in FESTIVALS.items() for day in found)
    assert [(p.local(row.handed_over_at), dict(row.key)) for row in p.rows] == [
        (f"{day} 10:00", {"festival_id": festival, "year": int(day[:4])}) for day, festival in expected
    ]


@pytest.mark.parametrize(
    ("known", "first"),
    [
        ("2026-02-17 09:59:59.999", "2026-02-17 10:00"),
        ("2026-02-17 10:00", "2026-02-17 10:00"),
        ("2026-02-17 10:00:00.001", "2026-06-19 10:00"),
    ],
)
def test_a_festival_is_armed_when_the_customer_becomes_known(known: str, first: str) -> None:
    p = Play(reference("festival_care"), begin=known).until("2026-12-31 00:00")
    assert days(p)[0] == first


def test_a_birthday_on_a_festival_is_one_touch_and_the_birthday_goes_first() -> None:
    born = living_in(SHANGHAI, birth_date="1988-10-01")
    p = Play(reference("birthday_care", "festival_care"), (born,), begin="2026-09-30 00:00").until("2026-12-31 00:00")
    assert p.sent == [("2026-10-01 09:00", "sms", "bd")]
    assert p.not_sent() == [("2026-10-01 10:00", "greet", "suppressed", "frequency_cap")]
