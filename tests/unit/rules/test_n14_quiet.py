"""N14, Q16, Q18: no SMS from 21:00 to 08:00 local unless urgent; held to 08:00, and the whole chain again then."""

from typing import Any

import pytest

from tests.unit.rules.kit import EVERYTHING, Play, project
from tests.unit.rules.small import BOTH, MAIL, SMS, bill, living_in, small

CARE = "send: freelook_case_video, by: {first_of: [sms, email]}, with: {product: X}"
URGENT = "send: claim_ack, by: sms, with: {claim_no: CN1}, urgent: true"


def now(name: str, what: str, klass: str = "service") -> str:
    return small(name, f"flow: [{{id: {name}, {what}}}]", klass=klass, only=name)


JOURNEYS = (
    now("sms", SMS),
    now("mail", MAIL),
    now("both", BOTH),
    now("must", SMS, "mandatory"),
    now("offer", "send: silence_simple_steps, by: sms", "marketing"),
    now("care", CARE, "care"),
    now("reverse", "send: silence_simple_steps, by: {first_of: [email, sms]}", "marketing"),
    now("urgent", URGENT),
    now("rested", SMS + ", not_while: customer.tier == 'growth'"),
)


def wanted(journey: str, when: str, zone: str = "Asia/Shanghai", **customer: Any) -> Play:
    p = Play(project(*JOURNEYS), (living_in(zone, **customer),), zone=zone)
    bill(p, when, "2026-12-30", pay_method=journey)
    return p


def verdicts(p: Play) -> list[str]:
    p.until("2026-12-31 00:00")
    return [
        " ".join(filter(None, (p.local(r.decided_at), r.channel, r.status, r.reason, p.local(r.next_at))))
        for r in p.rows
    ]


@pytest.mark.parametrize(
    ("zone", "when", "goes"),
    [
        ("Asia/Shanghai", "2026-03-12 20:59:59.999", "2026-03-12 20:59:59.999"),
        ("Asia/Shanghai", "2026-03-12 21:00", "2026-03-13 08:00"),
        ("Asia/Shanghai", "2026-03-12 23:59:59.999", "2026-03-13 08:00"),
        ("Asia/Shanghai", "2026-03-13 00:00", "2026-03-13 08:00"),
        ("Asia/Shanghai", "2026-03-13 07:59:59.999", "2026-03-13 08:00"),
        ("Asia/Shanghai", "2026-03-13 08:00", "2026-03-13 08:00"),
        ("Asia/Shanghai", "2026-03-13 08:00:00.001", "2026-03-13 08:00:00.001"),
        ("America/New_York", "2026-03-07 21:00", "2026-03-08 08:00"),  # ten hours
        ("America/New_York", "2026-10-31 21:00", "2026-11-01 08:00"),  # twelve hours
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05 08:00"),
        ("Australia/Lord_Howe", "2026-10-03 22:00", "2026-10-04 08:00"),
        ("Pacific/Chatham", "2026-09-26 21:00", "2026-09-27 08:00"),
        ("America/Sao_Paulo", "2026-03-12 20:59:59.999", "2026-03-12 20:59:59.999"),
        ("America/Sao_Paulo", "2026-03-12 21:00", "2026-03-13 08:00"),
    ],
)
@pytest.mark.parametrize("journey", ["sms", "must", "offer"])
def test_the_night_is_half_open_and_holds_every_class(journey: str, zone: str, when: str, goes: str) -> None:
    held = [] if goes == when else [f"{when} sms held quiet_hours {goes}"]
    assert verdicts(wanted(journey, when, zone)) == [*held, f"{goes} sms sent"]


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("mail", ["2026-03-12 22:00 email sent"]),
        ("urgent", ["2026-03-12 22:00 sms sent"]),
        (
            "both",
            [
                "2026-03-12 22:00 sms held quiet_hours 2026-03-13 08:00",
                "2026-03-12 22:00 email sent",
                "2026-03-13 08:00 sms sent",
            ],
        ),
        ("reverse", ["2026-03-12 22:00 email sent"]),
    ],
)
def test_e_mail_and_what_is_urgent_are_not_held(journey: str, expected: list[str]) -> None:
    assert verdicts(wanted(journey, "2026-03-12 22:00")) == expected


# ---- at release the whole chain is judged again

HELD = "2026-03-12 22:00 sms held quiet_hours 2026-03-13 08:00"


@pytest.mark.parametrize(
    ("journey", "kind", "payload", "expected"),
    [
        pytest.param("sms", "activity.recorded", {}, "sms sent", id="nothing happens"),
        pytest.param("sms", "customer.deceased", {}, "sms suppressed deceased", id="death"),
        pytest.param("must", "customer.deceased", {}, "sms sent", id="death, mandatory"),
        pytest.param(
            "sms",
            "customer.updated",
            {"changed": ["x"], "profile": {"do_not_contact": True}},
            "sms suppressed do_not_contact",
            id="do not contact",
        ),
        pytest.param(
            "sms",
            "customer.updated",
            {"changed": ["mobile"], "profile": {"mobile": None}},
            "sms suppressed no_address",
            id="no address",
        ),
        pytest.param(
            "sms",
            "message.status",
            {"status": "failed", "channel": "sms"},
            "sms suppressed invalid_address",
            id="bad address",
        ),
        pytest.param(
            "rested",
            "customer.tier_changed",
            {"from_tier": "basic", "to_tier": "growth"},
            "sms suppressed not_while",
            id="not_while",
        ),
        pytest.param("offer", "complaint.opened", {}, "sms suppressed paused_complaint", id="complaint"),
        pytest.param("sms", "complaint.opened", {}, "sms sent", id="complaint, service"),
    ],
)
def test_news_of_the_night_counts(journey: str, kind: str, payload: dict[str, Any], expected: str) -> None:
    p = wanted(journey, "2026-03-12 22:00")
    p.event("2026-03-13 08:00", kind, **payload)  # at the very instant of the release: news first (N7)
    assert verdicts(p) == [HELD, f"2026-03-13 08:00 {expected}"]


# ---- Q16: first_of


def ways(sms: bool, email: bool) -> dict[str, Any]:
    granted = {"sms": sms, "email": email}
    return EVERYTHING | {"care": granted, "marketing": granted}


@pytest.mark.parametrize(
    ("journey", "customer", "expected"),
    [
        pytest.param("care", {}, "sms sent", id="both usable"),
        pytest.param("care", {"consent": ways(False, True)}, "email sent", id="no consent for the first"),
        pytest.param("care", {"consent": ways(True, False)}, "sms sent", id="no consent for the second"),
        pytest.param("care", {"mobile": None}, "email sent", id="no first address"),
        pytest.param("care", {"mobile_valid": False}, "email sent", id="a bad first address"),
        pytest.param("care", {"mobile": None, "email": None}, "sms suppressed no_address", id="none: the first"),
        pytest.param(
            "care",
            {"mobile_valid": False, "consent": ways(True, False)},
            "sms suppressed invalid_address",
            id="none: the reason of the first",
        ),
        pytest.param(
            "care",
            {"email": None, "consent": ways(False, True)},
            "sms suppressed no_consent",
            id="none: consent, though the other has no address",
        ),
        pytest.param("reverse", {}, "email sent", id="the other way round"),
        pytest.param("reverse", {"email": None}, "sms sent", id="the other way round, no e-mail"),
    ],
)
def test_first_of_takes_the_first_that_is_usable(journey: str, customer: dict[str, Any], expected: str) -> None:
    assert verdicts(wanted(journey, "2026-03-12 10:00", **customer)) == [f"2026-03-12 10:00 {expected}"]


NO_SMS = {"purpose": "care", "channel": "sms", "granted": False}


@pytest.mark.parametrize(
    ("when", "kind", "payload", "goes"),
    [
        pytest.param("2026-03-12 23:00", "activity.recorded", {}, "sms sent", id="the night does not change it"),
        pytest.param("2026-03-13 08:00", "consent.changed", NO_SMS, "email sent", id="withdrawn in the night"),
        pytest.param("2026-03-13 08:00:00.001", "consent.changed", NO_SMS, "sms sent", id="withdrawn 1 ms later"),
    ],
)
def test_first_of_chooses_again_at_release(when: str, kind: str, payload: dict[str, Any], goes: str) -> None:
    p = wanted("care", "2026-03-12 22:00")
    p.event(when, kind, **payload)
    assert verdicts(p) == [HELD, f"2026-03-13 08:00 {goes}"]


def test_a_fixed_channel_is_not_changed_for_another() -> None:
    p = wanted("offer", "2026-03-12 22:00", mobile_valid=False)
    assert verdicts(p) == ["2026-03-12 22:00 sms suppressed invalid_address"]
