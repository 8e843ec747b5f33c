"""N12: marketing and care need consent for purpose and channel, judged at hand-over; without any left a run ends."""

from typing import Any

import pytest

from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import BOTH, CARE, MAIL, bill, small

TWO_DAYS = """
    schedule:
      - {{id: s, at: due_date 09:00, {sms}}}
      - {{id: e, at: 1 day after due_date 09:00, {email}}}
"""
CARES = TWO_DAYS.format(sms="send: birthday_basic, by: sms", email=CARE)
OFFERS = TWO_DAYS.format(sms="send: silence_simple_steps, by: sms", email="send: silence_simple_steps, by: email")
NEWS = TWO_DAYS.format(sms=BOTH.replace("[sms, email]", "sms"), email=MAIL)
JOURNEYS = (
    small("mandatory", NEWS, klass="mandatory", only="mandatory"),
    small("service", NEWS, only="service"),
    small("care", CARES, klass="care", only="care"),
    small("marketing", OFFERS, klass="marketing", only="marketing"),
    small("fixed", "flow: [{id: f, send: silence_simple_steps, by: sms}]", klass="marketing", only="fixed"),
    small(
        "fixed_and_mail",
        """
        flow:
          - {id: f, send: silence_simple_steps, by: sms}
          - wait: 1 day
          - {id: g, send: silence_simple_steps, by: email}
        """,
        klass="marketing",
        only="fixed_and_mail",
    ),
    small(
        "first",
        "flow: [{id: f, send: silence_simple_steps, by: {first_of: [sms, email]}}]",
        klass="marketing",
        only="first",
    ),
)
NOTHING: dict[str, dict[str, bool]] = {}
S, E = ("2026-03-12 09:00", "sms", "s"), ("2026-03-13 09:00", "email", "e")


def play(consent: dict[str, Any] | None = None, **more: Any) -> Play:
    person = CUSTOMER | more if consent is None else CUSTOMER | {"consent": consent} | more
    return Play(project(*JOURNEYS), (person,))


def consent(p: Play, when: str, granted: bool, purpose: str = "marketing", channel: str = "sms") -> None:
    p.event(when, "consent.changed", purpose=purpose, channel=channel, granted=granted)


def reasons(p: Play) -> list[tuple[str | None, str | None]]:
    return [(row.step, row.reason) for row in p.rows if row.status == "suppressed"]


NO_SMS, NO_EMAIL = [("s", "no_consent")], [("e", "no_consent")]


@pytest.mark.parametrize(
    ("klass", "granted", "goes", "lacks"),
    [
        ("mandatory", NOTHING, [S, E], []),
        ("service", NOTHING, [S, E], []),
        ("service", {"marketing": {"sms": False, "email": False}, "care": {"sms": False}}, [S, E], []),
        ("care", {"care": {"sms": True, "email": True}}, [S, E], []),
        ("care", {"care": {"sms": True}}, [S], NO_EMAIL),
        ("care", {"care": {"sms": True, "email": False}, "marketing": {"email": True}}, [S], NO_EMAIL),
        ("care", {"care": {"email": True}}, [E], NO_SMS),
        ("marketing", {"marketing": {"sms": True, "email": True}}, [S, E], []),
        ("marketing", {"marketing": {"sms": True}}, [S], NO_EMAIL),
        ("marketing", {"marketing": {"email": True}, "care": {"sms": True}}, [E], NO_SMS),
    ],
)
def test_purpose_and_channel_must_be_granted(
    klass: str, granted: dict[str, Any], goes: list[Any], lacks: list[Any]
) -> None:
    p = play(granted)
    bill(p, "2026-02-01 10:00", pay_method=klass)
    p.until("2026-04-01 00:00")
    assert (p.sent, reasons(p)) == (goes, lacks)


@pytest.mark.parametrize(
    ("klass", "granted", "enters"),
    [
        ("marketing", NOTHING, False),
        ("marketing", {"care": {"sms": True, "email": True}}, False),
        ("care", {"marketing": {"sms": True, "email": True}}, False),
        ("fixed", {"marketing": {"email": True}}, False),  # its only channel is another (Q8)
        ("fixed", {"marketing": {"sms": True}}, True),
        ("first", {"marketing": {"email": True}}, True),
    ],
)
def test_a_run_without_any_consent_does_not_start(klass: str, granted: dict[str, Any], enters: bool) -> None:
    p = play(granted)
    bill(p, "2026-03-12 10:00", "2026-04-01", pay_method=klass)
    p.until("2026-05-01 00:00")
    assert p.starts == enters
    assert [row.reason for row in p.rows if row.status == "skipped"] == ([] if enters else ["not_entered"])


# the SMS is due on 12 March 09:00; e-mail stays granted, so the run goes on
@pytest.mark.parametrize(
    ("changes", "goes"),
    [
        pytest.param([("2026-03-12 08:59:59.999", False)], [E], id="withdrawn 1 ms before"),
        pytest.param([("2026-03-12 09:00", False)], [E], id="withdrawn at that instant"),
        pytest.param([("2026-03-12 09:00:00.001", False)], [S, E], id="withdrawn 1 ms after"),
        pytest.param([("2026-02-10 10:00", False), ("2026-03-12 09:00", True)], [S, E], id="granted again in time"),
        pytest.param([("2026-02-10 10:00", False), ("2026-03-12 09:00:00.001", True)], [E], id="granted 1 ms too late"),
    ],
)
@pytest.mark.parametrize("klass", ["care", "marketing"])
def test_consent_is_judged_at_hand_over(klass: str, changes: list[tuple[str, bool]], goes: list[Any]) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method=klass)
    for when, granted in changes:
        consent(p, when, granted, klass)
    p.until("2026-04-01 00:00")
    assert p.sent == goes
    assert reasons(p) == ([] if S in goes else NO_SMS)


def test_consent_that_lacked_at_entry_may_come_before_the_hand_over() -> None:
    p = play({"marketing": {"email": True}})
    bill(p, "2026-02-01 10:00", pay_method="marketing")
    consent(p, "2026-02-02 10:00", True)
    p.until("2026-04-01 00:00")
    assert p.sent == [S, E]


BLOCKED = [("s", "do_not_contact"), ("e", "do_not_contact")]


@pytest.mark.parametrize(
    ("klass", "goes", "lacks", "ends"),
    [
        ("mandatory", [S, E], [], "finished"),
        ("service", [], BLOCKED, "finished"),
        ("care", [], [], "consent_withdrawn"),
        ("marketing", [], [], "consent_withdrawn"),
    ],
)
def test_do_not_contact_stops_all_but_mandatory(klass: str, goes: list[Any], lacks: list[Any], ends: str) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method=klass)
    p.event("2026-03-01 10:00", "customer.updated", changed=["do_not_contact"], profile={"do_not_contact": True})
    p.until("2026-04-01 00:00")
    assert (p.sent, reasons(p), p.ends) == (goes, lacks, [(klass, ends)])


@pytest.mark.parametrize(
    ("klass", "enters"), [("mandatory", True), ("service", True), ("care", False), ("marketing", False)]
)
def test_do_not_contact_keeps_care_and_marketing_from_starting(klass: str, enters: bool) -> None:
    p = play(do_not_contact=True)
    bill(p, "2026-02-01 10:00", pay_method=klass)
    p.until("2026-04-01 00:00")
    assert p.starts == enters
    assert [row.detail["cause"] for row in p.rows if row.status == "skipped"] == ([] if enters else ["do_not_contact"])


# wanted on 12 March 22:00, held until 08:00; the changes come at night: (time, granted, purpose, channel)
@pytest.mark.parametrize(
    ("journey", "changes", "ended", "goes"),
    [
        pytest.param("fixed", [("23:00", False, "marketing", "sms")], True, [], id="its only channel"),
        pytest.param("fixed", [("23:00", False, "marketing", "email")], False, ["sms"], id="not its channel"),
        pytest.param("fixed", [("23:00", False, "care", "all")], False, ["sms"], id="not its purpose"),
        pytest.param("fixed", [("23:00", False, "all", "all")], True, [], id="all of all"),
        pytest.param("first", [("23:00", False, "marketing", "all")], True, [], id="all channels at once"),
        pytest.param(
            "first",
            [("23:00", False, "marketing", "sms"), ("23:10", False, "marketing", "email")],
            True,
            [],
            id="one channel after the other",
        ),
        pytest.param(
            "fixed",
            [("23:00", False, "marketing", "sms"), ("23:30", True, "marketing", "sms")],
            True,
            [],
            id="a re-grant revives nothing",
        ),
    ],
)
def test_a_run_without_any_consent_left_ends_at_once(
    journey: str, changes: list[tuple[str, bool, str, str]], ended: bool, goes: list[str]
) -> None:
    p = play()
    bill(p, "2026-03-12 22:00", "2026-04-01", pay_method=journey)
    for time, granted, purpose, channel in changes:
        consent(p, f"2026-03-12 {time}", granted, purpose, channel)
    last = f"2026-03-12 {changes[-1][0]}" if journey == "first" else "2026-03-12 23:00"
    p.until("2026-03-13 12:00")
    assert p.ends == [(journey, "consent_withdrawn" if ended else "finished")]
    assert p.not_sent("suppressed") == ([(last, "f", "suppressed", "no_consent")] if ended else [])
    assert [(when, channel) for when, channel, _ in p.sent] == [("2026-03-13 08:00", channel) for channel in goes]


# held from 22:00 to 08:00; e-mail stays granted
@pytest.mark.parametrize(
    ("journey", "changes", "outcome"),
    [
        pytest.param("first", [], ("sms", None), id="first_of: nothing changed"),
        pytest.param("first", [("23:00", False)], ("email", None), id="first_of chooses again"),
        pytest.param("first", [("23:00", False), ("23:30", True)], ("sms", None), id="first_of: granted again"),
        pytest.param("fixed_and_mail", [("23:00", False)], ("sms", "no_consent"), id="fixed: not re-routed"),
        pytest.param("fixed_and_mail", [("23:00", False), ("23:30", True)], ("sms", None), id="fixed: granted again"),
    ],
)
def test_the_channel_is_judged_again_at_release(
    journey: str, changes: list[tuple[str, bool]], outcome: tuple[str, str | None]
) -> None:
    p = play()
    bill(p, "2026-03-12 22:00", "2026-04-01", pay_method=journey)
    for time, granted in changes:
        consent(p, f"2026-03-12 {time}", granted)
    p.until("2026-03-13 12:00")
    assert [(row.channel, row.reason) for row in p.rows if p.local(row.decided_at) == "2026-03-13 08:00"] == [outcome]


@pytest.mark.parametrize(
    ("reply", "offer_sms"),
    [("R", False), ("hello", True)],
)
def test_the_reply_r_to_an_offer_withdraws_marketing_sms_only(reply: str, offer_sms: bool) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", "2026-04-01", no=1, pay_method="fixed")
    offer = p.until("2026-02-01 10:00").rows[-1]
    p.event("2026-02-01 10:05", "message.status", message_id=offer.message_id, status="replied", reply_text=reply)
    for no, klass in ((2, "marketing"), (3, "care"), (4, "service")):
        bill(p, "2026-02-01 11:00", f"2026-03-{no * 10 - 10}", no=no, pay_method=klass)
    p.until("2026-05-01 00:00")
    later = [(row.journey, row.channel, row.status, row.reason) for row in p.rows if row.journey != "fixed"]
    sms = ("sent", None) if offer_sms else ("suppressed", "no_consent")
    assert later == [
        ("marketing", "sms", *sms),
        ("marketing", "email", "sent", None),
        ("care", "sms", "sent", None),
        ("care", "email", "sent", None),
        ("service", "sms", "sent", None),
        ("service", "email", "sent", None),
    ]
