"""N13, Q15, Q18: what loses its place is tried again at the same local time of the next date, until valid_until."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import CARE, OFFER, bill, living_in, small

TEXT = "send: silence_simple_steps, by: sms"
AGAIN = {"policy_id": "P-1", "installment_no": 1}


def offer(name: str, valid: str = "", what: str = OFFER) -> str:
    more = f", valid_for: {valid}" if valid else ""
    goal = "goal: {when: payment.received}"
    return small(name, f"flow: [{{id: {name}, {what}{more}}}]\n{goal}", klass="marketing", only=name)


JOURNEYS = (
    offer("offer"),
    offer("two", "2 days"),
    offer("day", "1 day"),
    offer("minutes", "1440 minutes"),
    offer("short", "1439 minutes"),
    offer("same", "same day"),
    offer("text", what=TEXT),
    offer("night", "11 hours", TEXT),
    offer("brief", "659 minutes", TEXT),
    small("care", f"flow: [{{id: care, {CARE}}}]", klass="care", only="care"),
)
CAP, NIGHT = "frequency_cap", "quiet_hours"


def play(zone: str = "Asia/Shanghai") -> Play:
    return Play(project(*JOURNEYS), (living_in(zone),), zone=zone)


def rows(p: Play, step: str) -> list[str]:
    """Give the rows of a step as `decided status reason until`."""
    return [
        " ".join(filter(None, (p.local(row.decided_at), row.status, row.reason, p.local(row.next_at))))
        for row in p.rows
        if row.step == step
    ]


# the day has had its touch at midnight
@pytest.mark.parametrize(
    ("zone", "wanted", "again"),
    [
        ("Asia/Shanghai", "2026-03-12 10:00", "2026-03-13 10:00"),
        ("Asia/Shanghai", "2026-03-31 23:59:59.999", "2026-04-01 23:59:59.999"),
        ("America/New_York", "2026-03-07 02:30", "2026-03-08 03:30"),  # 02:30 is not there
        ("America/New_York", "2026-03-07 10:00", "2026-03-08 10:00"),  # 23 hours later
        ("America/New_York", "2026-10-31 01:30", "2026-11-01 01:30"),  # the first of two
        ("America/New_York", "2026-11-01 10:00", "2026-11-02 10:00"),
        ("Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-04 02:45"),  # a gap of half an hour
        ("Australia/Lord_Howe", "2026-04-04 01:45", "2026-04-05 01:45"),
        ("Pacific/Chatham", "2026-09-26 03:00", "2026-09-27 04:00"),  # 02:45 becomes 03:45
        ("America/Sao_Paulo", "2026-12-31 12:00", "2027-01-01 12:00"),
    ],
)
def test_the_same_local_time_on_the_next_date(zone: str, wanted: str, again: str) -> None:
    p = play(zone)
    bill(p, f"{wanted[:10]} 00:00", "2027-02-01", no=1, pay_method="care")
    bill(p, wanted, "2027-02-01", no=2, pay_method="offer")
    p.until("2027-01-31 00:00")
    assert rows(p, "offer") == [f"{wanted} deferred {CAP} {again}", f"{again} sent"]


# the week has had its three touches on the 10th, 11th and 12th: nothing before the 17th
@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        pytest.param(
            "offer",
            [
                f"12 10:00 deferred {CAP} 13 10:00",
                f"13 10:00 deferred {CAP} 14 10:00",
                f"14 10:00 deferred {CAP} 15 10:00",
                f"15 10:00 suppressed {CAP}",
            ],
            id="3 days, the class's",
        ),
        pytest.param(
            "two",
            [f"12 10:00 deferred {CAP} 13 10:00", f"13 10:00 deferred {CAP} 14 10:00", f"14 10:00 suppressed {CAP}"],
            id="2 days",
        ),
        pytest.param("day", [f"12 10:00 deferred {CAP} 13 10:00", f"13 10:00 suppressed {CAP}"], id="1 day"),
        pytest.param(
            "minutes",
            [f"12 10:00 deferred {CAP} 13 10:00", f"13 10:00 suppressed {CAP}"],
            id="the attempt would be at valid_until itself",
        ),
        pytest.param("short", [f"12 10:00 suppressed {CAP}"], id="a minute too late"),
        pytest.param("same", [f"12 10:00 suppressed {CAP}"], id="the same day"),
    ],
)
def test_what_cannot_go_in_time_is_suppressed_at_once(journey: str, expected: list[str]) -> None:
    p = play()
    for day in (10, 11, 12):
        bill(p, f"2026-03-{day} 09:00", "2026-12-01", no=day, pay_method="care")
    bill(p, "2026-03-12 10:00", "2026-12-01", no=1, pay_method=journey)
    p.until("2026-03-31 00:00")
    assert [row.replace("2026-03-", "") for row in rows(p, journey)] == expected


@pytest.mark.parametrize(
    ("journey", "wanted", "expected"),
    [
        pytest.param("night", "11 21:00", [f"11 21:00 held {NIGHT} 12 08:00", "12 08:00 sent"], id="just in time"),
        pytest.param("brief", "11 21:00", [f"11 21:00 suppressed {NIGHT}"], id="a minute too late"),
        pytest.param("brief", "11 21:01", [f"11 21:01 held {NIGHT} 12 08:00", "12 08:00 sent"], id="a minute later"),
        pytest.param(
            "text",
            "12 22:00",
            [f"12 22:00 held {NIGHT} 13 08:00", "13 08:00 sent"],
            id="by night the day's touch does not matter yet (Q15)",
        ),
        pytest.param(
            "text",
            "12 07:00",
            [f"12 07:00 held {NIGHT} 12 08:00", f"12 08:00 deferred {CAP} 13 08:00", "13 08:00 sent"],
            id="held, then deferred from the time of that attempt",
        ),
    ],
)
def test_the_night_comes_before_the_cap(journey: str, wanted: str, expected: list[str]) -> None:
    p = play()
    if wanted > "12":
        bill(p, "2026-03-12 01:00", "2026-12-01", no=2, pay_method="care")
    bill(p, f"2026-03-{wanted}", "2026-12-01", no=1, pay_method=journey)
    p.until("2026-03-31 00:00")
    assert [row.replace("2026-03-", "") for row in rows(p, journey)] == expected


# deferred on the 12th at 10:00; something happens before the 13th at 10:00
NO_MARKETING = {"purpose": "marketing", "channel": "email", "granted": False}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        pytest.param("activity.recorded", {}, ["13 10:00 sent"], id="nothing"),
        pytest.param("payment.received", AGAIN, ["12 20:00 suppressed journey_ended"], id="the goal"),
        pytest.param("consent.changed", NO_MARKETING, ["12 20:00 suppressed no_consent"], id="consent gone"),
        pytest.param("complaint.opened", {}, ["13 10:00 suppressed paused_complaint"], id="a complaint"),
        pytest.param(
            "customer.updated",
            {"changed": ["email"], "profile": {"email": None}},
            ["13 10:00 suppressed no_address"],
            id="no address",
        ),
        pytest.param("customer.deceased", {}, ["13 10:00 suppressed deceased"], id="a death"),
    ],
)
def test_the_whole_chain_is_judged_again(kind: str, payload: dict[str, object], expected: list[str]) -> None:
    p = play()
    bill(p, "2026-03-12 09:00", "2026-12-01", no=2, pay_method="care")
    bill(p, "2026-03-12 10:00", "2026-12-01", no=1, pay_method="offer")
    p.event("2026-03-12 20:00", kind, **payload)
    p.until("2026-03-31 00:00")
    first, *rest = [row.replace("2026-03-", "") for row in rows(p, "offer")]
    assert first == f"12 10:00 deferred {CAP} 13 10:00"
    assert rest == expected
