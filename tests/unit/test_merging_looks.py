"""Records that are newer than the last look at an empty partition wait for the next look."""

from sojourn.kafka.merging import Held, blind, unseen
from sojourn.kafka.values import Record

NOW = 1_772_000_000_000


def held(partition: int, looked_at: int, *arrivals: int) -> Held:
    """Give a partition whose log was looked at, with records that wait."""
    one = Held(f"kafka:t/{partition}", "t", partition, 0.0)
    one.place(None, 0, 0)
    one.fetched(
        Record(one.source, "t", partition, n, arrival, arrival, None, b"") for n, arrival in enumerate(arrivals)
    )
    one.looked_at = looked_at
    return one


def test_a_fresh_look_lets_records_through() -> None:
    assert not unseen([held(0, NOW, NOW + 100), held(1, NOW - 1_900)])


def test_after_an_outage_the_others_are_looked_at_first() -> None:
    assert unseen([held(0, NOW, NOW + 100), held(1, NOW - 20_000)])


def test_a_backlog_that_is_older_than_the_look_does_not_wait() -> None:
    assert not unseen([held(0, NOW, NOW - 60_000), held(1, NOW - 20_000)])


def test_a_partition_with_records_in_hand_needs_no_look() -> None:
    assert not unseen([held(0, -1, NOW), held(1, -1, NOW + 5)])


def test_without_records_nothing_waits() -> None:
    assert not unseen([held(0, -1), held(1, NOW)])


def test_nothing_is_known_while_no_partition_was_looked_at() -> None:
    assert blind([held(0, NOW - 20_000, NOW + 100), held(1, NOW - 20_000)])


def test_one_partition_that_alone_was_not_looked_at_is_not_an_outage() -> None:
    assert not blind([held(0, NOW, NOW + 100), held(1, NOW - 20_000)])
