"""A long backlog: nobody is reminded of what stands paid at its end, and nothing of it looks stalled."""

from pathlib import Path

import pytest

from sojourn.intake.apply import Reading, apply_records
from sojourn.intake.frontier import STALLED_MS
from sojourn.intake.timers import fire_past_stalled
from sojourn.records import Position
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from tests.integration import test_records as by_hand
from tests.integration.lagkit import BEGIN, DUE, MINUTE, REMINDER, SECOND, bill, installation, payment, reminded, until
from tools.servers import KafkaBroker

MANY = 200_000


async def test_a_payment_behind_200_000_records_suppresses_the_reminder(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str
) -> None:
    payer, ower = "C-payer", "C-ower"
    async with installation(kafka, database, tmp_path, topics, REMINDER, count=1) as lag:
        async with lag.worker() as work:
            await lag.owing(payer, ower)
            await until(lambda: lag.all_stored(work, lag.clock() - 5 * SECOND), "all is read")
        again = bill(ower, BEGIN)  # a publisher that repeats itself: each is read, judged and found known
        await lag.flood("payment", payer, again, DUE - MANY - 2 * SECOND, MANY)
        await lag.publish(("payment", payer, DUE - SECOND, payment(payer, DUE - SECOND)))
        lag.clock.put(DUE + 5 * SECOND)
        async with lag.worker() as work:
            await until(lambda: reminded(lag, work, ower), "who owes is reminded", 300)
            assert await lag.told(work, payer) == []
            at = (await work.views.positions())[lag.source("payment", payer)]
            assert at.next == MANY + 3


@pytest.mark.parametrize("merged", [True, False], ids=["in its turn", "not read"])
async def test_a_source_whose_records_wait_behind_older_ones_of_another_is_not_stalled(merged: bool) -> None:
    clock = VirtualClock(by_hand.DUE - 60 * MINUTE)
    store = MemoryStore(clock)
    await store.open()
    world = by_hand.World(store, clock)
    bills, payments, _ = await by_hand.owing(world)
    clock.set(by_hand.DUE + 2 * STALLED_MS)
    before = (await store.views.positions())[payments]
    expect = (await store.views.positions())[bills].next
    read = frozenset({bills, payments}) if merged else frozenset({bills})
    await apply_records(
        store, world.deciding, [], Reading(expect={bills: expect}, next={bills: expect + 9}, merged=read)
    )
    moved_at = clock.now if merged else before.moved_at
    assert (await store.views.positions())[payments] == Position(before.next, before.stored_to, moved_at)
    await fire_past_stalled(store, world.deciding)
    assert await world.ready() == ([] if merged else ["must"])
    await store.close()
