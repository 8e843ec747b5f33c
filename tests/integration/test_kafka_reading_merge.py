"""Merged reading by itself: order, holding, and what is handed out until it is kept."""

from hypothesis import given
from hypothesis import strategies as st

from sojourn.kafka.merging import HOLD_S, MANY_RECORDS, Held, merge
from sojourn.kafka.values import Record


def record(held: Held, offset: int, arrival: int) -> Record:
    return Record(held.source, held.topic, held.partition, offset, arrival, arrival, None, b"x")


def placed(partition: int, *, at: int = 0, end: int | None = None, arrivals: tuple[int, ...] = ()) -> Held:
    held = Held(f"kafka:a/{partition}", "a", partition, 0.0)
    held.place(None, at, 0)
    held.seen(at + len(arrivals) if end is None else end, 0.0)
    held.fetched(record(held, at + n, arrival) for n, arrival in enumerate(arrivals))
    return held


ARRIVALS = st.lists(st.lists(st.integers(0, 50), max_size=12).map(sorted), min_size=1, max_size=5)


@given(ARRIVALS, st.integers(1, 7))
def test_batches_of_any_size_give_all_records_oldest_first(arrivals: list[list[int]], limit: int) -> None:
    partitions = [placed(n, arrivals=tuple(each)) for n, each in enumerate(arrivals)]
    taken: list[Record] = []
    while batch := merge(partitions, limit, 0.0):
        assert len(batch) <= limit or (len(batch) <= 2 * limit and batch[limit - 1].arrival == batch[-1].arrival)
        for held in partitions:
            held.kept(held.expect, held.span().next)
        taken += batch
    keys = [(each.arrival, each.partition, each.offset) for each in taken]
    assert keys == sorted(keys)
    assert len(keys) == sum(map(len, arrivals))


def test_an_instant_is_not_torn_apart() -> None:
    one, other = placed(0, arrivals=(5, 6, 6)), placed(1, arrivals=(6, 7))
    assert [each.arrival for each in merge([one, other], 2, 0.0)] == [5, 6, 6, 6]


@given(ARRIVALS, st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=30))
def test_what_is_not_kept_comes_again_and_what_is_kept_does_not(
    arrivals: list[list[int]], rounds: list[tuple[int, bool]]
) -> None:
    partitions = [placed(n, arrivals=tuple(each)) for n, each in enumerate(arrivals)]
    kept: dict[str, list[int]] = {held.source: [] for held in partitions}
    for limit, keeps in rounds:
        for held in partitions:
            held.put_back()
        batch = merge(partitions, limit, 0.0)
        if keeps:
            for held in partitions:
                held.kept(held.expect, held.span().next)
            for each in batch:
                kept[each.source].append(each.offset)
    assert all(offsets == list(range(len(offsets))) for offsets in kept.values())
    assert [held.expect or 0 for held in partitions] == [len(kept[held.source]) for held in partitions]


def test_one_that_has_unread_records_and_does_not_deliver_holds_the_others_for_a_while() -> None:
    here, away = placed(0, arrivals=(5, 6)), placed(1, end=3)
    assert merge([here, away], 10, HOLD_S - 0.1) == []
    assert [each.arrival for each in merge([here, away], 10, HOLD_S + 0.1)] == [5, 6]


def test_the_wait_begins_when_the_first_unread_record_is_seen() -> None:
    here, idle = placed(0, arrivals=(5, 6)), placed(1)
    assert len(merge([here, idle], 1, 100.0)) == 1
    idle.seen(1, 100.0)
    assert merge([here, idle], 1, 100.0 + HOLD_S - 0.1) == []
    assert len(merge([here, idle], 1, 100.0 + HOLD_S + 0.1)) == 1


def test_a_batch_ends_where_the_next_record_of_a_partition_is_not_here_yet() -> None:
    short, long = placed(0, end=9, arrivals=(1, 3)), placed(1, arrivals=(2, 4, 5))
    assert [each.arrival for each in merge([short, long], 10, 0.0)] == [1, 2, 3]
    assert merge([short, long], 10, 0.0) == []
    short.fetched([record(short, 2, 4)])
    assert [each.arrival for each in merge([short, long], 10, 0.0)] == [4]


def test_one_whose_place_is_not_known_gives_nothing_and_holds_the_others() -> None:
    known, new = placed(0, arrivals=(5,)), Held("kafka:a/1", "a", 1, 10.0)
    assert merge([known, new], 10, 10.1) == []
    assert len(merge([known, new], 10, 10.1 + HOLD_S)) == 1


def test_after_a_rewind_what_is_in_hand_is_used_where_the_store_stands_within_it() -> None:
    held = placed(0, at=10, arrivals=(1, 2, 3, 4))
    merge([held], 3, 0.0)
    held.unplace(0.0)
    assert merge([held], 3, 0.0) == []
    assert held.trim(12, 0)
    assert [each.offset for each in merge([held], 9, 0.0)] == [12, 13]
    held.unplace(0.0)
    assert not held.trim(9, 0)
    assert not held.trim(15, 0)
    assert held.trim(14, 0)
    assert (held.expect, held.span().next) == (14, 14)


def test_what_was_kept_before_it_was_fetched_again_is_dropped() -> None:
    held = placed(0, at=10)
    held.expect = 10
    held.kept(10, 12)
    held.fetched(record(held, offset, 1) for offset in range(10, 14))
    assert [each.offset for each in merge([held], 9, 0.0)] == [12, 13]


def test_a_move_from_elsewhere_keeps_nothing() -> None:
    held = placed(0, at=10, arrivals=(1, 2))
    merge([held], 2, 0.0)
    held.kept(3, 12)
    assert held.expect is None
    held.put_back()
    assert [each.offset for each in merge([held], 2, 0.0)] == [10, 11]


def test_idle_and_merged_speak_of_the_instant_of_the_look() -> None:
    held = placed(0, arrivals=(7_000,))
    held.looked_at = 20_000
    assert not held.idle(20_000)
    merge([held], 1, 0.0)
    assert held.idle(20_000)
    assert not held.idle(20_001)
    assert held.nothing_before(20_000) == 18_000
    assert held.nothing_before(20_001) == 7_000
    assert held.behind(27_000) == 20_000


def test_a_partition_is_full_until_enough_is_taken() -> None:
    held = placed(0, arrivals=tuple(range(MANY_RECORDS)))
    told = [held.full]
    merge([held], 1, 0.0)
    told.append(held.full)
    held.put_back()
    told.append(held.full)
    assert told == [True, False, True]
