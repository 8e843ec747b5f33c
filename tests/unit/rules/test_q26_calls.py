"""Q26: calls: which guards a `touch: true` call passes, what it leaves alone, and when any call is done."""

from typing import Any

import pytest

from sojourn.core.decide import decide
from sojourn.core.drive import complete
from sojourn.core.model import Answer, CallOut, Outcome
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, small

TOUCH = "call: advisor.task, with: {type: retention_call}, touch: true"
PLAIN = "call: advisor.task, with: {type: retention_call}"
SAVES = "call: billing.retry, with: {in: 3 days}, save: {got: answer.accepted}"
LATER = "schedule: [{id: far, at: 60 days after due_date 09:00, %s}]"


def asks(name: str, klass: str, call: str, more: str = "") -> str:
    """Start on the day of the bill at its time; the call a day later. `far` keeps a channel in the journey."""
    mail = {"service": MAIL, "care": CARE, "marketing": OFFER, "mandatory": MAIL}[klass]
    return small(name, f"flow: [{{wait: 1 day}}, {{id: c, {call}}}]\n{LATER % mail}\n{more}", klass=klass, only=name)


JOURNEYS = (
    asks("marketing", "marketing", TOUCH),
    asks("care", "care", TOUCH),
    asks("service", "service", TOUCH),
    asks("mandatory", "mandatory", TOUCH),
    asks("own", "marketing", TOUCH, "personalised: true"),
    asks("impersonal", "marketing", TOUCH),
    asks("rests", "service", TOUCH, "not_while: customer.open_claims"),
    asks("held_back", "service", TOUCH, "control: {percent: 99}"),
    asks("plain", "marketing", PLAIN),
    asks("plain_rests", "service", PLAIN, "not_while: customer.open_claims"),
    asks("plain_held_back", "service", PLAIN, "control: {percent: 99}"),
    small("greets", f"flow: [{{id: mail, {CARE}}}]", klass="care", only="greets"),
    small("early", f"flow: [{{wait: 1 day}}, {{id: c, {TOUCH}}}, {{id: m, {CARE}}}]", klass="care", only="early"),
)

NO_EMAIL = {"purpose": "all", "channel": "email", "granted": False}
NO_SMS = {"purpose": "all", "channel": "sms", "granted": False}


def profile(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "customer.updated", {"changed": list(fields), "profile": fields}


DEATH: tuple[str, dict[str, Any]] = ("customer.deceased", {})
COMPLAINT: tuple[str, dict[str, Any]] = ("complaint.opened", {})
CLAIM: tuple[str, dict[str, Any]] = ("claim.filed", {})


# begun on 2 March at 10:00; something happens at 15:00; the call's turn is on the 3rd at 10:00
@pytest.mark.parametrize(
    ("journey", "news", "expected"),
    [
        ("marketing", None, "sent"),
        ("marketing", DEATH, "suppressed deceased"),
        ("service", DEATH, "suppressed deceased"),
        ("mandatory", DEATH, "sent"),
        ("service", profile(do_not_contact=True), "suppressed do_not_contact"),
        ("mandatory", profile(do_not_contact=True), "sent"),
        ("marketing", profile(do_not_contact=True), None),  # the run ends with its consent (Q20)
        ("held_back", None, "suppressed control_group"),
        ("held_back", DEATH, "suppressed deceased"),  # the order of Q15
        ("own", profile(personalisation_opt_out=True), "suppressed personalisation_opt_out"),
        ("impersonal", profile(personalisation_opt_out=True), "sent"),
        ("rests", CLAIM, "suppressed not_while"),
        ("marketing", COMPLAINT, "suppressed paused_complaint"),
        ("care", COMPLAINT, "suppressed paused_complaint"),
        ("service", COMPLAINT, "sent"),
        # nothing that hangs on a channel
        ("marketing", ("consent.changed", NO_SMS), "sent"),
        ("service", profile(mobile=None, email=None), "sent"),
        # calls that are no touch
        ("plain", None, "sent"),
        ("plain", DEATH, "sent"),
        ("plain", COMPLAINT, "sent"),
        ("plain_rests", CLAIM, "sent"),
        ("plain_held_back", None, None),
    ],
)
def test_the_guards_of_a_call(journey: str, news: tuple[str, dict[str, Any]] | None, expected: str | None) -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 10:00", "2026-06-01", pay_method=journey)
    if news is not None:
        p.event("2026-03-02 15:00", news[0], **news[1])
    p.until("2026-03-04 00:00")
    rows = [(p.local(r.decided_at), r.step, r.channel, " ".join(filter(None, (r.status, r.reason)))) for r in p.rows]
    assert rows == ([("2026-03-03 10:00", "c", "call", expected)] if expected else [])


def test_a_call_minds_no_night_and_no_cap_and_takes_no_place_in_it() -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 23:30", "2026-06-01", no=1, pay_method="care")
    bill(p, "2026-03-03 00:30", "2026-06-01", no=2, pay_method="greets")  # the day's only touch
    bill(p, "2026-03-03 22:00", "2026-06-01", no=3, pay_method="early")  # a call, then an e-mail that the cap allows
    p.until("2026-03-05 00:00")
    assert p.sent == [
        ("2026-03-03 00:30", "email", "mail"),
        ("2026-03-03 23:30", "call", "c"),
        ("2026-03-04 22:00", "call", "c"),
        ("2026-03-04 22:00", "email", "m"),
    ]
    assert p.not_sent() == []


def test_a_call_that_cannot_go_does_not_stop_the_flow() -> None:
    p = Play(project(asks("rests", "service", TOUCH, "not_while: customer.open_claims\nfinish: after far")))
    bill(p, "2026-03-02 10:00", "2026-03-10", pay_method="rests")
    p.event("2026-03-02 15:00", "claim.filed", claim_id="K")
    p.event("2026-03-05 15:00", "claim.paid", claim_id="K")
    p.until("2026-06-30 00:00")
    assert p.not_sent() == [("2026-03-03 10:00", "c", "suppressed", "not_while")]
    assert p.sent == [("2026-05-09 09:00", "email", "far")]


# the first bill leads to a call alone, the second to an e-mail; a month must pass between runs that sent something
@pytest.mark.parametrize(
    ("first", "second", "starts"),
    [
        pytest.param(1, 2, 2, id="a call starts no cooldown"),
        pytest.param(2, 1, 1, id="an e-mail does"),
    ],
)
def test_a_call_starts_no_cooldown(first: int, second: int, starts: int) -> None:
    text = small(
        "cools",
        f"flow: [{{id: c, {TOUCH}}}, {{id: m, {CARE}, if: no == 2}}]",
        klass="care",
        key="[policy_id]",
        again="{after: 30 days}",
        facts="{due_date: event.due_date, no: event.installment_no}",
    )
    p = Play(project(text))
    bill(p, "2026-03-02 10:00", no=first)
    bill(p, "2026-03-03 10:00", no=second)
    p.until("2026-03-20 00:00")
    assert p.starts == starts


# ---- when a call is done

WAITS = small(
    "waits",
    f"schedule: [{{id: far, at: 60 days after due_date 09:00, {MAIL}}}]\n"
    f"flow: [{{wait: 1 day}}, {{id: c, {SAVES}}}, {{id: m, {MAIL}}}]",
    facts="{due_date: event.due_date, got: {type: bool}}",
)
GOES_ON = WAITS.replace(SAVES, PLAIN)
BEGIN = at("2026-03-03 10:00", "Asia/Shanghai")


def reached(text: str) -> tuple[Any, Any, list[Any]]:
    """Give book, state and commands at the instant at which the call is reached; nothing has been answered."""
    p = Play(project(text))
    bill(p, "2026-03-02 10:00", "2026-06-01")
    p.until("2026-03-03 09:59")
    book = p.world.book
    return book, *complete(book, p.world.states["C1"], BEGIN)


def mails(commands: Any) -> list[str]:
    return [type(c).__name__ for c in commands if type(c).__name__ == "Deliver"]


def test_a_call_without_answers_is_done_when_it_is_queued() -> None:
    _, _, commands = reached(GOES_ON)
    assert [type(c).__name__ for c in commands] == ["CallOut", "Deliver"]


@pytest.mark.parametrize(
    ("after", "heard"),
    [(0, True), (1, True), (599_999, True), (600_000, True), (600_001, False)],
    ids=["at once", "1 ms", "1 ms before 10 minutes", "10 minutes", "1 ms after"],
)
def test_a_call_with_answers_waits_for_them_at_most_10_minutes(after: int, heard: bool) -> None:
    book, state, commands = reached(WAITS)
    call = next(c for c in commands if isinstance(c, CallOut))
    assert not mails(commands)
    state = decide(book, state, Outcome(call.message_id, "accepted"), BEGIN).state
    state, before = complete(book, state, BEGIN + after - 1)
    assert bool(mails(before)) is not heard
    state = decide(book, state, Answer(call.message_id, {"accepted": True}), BEGIN + after).state
    (run,) = state.runs.values()
    _, commands = complete(book, state, BEGIN + max(after, 600_000))
    assert len(mails([*before, *commands])) == 1
    assert run.facts.get("got") is (True if heard else None)
