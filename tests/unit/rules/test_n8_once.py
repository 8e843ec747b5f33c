"""N8: an event counts once, a run is the only one of its key, and a message goes out at most once."""

import pytest

from sojourn.core.decide import decide
from sojourn.core.model import Deliver, Tick
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import BOTH, MAIL, bill, moved, paid, small

JOURNEYS = (
    small(
        "bills",
        f"""
        schedule:
          - {{id: t10, at: 10 days before due_date 09:00, {MAIL}}}
          - {{id: t0, at: due_date 09:00, {BOTH}}}
        react: [{{when: payment.due_changed, set: {{due_date: event.due_date}}, do: [{{id: chg, {MAIL}}}]}}]
        goal: {{when: payment.received, if: event.outstanding_cny <= 0, do: [{{id: r, {MAIL}}}]}}
        """,
        only="bills",
    ),
    small("again", f"flow: [{{id: g, {MAIL}}}]", again="after exit", only="again"),
    small("never", f"flow: [{{id: g, {MAIL}}}]", only="never"),
    small(
        "policy",
        f"react: [{{when: payment.received, do: [{{id: r, {MAIL}}}]}}]",
        when="policy.issued",
        key="[policy_id]",
        facts="{}",
        expire="1 year after start",
    ),
)


def play() -> Play:
    return Play(project(*JOURNEYS))


@pytest.mark.parametrize("again", ["2026-02-01 10:00:00.001", "2026-02-02 10:00", "2026-03-03 10:00"])
@pytest.mark.parametrize(("ident", "times"), [("first", 1), ("other", 2)], ids=["same id", "other id"])
def test_an_event_id_starts_once_for_30_days(again: str, ident: str, times: int) -> None:
    """The run has ended at once and might start anew: only the id keeps it from doing so."""
    p = play()
    bill(p, "2026-02-01 10:00", "2026-06-01", seq=None, id="first", pay_method="again")
    bill(p, again, "2026-06-01", seq=None, id=ident, pay_method="again")
    p.until("2026-07-01 00:00")
    assert (p.starts, len(p.sent)) == (times, times)


@pytest.mark.parametrize("again", ["2026-02-02 10:00", "2026-02-02 10:00:00.001", "2026-03-04 10:00"])
@pytest.mark.parametrize(("ident", "times"), [("same", 1), ("other", 2)], ids=["same id", "other id"])
def test_an_event_id_is_handled_once_for_30_days(again: str, ident: str, times: int) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", "2026-06-01", pay_method="bills")
    moved(p, "2026-02-02 10:00", "2026-06-02", seq=None, id="same")
    moved(p, again, "2026-06-03", seq=None, id=ident)
    p.until("2026-03-10 00:00")
    assert [step for _, _, step in p.sent] == ["chg"] * times


def test_an_event_id_that_came_with_another_payload_changes_nothing() -> None:
    p = play()
    bill(p, "2026-02-01 10:00", "2026-03-12", pay_method="bills")
    moved(p, "2026-02-02 10:00", "2026-03-20", id="x", seq=2)
    moved(p, "2026-02-03 10:00", "2026-03-28", id="x", seq=3)
    p.until("2026-05-01 00:00")
    assert [when for when, _, step in p.sent if step == "t0"] == ["2026-03-20 09:00", "2026-03-20 09:00"]


@pytest.mark.parametrize(
    ("journey", "second", "starts"),
    [
        pytest.param("bills", {"no": 1}, 1, id="active: the same key"),
        pytest.param("bills", {"no": 2}, 2, id="active: another installment"),
        pytest.param("bills", {"no": 1, "policy_id": "P-2", "entity": "P-2/1"}, 2, id="active: another policy"),
        pytest.param("never", {"no": 1}, 1, id="ended, again: never"),
        pytest.param("never", {"no": 2}, 2, id="ended, again: never, another key"),
        pytest.param("again", {"no": 1}, 2, id="ended, again: after exit"),
    ],
)
def test_a_key_has_one_run(journey: str, second: dict[str, object], starts: int) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", seq=1, pay_method=journey)
    bill(p, "2026-02-01 10:00:00.001", seq=2, pay_method=journey, **second)  # type: ignore[arg-type]
    p.until("2026-02-02 00:00")
    assert p.starts == starts


def test_the_same_key_of_another_customer_is_another_run() -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="bills")
    bill(p, "2026-02-01 10:00", customer="C2", pay_method="bills")
    p.until("2026-02-02 00:00")
    assert p.starts == 2


# due on 22 March, so t10 goes on 12 March; then the date moves
@pytest.mark.parametrize(
    ("dates", "went"),
    [
        pytest.param(["2026-03-22"], ["03-12"], id="to the same date"),
        pytest.param(["2026-03-30"], ["03-12", "03-20"], id="on"),
        pytest.param(["2026-03-30", "2026-03-22"], ["03-12"], id="on and back"),
        pytest.param(["2026-03-30", "2026-03-22", "2026-03-30"], ["03-12", "03-20"], id="on, back and on"),
        pytest.param(["2026-03-30", "2026-03-22", "2026-04-05"], ["03-12", "03-26"], id="on, back and further"),
        pytest.param(["2026-03-24"] * 2 + ["2026-03-22"], ["03-12", "03-14"], id="on, sent, and back"),
    ],
)
def test_a_touch_goes_once_for_each_date(dates: list[str], went: list[str]) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", "2026-03-22", pay_method="bills")
    for n, due in enumerate(dates):
        moved(p, f"2026-03-1{3 + n} 10:00", due, seq=2 + n)
    p.until("2026-06-01 00:00")
    assert [when for when, _, step in p.sent if step == "t10"] == [f"2026-{day} 09:00" for day in went]
    assert [row for row in p.rows if row.step == "t10" and row.status != "sent"] == []


@pytest.mark.parametrize(
    ("payments", "messages"),
    [
        pytest.param([(1, 5), (1, 6)], 2, id="one installment, two seqs"),
        pytest.param([(1, 5), (1, 5)], 1, id="one installment, one seq, two ids"),
        pytest.param([(1, 5), (2, 5)], 2, id="two installments, one seq"),
        pytest.param([(1, None), (1, None)], 2, id="no seq: the event id is the key"),
    ],
)
def test_a_handler_sends_once_for_each_seq(payments: list[tuple[int, int | None]], messages: int) -> None:
    p = play()
    p.event("2026-02-01 10:00", "policy.issued", policy_id="P-1")
    for no, seq in payments:
        paid(p, "2026-02-02 10:00", seq=seq, no=no)
    p.until("2026-02-03 00:00")
    assert len(p.sent) == messages


def story() -> Play:
    """Two installments with moved dates and a payment: every kind of message, by two channels."""
    p = play()
    for no in (1, 2):
        bill(p, "2026-02-01 10:00", "2026-03-22", no=no, pay_method="bills")
        moved(p, "2026-03-13 10:00", "2026-03-30", no=no, seq=2)
        moved(p, "2026-03-14 10:00", "2026-04-02", no=no, seq=3)
    paid(p, "2026-04-03 10:00", seq=4)
    return p.until("2026-07-01 00:00")


def test_run_step_date_or_seq_and_channel_make_a_message_the_only_one() -> None:
    rows = story().rows
    steps = [row.step for row in rows]
    assert {step: steps.count(step) for step in steps} == {"t10": 4, "chg": 4, "t0": 4, "r": 1}
    assert len({row.message_id for row in rows}) == len(rows) == 13


def test_a_replay_gives_every_message_the_id_that_it_had() -> None:
    assert [row.message_id for row in story().rows] == [row.message_id for row in story().rows]


def test_a_crash_before_or_after_the_commit_sends_nothing_twice() -> None:
    p = play()
    bill(p, "2026-02-01 10:00", "2026-03-22", pay_method="bills")
    before, now = p.world.states["C1"], at("2026-03-12 09:00", p.zone)
    decided = decide(p.world.book, before, Tick(), now)
    assert [c.message_id for c in decided.commands if isinstance(c, Deliver)] != []
    assert decide(p.world.book, before, Tick(), now) == decided  # not committed: the same decision again
    committed = decide(p.world.book, decided.state, Tick(), now)
    assert [c for c in committed.commands if isinstance(c, Deliver)] == []
