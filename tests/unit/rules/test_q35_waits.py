"""Q35, Q42, Q47: which waits an event answers, from when the next one counts, and what is in time."""

import pytest

from sojourn.core.model import Outcome
from tests.unit.rules.kit import SHANGHAI, Play, at, project
from tests.unit.rules.small import BOTH, MAIL, SMS, bill, moved, small
from tests.unit.rules.test_q27_outcomes import Desk


def step(name: str, what: str = MAIL) -> str:
    return f"{{id: {name}, {what}}}"


def asks(name: str, within: str = "2 days", kind: str = "activity.recorded") -> str:
    """Wait, then send `got_` when it was answered, the name alone when not; the tables write capitals for `got_`."""
    return f"{{wait_for: {kind}, within: {within}, then: [{step('got_' + name)}], otherwise: [{step(name)}]}}"


JOURNEYS = (
    small("two", f"flow: [{asks('a')}, {asks('b')}]", only="two"),
    small("later", f"flow: [{{wait: 1 day}}, {asks('a', '1 day')}, {asks('b', '1 day')}]", only="later"),
    small("self", f"flow: [{asks('a', '2 days', 'payment.due_scheduled')}]", only="self"),
    small(
        "copies",
        f"""
        flow: [{asks("f")}]
        react:
          - {{when: payment.due_changed, parallel: true, do: [{asks("r")}]}}
        """,
        only="copies",
    ),
    small(
        "inside",
        f"""
        react:
          - {{when: payment.due_changed, do: [{{wait: 1 day}}, {asks("r", "1 day", "payment.due_changed")}]}}
        """,
        only="inside",
    ),
    small("texts", f"flow: [{step('t', SMS)}, {{wait: 1 day}}, {step('n')}]", only="texts"),
    small(
        "both",
        f"flow: [{step('t', BOTH)}, {{wait: 1 day}}, {step('n')}]",
        only="both",
    ),
    small("timed", f"flow: [{step('t', SMS)}, {asks('a', '1 day')}]", only="timed"),
)


def play(journey: str, when: str = "2026-03-01 10:00") -> Play:
    p = Play(project(*JOURNEYS))
    bill(p, when, pay_method=journey)
    return p


def steps(p: Play) -> list[str]:
    names = {str(name): str(name).removeprefix("got_").upper() for _, _, name in p.sent if "got_" in str(name)}
    return [f"{str(when)[8:]} {names.get(str(name), name)}" for when, _, name in p.sent]


# ---- Q35


@pytest.mark.parametrize(
    ("journey", "events", "expected"),
    [
        pytest.param("two", ["02 10:00"], ["02 10:00 A", "04 10:00 b"], id="one event answers one wait"),
        pytest.param("two", ["02 10:00", "02 10:00"], ["02 10:00 A", "02 10:00 B"], id="two answer two"),
        pytest.param("later", ["01 12:00"], ["02 10:00 A", "03 10:00 b"], id="heard before the wait began"),
        pytest.param("later", ["01 12:00", "01 13:00"], ["02 10:00 A", "02 10:00 B"], id="two heard before"),
        pytest.param("later", ["01 10:00"], ["02 10:00 A", "03 10:00 b"], id="at the instant of the start, after it"),
        pytest.param("later", [], ["03 10:00 a", "04 10:00 b"], id="none"),
    ],
)
def test_an_event_answers_at_most_one_wait_of_a_copy(journey: str, events: list[str], expected: list[str]) -> None:
    p = play(journey)
    for when in events:
        p.event(f"2026-03-{when}", "activity.recorded")
    p.until("2026-03-20 00:00")
    assert steps(p) == expected


@pytest.mark.parametrize(("again", "expected"), [(False, ["03 10:00 a"]), (True, ["02 10:00 A"])])
def test_the_starting_event_answers_no_wait(again: bool, expected: list[str]) -> None:
    p = play("self")
    if again:
        bill(p, "2026-03-02 10:00", seq=2, pay_method="self")
    p.until("2026-03-20 00:00")
    assert steps(p) == expected


def test_the_event_of_a_reaction_answers_no_wait_in_it() -> None:
    p = play("inside")
    moved(p, "2026-03-02 10:00", "2026-03-20")
    p.until("2026-03-20 00:00")
    assert steps(p) == ["04 10:00 r"]


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ("02 13:00", ["02 13:00 F", "02 13:00 R", "02 13:00 R"]),
        ("02 11:30", ["02 11:30 F", "02 11:30 R", "04 12:00 r"]),
        ("03 10:30", ["03 10:00 f", "03 10:30 R", "03 10:30 R"]),
    ],
)
def test_all_copies_that_wait_for_it_go_on(activity: str, expected: list[str]) -> None:
    p = play("copies")
    days = [("2026-03-02 11:00", 2), ("2026-03-02 12:00", 3)]
    for when, seq in [d for d in days if d[0][8:] <= activity]:
        moved(p, when, "2026-03-20", seq=seq)
    p.event(f"2026-03-{activity}", "activity.recorded")
    for when, seq in [d for d in days if d[0][8:] > activity]:
        moved(p, when, "2026-03-20", seq=seq)
    p.until("2026-03-20 00:00")
    assert steps(p) == expected


# ---- Q42: the flow sends, then waits a day


@pytest.mark.parametrize(
    ("journey", "begin", "expected"),
    [
        pytest.param("texts", "01 10:00", ["01 10:00 t", "02 10:00 n"], id="sent at once"),
        pytest.param("texts", "01 22:00", ["02 08:00 t", "03 08:00 n"], id="the night included"),
        pytest.param(
            "both", "01 22:00", ["01 22:00 t", "02 08:00 t", "03 08:00 n"], id="the last of two channels counts"
        ),
    ],
)
def test_the_next_wait_counts_from_the_last_outcome(journey: str, begin: str, expected: list[str]) -> None:
    p = play(journey, f"2026-03-{begin}")
    p.until("2026-03-20 00:00")
    assert steps(p) == expected


@pytest.mark.parametrize("kind", ["accepted", "refused", "unknown", "unrendered"])
def test_whatever_the_outcome_is(kind: str) -> None:
    p = Desk(project(*JOURNEYS))
    bill(p, "2026-03-01 10:00", pay_method="both")
    p.until("2026-03-01 10:00")
    sms, mail = p.out
    assert (sms.channel, mail.channel) == ("sms", "email")
    p.say("2026-03-01 10:00:01", Outcome(sms.message_id, "accepted"))
    p.say("2026-03-01 15:00", Outcome(mail.message_id, kind))
    p.until("2026-03-20 00:00")
    assert [d.send.due for d in p.out[2:]] == [at("2026-03-02 15:00", SHANGHAI)]


# ---- Q47: arrival and deadline are compared, whether or not the timeout has been applied


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ("03 09:59:59.999", "03 09:59:59.999 A"),
        ("03 10:00", "03 10:00 A"),
        ("03 10:00:00.001", "03 10:00 a"),
    ],
)
def test_in_time_is_a_matter_of_the_arrival(activity: str, expected: str) -> None:
    p = play("two")
    p.event(f"2026-03-{activity}", "activity.recorded")
    p.until("2026-03-03 12:00")
    assert steps(p)[0] == expected


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        pytest.param("03 08:00", ["02 08:00 t", "03 08:00 A"], id="in time"),
        pytest.param("03 08:00:00.001", ["02 08:00 t", "03 08:00 a"], id="too late"),
        pytest.param("02 07:00", ["02 08:00 t", "02 08:00 A"], id="while the message is still held"),
    ],
)
def test_the_time_of_a_wait_behind_a_held_message(activity: str, expected: list[str]) -> None:
    p = play("timed", "2026-03-01 22:00")
    p.event(f"2026-03-{activity}", "activity.recorded")
    p.until("2026-03-20 00:00")
    assert steps(p) == expected
