"""N15, Q37: a moved date computes every touch anew; what is open for the old date is superseded."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, SMS, bill, moved, small

NEW_DATE = "react: [{when: payment.due_changed, set: {due_date: event.due_date}}]"
JOURNEYS = (
    small(
        "touches",
        f"""
schedule:
  - {{id: before, at: 3 days before due_date 09:00, {MAIL}}}
  - {{id: night, at: due_date 22:00, {SMS}}}
{NEW_DATE}
""",
        only="touches",
    ),
    small(
        "derived",
        f"""
schedule:
  - {{id: last, at: grace_last_day 09:00, {MAIL}}}
{NEW_DATE}
""",
        facts="{due_date: event.due_date, grace_last_day: due_date + days(60)}",
        expire="200 days after due_date",
        only="derived",
    ),
)


def rows(p: Play, journey: str = "touches") -> list[str]:
    return [
        " ".join(filter(None, (p.local(r.decided_at), r.step, r.anchor, r.status, r.reason)))
        for r in p.rows
        if r.journey == journey
    ]


OLD, FAR, NEAR = "2026-03-12", "2026-03-20", "2026-03-14"


@pytest.mark.parametrize(
    ("when", "to", "expected"),
    [
        pytest.param(
            "2026-03-01 10:00",
            FAR,
            [
                "2026-03-17 09:00 before 2026-03-20 sent",
                "2026-03-20 22:00 night 2026-03-20 held quiet_hours",
                "2026-03-21 08:00 night 2026-03-20 sent",
            ],
            id="before anything",
        ),
        pytest.param(
            "2026-03-10 10:00",
            FAR,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-17 09:00 before 2026-03-20 sent",
                "2026-03-20 22:00 night 2026-03-20 held quiet_hours",
                "2026-03-21 08:00 night 2026-03-20 sent",
            ],
            id="sent for the old date, sent again for the new one",
        ),
        pytest.param(
            "2026-03-11 09:00",
            NEAR,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-11 09:00 before 2026-03-14 sent",
                "2026-03-14 22:00 night 2026-03-14 held quiet_hours",
                "2026-03-15 08:00 night 2026-03-14 sent",
            ],
            id="its new time is this very instant",
        ),
        pytest.param(
            "2026-03-11 09:00:00.001",
            NEAR,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-11 09:00:00.001 before 2026-03-14 skipped skipped_past",
                "2026-03-14 22:00 night 2026-03-14 held quiet_hours",
                "2026-03-15 08:00 night 2026-03-14 sent",
            ],
            id="its new time was 1 ms ago",
        ),
        pytest.param(
            "2026-03-09 09:00",
            FAR,
            [
                "2026-03-17 09:00 before 2026-03-20 sent",
                "2026-03-20 22:00 night 2026-03-20 held quiet_hours",
                "2026-03-21 08:00 night 2026-03-20 sent",
            ],
            id="the instant that a touch is due: the new date first (N7)",
        ),
        pytest.param(
            "2026-03-12 23:00",
            FAR,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-12 22:00 night 2026-03-12 held quiet_hours",
                "2026-03-12 23:00 night 2026-03-12 suppressed superseded",
                "2026-03-17 09:00 before 2026-03-20 sent",
                "2026-03-20 22:00 night 2026-03-20 held quiet_hours",
                "2026-03-21 08:00 night 2026-03-20 sent",
            ],
            id="held for the old date",
        ),
        pytest.param(
            "2026-03-13 08:00",
            FAR,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-12 22:00 night 2026-03-12 held quiet_hours",
                "2026-03-13 08:00 night 2026-03-12 suppressed superseded",
                "2026-03-17 09:00 before 2026-03-20 sent",
                "2026-03-20 22:00 night 2026-03-20 held quiet_hours",
                "2026-03-21 08:00 night 2026-03-20 sent",
            ],
            id="held until this instant",
        ),
        pytest.param(
            "2026-03-10 10:00",
            OLD,
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-12 22:00 night 2026-03-12 held quiet_hours",
                "2026-03-13 08:00 night 2026-03-12 sent",
            ],
            id="told the date that it had",
        ),
    ],
)
def test_touches_move_with_their_date(when: str, to: str, expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", OLD, pay_method="touches")
    moved(p, when, to)
    p.until("2026-05-01 00:00")
    assert rows(p) == expected


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        pytest.param(
            [("2026-03-10 10:00", FAR), ("2026-03-10 11:00", OLD)],
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-12 22:00 night 2026-03-12 held quiet_hours",
                "2026-03-13 08:00 night 2026-03-12 sent",
            ],
            id="there and back: what was decided for this very date is not repeated",
        ),
        pytest.param(
            [("2026-03-13 10:00", "2026-03-13")],
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-12 22:00 night 2026-03-12 held quiet_hours",
                "2026-03-13 08:00 night 2026-03-12 sent",
                "2026-03-13 10:00 before 2026-03-13 skipped skipped_past",
                "2026-03-13 22:00 night 2026-03-13 held quiet_hours",
                "2026-03-14 08:00 night 2026-03-13 sent",
            ],
            id="sent, and sent again a day later",
        ),
        pytest.param(
            [("2026-03-10 10:00", FAR), ("2026-03-10 11:00", "2026-03-25")],
            [
                "2026-03-09 09:00 before 2026-03-12 sent",
                "2026-03-22 09:00 before 2026-03-25 sent",
                "2026-03-25 22:00 night 2026-03-25 held quiet_hours",
                "2026-03-26 08:00 night 2026-03-25 sent",
            ],
            id="twice: always from the date itself",
        ),
    ],
)
def test_only_the_present_date_counts(dates: list[tuple[str, str]], expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", OLD, pay_method="touches")
    for seq, (when, to) in enumerate(dates, 2):
        moved(p, when, to, seq=seq)
    p.until("2026-05-01 00:00")
    assert rows(p) == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("2026-03-01 10:00", ["2026-05-19 09:00 last 2026-05-19 sent"], id="before"),
        pytest.param(
            "2026-05-11 09:00:00.001",
            ["2026-05-11 09:00 last 2026-05-11 sent", "2026-05-19 09:00 last 2026-05-19 sent"],
            id="1 ms after it was sent",
        ),
    ],
)
def test_facts_that_hang_on_the_date_follow(when: str, expected: list[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-02-01 10:00", OLD, pay_method="derived")
    moved(p, when, FAR)
    p.until("2026-08-01 00:00")
    assert rows(p, "derived") == expected
