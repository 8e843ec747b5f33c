"""N9: what is overtaken or comes twice has no effect, what comes early is kept, and an end is never stale.

With settled questions Q7 (stale starts), Q29 (what makes an event stale) and Q30 (72 hours instead of 24).
"""

from typing import Any

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, moved, paid, small

BODY = f"""
schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]
react:
  - {{when: payment.due_changed, set: {{due_date: event.due_date}}, do: [{{id: chg, {MAIL}}}]}}
  - {{when: payment.received, if: event.outstanding_cny > 0, do: [{{id: part, {MAIL}}}]}}
  - {{when: policy.reinstated, do: [{{id: re, {MAIL}}}]}}
goal: {{when: payment.received, if: event.outstanding_cny <= 0, do: [{{id: r, {MAIL}}}]}}
exit:
  - {{when: policy.lapsed, because: lapsed}}
"""
JOURNEYS = (
    small("never", BODY, only="never"),
    small("again", BODY, again="after exit", only="again"),
)


def play() -> Play:
    return Play(project(*JOURNEYS))


def steps(p: Play, *names: str) -> list[tuple[str | None, str | None]]:
    return [(when, step) for when, _, step in p.sent if step in names]


# a bill of seq 1 is due on 12 March; on 2 February, a minute apart, come new dates: (seq, March ...)
@pytest.mark.parametrize(
    ("changes", "handled", "day"),
    [
        pytest.param([(2, 20), (3, 25)], 2, 25, id="in order"),
        pytest.param([(3, 25), (2, 20)], 1, 25, id="overtaken"),
        pytest.param([(2, 20), (2, 25)], 1, 20, id="the same seq with another id"),
        pytest.param([(9, 20)], 1, 20, id="a gap is not waited for"),
        pytest.param([(9, 20), (3, 25), (10, 28)], 2, 28, id="the gap is filled too late"),
        pytest.param([(1, 20)], 1, 20, id="the seq of the start, but another type"),
        pytest.param([(None, 20), (None, 25)], 2, 25, id="without seq, the last wins"),
        pytest.param([(3, 25), (None, 20)], 2, 20, id="without seq it is never stale"),
        pytest.param([(None, 20), (2, 25)], 2, 25, id="without seq it makes nothing stale"),
        pytest.param([(3, 25), (2, 20), (3, 28), (4, 30)], 2, 30, id="late, duplicate, then new"),
    ],
)
def test_a_handler_takes_only_a_higher_seq(changes: list[tuple[int | None, int]], handled: int, day: int) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="never")
    for n, (seq, march) in enumerate(changes):
        moved(p, f"2026-02-02 10:0{n}", f"2026-03-{march}", seq=seq)
    p.until("2026-05-01 00:00")
    assert len(steps(p, "chg")) == handled
    assert steps(p, "t") == [(f"2026-03-{day} 09:00", "t")]
    assert sum(note.kind == "stale" for note in p.notes) == len(changes) - handled


@pytest.mark.parametrize(
    ("second", "applied"),
    [
        pytest.param({}, False, id="same type, entity and source"),
        pytest.param({"source": "Another system"}, True, id="another source"),
        pytest.param({"entity": "P-1/other"}, True, id="another entity"),
    ],
)
def test_seqs_are_compared_within_one_entity_and_source(second: dict[str, Any], applied: bool) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="never")
    moved(p, "2026-02-02 10:00", "2026-03-20", seq=5)
    moved(p, "2026-02-02 10:01", "2026-03-25", seq=4, **second)
    p.until("2026-05-01 00:00")
    assert steps(p, "t") == [("2026-03-25 09:00" if applied else "2026-03-20 09:00", "t")]


# seqs of (a new date, a payment in part, another in part, the rest)
@pytest.mark.parametrize(
    ("seqs", "parts"),
    [
        pytest.param((2, 3, 4, 5), 2, id="in order"),
        pytest.param((9, 3, 4, 5), 2, id="another type does not make stale"),
        pytest.param((2, 4, 3, 5), 1, id="the second part is overtaken"),
        pytest.param((2, 4, 5, 3), 2, id="the goal is overtaken and counts"),
        pytest.param((2, 4, 4, 4), 1, id="the goal has a seq that was there and counts"),
    ],
)
def test_a_goal_is_never_stale(seqs: tuple[int, int, int, int], parts: int) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="never")
    moved(p, "2026-02-02 10:00", "2026-03-20", seq=seqs[0])
    paid(p, "2026-02-03 10:00", seq=seqs[1], outstanding_cny="20.00")
    paid(p, "2026-02-04 10:00", seq=seqs[2], outstanding_cny="10.00")
    paid(p, "2026-02-05 10:00", seq=seqs[3])
    p.until("2026-05-01 00:00")
    assert len(steps(p, "part")) == parts
    assert steps(p, "r", "t") == [("2026-02-05 10:00", "r")]
    assert p.ends == [("never", "goal")]


def test_an_exit_is_never_stale() -> None:
    p = play()
    bill(p, "2026-02-01 10:00", seq=7, pay_method="never")
    p.event("2026-02-02 10:00", "policy.lapsed", policy_id="P-1", entity="P-1/1", seq=1)
    p.until("2026-05-01 00:00")
    assert p.ends == [("never", "lapsed")]
    assert p.rows == []


# a new date (20 March) comes on 1 February 10:00, the bill that it speaks of (12 March) later
@pytest.mark.parametrize(
    ("change", "starts", "kept"),
    [
        pytest.param({}, "2026-02-01 10:00", True, id="at that instant"),
        pytest.param({}, "2026-02-01 10:00:00.001", True, id="1 ms later"),
        pytest.param({}, "2026-02-02 10:00:00.001", True, id="more than 24 hours (Q30)"),
        pytest.param({}, "2026-02-04 10:00", True, id="72 hours"),
        pytest.param({}, "2026-02-04 10:00:00.001", False, id="72 hours and 1 ms"),
        pytest.param({"seq": None}, "2026-02-01 10:01", False, id="without seq"),
        pytest.param({"no": 2}, "2026-02-01 10:01", False, id="of another installment"),
        pytest.param({"policy_id": "P-2"}, "2026-02-01 10:01", False, id="of another policy"),
        pytest.param({"customer": "C2"}, "2026-02-01 10:01", False, id="of another customer"),
    ],
)
def test_an_early_event_is_kept_for_the_start(change: dict[str, Any], starts: str, kept: bool) -> None:
    p = play()
    moved(p, "2026-02-01 10:00", "2026-03-20", **change)
    bill(p, starts, pay_method="never")
    p.until("2026-05-01 00:00")
    assert steps(p, "chg") == ([(starts, "chg")] if kept else [])
    assert steps(p, "t") == [("2026-03-20 09:00" if kept else "2026-03-12 09:00", "t")]


@pytest.mark.parametrize(
    ("changes", "handled", "day"),
    [
        pytest.param([(2, 20), (3, 25)], 2, 25, id="in order"),
        pytest.param([(3, 25), (2, 20)], 2, 25, id="sorted by seq"),
        pytest.param([(2, 20), (2, 25)], 1, 20, id="one seq twice"),
    ],
)
def test_early_events_are_applied_in_the_order_of_their_seq(
    changes: list[tuple[int, int]], handled: int, day: int
) -> None:
    p = play()
    for n, (seq, march) in enumerate(changes):
        moved(p, f"2026-02-01 10:0{n}", f"2026-03-{march}", seq=seq)
    bill(p, "2026-02-01 10:30", pay_method="never")
    p.until("2026-05-01 00:00")
    assert steps(p, "chg") == [("2026-02-01 10:30", "chg")] * handled
    assert steps(p, "t") == [(f"2026-03-{day} 09:00", "t")]


def test_what_came_early_and_was_applied_makes_a_later_one_stale() -> None:
    p = play()
    moved(p, "2026-02-01 10:00", "2026-03-20", seq=5)
    bill(p, "2026-02-01 10:30", pay_method="never")
    moved(p, "2026-02-01 11:00", "2026-03-25", seq=4)
    p.until("2026-05-01 00:00")
    assert steps(p, "t") == [("2026-03-20 09:00", "t")]


@pytest.mark.parametrize(("comes", "handled"), [("2026-02-01 09:00", 0), ("2026-02-01 11:00", 1)])
def test_an_event_of_another_entity_or_with_half_the_key_is_not_kept(comes: str, handled: int) -> None:
    p = play()
    events = [("2026-02-01 10:00", "bill"), (comes, "reinstated")]
    for when, what in sorted(events):
        if what == "bill":
            bill(p, when, pay_method="never")
        else:
            p.event(when, "policy.reinstated", policy_id="P-1", seq=8)
    p.until("2026-02-20 00:00")
    assert len(steps(p, "re")) == handled


BILLING = {"source": "Billing"}  # that of the bills; payments are another's (Q7: seqs are compared within one)


# on 1 February 10:00 comes an end without a run, then the bill; 30 days later is 3 March
@pytest.mark.parametrize(
    ("journey", "end", "starts", "seq", "enters"),
    [
        pytest.param("never", {}, "2026-02-01 10:00", 4, False, id="paid at that instant"),
        pytest.param("never", {}, "2026-02-01 10:00:00.001", 4, False, id="paid 1 ms before"),
        pytest.param("never", {}, "2026-03-03 10:00", 4, False, id="paid 30 days before"),
        pytest.param("never", {}, "2026-03-03 10:00:00.001", 4, True, id="paid 30 days and 1 ms before"),
        pytest.param("never", BILLING, "2026-03-03 10:00:00.001", 1, True, id="nor does the seq count then (Q7)"),
        pytest.param("never", {"seq": None}, "2026-02-01 10:01", 4, False, id="paid, without seq"),
        pytest.param("never", {"no": 2}, "2026-02-01 10:01", 4, True, id="another installment paid"),
        pytest.param("never", {"outstanding_cny": "1.00"}, "2026-02-01 10:01", 4, True, id="paid in part: no goal"),
        pytest.param("again", BILLING, "2026-02-01 10:01", 4, True, id="again: after exit, a newer bill"),
        pytest.param("again", BILLING, "2026-02-01 10:01", 3, False, id="again: after exit, overtaken (Q7)"),
        pytest.param("again", BILLING, "2026-02-01 10:01", 1, False, id="again: after exit, overtaken by more (Q7)"),
        pytest.param("again", {}, "2026-02-01 10:01", 1, True, id="again: after exit, another source, happened later"),
        pytest.param("again", {}, "2026-02-01 10:00", 4, False, id="again: after exit, another source, no later"),
    ],
)
def test_an_end_that_finds_no_run_is_remembered_for_30_days(
    journey: str, end: dict[str, Any], starts: str, seq: int, enters: bool
) -> None:
    p = play()
    paid(p, "2026-02-01 10:00", **end)
    bill(p, starts, "2026-04-20", seq=seq, pay_method=journey)
    p.until("2026-07-01 00:00")
    assert p.starts == enters


def test_an_end_that_does_not_carry_the_whole_key_blocks_nothing() -> None:
    p = play()
    p.event("2026-02-01 10:00", "policy.lapsed", policy_id="P-1", seq=3)
    bill(p, "2026-02-01 10:01", seq=1, pay_method="never")
    p.until("2026-02-02 00:00")
    assert p.starts == 1


# bills of one installment: (seq, whether it meets the condition of the start)
@pytest.mark.parametrize(
    ("bills", "starts"),
    [
        pytest.param([(1, True), (2, True)], 2, id="in order"),
        pytest.param([(2, True), (1, True)], 1, id="overtaken"),
        pytest.param([(1, True), (1, True)], 1, id="the same seq with another id"),
        pytest.param([(2, False), (1, True)], 0, id="overtaken by one that did not start"),
        pytest.param([(1, False), (2, True)], 1, id="in order, the first did not start"),
        pytest.param([(2, True), (None, True)], 2, id="without seq it is never stale"),
    ],
)
def test_a_start_that_was_overtaken_does_not_enter(bills: list[tuple[int | None, bool]], starts: int) -> None:
    p = play()
    for n, (seq, fits) in enumerate(bills):
        bill(p, f"2026-02-0{n + 1} 10:00", seq=seq, pay_method="again" if fits else "other")
        if fits:
            paid(p, f"2026-02-0{n + 1} 12:00", seq=None, occurred="2026-01-15 10:00")
    p.until("2026-05-01 00:00")
    assert p.starts == starts
