"""N1: state changes follow arrival, dates come from the payload, timers run on the clock that drives the engine."""

import pytest

from tests.unit.rules.kit import Play, project
from tests.unit.rules.small import MAIL, bill, paid, small

TOUCH = small(
    "touch",
    f"""
    schedule:
      - {{id: t, at: due_date 09:00, {MAIL}}}
    goal: {{when: payment.received}}
    """,
    only="touch",
)
WAIT = small("wait", f"flow: [{{wait: 2 days}}, {{id: w, {MAIL}}}]", expire="10 days after start", only="wait")


def play(begin: str = "2026-01-01 00:00") -> Play:
    return Play(project(TOUCH, WAIT), begin=begin)


# the touch is due on 2026-03-12 09:00
@pytest.mark.parametrize(
    ("arrives", "occurred", "reminded"),
    [
        pytest.param("2026-03-12 08:59:59.999", "2026-03-12 08:00", False, id="arrived 1 ms before"),
        pytest.param("2026-03-12 09:00", "2026-03-12 08:00", False, id="arrived at that instant"),
        pytest.param("2026-03-12 09:00:00.001", "2026-03-12 08:00", True, id="happened before, arrived 1 ms after"),
        pytest.param("2026-03-12 09:00:00.001", "2026-03-01 08:00", True, id="happened days before, arrived after"),
        pytest.param("2026-03-12 08:59:59.999", "2026-03-12 09:00:02", False, id="publisher's clock ahead"),
    ],
)
def test_a_payment_counts_from_its_arrival(arrives: str, occurred: str, reminded: bool) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", pay_method="touch")
    paid(p, arrives, occurred=occurred)
    p.until("2026-06-30 00:00")
    assert p.sent == ([("2026-03-12 09:00", "email", "t")] if reminded else [])


@pytest.mark.parametrize(
    ("occurred", "goes"),
    [
        pytest.param("2026-02-01 10:00", "2026-02-03 10:00", id="at its arrival"),
        pytest.param("2026-02-01 05:00", "2026-02-03 10:00", id="five hours before"),
        pytest.param("2026-01-20 10:00", "2026-02-03 10:00", id="longer ago than the wait lasts"),
        pytest.param("2026-02-01 10:00:02", "2026-02-03 10:00", id="two seconds ahead"),
    ],
)
def test_a_wait_begins_at_the_arrival(occurred: str, goes: str) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", occurred=occurred, pay_method="wait")
    p.until("2026-03-01 00:00")
    assert p.sent == [(goes, "email", "w")]


@pytest.mark.parametrize("occurred", ["2026-02-01 10:00", "2025-12-24 23:59"])
@pytest.mark.parametrize("due", ["2026-02-02", "2026-03-12", "2026-12-31"])
def test_dates_come_from_the_payload(occurred: str, due: str) -> None:
    p = play()
    bill(p, "2026-02-01 10:00", due, occurred=occurred, pay_method="touch")
    p.until("2027-01-01 00:00")
    assert p.sent == [(f"{due} 09:00", "email", "t")]


@pytest.mark.parametrize("year", ["1999", "2016", "2026", "2049"])
def test_only_the_given_clock_is_read(year: str) -> None:
    """A past and a future far from the machine's clock are played alike."""
    p = play(f"{year}-01-01 00:00")
    bill(p, f"{year}-02-01 10:00", f"{year}-03-12", pay_method="touch")
    bill(p, f"{year}-02-01 10:00:00.001", f"{year}-03-12", no=2, pay_method="wait")
    p.until(f"{year}-12-31 00:00")
    assert p.sent == [(f"{year}-02-03 10:00:00.001", "email", "w"), (f"{year}-03-12 09:00", "email", "t")]


def test_the_same_arrivals_give_the_same_rows_in_the_same_order() -> None:
    def story() -> Play:
        p = play()
        bill(p, "2026-02-01 10:00", pay_method="touch")
        bill(p, "2026-02-01 10:00", no=2, pay_method="wait")
        paid(p, "2026-03-12 09:00:00.001", no=2)
        return p.until("2026-06-30 00:00")

    first, second = story(), story()
    assert [row.step for row in first.rows] == ["w", "t"]
    assert first.rows == second.rows
