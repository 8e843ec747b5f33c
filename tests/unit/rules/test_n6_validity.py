"""N6: a send is valid until its due time plus `valid_for` of its class; late timers still go within it."""

import pytest

from sojourn.core.decide import decide
from sojourn.core.model import Deliver, Row, Tick
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import CARE, MAIL, OFFER, SMS, bill, living_in, small


def touch(name: str, what: str, **more: str) -> str:
    return small(name, f"schedule: [{{id: t, at: due_date 09:00, {what}}}]", only=name, **more)


JOURNEYS = (
    touch("mandatory", MAIL, klass="mandatory"),
    touch("service", MAIL),
    touch("care", CARE, klass="care"),
    touch("marketing", OFFER, klass="marketing"),
    touch("stronger", MAIL + ", class: mandatory"),
    touch("same_day", MAIL + ", valid_for: same day"),
    touch("five", MAIL + ", valid_for: 5 days"),
    touch("hours", MAIL + ", valid_for: 36 hours"),
    small("long", f"valid_for: 1 week\nschedule: [{{id: t, at: due_date 09:00, {MAIL}}}]", only="long"),
)
NIGHT = (
    small("just", f"flow: [{{id: t, {SMS}, valid_for: 630 minutes}}]", only="just"),
    small("short", f"flow: [{{id: t, {SMS}, valid_for: 629 minutes}}]", only="short"),
    small("offers", f"flow: [{{id: t, {OFFER}}}]", klass="marketing", only="offers"),
    small("cares", f"flow: [{{id: t, {CARE}}}]", klass="care", only="cares"),
    small("drops", f"on_cap: drop\nflow: [{{id: t, {CARE}}}]", klass="care", only="drops"),
)
SHANGHAI, NEW_YORK, LORD_HOWE = "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"


def wakes_at(journey: str, zone: str, due: str, when: str) -> list[str]:
    """Let the engine stand still from before the due day until an instant; give what it does then."""
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    bill(p, "2026-01-02 10:00", due, pay_method=journey)
    done = decide(p.world.book, p.world.states["C1"], Tick(), at(when, zone))
    return [
        "goes" if isinstance(command, Deliver) else f"{command.status}({command.reason})"
        for command in done.commands
        if isinstance(command, Deliver | Row)
    ]


@pytest.mark.parametrize(
    ("journey", "zone", "due", "last"),
    [
        ("mandatory", SHANGHAI, "2026-03-12", "2026-03-22 09:00"),
        ("service", SHANGHAI, "2026-03-12", "2026-03-14 09:00"),
        ("care", SHANGHAI, "2026-03-12", "2026-03-14 09:00"),
        ("marketing", SHANGHAI, "2026-03-12", "2026-03-15 09:00"),
        ("stronger", SHANGHAI, "2026-03-12", "2026-03-22 09:00"),
        ("same_day", SHANGHAI, "2026-03-12", "2026-03-12 23:59:59.999"),
        ("five", SHANGHAI, "2026-03-12", "2026-03-17 09:00"),
        ("hours", SHANGHAI, "2026-03-12", "2026-03-13 21:00"),
        ("long", SHANGHAI, "2026-03-12", "2026-03-19 09:00"),
        ("service", NEW_YORK, "2026-03-07", "2026-03-09 09:00"),  # days are days, over the change of the clocks
        ("hours", NEW_YORK, "2026-03-07", "2026-03-08 22:00"),
        ("mandatory", NEW_YORK, "2026-10-30", "2026-11-09 09:00"),
        ("service", LORD_HOWE, "2026-10-03", "2026-10-05 09:00"),
        ("same_day", LORD_HOWE, "2026-04-05", "2026-04-05 23:59:59.999"),
        ("same_day", NEW_YORK, "2026-11-01", "2026-11-01 23:59:59.999"),
    ],
)
def test_a_message_may_go_up_to_valid_until_and_not_later(journey: str, zone: str, due: str, last: str) -> None:
    p = Play(project(*JOURNEYS), zone=zone)
    after = p.local(at(last, zone) + 1)
    assert after is not None
    assert wakes_at(journey, zone, due, last) == ["goes"]
    assert wakes_at(journey, zone, due, after) == ["suppressed(expired)"]


@pytest.mark.parametrize("when", ["2026-03-12 09:00", "2026-03-12 12:00", "2026-03-13 23:00"])
def test_after_an_outage_a_due_timer_fires_late(when: str) -> None:
    """An outage is no lateness of the touch: it was armed in time, so nothing is skipped as past (N5)."""
    assert wakes_at("service", SHANGHAI, "2026-03-12", when) == ["goes"]


# wanted at 21:30; the night ends at 08:00, 630 minutes later
@pytest.mark.parametrize(
    ("journey", "rows"),
    [
        ("just", [("held", "2026-03-12 21:30"), ("sent", "2026-03-13 08:00")]),
        ("short", [("suppressed", "2026-03-12 21:30")]),
    ],
)
def test_what_the_night_holds_too_long_is_suppressed_at_once(journey: str, rows: list[tuple[str, str]]) -> None:
    p = Play(project(*NIGHT))
    bill(p, "2026-03-12 21:30", "2026-04-01", pay_method=journey)
    p.until("2026-03-20 00:00")
    assert [(row.status, p.local(row.decided_at)) for row in p.rows] == rows
    assert {row.reason for row in p.rows if row.status != "sent"} == {"quiet_hours"}


# three offers on 9, 10 and 11 March at 10:00 fill the week up to 15 March; one more is wanted on 12 March
@pytest.mark.parametrize(
    ("journey", "when", "tries", "last"),
    [
        # valid 2 days: tried on the 12th, 13th and 14th (then exactly at valid_until)
        ("cares", "2026-03-12 10:00", ["2026-03-12 10:00", "2026-03-13 10:00"], ("2026-03-14 10:00", "frequency_cap")),
        # valid 3 days: tried on the 15th, too
        (
            "offers",
            "2026-03-12 10:00",
            ["2026-03-12 10:00", "2026-03-13 10:00", "2026-03-14 10:00"],
            ("2026-03-15 10:00", "frequency_cap"),
        ),
        # the 16th is free again
        ("cares", "2026-03-14 10:00", ["2026-03-14 10:00", "2026-03-15 10:00"], ("2026-03-16 10:00", None)),
        ("drops", "2026-03-12 10:00", [], ("2026-03-12 10:00", "frequency_cap")),
    ],
)
def test_what_the_cap_keeps_too_long_is_suppressed(
    journey: str, when: str, tries: list[str], last: tuple[str, str | None]
) -> None:
    p = Play(project(*NIGHT))
    for n, day in enumerate(("09", "10", "11"), 1):
        bill(p, f"2026-03-{day} 10:00", "2026-04-01", no=n, pay_method="offers")
    bill(p, when, "2026-04-01", no=9, pay_method=journey)
    p.until("2026-04-01 00:00")
    mine = [row for row in p.rows if row.key["installment_no"] == 9]
    assert [(p.local(row.decided_at), row.reason) for row in mine if row.status == "deferred"] == [
        (day, "frequency_cap") for day in tries
    ]
    assert (p.local(mine[-1].decided_at), mine[-1].reason) == last
    assert mine[-1].status == ("suppressed" if last[1] else "sent")
