"""N5: a touch that is past when it is armed is skipped, unless its `catch_up` covers the lateness."""

import pytest

from tests.unit.rules.kit import Play, project, reference
from tests.unit.rules.small import BOTH, MAIL, bill, living_in, small

JOURNEYS = (
    small("plain", f"schedule: [{{id: t, at: due_date 09:00, {BOTH}}}]", only="plain"),
    small("hours", f"schedule: [{{id: t, at: due_date 09:00, {MAIL}, catch_up: 36 hours}}]", only="hours"),
    small("day", f"schedule: [{{id: t, at: due_date 09:00, {MAIL}, catch_up: 1 day}}]", only="day"),
    small("all", f"catch_up: 2 hours\nschedule: [{{id: t, at: due_date 09:00, {MAIL}}}]", only="all"),
    small(
        "own",
        f"catch_up: 2 hours\nschedule: [{{id: t, at: due_date 09:00, {MAIL}, catch_up: 1 hour}}]",
        only="own",
    ),
    small(
        "false",
        f"schedule: [{{id: t, at: due_date 09:00, if: policy_id == 'P-2', {BOTH}}}]",
        only="false",
    ),
)
NEW_YORK, CHATHAM = "America/New_York", "Pacific/Chatham"


def learned(journey: str, arrives: str, *, due: str = "2026-03-12", zone: str = "Asia/Shanghai") -> Play:
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    bill(p, arrives, due, pay_method=journey)
    return p.until("2026-05-01 00:00")


SKIPPED = "skipped_past"


# the touch is due on 2026-03-12 09:00, by SMS and e-mail
@pytest.mark.parametrize("zone", ["Asia/Shanghai", NEW_YORK, CHATHAM])
@pytest.mark.parametrize(
    ("arrives", "outcome"),
    [
        pytest.param("2026-02-01 10:00", "sent", id="long before"),
        pytest.param("2026-03-12 08:59:59.999", "sent", id="1 ms before"),
        pytest.param("2026-03-12 09:00", "sent", id="at that instant"),
        pytest.param("2026-03-12 09:00:00.001", SKIPPED, id="1 ms after"),
        pytest.param("2026-03-13 09:00", SKIPPED, id="a day after"),
    ],
)
def test_past_is_skipped_and_now_fires(zone: str, arrives: str, outcome: str) -> None:
    p = learned("plain", arrives, zone=zone)
    due = "2026-03-12 09:00"
    decided = arrives if outcome == SKIPPED else due
    found = [(row.channel, row.reason or row.status, p.local(row.due_at), p.local(row.decided_at)) for row in p.rows]
    assert found == [("sms", outcome, due, decided), ("email", outcome, due, decided)]


@pytest.mark.parametrize(
    ("journey", "zone", "due", "arrives", "goes"),
    [
        ("hours", "Asia/Shanghai", "2026-03-12", "2026-03-12 09:00", "2026-03-12 09:00"),
        ("hours", "Asia/Shanghai", "2026-03-12", "2026-03-12 09:00:00.001", "2026-03-12 09:00:00.001"),
        ("hours", "Asia/Shanghai", "2026-03-12", "2026-03-13 20:59:59.999", "2026-03-13 20:59:59.999"),
        ("hours", "Asia/Shanghai", "2026-03-12", "2026-03-13 21:00", "2026-03-13 21:00"),
        ("hours", "Asia/Shanghai", "2026-03-12", "2026-03-13 21:00:00.001", None),
        ("hours", NEW_YORK, "2026-03-07", "2026-03-08 22:00", "2026-03-08 22:00"),  # 36 hours elapsed
        ("hours", NEW_YORK, "2026-03-07", "2026-03-08 22:00:00.001", None),
        ("day", NEW_YORK, "2026-03-07", "2026-03-08 09:00", "2026-03-08 09:00"),  # same wall clock, 23 hours
        ("day", NEW_YORK, "2026-03-07", "2026-03-08 09:00:00.001", None),
        ("day", NEW_YORK, "2026-10-31", "2026-11-01 09:00", "2026-11-01 09:00"),  # 25 hours
        ("day", CHATHAM, "2026-04-04", "2026-04-05 09:00", "2026-04-05 09:00"),
        ("day", CHATHAM, "2026-04-04", "2026-04-05 09:00:00.001", None),
        ("all", "Asia/Shanghai", "2026-03-12", "2026-03-12 11:00", "2026-03-12 11:00"),
        ("all", "Asia/Shanghai", "2026-03-12", "2026-03-12 11:00:00.001", None),
        ("own", "Asia/Shanghai", "2026-03-12", "2026-03-12 10:00", "2026-03-12 10:00"),  # the touch's own wins
        ("own", "Asia/Shanghai", "2026-03-12", "2026-03-12 10:00:00.001", None),
    ],
)
def test_catch_up_covers_a_lateness_up_to_and_with_its_end(
    journey: str, zone: str, due: str, arrives: str, goes: str | None
) -> None:
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    bill(p, arrives, due, pay_method=journey)
    p.until("2026-12-31 00:00")
    assert p.sent == ([(goes, "email", "t")] if goes else [])
    assert p.not_sent() == ([] if goes else [(arrives, "t", "skipped", SKIPPED)])


@pytest.mark.parametrize("arrives", ["2026-03-12 09:00", "2026-03-12 09:00:00.001", "2026-03-20 09:00"])
def test_a_false_condition_leaves_no_row(arrives: str) -> None:
    assert learned("false", arrives).rows == []


T30, T7, T3 = ("t30", "email"), [("t7", "sms"), ("t7", "email")], ("t3", "sms")
T0, G7 = [("t0", "sms"), ("t0", "email")], ("g7", "sms")


# the reference journey, due on 2026-03-12: 30, 7 and 3 days before, on the day, 7 days after ..., each at 09:00
@pytest.mark.parametrize(
    ("arrives", "skipped", "next_one"),
    [
        ("2026-02-10 09:00", [], "2026-02-10 09:00"),
        ("2026-02-10 09:00:00.001", [T30], "2026-03-05 09:00"),
        ("2026-03-10 10:00", [T30, *T7, T3], "2026-03-12 09:00"),
        ("2026-03-12 09:00:00.001", [T30, *T7, T3, *T0], "2026-03-19 09:00"),
        ("2026-03-25 10:00", [T30, *T7, T3, *T0, G7], "2026-04-11 09:00"),
    ],
)
def test_missed_reminders_never_come_in_a_burst(arrives: str, skipped: list[tuple[str, str]], next_one: str) -> None:
    p = Play(reference("renewal_premium"))
    bill(p, arrives, no=3)
    p.until("2026-04-12 00:00")
    assert [(row.step, row.channel) for row in p.rows if row.reason == SKIPPED] == skipped
    assert p.sent[0][0] == next_one
