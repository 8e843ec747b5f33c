"""N21, Q25, Q42: a step is complete when all its channels are; the next wait counts from then; a loss stops nothing."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import BOTH, CARE, MAIL, OFFER, SMS, bill, living_in, small


def then(name: str, first: str, second: str = MAIL, klass: str = "service", wait: str = "2 days") -> str:
    flow = f"flow: [{{id: first, {first}}}, {{wait: {wait}}}, {{id: second, {second}}}]"
    return small(name, flow, klass=klass, only=name)


JOURNEYS = (
    then("sms", SMS),
    then("both", BOTH),
    then("hours", BOTH, wait="48 hours"),
    then("offer", OFFER, MAIL + ", class: service", "marketing"),
    then("depends", SMS, MAIL + ", if: sent('first')"),
    then("otherwise", SMS, MAIL + ", if: not sent('first')"),
    small("care", f"flow: [{{id: care, {CARE}}}]", klass="care", only="care"),
)


def rows(journey: str, when: str, *busy: str, zone: str = "Asia/Shanghai", **customer: Any) -> list[str]:
    p = Play(project(*JOURNEYS), (living_in(zone, **customer),), zone=zone)
    for number, day in enumerate(busy, 2):
        bill(p, day, "2026-12-01", no=number, pay_method="care")
    bill(p, when, "2026-12-01", pay_method=journey)
    p.until("2026-12-30 00:00")
    return [
        " ".join(filter(None, (str(p.local(r.decided_at))[5:], r.step, r.channel, r.status, r.reason)))
        for r in p.rows
        if r.journey == journey
    ]


@pytest.mark.parametrize(
    ("journey", "when", "expected"),
    [
        pytest.param(
            "sms", "2026-03-02 10:00", ["03-02 10:00 first sms sent", "03-04 10:00 second email sent"], id="at once"
        ),
        pytest.param(
            "sms",
            "2026-03-02 22:00",
            ["03-02 22:00 first sms held quiet_hours", "03-03 08:00 first sms sent", "03-05 08:00 second email sent"],
            id="held: the wait begins in the morning",
        ),
        pytest.param(
            "both",
            "2026-03-02 22:00",
            [
                "03-02 22:00 first sms held quiet_hours",
                "03-02 22:00 first email sent",
                "03-03 08:00 first sms sent",
                "03-05 08:00 second email sent",
            ],
            id="the last of two channels counts",
        ),
        pytest.param(
            "hours",
            "2026-03-02 22:00",
            [
                "03-02 22:00 first sms held quiet_hours",
                "03-02 22:00 first email sent",
                "03-03 08:00 first sms sent",
                "03-05 08:00 second email sent",
            ],
            id="elapsed time, too",
        ),
    ],
)
def test_the_wait_counts_from_the_last_outcome(journey: str, when: str, expected: list[str]) -> None:
    assert rows(journey, when) == expected


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("both", ["03-08 10:00 second email sent"]),
        ("hours", ["03-08 11:00 second email sent"]),
    ],
)
def test_days_are_calendar_time_and_hours_are_not(journey: str, expected: list[str]) -> None:
    assert rows(journey, "2026-03-06 10:00", zone="America/New_York")[2:] == expected


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        pytest.param({"mobile": None}, "first sms suppressed no_address", id="no address"),
        pytest.param({"mobile_valid": False}, "first sms suppressed invalid_address", id="bad address"),
    ],
)
@pytest.mark.parametrize(("journey", "follows"), [("sms", True), ("depends", False), ("otherwise", True)])
def test_a_suppressed_message_does_not_stop_the_flow(
    journey: str, follows: bool, customer: dict[str, Any], expected: str
) -> None:
    second = ["03-04 10:00 second email sent"] if follows else []
    assert rows(journey, "2026-03-02 10:00", **customer) == [f"03-02 10:00 {expected}", *second]


@pytest.mark.parametrize(("journey", "follows"), [("depends", True), ("otherwise", False)])
def test_a_step_may_depend_on_an_earlier_one(journey: str, follows: bool) -> None:
    assert len(rows(journey, "2026-03-02 10:00")) == 1 + follows


@pytest.mark.parametrize(
    ("busy", "expected"),
    [
        pytest.param(
            ["2026-03-02 09:00"],
            [
                "03-02 10:00 first email deferred frequency_cap",
                "03-03 10:00 first email sent",
                "03-05 10:00 second email sent",
            ],
            id="deferred a day",
        ),
        pytest.param(
            ["2026-02-28 09:00", "2026-03-01 09:00", "2026-03-02 09:00"],
            [
                "03-02 10:00 first email deferred frequency_cap",
                "03-03 10:00 first email deferred frequency_cap",
                "03-04 10:00 first email deferred frequency_cap",
                "03-05 10:00 first email suppressed frequency_cap",
                "03-07 10:00 second email sent",
            ],
            id="deferred, and lost in the end",
        ),
    ],
)
def test_the_time_of_a_deferral_is_no_part_of_the_wait(busy: list[str], expected: list[str]) -> None:
    assert rows("offer", "2026-03-02 10:00", *busy) == expected
