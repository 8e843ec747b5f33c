"""Q27, Q44, Q46: what becomes of a hand-over; when it is tried again; what cap, rows and flow feel of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from sojourn.core.decide import decide
from sojourn.core.model import Deliver, HandOver, Input, Outcome, State
from tests.unit.rules.kit import SHANGHAI, Play, at, project
from tests.unit.rules.small import CARE, MAIL, OFFER, SMS, bill, small

MANDATORY = "send: claim_ack, by: email, class: mandatory, with: {claim_no: CN1}"
SENDS = {"service": MAIL, "care": CARE, "marketing": OFFER, "mandatory": MANDATORY, "text": SMS}


def flow(name: str, send: str, klass: str) -> str:
    body = f"""
        flow: [{{id: m, {send}}}, {{wait: 1 hour}}, {{id: after, {MAIL}, class: service}}]
        goal: {{when: payment.received}}
        """
    return small(name, body, klass=klass, only=name)


JOURNEYS = (
    *(flow(name, send, "service" if name in ("text", "mandatory") else name) for name, send in SENDS.items()),
    small("second", f"flow: [{{id: second, {OFFER}}}]", klass="marketing", priority=40, only="second"),
)


@dataclass
class Desk(Play):
    """A play without a provider: the table answers each hand-over when it says so."""

    out: list[Deliver] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world._deliver = self._hand

    def _hand(self, state: State, deliver: Deliver, now: int) -> State:
        self.out.append(deliver)
        return state

    def say(self, when: str, what: Input) -> None:
        now = at(when, self.zone)
        self.world.run_before(now)
        self.world._put("C1", what, now)

    def answer(self, when: str, kind: Any, **more: Any) -> None:
        self.say(when, Outcome(self.out[-1].message_id, kind, **more))

    def told(self, step: str = "m") -> list[str]:
        """Give the rows of a step as `time status reason`, days and seconds only where they differ from nine."""
        rows = [r for r in self.rows if r.step == step]
        return [" ".join(filter(None, (_short(self, r.decided_at), r.status, r.reason))) for r in rows]


def _short(p: Play, instant: int | None) -> str:
    return str(p.local(instant)).replace("2026-03-", "")


def desk(name: str, when: str = "2026-03-02 09:00") -> Desk:
    """Give the desk with the message of a journey in its hands."""
    p = Desk(project(*JOURNEYS))
    bill(p, when, "2026-06-01", pay_method=name)
    p.until(when)
    assert (len(p.out), p.told()) == (1, [])
    return p


# ---- Q46: sent means accepted, at the instant at which the answer was read


@pytest.mark.parametrize(
    ("kind", "expected", "handed"),
    [
        ("accepted", "02 09:00:02.500 sent", "02 09:00:02.500"),
        ("refused", "02 09:00:02.500 failed provider_refused", "None"),
        ("unrendered", "02 09:00:02.500 suppressed render_failed", "None"),
    ],
)
@pytest.mark.parametrize("klass", ["mandatory", "service", "care", "marketing"])
def test_the_row_says_when_the_answer_was_read(klass: str, kind: str, expected: str, handed: str) -> None:
    p = desk(klass)
    p.answer("2026-03-02 09:00:02.500", kind)
    p.until("2026-03-02 09:30")
    assert p.told() == [expected]
    (row,) = (r for r in p.rows if r.step == "m")
    assert (_short(p, row.handed_over_at), _short(p, row.due_at)) == (handed, "02 09:00")
    assert len(p.out) == 1


# an hour's wait comes behind the message: it counts from its last word
@pytest.mark.parametrize(
    ("klass", "answers", "goes_on"),
    [
        ("service", [("09:20", "accepted")], "10:20"),
        ("service", [("09:20", "refused")], "10:20"),
        ("service", [("09:20", "unknown")], "10:20"),
        ("marketing", [("09:20", "unknown")], "10:20"),
        ("service", [("09:20", "not_taken"), ("09:40", "accepted")], "10:40"),
        ("mandatory", [("09:20", "unknown"), ("09:40", "accepted")], "10:20"),  # in_doubt is the end of the step
    ],
)
def test_failed_and_in_doubt_are_terminal(klass: str, answers: list[tuple[str, str]], goes_on: str) -> None:
    p = desk(klass)
    for time, kind in answers:
        p.answer(f"2026-03-02 {time}", kind)
    p.until("2026-03-02 12:00")
    assert [_short(p, d.send.due) for d in p.out if d.send.step == "after"] == [f"02 {goes_on}"]


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        pytest.param("accepted", "02 10:00 deferred frequency_cap", id="sent takes the day's place"),
        pytest.param("unknown", "02 10:00 deferred frequency_cap", id="in doubt keeps it"),
        pytest.param("refused", None, id="failed gives it back"),
        pytest.param("unrendered", None, id="not even rendered"),
    ],
)
@pytest.mark.parametrize("klass", ["care", "marketing"])
def test_whose_place_in_the_cap_is_taken(klass: str, kind: str, second: str | None) -> None:
    p = desk(klass)
    p.answer("2026-03-02 09:00:02", kind)
    bill(p, "2026-03-02 10:00", "2026-06-01", no=2, pay_method="second")
    p.until("2026-03-02 10:00")
    assert p.told("second") == ([second] if second else [])
    assert [d.send.step for d in p.out if d.send.journey == "second"] == ([] if second else ["second"])


@pytest.mark.parametrize("first", ["accepted", "refused"])
@pytest.mark.parametrize("later", ["accepted", "refused", "unknown", "not_taken"])
def test_a_second_answer_changes_nothing(first: str, later: str) -> None:
    p = desk("service")
    p.answer("2026-03-02 09:00:02", first)
    p.until("2026-03-02 09:30")
    state, rows = p.world.states["C1"], p.told()
    again = decide(p.world.book, state, Outcome(p.out[0].message_id, later), at("2026-03-02 09:30", SHANGHAI))
    assert (again.state, again.commands) == (state, ())
    assert p.told() == rows


@pytest.mark.parametrize("receipt", ["failed", "delivered", "bounced"])
def test_a_later_receipt_does_not_replay_the_flow(receipt: str) -> None:
    p = desk("service")
    p.answer("2026-03-02 09:00:02", "accepted")
    message = p.out[0].message_id
    p.event("2026-03-02 09:30", "message.status", message_id=message, status=receipt, channel="email", reply_text=None)
    p.until("2026-03-02 12:00")
    assert [row for row in p.told() if " sent" in row] == ["02 09:00:02 sent"]
    assert sum(d.send.step == "m" for d in p.out) == 1


# ---- Q27: not taken


@pytest.mark.parametrize(
    ("name", "news", "expected"),
    [
        pytest.param("service", None, [], id="nothing: handed over again"),
        pytest.param("service", ("payment.received", {}), ["02 09:10 suppressed journey_ended"], id="the goal"),
        pytest.param("service", ("customer.deceased", {}), ["02 10:00 suppressed deceased"], id="a death"),
        pytest.param(
            "marketing",
            ("consent.changed", {"purpose": "marketing", "channel": "email", "granted": False}),
            ["02 09:10 suppressed no_consent"],
            id="consent gone",
        ),
        pytest.param("marketing", ("complaint.opened", {}), ["02 10:00 suppressed paused_complaint"], id="a complaint"),
    ],
)
def test_a_message_that_was_not_taken_passes_all_guards_again(
    name: str, news: tuple[str, dict[str, Any]] | None, expected: list[str]
) -> None:
    p = desk(name)
    p.answer("2026-03-02 09:00:02", "not_taken", retry_at=at("2026-03-02 10:00", SHANGHAI))
    if news:
        place = {"policy_id": "P-1", "installment_no": 1} if news[0] == "payment.received" else {}
        p.event("2026-03-02 09:10", news[0], **(place | news[1]))
    p.until("2026-03-02 09:59:59.999")
    assert len(p.out) == 1
    p.until("2026-03-02 10:00")
    assert (p.told(), len(p.out)) == (expected, 1 if expected else 2)


def test_a_night_in_between_holds_it() -> None:
    p = desk("text", "2026-03-02 20:59")
    p.answer("2026-03-02 20:59:01", "not_taken", retry_at=at("2026-03-02 21:00", SHANGHAI))
    p.until("2026-03-03 08:00")
    assert p.told() == ["02 21:00 held quiet_hours"]
    p.answer("2026-03-03 08:00", "accepted")
    held, sent = (r for r in p.rows if r.step == "m")
    assert (_short(p, held.due_at), _short(p, held.next_at)) == ("02 20:59", "03 08:00")  # Q44
    assert (_short(p, sent.due_at), sent.next_at, sent.message_id) == ("02 20:59", None, held.message_id)


# a service message of 2 March 09:00 may go until 4 March 09:00
@pytest.mark.parametrize(
    ("said", "retry", "tries", "expected"),
    [
        ("2026-03-04 08:59", "2026-03-04 08:59:30", 2, []),
        ("2026-03-04 08:59", "2026-03-04 09:00", 2, []),
        ("2026-03-04 08:59", "2026-03-04 12:00", 2, []),  # never later than the last instant
        ("2026-03-04 09:00", "2026-03-04 12:00", 1, ["04 09:00:00.001 suppressed expired"]),
    ],
)
def test_it_is_tried_inside_valid_until_only(said: str, retry: str, tries: int, expected: list[str]) -> None:
    p = desk("service")
    p.answer(said, "not_taken", retry_at=at(retry, SHANGHAI))
    p.until("2026-03-05 00:00")
    assert (p.told(), sum(d.send.step == "m" for d in p.out)) == (expected, tries)


def test_a_message_given_back_is_the_same_message() -> None:
    p = desk("marketing")
    p.answer("2026-03-02 09:00:02", "not_taken", retry_at=at("2026-03-02 09:05", SHANGHAI))
    p.until("2026-03-02 09:05")
    p.answer("2026-03-02 09:05:01", "accepted")
    first, second = p.out
    assert (first.message_id, first.send.due) == (second.message_id, second.send.due)
    assert p.told() == ["02 09:05:01 sent"]


# ---- Q27: no answer


@pytest.mark.parametrize(
    ("klass", "honours", "rows", "tries"),
    [
        pytest.param("marketing", False, ["in_doubt unknown_outcome"], 1, id="marketing"),
        pytest.param("marketing", True, ["in_doubt unknown_outcome"], 1, id="marketing, key honoured"),
        pytest.param("care", True, ["in_doubt unknown_outcome"], 1, id="care, key honoured"),
        pytest.param("service", False, ["in_doubt unknown_outcome"], 1, id="service"),
        pytest.param("service", True, ["sent"], 2, id="service, key honoured"),
        pytest.param("mandatory", False, ["in_doubt unknown_outcome", "sent"], 2, id="mandatory"),
        pytest.param("mandatory", True, ["sent"], 2, id="mandatory, key honoured"),
    ],
)
def test_what_is_repeated_when_nobody_answered(klass: str, honours: bool, rows: list[str], tries: int) -> None:
    p = desk(klass)
    p.answer("2026-03-02 09:00:30", "unknown", detail={"repeatable": True} if honours else {})
    p.until("2026-03-02 09:20")
    mine = [d for d in p.out if d.send.step == "m"]
    assert len(mine) == tries
    if tries == 2:
        p.answer("2026-03-02 09:20", "accepted")
    assert len({d.message_id for d in mine}) == 1
    assert [" ".join(filter(None, (r.status, r.reason))) for r in p.rows if r.step == "m"] == rows


def test_a_mandatory_message_is_repeated_once_only_and_flagged() -> None:
    p = desk("mandatory")
    p.answer("2026-03-02 09:00:30", "unknown")
    p.until("2026-03-02 09:20")
    p.answer("2026-03-02 09:20", "unknown")
    p.until("2026-03-02 09:59")
    mine = [r for r in p.rows if r.step == "m"]
    assert sum(d.send.step == "m" for d in p.out) == 2
    assert [r.status for r in mine] == ["in_doubt", "in_doubt"]
    assert [bool(r.detail.get("repeated")) for r in mine] == [True, False]


# ---- a verdict that is no longer fresh is asked for again


@pytest.mark.parametrize(
    ("name", "when", "expected"),
    [
        ("service", "2026-03-04 09:00", []),
        ("service", "2026-03-04 09:00:00.001", ["04 09:00:00.001 suppressed expired"]),
        ("text", "2026-03-02 20:59:59.999", []),
        ("text", "2026-03-02 21:00", ["02 21:00 held quiet_hours"]),
    ],
)
def test_a_hand_over_that_comes_late_is_judged_then(name: str, when: str, expected: list[str]) -> None:
    p = desk(name)
    p.say(when, HandOver(p.out[0].message_id))
    assert (p.told(), len(p.out)) == (expected, 1 if expected else 2)


# ---- Q44: due_at stays, next_at is the next attempt


def test_due_is_the_original_time_and_next_the_next_attempt() -> None:
    p = Play(project(*JOURNEYS))
    bill(p, "2026-03-02 09:00", "2026-06-01", no=1, pay_method="care")
    bill(p, "2026-03-02 10:00", "2026-06-01", no=2, pay_method="second")
    bill(p, "2026-03-02 22:00", "2026-06-01", no=3, pay_method="text")
    p.until("2026-03-04 00:00")
    rows = [
        (_short(p, r.due_at), _short(p, r.decided_at), r.status, _short(p, r.next_at) if r.next_at else None)
        for r in p.rows
        if r.step == "second" or (r.journey == "text" and r.step == "m")
    ]
    assert rows == [
        ("02 10:00", "02 10:00", "deferred", "03 10:00"),
        ("02 22:00", "02 22:00", "held", "03 08:00"),
        ("02 22:00", "03 08:00", "sent", None),
        ("02 10:00", "03 10:00", "sent", None),
    ]
