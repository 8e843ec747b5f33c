"""N20, Q22, Q23: an open complaint and the 14 days after it, death, and what rests during a free look."""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project, reference
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, living_in, small


def now(name: str, what: str, klass: str) -> str:
    return small(name, f"flow: [{{id: {name}, {what}}}]", klass=klass, only=name)


JOURNEYS = (
    now("offer", OFFER, "marketing"),
    now("care", CARE, "care"),
    now("service", MAIL, "service"),
    now("must", MAIL, "mandatory"),
)


def opened(p: Play, when: str, complaint: str = "K1", seq: int | None = None) -> None:
    told(p, when, "complaint.opened", complaint, seq)


def resolved(p: Play, when: str, complaint: str = "K1", seq: int | None = None) -> None:
    told(p, when, "complaint.resolved", complaint, seq)


def told(p: Play, when: str, kind: str, complaint: str = "K1", seq: int | None = None, **payload: Any) -> None:
    p.event(when, kind, complaint_id=complaint, entity=complaint, seq=seq, **payload)


def asked(p: Play, when: str, journey: str = "offer") -> str:
    """Let a message be wanted; give what became of it."""
    bill(p, when, "2026-12-01", pay_method=journey)
    p.until("2026-12-30 00:00")
    (row,) = p.rows
    return row.reason or row.status


def play(zone: str = "Asia/Shanghai", **more: Any) -> Play:
    return Play(project(*JOURNEYS), (living_in(zone, **more),), zone=zone)


PAUSED = "paused_complaint"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("2026-02-28 09:59:59.999", "sent"),
        ("2026-03-02 10:00", PAUSED),  # at that instant: the complaint first (N7)
        ("2026-03-02 10:00:00.001", PAUSED),
        ("2026-06-02 10:00", PAUSED),  # never resolved
    ],
)
@pytest.mark.parametrize("journey", ["offer", "care"])
def test_an_open_complaint_pauses(journey: str, when: str, reason: str) -> None:
    p = play()
    if when > "2026-03-01":
        opened(p, "2026-03-02 10:00")
    assert asked(p, when, journey) == reason


@pytest.mark.parametrize(
    ("journey", "reason"), [("offer", PAUSED), ("care", PAUSED), ("service", "sent"), ("must", "sent")]
)
def test_marketing_and_care_only(journey: str, reason: str) -> None:
    p = play()
    opened(p, "2026-03-02 10:00")
    assert asked(p, "2026-03-03 10:00", journey) == reason


@pytest.mark.parametrize(
    ("zone", "resolution", "last", "free"),
    [
        ("Asia/Shanghai", "2026-03-10 15:00", "2026-03-24 14:59:59.999", "2026-03-24 15:00"),
        ("America/New_York", "2026-03-01 15:00", "2026-03-15 14:59:59.999", "2026-03-15 15:00"),  # an hour less
        ("America/New_York", "2026-10-25 15:00", "2026-11-08 14:59:59.999", "2026-11-08 15:00"),  # an hour more
        ("America/New_York", "2026-02-22 02:30", "2026-03-08 03:29:59.999", "2026-03-08 03:30"),  # 02:30 is not there
        ("Australia/Lord_Howe", "2026-03-29 10:00", "2026-04-12 09:59:59.999", "2026-04-12 10:00"),
        ("Pacific/Chatham", "2026-09-20 10:00", "2026-10-04 09:59:59.999", "2026-10-04 10:00"),
        ("America/Sao_Paulo", "2026-03-10 23:59:59.999", "2026-03-24 23:59:59.998", "2026-03-24 23:59:59.999"),
    ],
)
def test_the_same_wall_clock_fourteen_days_later_half_open(zone: str, resolution: str, last: str, free: str) -> None:
    for when, reason in ((last, PAUSED), (free, "sent")):
        p = play(zone)
        opened(p, "2026-02-01 10:00")
        resolved(p, resolution)
        assert asked(p, when) == reason


@pytest.mark.parametrize(
    ("story", "when", "reason"),
    [
        pytest.param(
            "03-02 opened K1, 03-03 opened K2, 03-04 resolved K1", "2026-05-01 10:00", PAUSED, id="one is open"
        ),
        pytest.param(
            "03-02 opened K1, 03-03 opened K2, 03-04 resolved K1, 03-06 resolved K2",
            "2026-03-20 09:59",
            PAUSED,
            id="last",
        ),
        pytest.param(
            "03-02 opened K1, 03-03 opened K2, 03-04 resolved K1, 03-06 resolved K2",
            "2026-03-20 10:00",
            "sent",
            id="over",
        ),
        pytest.param("03-02 resolved K9", "2026-03-16 09:59", PAUSED, id="its opening was never seen"),
        pytest.param("03-02 resolved K9", "2026-03-16 10:00", "sent", id="its opening was never seen, over"),
        pytest.param("03-02 resolved K9, 03-03 resolved K8", "2026-03-16 10:00", PAUSED, id="two never seen"),
        pytest.param(
            "03-02 opened K1, 03-03 resolved K1, 03-20 reopened K1", "2026-05-01 10:00", PAUSED, id="reopened"
        ),
        pytest.param(
            "03-02 opened K1, 03-03 resolved K1, 03-20 reopened K1, 03-21 resolved K1",
            "2026-04-04 09:59",
            PAUSED,
            id="reopened and resolved",
        ),
        pytest.param(
            "03-02 opened K1, 03-03 resolved K1, 03-20 reopened K1, 03-21 resolved K1",
            "2026-04-04 10:00",
            "sent",
            id="reopened and resolved, over",
        ),
        pytest.param("03-02 opened K1, 03-03 accepted K1", "2026-05-01 10:00", PAUSED, id="a status does not resolve"),
        pytest.param("03-02 accepted K1", "2026-03-03 10:00", "sent", id="nor open"),
    ],
)
def test_all_complaints_together(story: str, when: str, reason: str) -> None:
    p = play()
    for line in story.split(", "):
        day, what, complaint = line.split()
        at = f"2026-{day} 10:00"
        if what in ("opened", "resolved"):
            told(p, at, f"complaint.{what}", complaint)
        else:
            told(p, at, "complaint.status_changed", complaint, status=what)
    assert asked(p, when) == reason


@pytest.mark.parametrize(
    ("seq", "source", "reason"),
    [
        pytest.param(1, "desk", "sent", id="an old opening that comes late"),
        pytest.param(5, "desk", "sent", id="with the same number"),
        pytest.param(6, "desk", PAUSED, id="a newer one"),
        pytest.param(1, "branch", PAUSED, id="another source counts for itself (Q22a)"),
    ],
)
def test_an_opening_after_the_resolution(seq: int, source: str, reason: str) -> None:
    p = play()
    told(p, "2026-03-02 10:00", "complaint.resolved", seq=5, source="desk")
    told(p, "2026-03-03 10:00", "complaint.opened", seq=seq, source=source)
    assert asked(p, "2026-03-16 10:00") == reason


def test_the_zone_of_the_moment_of_resolution() -> None:
    p = play("Asia/Shanghai")
    resolved(p, "2026-03-02 10:00")
    p.event("2026-03-05 10:00", "customer.updated", changed=["timezone"], profile={"timezone": "America/New_York"})
    assert asked(p, "2026-03-16 10:00") == "sent"


def test_it_is_judged_at_hand_over_and_nothing_is_queued() -> None:
    p = play()
    bill(p, "2026-03-01 09:00", "2026-12-01", no=2, pay_method="care")
    bill(p, "2026-03-01 10:00", "2026-12-01", no=1, pay_method="offer")  # the day is taken: until the 2nd
    opened(p, "2026-03-02 10:00")
    resolved(p, "2026-03-03 10:00")
    p.until("2026-12-30 00:00")
    assert p.not_sent() == [
        ("2026-03-01 10:00", "offer", "deferred", "frequency_cap"),
        ("2026-03-02 10:00", "offer", "suppressed", PAUSED),
    ]


# ---- death


@pytest.mark.parametrize(
    ("journey", "events", "expected"),
    [
        pytest.param("must", ["03-01 revoked=0"], [], id="enters nothing"),
        pytest.param("service", ["03-01 revoked=0"], [], id="nothing of service either"),
        pytest.param("service", ["03-01 revoked=0", "03-02 revoked=1"], ["sent"], id="taken back"),
    ],
)
def test_the_deceased_enter_nothing(journey: str, events: list[str], expected: list[str]) -> None:
    p = play()
    for line in events:
        day, revoked = line.split(" revoked=")
        p.event(f"2026-{day} 10:00", "customer.deceased", revoked=bool(int(revoked)))
    bill(p, "2026-03-05 10:00", "2026-12-01", pay_method=journey)
    p.until("2026-12-30 00:00")
    assert [row.status for row in p.rows] == expected


# ---- Q23: a cross-sell rests during a claim, a complaint and a free look

ADULT = {"birth_date": "1990-01-01", "risk_level": 4, "risk_valid_until": "2027-12-31"}


def recommended(when: str, *events: tuple[str, str, dict[str, Any]]) -> str | None:
    p = Play(reference("cross_sell_suitability"), (living_in("Asia/Shanghai", **ADULT),))
    for day, kind, payload in events:
        p.event(day, kind, **payload)
    p.event(when, "recommendation.generated", reason_code="family", product_risk_level=2)
    p.until(when[:10] + " 23:00")
    return next((row.reason or row.status for row in p.rows), None)


ISSUED = ("2026-03-01 10:00", "policy.issued", {"policy_id": "P-9", "product_line": "motor", "free_look_days": 15})
SIGNED = ("2026-03-04 10:00", "policy.receipt_signed", {"policy_id": "P-9", "receipt_date": "2026-03-04"})
GONE = ("2026-03-05 10:00", "policy.cancelled", {"policy_id": "P-9"})
FILED = ("2026-03-01 10:00", "claim.filed", {"claim_id": "K-9"})


@pytest.mark.parametrize(
    ("when", "events", "outcome"),
    [
        pytest.param("2026-03-10 10:00", [], "sent", id="nothing"),
        pytest.param("2026-03-10 10:00", [FILED], "not_while", id="an open claim"),
        pytest.param(
            "2026-03-10 10:00",
            [FILED, ("2026-03-02 10:00", "claim.paid", {"claim_id": "K-9"})],
            "sent",
            id="paid",
        ),
        pytest.param(
            "2026-03-10 10:00",
            [FILED, ("2026-03-02 10:00", "claim.decided", {"claim_id": "K-9", "outcome": "declined"})],
            "sent",
            id="declined",
        ),
        pytest.param(
            "2026-03-10 10:00",
            [FILED, ("2026-03-02 10:00", "claim.decided", {"claim_id": "K-9", "outcome": "approved"})],
            "not_while",
            id="approved is not paid yet",
        ),
        pytest.param(
            "2026-03-10 10:00",
            [FILED, ("2026-03-02 10:00", "claim.status_changed", {"claim_id": "K-9", "node": "withdrawn"})],
            "sent",
            id="withdrawn",
        ),
        pytest.param("2026-03-01 10:00:00.001", [ISSUED], "not_while", id="free look from the issue on"),
        pytest.param("2026-04-30 20:00", [ISSUED], "not_while", id="no receipt: the 60th day"),
        pytest.param("2026-05-01 08:00", [ISSUED], "sent", id="no receipt: the 61st"),
        pytest.param("2026-03-19 20:00", [ISSUED, SIGNED], "not_while", id="receipt and 15 days, the last"),
        pytest.param("2026-03-20 08:00", [ISSUED, SIGNED], "sent", id="the day after"),
        pytest.param("2026-03-10 10:00", [ISSUED, GONE], "sent", id="cancelled"),
    ],
)
def test_not_while_is_judged_at_hand_over(
    when: str, events: list[tuple[str, str, dict[str, Any]]], outcome: str
) -> None:
    assert recommended(when, *events) == outcome
