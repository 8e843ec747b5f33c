"""How far timers may go: the slowest source that may carry a customer's events, stalled ones, waivers."""

import pytest

from sojourn.intake.frontier import FOREVER, MARGIN_MS, STALLED_MS, Frontier, Slowest, frontier, source_of, topic_of
from sojourn.records import Partitions, Position, Waiver

NOW = 1_780_000_000_000
LIVE = NOW - MARGIN_MS


def at(stored_to: int = LIVE, moved_at: int = NOW, *, keyed: bool = True) -> Position:
    return Position(7, stored_to, moved_at, keyed)


def two_topics(**changes: Position) -> dict[str, Position]:
    """Topic a with three partitions, b with two; `a1=` is partition 1 of topic a."""
    base = {f"a{n}": at() for n in range(3)} | {f"b{n}": at() for n in range(2)} | changes
    return {source_of(name[0], int(name[1:])): position for name, position in base.items()}


COUNTS = {"a": 3, "b": 2}


def test_a_source_has_a_name_that_says_topic_and_partition() -> None:
    assert topic_of(source_of("cj.payment.v1", 12)) == ("cj.payment.v1", 12)


def test_on_a_healthy_system_timers_run_two_seconds_late_for_all() -> None:
    edge = frontier(two_topics(), COUNTS, (), NOW)
    assert edge.open_to == LIVE
    assert list(edge.groups()) == [(LIVE, None)]
    assert not edge.is_behind


def test_a_slow_partition_holds_back_only_the_customers_that_it_may_carry() -> None:
    edge = frontier(two_topics(a1=at(NOW - 60_000)), COUNTS, (), NOW)
    assert edge.count == 6
    assert [edge.of(place).stored_to for place in range(6)] == [LIVE, NOW - 60_000, LIVE, LIVE, NOW - 60_000, LIVE]
    assert list(edge.groups()) == [
        (NOW - 60_000, None),
        (LIVE, Partitions(6, frozenset({0, 2, 3, 5}))),
    ]
    assert edge.is_behind
    assert edge.worst == Slowest("kafka:a/1", NOW - 60_000)


def test_a_topic_with_a_record_in_another_partition_than_its_customers_holds_everybody_back() -> None:
    edge = frontier(two_topics(a1=at(NOW - 60_000), a0=at(keyed=False)), COUNTS, (), NOW)
    assert {edge.of(place).stored_to for place in range(12)} == {NOW - 60_000}


def test_a_partition_that_nobody_has_ever_read_holds_back_and_is_not_stalled() -> None:
    positions = two_topics()
    del positions["kafka:b/0"]
    edge = frontier(positions, COUNTS, (), NOW)
    assert edge.of(0) == Slowest("kafka:b/0", 0)
    assert edge.of(1).stored_to == LIVE
    assert list(edge.stalled()) == []


@pytest.mark.parametrize(
    ("stored_to", "moved_at", "stalled"),
    [
        pytest.param(NOW - 3 * STALLED_MS, NOW - STALLED_MS, True, id="nobody has moved it for ten minutes"),
        pytest.param(NOW - 3 * STALLED_MS, NOW - STALLED_MS + 1, False, id="a millisecond less"),
        pytest.param(NOW - 3 * STALLED_MS, NOW - 1_000, False, id="hours behind, but moving"),
    ],
)
def test_stalled(stored_to: int, moved_at: int, *, stalled: bool) -> None:
    edge = frontier(two_topics(a1=at(stored_to, moved_at)), COUNTS, (), NOW)
    found = list(edge.stalled())
    assert found == ([(Slowest("kafka:a/1", stored_to, True), Partitions(6, frozenset({1, 4})))] if stalled else [])


@pytest.mark.parametrize(
    ("begins", "ends", "lifted"),
    [
        pytest.param(NOW - 1, NOW + 1, True, id="in force"),
        pytest.param(NOW - 1, NOW, False, id="run out"),
        pytest.param(NOW + 1, NOW + 9, False, id="not yet"),
    ],
)
def test_a_waiver_lifts_a_source(begins: int, ends: int, *, lifted: bool) -> None:
    waiver = Waiver(source="kafka:a/1", at=begins, until=ends, by="ops", reason="the broker is being rebuilt")
    edge = frontier(two_topics(a1=at(0, 0)), COUNTS, (waiver,), NOW)
    assert (edge.of(1).stored_to == LIVE) is lifted


def test_nothing_holds_an_engine_without_topics_back() -> None:
    edge = Frontier(NOW)
    assert edge.of(5).stored_to == FOREVER
    assert edge.open_to == NOW + 1
    assert list(edge.groups()) == [(NOW + 1, None)]
