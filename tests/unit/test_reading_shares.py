"""Reading in shares, without a broker: what each share waits for, and when a backlog may be read in halves."""

import asyncio
from collections.abc import Collection, Mapping
from math import lcm

import pytest

from sojourn.bootstrap.inflow import Inflow
from sojourn.intake.apply import Applied
from sojourn.intake.frontier import MOST_PLACES
from sojourn.intake.mapping import Topics
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.merging import BLIND_S, HOLD_S, Held
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import HALVES, WHOLE, Record, Share
from sojourn.records import Position
from tests.unit.rules.kit import reference

NOW = 1_772_000_000_000


async def nothing(sources: Collection[str]) -> Mapping[str, Position]:
    return {}


def reader() -> Reader:
    return Reader(KafkaAccess("127.0.0.1:1"), ["t"], "g", nothing, lambda: NOW)


def held(one: Reader, partition: int, *arrivals: int, looked_at: int = NOW) -> Held:
    """Give the reader a partition with records that wait."""
    made = Held(f"kafka:t/{partition}", "t", partition, 0.0)
    made.place(None, 0, 0)
    made.fetched(
        Record(made.source, "t", partition, n, arrival, arrival, None, b"") for n, arrival in enumerate(arrivals)
    )
    made.seen(len(arrivals), 0.0)
    made.looked_at = looked_at
    one._desk.held["t", partition] = made
    return made


async def test_each_half_gives_its_own_partitions_alone() -> None:
    one = reader()
    for partition in range(4):
        held(one, partition, NOW - 9 + partition)
    chunks = [await one.next(9, 0.0, share) for share in HALVES]
    assert [[record.partition for record in chunk.records] for chunk in chunks] == [[0, 2], [1, 3]]
    assert [set(chunk.spans) for chunk in chunks] == [{"kafka:t/0", "kafka:t/2"}, {"kafka:t/1", "kafka:t/3"}]
    assert all(chunk.merged <= set(chunk.spans) for chunk in chunks)
    await one.keep(chunks[1])
    again = await one.next(9, 0.0)
    assert [record.partition for record in again.records] == [0, 2]


async def test_one_half_that_waits_for_a_partition_holds_not_the_other() -> None:
    one = reader()
    held(one, 0, NOW - 5)
    held(one, 1, NOW - 4)
    hungry = held(one, 3)
    hungry.hungry_since = asyncio.get_running_loop().time()
    hungry.end = 7
    assert (await one.next(9, 0.0, HALVES[1])).records == ()
    assert len((await one.next(9, 0.0, HALVES[0])).records) == 1
    assert (await one.next(9, 0.0, WHOLE)).records == ()


@pytest.mark.parametrize(("first", "between"), [(HALVES[1], WHOLE), (WHOLE, HALVES[1])])
async def test_a_wait_for_a_look_begins_anew_when_it_was_read_otherwise_meanwhile(first: Share, between: Share) -> None:
    one = reader()
    full, empty = held(one, 1, NOW), held(one, 3, looked_at=NOW - 60_000)
    assert (await one.next(9, 0.0, first)).records == ()
    one._unseen_since[first] -= 100 * HOLD_S  # long ago
    empty.looked_at = NOW
    assert len((await one.next(9, 0.0, between)).records) == 1
    full.put_back()
    empty.looked_at = NOW - 60_000
    assert (await one.next(9, 0.0, first)).records == ()


async def test_a_partition_with_a_record_out_of_place_is_known() -> None:
    one = reader()
    held(one, 0)
    stray = held(one, 1)
    assert one.keyed
    stray.keyed = False
    assert not one.keyed


@pytest.mark.parametrize(
    ("counts", "halves"),
    [
        ({"a": 2}, True),
        ({"a": 6, "b": 2}, True),
        ({"a": 6, "b": 3}, False),
        ({"a": 1}, False),
        ({"a": 128, "b": 90}, False),  # more places than a frontier tells apart: then all sources hold everybody back
    ],
)
async def test_when_there_are_halves(counts: dict[str, int], halves: bool) -> None:
    async def apply(*_: object) -> Applied:
        return Applied(arrival=0, fates=())

    inflow = Inflow(lambda _: reader(), apply, lambda: NOW)
    inflow.use(reference("csat_after_claim").catalogue, Topics(frozenset(counts), {}), counts)
    assert inflow._halves(reader()) is halves
    assert lcm(128, 90) > MOST_PLACES


@pytest.mark.parametrize(("known", "longest"), [(NOW, HOLD_S), (NOW - 60_000, BLIND_S)])
async def test_records_wait_for_a_look_longer_when_none_was_looked_at(known: int, longest: float) -> None:
    one = reader()
    held(one, 1, NOW, looked_at=known)
    held(one, 3, looked_at=NOW - 60_000)
    assert (await one.next(9, 0.0)).records == ()
    one._unseen_since[WHOLE] -= longest - 1
    assert (await one.next(9, 0.0)).records == ()
    one._unseen_since[WHOLE] -= 1
    assert len((await one.next(9, 0.0)).records) == 1
