"""Q10: a day start arms the next occurrence at or after the instant at which customer or date becomes known."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, reference

BIRTHDAY = "birthday_care"
FESTIVAL = "festival_care"


def greeted(p: Play) -> list[tuple[str | None, dict[str, Any]]]:
    return [(p.local(row.handed_over_at), dict(row.key)) for row in p.rows if row.status == "sent"]


@pytest.mark.parametrize(
    ("zone", "known", "first"),
    [
        ("Asia/Shanghai", "2026-03-12 08:59:59.999", "2026-03-12 09:00"),
        ("Asia/Shanghai", "2026-03-12 09:00", "2026-03-12 09:00"),
        ("Asia/Shanghai", "2026-03-12 09:00:00.001", "2027-03-12 09:00"),
        ("Asia/Shanghai", "2026-03-13 00:00", "2027-03-12 09:00"),
        ("America/New_York", "2026-03-12 09:00", "2026-03-12 09:00"),
        ("America/New_York", "2026-03-12 09:00:00.001", "2027-03-12 09:00"),
        ("Australia/Lord_Howe", "2026-03-12 09:00", "2026-03-12 09:00"),
        ("Pacific/Chatham", "2026-03-12 09:00:00.001", "2027-03-12 09:00"),
        ("America/Sao_Paulo", "2026-03-12 08:59:59.999", "2026-03-12 09:00"),
    ],
)
@pytest.mark.parametrize("by", ["customer", "date"])
def test_a_birthday_counts_from_when_it_is_known(zone: str, known: str, first: str, by: str) -> None:
    person = CUSTOMER | {"timezone": zone}
    if by == "date":
        p = Play(reference(BIRTHDAY), (person,), zone=zone)
        p.event(known, "customer.updated", changed=["birth_date"], profile={"birth_date": "1980-03-12"})
    else:
        p = Play(reference(BIRTHDAY), (), zone=zone)
        p.event(
            known, "customer.updated", changed=["all"], profile=person | {"birth_date": "1980-03-12", "consent": None}
        )
        p.event(known, "consent.changed", purpose="care", channel="sms", granted=True)
    p.until("2027-12-31 00:00")
    assert greeted(p)[0] == (first, {"year": int(first[:4])})


@pytest.mark.parametrize(
    ("known", "greetings"),
    [
        ("2026-02-17 10:00", [("2026-02-17", "spring_festival"), ("2026-06-19", "dragon_boat")]),
        ("2026-02-17 10:00:00.001", [("2026-06-19", "dragon_boat"), ("2026-09-25", "mid_autumn")]),
        ("2026-09-25 10:00:00.001", [("2026-10-01", "national_day"), ("2027-02-06", "spring_festival")]),
        ("2027-09-15 10:00", [("2027-09-15", "mid_autumn"), ("2027-10-01", "national_day")]),
        ("2027-12-01 10:00", [("2028-01-26", "spring_festival"), ("2028-05-28", "dragon_boat")]),
        ("2028-05-29 10:00", [("2028-10-01", "national_day"), ("2028-10-03", "mid_autumn")]),
    ],
)
def test_festivals_come_from_the_table_alone(known: str, greetings: list[tuple[str, str]]) -> None:
    p = Play(reference(FESTIVAL), begin=known)
    p.until("2028-12-31 00:00")
    assert greeted(p)[:2] == [(f"{day} 10:00", {"festival_id": name, "year": int(day[:4])}) for day, name in greetings]


@pytest.mark.parametrize(
    ("kind", "starts", "rows"),
    [
        ("activity.recorded", 1, [("sent", None)]),
        ("complaint.opened", 1, [("suppressed", "paused_complaint")]),
        ("customer.deceased", 0, []),
    ],
)
@pytest.mark.parametrize(("journey", "day"), [(BIRTHDAY, "2026-03-12 09:00"), (FESTIVAL, "2026-02-17 10:00")])
def test_a_pause_leaves_a_row_and_a_death_does_not_enter(
    kind: str, starts: int, rows: list[object], journey: str, day: str
) -> None:
    p = Play(reference(journey), (CUSTOMER | {"birth_date": "1980-03-12"},))
    p.event("2026-02-01 10:00", kind)
    p.until(day)
    assert (p.starts, [(row.status, row.reason) for row in p.rows]) == (starts, rows)
