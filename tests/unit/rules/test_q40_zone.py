"""Q40: a new zone re-arms touches and calendar starts; waits, deadlines, expire and releases keep their instants."""

import pytest

from tests.unit.rules.kit import SHANGHAI, Play, project, reference
from tests.unit.rules.small import CARE, MAIL, OFFER, SMS, bill, living_in, small

NEW_YORK = "America/New_York"
JOURNEYS = (
    small("touch", f"schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]", only="touch"),
    small("text", f"schedule: [{{id: t, at: due_date 22:00, {SMS}}}]", only="text"),
    small("waits", f"flow: [{{wait: 3 days}}, {{id: t, {MAIL}}}]", only="waits"),
    small("until", f"flow: [{{wait_until: 3 days later 09:00}}, {{id: t, {MAIL}}}]", only="until"),
    small(
        "late",
        f"deadlines: [{{id: d, after: 3 days, since: payment.due_scheduled, at_most: 1, do: [{{id: t, {MAIL}}}]}}]",
        only="late",
    ),
    small("expires", f"flow: [{{wait: 80 days}}, {{id: t, {MAIL}}}]", expire="5 days after due_date", only="expires"),
    small("care", f"schedule: [{{id: c, at: due_date 09:00, {CARE}}}]", klass="care", only="care"),
    small("offer", f"schedule: [{{id: t, at: due_date 10:00, {OFFER}}}]", klass="marketing", only="offer"),
)


def played(journey: str, moves: list[tuple[str, str]], start: str = "2026-03-01 10:00") -> Play:
    """Play for a customer of New York, whose clock stands in all expectations; 09:00 in Shanghai is 21:00 there."""
    p = Play(project(*JOURNEYS), (living_in(NEW_YORK),), zone=NEW_YORK)
    bill(p, start, pay_method=journey)
    if journey == "offer":
        bill(p, start, no=2, pay_method="care")
    for when, zone in moves:
        p.event(f"2026-{when}", "customer.updated", changed=["timezone"], profile={"timezone": zone})
    return p.until("2026-06-30 00:00")


def rows(p: Play) -> list[str]:
    return [
        " ".join(filter(None, (str(p.local(r.decided_at))[5:], r.status, r.reason))) for r in p.rows if r.step == "t"
    ]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        pytest.param([], "03-12 09:00", id="no move"),
        pytest.param([("03-05 10:00", SHANGHAI)], "03-11 21:00", id="long before"),
        pytest.param([("03-11 20:59", SHANGHAI)], "03-11 21:00", id="just before"),
        pytest.param([("03-11 21:00", SHANGHAI)], "03-11 21:00", id="at its instant"),
        pytest.param([("03-11 21:00:00.001", SHANGHAI)], "03-11 21:00:00.001", id="1 ms past by the move alone"),
        pytest.param([("03-12 08:59", SHANGHAI)], "03-12 08:59", id="half a day past by the move alone"),
        pytest.param([("03-12 09:00", SHANGHAI)], "03-12 09:00", id="the move at the old instant"),
        pytest.param([("03-12 09:00:00.001", SHANGHAI)], "03-12 09:00", id="sent already"),
        pytest.param([("03-05 10:00", SHANGHAI), ("03-06 10:00", NEW_YORK)], "03-12 09:00", id="there and back"),
        pytest.param([("03-05 10:00", SHANGHAI), ("03-11 22:00", NEW_YORK)], "03-11 21:00", id="never twice"),
        pytest.param([("03-05 10:00", "Pacific/Chatham")], "03-11 15:15", id="Chatham, 13:45 ahead of UTC"),
        pytest.param([("03-05 10:00", "Australia/Lord_Howe")], "03-11 18:00", id="Lord Howe, 11:00 ahead"),
        pytest.param([("03-05 10:00", "America/Sao_Paulo")], "03-12 08:00", id="Sao Paulo, 3:00 behind"),
    ],
)
def test_a_touch_follows_the_customer(moves: list[tuple[str, str]], expected: str) -> None:
    assert rows(played("touch", moves)) == [f"{expected} sent"]


@pytest.mark.parametrize("moves", [[], [("03-02 10:00", SHANGHAI)], [("03-02 10:00", "Pacific/Chatham")]])
@pytest.mark.parametrize(
    ("journey", "expected"),
    [("waits", "03-04 10:00 sent"), ("until", "03-04 09:00 sent"), ("late", "03-04 10:00 sent")],
)
def test_waits_and_deadlines_keep_their_instants(journey: str, expected: str, moves: list[tuple[str, str]]) -> None:
    assert rows(played(journey, moves)) == [expected]


@pytest.mark.parametrize("moves", [[], [("03-02 10:00", SHANGHAI)], [("03-02 10:00", "Pacific/Chatham")]])
def test_expire_keeps_its_instant(moves: list[tuple[str, str]]) -> None:
    p = Play(project(*JOURNEYS), (living_in(NEW_YORK),), zone=NEW_YORK)
    bill(p, "2026-03-01 10:00", pay_method="expires")
    for when, zone in moves:
        p.event(f"2026-{when}", "customer.updated", changed=["timezone"], profile={"timezone": zone})
    assert p.until("2026-03-17 23:59:59.999").ends == []
    assert p.until("2026-03-18 00:00").ends == [("expires", "expired")]


# held on 12 March at 22:00 in New York until the 13th 08:00, which is noon in UTC
@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (None, ["03-13 08:00 sent"]),
        (SHANGHAI, ["03-13 08:00 sent"]),  # 20:00 there
        ("America/Sao_Paulo", ["03-13 08:00 sent"]),  # 09:00 there
        ("Asia/Tokyo", ["03-13 08:00 held quiet_hours", "03-13 19:00 sent"]),  # 21:00 there: until 08:00 there
        ("Pacific/Chatham", ["03-13 08:00 held quiet_hours", "03-13 14:15 sent"]),  # 01:45 there
        ("America/Los_Angeles", ["03-13 08:00 held quiet_hours", "03-13 11:00 sent"]),  # 05:00 there
    ],
)
def test_a_held_message_keeps_its_release_and_is_judged_there(zone: str | None, expected: list[str]) -> None:
    moves = [("03-12 23:00", zone)] if zone else []
    assert rows(played("text", moves)) == ["03-12 22:00 held quiet_hours", *expected]


@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI, "Pacific/Chatham"])
def test_a_deferred_message_keeps_its_release(zone: str) -> None:
    assert rows(played("offer", [("03-12 12:00", zone)])) == ["03-12 10:00 deferred frequency_cap", "03-13 10:00 sent"]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        pytest.param([], "03-12 09:00", id="no move"),
        pytest.param([("03-05 10:00", SHANGHAI)], "03-11 21:00", id="before"),
        pytest.param([("03-11 20:59", SHANGHAI)], "03-11 21:00", id="just before"),
        pytest.param([("03-11 22:00", SHANGHAI)], "03-11 22:00", id="an hour past by the move alone"),
        pytest.param([("03-05 10:00", SHANGHAI), ("03-11 22:00", NEW_YORK)], "03-11 21:00", id="once a year"),
        pytest.param([("03-12 10:00", SHANGHAI)], "03-12 09:00", id="after"),
    ],
)
def test_a_birthday_follows_the_customer(moves: list[tuple[str, str]], expected: str) -> None:
    p = Play(reference("birthday_care"), (living_in(NEW_YORK, birth_date="1980-03-12"),), zone=NEW_YORK)
    for when, zone in moves:
        p.event(f"2026-{when}", "customer.updated", changed=["timezone"], profile={"timezone": zone})
    p.until("2026-06-30 00:00")
    assert p.sent == [(f"2026-{expected}", "sms", "bd")]
