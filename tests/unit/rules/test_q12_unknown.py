"""Q12: events of unknown customers are applied; service and mandatory messages wait for the profile."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import MAIL, OFFER, bill, small

SMS = "send: csat_sorry, by: sms"
JOURNEYS = (
    small("mail", f"flow: [{{id: a, {MAIL}}}]", only="mail"),
    small("text", f"flow: [{{id: a, {SMS}}}]", only="text"),
    small("must", f"flow: [{{id: a, {MAIL}}}]", klass="mandatory", only="must"),
    small("offer", f"flow: [{{id: a, {OFFER}}}]", klass="marketing", only="offer"),
    small("after", f"flow: [{{wait: 1 day}}, {{id: a, {MAIL}}}]", only="after"),
)
BILL = "2026-03-02 10:00"


def play(journey: str, *news: tuple[str, dict[str, Any]]) -> Play:
    """Play a bill of somebody unknown; then what the CRM says of the customer, at some time."""
    p = Play(project(*JOURNEYS), ())
    bill(p, BILL, pay_method=journey)
    for when, profile in news:
        p.event(when, "customer.updated", changed=["all"], profile=profile)
    return p.until("2026-04-01 00:00")


PROFILE = {name: value for name, value in CUSTOMER.items() if name != "consent"}


def rows(p: Play) -> list[str]:
    return [" ".join(filter(None, (p.local(r.decided_at), r.status, r.reason, p.local(r.next_at)))) for r in p.rows]


HELD = f"{BILL} held no_profile 2026-03-04 10:00"


@pytest.mark.parametrize(
    ("journey", "news", "expected"),
    [
        pytest.param("mail", [], [HELD, "2026-03-04 10:00 suppressed no_address"], id="never known"),
        pytest.param(
            "must",
            [],
            [f"{BILL} held no_profile 2026-03-12 10:00", "2026-03-12 10:00 suppressed no_address"],
            id="never known, mandatory: 10 days",
        ),
        pytest.param("mail", [("2026-03-03 11:00", PROFILE)], [HELD, "2026-03-03 11:00 sent"], id="known"),
        pytest.param(
            "mail", [("2026-03-04 10:00", PROFILE)], [HELD, "2026-03-04 10:00 sent"], id="known at valid_until"
        ),
        pytest.param(
            "mail",
            [("2026-03-04 10:00:00.001", PROFILE)],
            [HELD, "2026-03-04 10:00 suppressed no_address"],
            id="known 1 ms too late",
        ),
        pytest.param("mail", [(BILL, PROFILE)], [f"{BILL} sent"], id="known at the same instant"),
        pytest.param(
            "mail",
            [("2026-03-03 11:00", PROFILE | {"email": None})],
            [HELD, "2026-03-03 11:00 suppressed no_address"],
            id="known, without address",
        ),
        pytest.param(
            "text",
            [("2026-03-02 22:00", PROFILE)],
            [HELD, "2026-03-02 22:00 held quiet_hours 2026-03-03 08:00", "2026-03-03 08:00 sent"],
            id="known by night: the whole chain",
        ),
        pytest.param(
            "text",
            [("2026-03-02 21:00", PROFILE | {"timezone": "America/New_York"})],
            [HELD, "2026-03-02 21:00 sent"],
            id="known with a zone where it is morning",
        ),
        pytest.param(
            "after", [("2026-03-02 11:00", PROFILE)], ["2026-03-03 10:00 sent"], id="known before it comes due"
        ),
        pytest.param(
            "offer", [("2026-03-02 11:00", PROFILE)], [f"{BILL} skipped not_entered"], id="marketing needs consent"
        ),
    ],
)
def test_a_message_waits_for_the_profile(
    journey: str, news: list[tuple[str, dict[str, Any]]], expected: list[str]
) -> None:
    assert rows(play(journey, *news)) == expected


# what another system says is applied at once, and stands when the profile comes
@pytest.mark.parametrize(
    ("kind", "payload", "field", "value"),
    [
        ("customer.deceased", {}, "deceased", True),
        ("customer.tier_changed", {"to_tier": "high_value"}, "tier", "high_value"),
        ("complaint.opened", {"complaint_id": "A"}, "open_complaints", ["A"]),
    ],
)
def test_events_of_an_unknown_customer_are_applied(
    kind: str, payload: dict[str, Any], field: str, value: object
) -> None:
    p = Play(project(*JOURNEYS), ())
    p.event("2026-03-01 10:00", kind, **payload)
    p.event("2026-03-02 12:00", "customer.updated", changed=["all"], profile=PROFILE)
    assert p.world.states["C1"].profile.fields[field] == value


def test_a_death_that_was_told_before_the_profile_keeps_runs_from_starting() -> None:
    p = Play(project(*JOURNEYS), ())
    p.event("2026-03-01 10:00", "customer.deceased")
    bill(p, BILL, pay_method="after")
    p.event("2026-03-02 12:00", "customer.updated", changed=["all"], profile=PROFILE)
    p.until("2026-04-01 00:00")
    assert (p.starts, p.rows) == (0, [])
