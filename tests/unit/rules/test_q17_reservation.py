"""N13, Q17, Q51: a touch yields to a capped one of strictly higher priority that is armed for later the same day."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.rules.kit import EVERYTHING, Play, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, living_in, small

TEXT = "send: silence_simple_steps, by: sms"
BOTH_WAYS = "send: silence_simple_steps, by: [sms, email]"


def later(
    name: str, what: str, more: str = "", *, klass: str = "marketing", priority: int = 60, at: str = "18:00"
) -> str:
    body = f"{more}\nschedule: [{{id: {name}, at: due_date {at}, {what}}}]\ngoal: {{when: payment.received}}"
    return small(name, body, klass=klass, priority=priority, only=name)


def now(name: str, what: str, *, klass: str = "marketing", priority: int = 50, more: str = "") -> str:
    return small(name, f"{more}\nflow: [{{id: {name}, {what}}}]", klass=klass, priority=priority, only=name)


JOURNEYS = (
    now("low", OFFER),
    now("drop", OFFER, more="on_cap: drop"),
    now("festive", OFFER, priority=30),
    now("quick", TEXT, priority=60),
    now("both", BOTH_WAYS, priority=60),
    now("first", CARE, klass="care"),
    now("slow", OFFER, priority=60),
    later("high", OFFER),
    later("care", CARE, klass="care"),
    later("step", OFFER + ", priority: 51", priority=10),
    later("equal", OFFER, priority=50),
    later("lower", OFFER, priority=49),
    later("service", MAIL, klass="service"),
    later("text", TEXT),
    later("ways", BOTH_WAYS),
    later("control", OFFER, "control: {percent: 1, name: everybody_39}"),
    later("personal", OFFER, "personalised: true"),
    later("never", OFFER, "not_while: customer.tier == 'basic'"),
    small(
        "waits",
        f"flow: [{{wait_until: due_date 18:00}}, {{id: waits, {OFFER}}}]",
        klass="marketing",
        priority=60,
        only="waits",
    ),
)
OUTRANKED = [("2026-03-12 10:00", "low", "deferred", "outranked")]
CAPPED = [("2026-03-12 10:00", "low", "deferred", "frequency_cap")]
DUE = "2026-03-12"


def armed(*journeys: str, due: str = DUE, **customer: Any) -> Play:
    p = Play(project(*JOURNEYS), (living_in("Asia/Shanghai", **customer),))
    for number, journey in enumerate(journeys, 10):
        bill(p, "2026-03-01 10:00", due, no=number, pay_method=journey)
    return p


def low(p: Play, when: str = "2026-03-12 10:00", journey: str = "low") -> list[tuple[str | None, ...]]:
    """Let the lower one be wanted; give what is not sent of it."""
    bill(p, when, "2026-12-01", no=1, pay_method=journey)
    p.until("2026-03-31 00:00")
    return [row for row in p.not_sent() if row[1] == journey]


@pytest.mark.parametrize("journey", ["high", "care", "step", "text", "ways"])
def test_it_yields_to_one_of_higher_priority_and_goes_the_next_day(journey: str) -> None:
    p = armed(journey)
    assert low(p) == OUTRANKED
    assert p.sent[0][::2] == ("2026-03-12 18:00", journey)
    assert p.sent[-1] == ("2026-03-13 10:00", "email", "low")


@pytest.mark.parametrize("journey", ["equal", "lower", "service", "control", "never", "waits"])
def test_what_reserves_nothing(journey: str) -> None:
    p = armed(journey)
    assert low(p) == []
    assert p.sent[0] == ("2026-03-12 10:00", "email", "low")


@pytest.mark.parametrize(
    ("due", "wanted", "outcome"),
    [
        pytest.param("2026-03-12", "2026-03-12 00:00", "outranked", id="at the midnight before"),
        pytest.param("2026-03-12", "2026-03-11 23:59:59.999", None, id="still the day before"),
        pytest.param("2026-03-12", "2026-03-12 17:59:59.999", "outranked", id="1 ms before"),
        pytest.param("2026-03-12", "2026-03-12 18:00", "frequency_cap", id="at the same instant, judged after it"),
        pytest.param("2026-03-12", "2026-03-12 18:00:00.001", "frequency_cap", id="1 ms after"),
        pytest.param("2026-03-13", "2026-03-12 23:59:59.999", None, id="armed for tomorrow"),
    ],
)
def test_later_the_same_local_day(due: str, wanted: str, outcome: str | None) -> None:
    p = armed("high", due=due)
    assert low(p, wanted) == ([] if outcome is None else [(wanted, "low", "deferred", outcome)])


def gone(p: Play) -> None:
    p.event("2026-03-11 10:00", "payment.received", policy_id="P-1", installment_no=10)


def opted_out(p: Play) -> None:
    p.event("2026-03-11 10:00", "customer.updated", changed=["x"], profile={"personalisation_opt_out": True})


def no_mobile(p: Play) -> None:
    p.event("2026-03-11 10:00", "customer.updated", changed=["mobile"], profile={"mobile": None})


def bounced(p: Play) -> None:
    p.event("2026-03-11 10:00", "message.status", status="bounced", channel="sms", message_id="m1")


def no_sms(p: Play) -> None:
    p.event("2026-03-11 10:00", "consent.changed", purpose="marketing", channel="sms", granted=False)


def no_care(p: Play) -> None:
    p.event("2026-03-11 10:00", "consent.changed", purpose="care", channel="email", granted=False)


def growth(p: Play) -> None:
    p.event("2026-03-11 10:00", "customer.tier_changed", from_tier="basic", to_tier="growth")


def moved_away(p: Play) -> None:
    bill_moved = {"policy_id": "P-1", "installment_no": 10, "due_date": "2026-03-20", "old_due_date": "2026-03-12"}
    p.event("2026-03-11 10:00", "payment.due_changed", **bill_moved)


def nothing(p: Play) -> None:
    pass


@pytest.mark.parametrize(
    ("journey", "happens", "yields"),
    [
        pytest.param("high", gone, False, id="its run has ended"),
        pytest.param("personal", nothing, True, id="personalised"),
        pytest.param("personal", opted_out, False, id="opted out of it since"),
        pytest.param("text", no_mobile, False, id="no address"),
        pytest.param("text", bounced, False, id="bad address"),
        pytest.param("text", no_sms, False, id="no consent for its channel"),
        pytest.param("ways", no_sms, True, id="one of its channels is left"),
        pytest.param("care", no_care, False, id="care by SMS is left, but it goes by e-mail"),
        pytest.param("never", growth, True, id="not_while holds no longer"),
        pytest.param("high", moved_away, True, id="the journey takes no notice of a new date"),
    ],
)
def test_its_own_state_guards_must_pass_now(journey: str, happens: Callable[[Play], None], yields: bool) -> None:
    p = armed(journey)
    happens(p)
    assert low(p) == (OUTRANKED if yields else [])


# ---- held and deferred messages


def test_a_message_held_until_later_this_day_is_armed() -> None:
    p = armed()
    bill(p, "2026-03-12 02:00", "2026-12-01", no=2, pay_method="quick")
    assert low(p, "2026-03-12 03:00") == [("2026-03-12 03:00", "low", "deferred", "outranked")]
    assert p.sent == [("2026-03-12 08:00", "sms", "quick"), ("2026-03-13 03:00", "email", "low")]


def test_one_held_until_tomorrow_is_not() -> None:
    p = armed()
    bill(p, "2026-03-12 21:00", "2026-12-01", no=2, pay_method="quick")
    assert low(p, "2026-03-12 22:00") == []
    assert p.sent == [("2026-03-12 22:00", "email", "low"), ("2026-03-13 08:00", "sms", "quick")]


def test_a_held_channel_that_is_counted_already_reserves_nothing() -> None:
    p = armed()
    bill(p, "2026-03-11 22:00", "2026-12-01", no=2, pay_method="both")
    assert low(p, "2026-03-12 03:00") == []
    assert p.sent == [
        ("2026-03-11 22:00", "email", "both"),
        ("2026-03-12 03:00", "email", "low"),
        ("2026-03-12 08:00", "sms", "both"),
    ]


def test_a_deferred_message_is_armed_for_its_next_attempt() -> None:
    p = armed()
    bill(p, "2026-03-11 10:00", "2026-12-01", no=2, pay_method="first")
    bill(p, "2026-03-11 18:00", "2026-12-01", no=3, pay_method="slow")
    assert low(p) == OUTRANKED
    assert p.sent == [
        ("2026-03-11 10:00", "email", "first"),
        ("2026-03-12 18:00", "email", "slow"),
        ("2026-03-13 10:00", "email", "low"),
    ]


def test_one_that_may_only_go_today_is_dropped_with_the_caps_reason() -> None:
    p = armed("high")
    assert low(p, journey="drop") == [("2026-03-12 10:00", "drop", "suppressed", "frequency_cap")]


# ---- the day's calendar occurrences: the reference greetings, birthday 09:00 (60), festival 10:00 (35)

DAYS = (
    now("low", OFFER),
    now("festive", OFFER, priority=30),
    now("even", OFFER, priority=60),
    """
    journey: greeted
    name: {zh: 生日, en: Birthday}
    stage: loyalty
    class: care
    priority: 60
    valid_for: same day
    on_cap: drop
    start: {when: birthday, at: 09:00, if: customer.tier == 'growth'}
    key: [year]
    again: never
    flow: [{id: greeted, send: birthday_growth, by: sms}]
    """,
    """
    journey: festival
    name: {zh: 节日, en: Festival}
    stage: loyalty
    class: care
    priority: 35
    valid_for: same day
    on_cap: drop
    start: {when: festival, at: 10:00, if: festival_id == 'dragon_boat'}
    key: [festival_id, year]
    again: never
    flow: [{id: festival, send: festival_greeting, by: sms}]
    """,
)
GROWN = {"birth_date": "1980-03-12", "tier": "growth"}
CARELESS = EVERYTHING | {"care": {"sms": False, "email": True}}


@pytest.mark.parametrize(
    ("customer", "journey", "wanted", "yields"),
    [
        pytest.param(GROWN, "low", "2026-03-12 00:00", True, id="a birthday"),
        pytest.param(GROWN, "low", "2026-03-12 08:59:59.999", True, id="1 ms before"),
        pytest.param(GROWN, "low", "2026-03-11 23:59:59.999", False, id="the day before"),
        pytest.param(GROWN, "even", "2026-03-12 08:00", False, id="same priority"),
        pytest.param(GROWN | {"tier": "basic"}, "low", "2026-03-12 08:00", False, id="its start says no"),
        pytest.param(GROWN | {"consent": CARELESS}, "low", "2026-03-12 08:00", False, id="no consent for it"),
        pytest.param(GROWN | {"birth_date": "1980-03-13"}, "low", "2026-03-12 08:00", False, id="born a day later"),
        pytest.param({}, "low", "2026-03-12 08:00", False, id="not known when born"),
        pytest.param({}, "festive", "2026-06-19 09:59:59.999", True, id="a festival"),
        pytest.param({}, "low", "2026-06-19 09:59:59.999", False, id="a festival of lower priority"),
        pytest.param({}, "festive", "2026-09-25 09:00", False, id="not its festival"),
    ],
)
def test_a_day_of_the_year_is_armed(customer: dict[str, Any], journey: str, wanted: str, yields: bool) -> None:
    p = Play(project(*DAYS), (living_in("Asia/Shanghai", **customer),))
    bill(p, wanted, "2026-12-01", pay_method=journey)
    p.until("2026-06-30 00:00" if wanted > "2026-06" else "2026-03-31 00:00").until("2026-09-30 00:00")
    outranked = [row for row in p.not_sent("deferred") if row[3] == "outranked"]
    assert outranked == ([(wanted, journey, "deferred", "outranked")] if yields else [])


# ---- holds and deferrals over several journeys (N13, N14, Q15 to Q19): one customer, four days


def test_four_journeys_share_four_days() -> None:
    p = armed("high")  # 60, on the 12th at 18:00
    bill(p, "2026-03-12 01:00", "2026-12-01", no=1, pay_method="first")  # 50, e-mail
    bill(p, "2026-03-12 21:30", "2026-12-01", no=2, pay_method="quick")  # 60, SMS
    bill(p, "2026-03-12 23:00", "2026-12-01", no=3, pay_method="low")  # 50, e-mail
    bill(p, "2026-03-12 23:30", "2026-12-01", no=4, pay_method="drop")  # 50, e-mail, only today
    p.until("2026-03-31 00:00")
    assert [(p.local(row.decided_at), row.step, row.status, row.reason, p.local(row.next_at)) for row in p.rows] == [
        ("2026-03-12 01:00", "first", "deferred", "outranked", "2026-03-13 01:00"),
        ("2026-03-12 18:00", "high", "sent", None, None),
        ("2026-03-12 21:30", "quick", "held", "quiet_hours", "2026-03-13 08:00"),
        ("2026-03-12 23:00", "low", "deferred", "frequency_cap", "2026-03-13 23:00"),
        ("2026-03-12 23:30", "drop", "suppressed", "frequency_cap", None),
        ("2026-03-13 01:00", "first", "deferred", "outranked", "2026-03-14 01:00"),
        ("2026-03-13 08:00", "quick", "sent", None, None),
        ("2026-03-13 23:00", "low", "deferred", "frequency_cap", "2026-03-14 23:00"),
        ("2026-03-14 01:00", "first", "sent", None, None),
        ("2026-03-14 23:00", "low", "deferred", "frequency_cap", "2026-03-15 23:00"),
        ("2026-03-15 23:00", "low", "suppressed", "frequency_cap", None),
    ]
