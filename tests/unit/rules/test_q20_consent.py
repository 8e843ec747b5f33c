"""Q20, Q21: the latest record of consent counts, on a tie the withdrawal; a reply like STOP withdraws."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import CARE, bill, small

OFFER = "send: silence_simple_steps, by: sms"
JOURNEYS = (
    small("offer", f"schedule: [{{id: t, at: due_date 10:00, {OFFER}}}]", klass="marketing", only="offer"),
    small("care", f"schedule: [{{id: t, at: due_date 10:00, {CARE}}}]", klass="care", only="care"),
    small("text", "flow: [{id: m, send: csat_sorry, by: sms}]", only="text"),
    small(
        "both",
        "schedule: [{id: t, at: due_date 10:00, send: silence_simple_steps, by: {first_of: [sms, email]}}]",
        klass="marketing",
        only="both",
    ),
    small("now", f"flow: [{{id: t, {OFFER}}}]", klass="marketing", only="now"),
)
NONE: dict[str, Any] = {"consent": {}}


# records of marketing by SMS: (occurred in March, arrived in March, granted); judged on the 12th
@pytest.mark.parametrize(
    ("records", "granted"),
    [
        ([(2, 2, True)], True),
        ([(2, 2, True), (3, 3, False)], False),
        ([(2, 2, False), (3, 3, True)], True),
        ([(3, 3, True), (2, 4, False)], True),  # an older one that comes late
        ([(3, 3, False), (2, 4, True)], False),
        ([(3, 3, True), (3, 4, False)], False),  # a tie: the withdrawal
        ([(3, 3, False), (3, 4, True)], False),
        ([(3, 3, True), (4, 4, False), (5, 5, True)], True),
        ([], False),
    ],
)
def test_the_latest_record_counts(records: list[tuple[int, int, bool]], granted: bool) -> None:
    p = Play(project(*JOURNEYS), (CUSTOMER | NONE,))
    for n, (occurred, arrived, given) in enumerate(records):
        p.event(
            f"2026-03-0{arrived} 10:0{n}",
            "consent.changed",
            occurred=f"2026-03-0{occurred} 09:00",
            purpose="marketing",
            channel="sms",
            granted=given,
            seq=9 - n,  # seq has no say in it
        )
    bill(p, "2026-03-12 10:00", pay_method="now")
    p.until("2026-03-12 10:00")
    assert [row.status for row in p.rows] == ["sent" if granted else "skipped"]


@pytest.mark.parametrize(
    ("purpose", "channel", "ends"),
    [
        ("marketing", "sms", set()),
        ("marketing", "email", set()),
        ("marketing", "all", {"both"}),
        ("all", "sms", set()),
        ("all", "email", {"care"}),
        ("all", "all", {"both", "care"}),
        ("care", "all", {"care"}),
    ],
)
def test_purposes_and_channels_are_apart(purpose: str, channel: str, ends: set[str]) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 10:00", no=1, pay_method="both")
    bill(p, "2026-03-02 10:00", no=2, pay_method="care")
    p.event("2026-03-03 10:00", "consent.changed", purpose=purpose, channel=channel, granted=False)
    p.until("2026-03-04 00:00")
    assert {journey for journey, _ in p.ends} == ends
    assert {cause for _, cause in p.ends} <= {"consent_withdrawn"}


@pytest.mark.parametrize(
    ("granted_again", "journey", "ends"), [(False, "both", 1), (True, "both", 1), (False, "text", 0)]
)
def test_do_not_contact_ends_as_a_full_withdrawal_does(granted_again: bool, journey: str, ends: int) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 22:00", pay_method=journey)
    p.event("2026-03-02 23:00", "customer.updated", changed=["x"], profile={"do_not_contact": True})
    if granted_again:
        p.event("2026-03-03 10:00", "customer.updated", changed=["x"], profile={"do_not_contact": False})
    p.until("2026-03-14 00:00")
    assert p.ends[:1] == ([("both", "consent_withdrawn")] if ends else [("text", "finished")])
    assert [row.status for row in p.rows] == ([] if ends else ["held", "suppressed"])


@pytest.mark.parametrize(
    ("field", "channel", "value", "sent"),
    [
        ("mobile", "sms", "+8613900139000", True),
        ("mobile", "sms", CUSTOMER["mobile"], False),
        ("email", "sms", "new@example.com", False),
        ("email", "email", "new@example.com", True),
        ("email", "email", CUSTOMER["email"], False),
    ],
)
def test_a_changed_address_is_valid_again(field: str, channel: str, value: str, sent: bool) -> None:
    journey = "offer" if channel == "sms" else "care"
    p = Play(project(*JOURNEYS))
    p.event("2026-03-02 10:00", "message.status", status="bounced", channel=channel)
    p.event("2026-03-03 10:00", "customer.updated", changed=[field], profile={field: value})
    bill(p, "2026-03-04 10:00", pay_method=journey)
    p.until("2026-03-12 10:00")
    assert [(row.status, row.reason) for row in p.rows] == [
        ("sent", None) if sent else ("suppressed", "invalid_address")
    ]


# ---- Q21: the answer to a message of a class: which purposes it withdraws by SMS

BOTH = {"marketing", "care"}


@pytest.mark.parametrize(
    ("klass", "reply", "withdrawn"),
    [
        *[
            ("marketing", word, {"marketing"})
            for word in ["R", "T", "TD", "N", "STOP", "退订", "拒收", "r", " stop ", "Td"]
        ],
        *[("marketing", word, set()) for word in ["", "Rx", "好", "STOP IT", "谢谢", None]],
        ("care", "R", {"care"}),
        ("service", "R", set()),
        ("mandatory", "STOP", set()),
        ("unknown", "R", BOTH),
        ("unknown", "退订", BOTH),
        ("unknown", "ok", set()),
    ],
)
def test_a_reply_withdraws_the_purpose_of_what_it_answers(klass: str, reply: str | None, withdrawn: set[str]) -> None:
    by_class = {
        "marketing": "send: silence_simple_steps, by: sms",
        "care": "send: birthday_basic, by: sms, with: {benefit: X}",
        "service": "send: csat_sorry, by: sms",
        "mandatory": "send: csat_sorry, by: sms",
    }
    texts = [small(name, f"flow: [{{id: m, {send}}}]", klass=name, only=name) for name, send in by_class.items()]
    p = Play(project(*texts))
    bill(p, "2026-03-02 10:00", pay_method=klass)
    p.until("2026-03-02 10:00")
    message = p.rows[0].message_id if p.rows else "M-none"
    p.event("2026-03-02 11:00", "message.status", status="replied", channel="sms", message_id=message, reply_text=reply)
    consent = p.world.states["C1"].profile.consent
    assert {purpose for purpose in BOTH if not consent[purpose]["sms"].granted} == withdrawn
    assert all(consent[purpose]["email"].granted for purpose in BOTH)
