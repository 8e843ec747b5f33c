"""Journeys with a limit: a minute's worth at once, then one turn after the other, for all processes together."""

from types import SimpleNamespace
from typing import Any, cast

from sojourn.core.book import Book
from sojourn.intake.pacing import spread
from sojourn.records import Queued
from sojourn.store.memory import MemoryStore
from tests.contract.storekit import NOW, Clock, call, deliver, send

BOOK = cast(
    Book,
    SimpleNamespace(
        journeys={
            ("limited", 1): SimpleNamespace(limit=(60, 3_600_000)),
            ("free", 1): SimpleNamespace(limit=None),
        }
    ),
)


def order(name: str, journey: str, **more: Any) -> Queued:
    return Queued("c1", deliver(name, send=send(name, journey=journey, **more)), NOW)


async def paced(store: MemoryStore, now: int, *orders: Queued) -> list[int]:
    """Give how long after now each order may go."""
    async with store.transaction() as tx:
        return [one.ready_at - now for one in await spread(tx, BOOK, orders, now)]


async def test_a_limited_journey_spreads_its_messages_and_others_go_at_once() -> None:
    store = MemoryStore(Clock())
    await store.open()
    mixed = [order("a", "limited"), order("x", "free"), order("b", "limited"), order("c", "limited")]
    assert await paced(store, NOW, *mixed) == [0, 0, 0, 60_000]
    assert await paced(store, NOW, order("d", "limited")) == [120_000]
    assert await paced(store, NOW + 600_000, order("e", "limited")) == [0]


async def test_a_message_that_had_its_turn_keeps_it_and_a_call_takes_none() -> None:
    store = MemoryStore(Clock())
    await store.open()
    for n in range(9):
        await paced(store, NOW, order(f"m{n}", "limited"))
    assert await paced(store, NOW, order("again", "limited", attempt=2), Queued("c1", call(), NOW)) == [0, 0]
