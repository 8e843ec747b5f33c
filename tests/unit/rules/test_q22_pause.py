"""Q22: a complaint pauses marketing and care, and 14 days to the same wall clock after the last resolution."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, living_in, small

JOURNEYS = (
    small("care", f"flow: [{{id: care, {CARE}}}]", klass="care", only="care"),
    small("offer", f"flow: [{{id: offer, {OFFER}}}]", klass="marketing", only="offer"),
    small("service", f"flow: [{{id: service, {MAIL}}}]", only="service"),
    small("must", f"flow: [{{id: must, {MAIL}}}]", klass="mandatory", only="must"),
)
OPEN, CHANGE, RESOLVE = "complaint.opened", "complaint.status_changed", "complaint.resolved"
REOPEN = (CHANGE, {"status": "reopened"})
PAUSED, GOES = ("suppressed", "paused_complaint"), ("sent", None)


def judged(
    *complaints: tuple[str, str, dict[str, Any]], when: str, zone: str = "Asia/Shanghai", journey: str = "care"
) -> tuple[str, str | None]:
    """Give what becomes of a message that is wanted at an instant, after what happened to complaints."""
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    for happened, kind, more in complaints:
        p.event(happened, kind, **({"complaint_id": "A"} | more))
    bill(p, when, "2026-12-31", pay_method=journey)
    p.until(when)
    (row,) = p.rows
    return row.status, row.reason


@pytest.mark.parametrize(
    ("zone", "resolved", "free"),
    [
        ("Asia/Shanghai", "2026-03-02 10:00", "2026-03-16 10:00"),
        ("Asia/Shanghai", "2026-03-02 23:59:59.999", "2026-03-16 23:59:59.999"),
        ("America/New_York", "2026-03-02 10:00", "2026-03-16 10:00"),  # an hour less
        ("America/New_York", "2026-02-22 02:30", "2026-03-08 03:30"),  # 02:30 is not there
        ("America/New_York", "2026-10-25 01:30", "2026-11-08 01:30"),
        ("America/New_York", "2026-10-18 01:30", "2026-11-01 01:30"),  # the first of two
        ("Australia/Lord_Howe", "2026-09-20 02:15", "2026-10-04 02:45"),
        ("Pacific/Chatham", "2026-03-28 10:00", "2026-04-11 10:00"),
        ("America/Sao_Paulo", "2026-03-02 10:00", "2026-03-16 10:00"),
    ],
)
def test_the_pause_lasts_14_days_half_open(zone: str, resolved: str, free: str) -> None:
    story = (("2026-02-01 10:00", OPEN, {}), (resolved, RESOLVE, {}))
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    before = p.local(at(free, zone) - 1)
    assert before is not None
    assert judged(*story, when=before, zone=zone) == PAUSED
    assert judged(*story, when=free, zone=zone) == GOES


B = {"complaint_id": "B"}
D2, D3, D4 = "2026-03-02 10:00", "2026-03-03 10:00", "2026-03-04 10:00"


@pytest.mark.parametrize(
    ("story", "when", "expected"),
    [
        pytest.param([], D4, GOES, id="no complaint"),
        pytest.param([(D2, OPEN, {})], D2, PAUSED, id="open at this instant"),
        pytest.param([(D2, OPEN, {})], "2026-12-02 10:00", PAUSED, id="open for months"),
        pytest.param([(D2, OPEN, {}), (D3, RESOLVE, {}), (D4, *REOPEN)], "2026-12-02 10:00", PAUSED, id="reopened"),
        pytest.param([(D2, *REOPEN)], "2026-12-02 10:00", PAUSED, id="reopened, its opening never seen"),
        pytest.param([(D2, RESOLVE, {})], "2026-03-16 09:59:59.999", PAUSED, id="resolved, its opening never seen"),
        pytest.param([(D2, RESOLVE, {})], "2026-03-16 10:00", GOES, id="resolved, opening never seen, 14 days ago"),
        pytest.param([(D2, CHANGE, {"status": "accepted"})], D4, GOES, id="a change of another kind opens nothing"),
        pytest.param(
            [(D2, OPEN, {}), (D2, OPEN, B), (D3, RESOLVE, {})], "2026-12-02 10:00", PAUSED, id="one of two open"
        ),
        pytest.param(
            [(D2, OPEN, {}), (D2, OPEN, B), (D3, RESOLVE, {}), (D4, RESOLVE, B)],
            "2026-03-18 09:59:59.999",
            PAUSED,
            id="the last",
        ),
        pytest.param(
            [(D2, OPEN, {}), (D2, OPEN, B), (D3, RESOLVE, {}), (D4, RESOLVE, B)],
            "2026-03-18 10:00",
            GOES,
            id="and over",
        ),
    ],
)
@pytest.mark.parametrize("journey", ["care", "offer"])
def test_while_any_complaint_is_open(
    story: list[tuple[str, str, dict[str, Any]]], when: str, expected: tuple[str, str | None], journey: str
) -> None:
    assert judged(*story, when=when, journey=journey) == expected


@pytest.mark.parametrize("journey", ["service", "must"])
def test_service_and_mandatory_go_on(journey: str) -> None:
    assert judged((D2, OPEN, {}), when=D3, journey=journey) == GOES


@pytest.mark.parametrize(
    ("zone_later", "free"), [("America/New_York", "2026-03-16 10:00"), ("Asia/Shanghai", "2026-03-16 10:00")]
)
def test_the_zone_is_that_of_the_resolution(zone_later: str, free: str) -> None:
    p = Play(project(*JOURNEYS))
    p.event(D2, RESOLVE, complaint_id="A")
    p.event(D3, "customer.updated", changed=["timezone"], profile={"timezone": zone_later})
    bill(p, f"{free[:11]}09:59:59.999", "2026-12-31", no=1, pay_method="care")
    bill(p, free, "2026-12-31", no=2, pay_method="care")
    p.until(free)
    assert [(row.status, row.reason) for row in p.rows] == [PAUSED, GOES]


# ---- Q22a: (kind, seq, more) in the order of arrival; what the profile holds in the end
FILED, PAID = "claim.filed", "claim.paid"
CLAIM = {"claim_id": "K"}
STORIES: list[Any] = [
    pytest.param([(FILED, 1, {})], ["K"], id="filed"),
    pytest.param([(FILED, 1, {}), (PAID, 2, {})], [], id="filed, paid"),
    pytest.param([(PAID, 2, {}), (FILED, 1, {})], [], id="paid, then filed late: paid always raises"),
    pytest.param([(FILED, 2, {}), (PAID, 2, {})], ["K"], id="the same seq"),
    pytest.param([(FILED, 3, {}), (PAID, 2, {})], ["K"], id="a lower seq"),
    pytest.param([(FILED, 3, {}), (PAID, 2, {"source": "X"})], [], id="another source has its own count"),
    pytest.param([(FILED, 1, {}), ("claim.decided", 2, {"outcome": "declined"})], [], id="declined"),
    pytest.param([("claim.decided", 2, {"outcome": "declined"}), (FILED, 1, {})], [], id="declined, then filed late"),
    pytest.param(
        [(FILED, 1, {}), ("claim.decided", 2, {"outcome": "approved"})], ["K"], id="approved is open until paid"
    ),
    pytest.param([("claim.decided", 2, {"outcome": "approved"}), (FILED, 1, {})], ["K"], id="approved raises nothing"),
    pytest.param([(FILED, 1, {}), ("claim.status_changed", 2, {"node": "withdrawn"})], [], id="withdrawn"),
    pytest.param(
        [("claim.status_changed", 2, {"node": "withdrawn"}), (FILED, 1, {})], [], id="withdrawn, then filed late"
    ),
    pytest.param(
        [("claim.status_changed", 2, {"node": "approval"}), (FILED, 1, {})], ["K"], id="a node raises nothing"
    ),
    pytest.param([(FILED, None, {}), (PAID, None, {})], [], id="without seq"),
    pytest.param([(FILED, None, {}), (PAID, None, {"occurred": "2026-03-02 09:00"})], ["K"], id="occurred before"),
    pytest.param(
        [(FILED, None, {}), (PAID, None, {"occurred": "2026-03-02 10:00"})], [], id="occurred at the same time: applies"
    ),
]


@pytest.mark.parametrize(("story", "claims"), STORIES)
def test_a_projection_takes_what_is_newer(
    story: list[tuple[str, int | None, dict[str, Any]]], claims: list[str]
) -> None:
    p = Play(project(*JOURNEYS))
    for hour, (kind, seq, more) in enumerate(story, 10):
        p.event(f"2026-03-02 {hour}:00", kind, entity="K", seq=seq, **({"source": "Claims"} | CLAIM | more))
    assert (p.world.states["C1"].profile.fields.get("open_claims") or []) == claims


@pytest.mark.parametrize("status", ["bounced", "failed", "delivered", "opened", "complained"])
@pytest.mark.parametrize(("channel", "field", "other"), [("sms", "mobile", "email"), ("email", "email", "mobile")])
def test_a_hard_failure_makes_that_address_invalid(status: str, channel: str, field: str, other: str) -> None:
    p = Play(project(*JOURNEYS))
    p.event(D2, "message.status", status=status, channel=channel)
    fields = p.world.states["C1"].profile.fields
    assert fields.get(f"{field}_valid", True) == (status not in ("bounced", "failed"))
    assert fields.get(f"{other}_valid", True)
