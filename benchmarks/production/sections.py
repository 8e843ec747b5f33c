"""Where the time of a record and of a timer goes: the use cases alone on PostgreSQL, without Kafka and a worker.

Processor time of this process by section; a batch at a time, so nothing else runs while a section waits.
"""

import asyncio
import contextlib
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from benchmarks.production.feed import arrived
from benchmarks.production.installation import Installation
from benchmarks.production.intake import make_world
from benchmarks.production.lanes import CAMPAIGN, person
from benchmarks.project import load
from benchmarks.synthetic.story import BEGIN
from sojourn.bootstrap.telling import Announcing
from sojourn.core.zones import DAY
from sojourn.intake.apply import Batch, Incoming, Reading, apply_records
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.intake.releases import Releases
from sojourn.intake.timers import fire_due
from sojourn.records import Move, Position
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from sojourn.store.transaction import SqlTx

_BATCH: Final = 500
_SOURCE: Final = "kafka:sections/0"
_HOUR: Final = 3_600_000
_WORKS: Final = ("load", "known", "save", "append_inbox", "append_log", "enqueue", "send_out")


class _Spent(defaultdict[str, float]):
    """Processor seconds by section."""

    def __init__(self) -> None:
        super().__init__(float)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Count what the store's pieces of work and the deciding take, until the end of the block."""
        before = {name: getattr(SqlTx, name) for name in _WORKS}
        decide = Batch._decide
        for name, work in before.items():
            setattr(SqlTx, name, self._awaited(name, work))

        def decided(batch: Batch) -> Iterator[None]:
            began = time.process_time()
            yield from decide(batch)
            self["decide"] += time.process_time() - began

        setattr(Batch, "_decide", decided)  # noqa: B010 - mypy refuses the plain form
        try:
            yield
        finally:
            setattr(Batch, "_decide", decide)  # noqa: B010
            for name, work in before.items():
                setattr(SqlTx, name, work)

    def _awaited(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            result = await work(*args, **kwargs)
            self[name] += time.process_time() - began
            return result

        return counted


async def sections(place: Installation, customers: int, events: int) -> bool:
    """Measure records by section, then timers alone; nothing is wanted of either."""
    await _records(place, customers, events)
    for pages in (1, 2, 3):
        await _timers(place, events, pages)
    return True


async def _timers(place: Installation, count: int, pages: int) -> None:
    """Fire the timers of a campaign that are due at once, so many pages side by side."""
    (place.home / "journeys" / "load_campaign.yaml").write_text(CAMPAIGN, encoding="utf-8")
    project = load(place.home)
    store = PostgresStore(place.database(), Master(bytes(32)))
    await store.open()
    deciding = Deciding(Releases.only(project.book), topics={"sections": 1}, telling=Announcing())
    now = int(time.time() * 1000)
    past = now - _HOUR - 60_000
    for first in range(0, count, _BATCH):
        upto = min(first + _BATCH, count)
        raws = [person("B", n, past) for n in range(first, upto)]
        incoming = [
            Incoming(raw=raw, read=decode(raw, project.catalogue, past), source=_SOURCE, position=first + n, stamp=past)
            for n, raw in enumerate(raws)
        ]
        reading = Reading(expect={_SOURCE: first or None}, next={_SOURCE: upto}, merged=frozenset({_SOURCE}))
        await apply_records(store, deciding, incoming, reading)
    async with store.transaction() as tx:  # nothing is unread that could come before the timers
        await tx.advance([Move(_SOURCE, count, Position(count, now - 1_000, now))])
    fired, more = 0, True
    began, cpu = time.perf_counter(), time.process_time()
    while more:
        done = await asyncio.gather(*(fire_due(store, deciding) for _ in range(pages)))
        fired, more = fired + sum(page.customers for page in done), any(page.more for page in done)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    await store.close()
    print(f"timers, {pages} pages at once: {fired / wall:.0f} a second, {cpu / fired * 1e6:.0f} us of processor each")


async def _records(place: Installation, customers: int, events: int) -> None:
    """Store a year's beginning in batches, and print microseconds of processor a record by section."""
    store = PostgresStore(place.database(), Master(bytes(32)))
    await store.open()
    catalogue = place.project.catalogue
    deciding = Deciding(Releases.only(place.project.book), topics={"sections": 1}, telling=Announcing())
    world, upto = make_world(place.folder, customers), 0

    async def feed(lines: Sequence[tuple[bytes, int]]) -> None:
        nonlocal upto
        incoming = [
            Incoming(raw=line, read=decode(line, catalogue, at), source=_SOURCE, position=upto + n, stamp=at)
            for n, (line, at) in enumerate(lines)
        ]
        reading = Reading(
            expect={_SOURCE: upto or None}, next={_SOURCE: upto + len(lines)}, merged=frozenset({_SOURCE})
        )
        await apply_records(store, deciding, incoming, reading)
        upto += len(lines)

    async def feed_all(lines: Sequence[tuple[bytes, int]]) -> None:
        for start in range(0, len(lines), _BATCH):
            await feed(lines[start : start + _BATCH])

    lines = [(line, arrived(line)) for line in islice(world.events, 2 * events)]
    await feed_all([(line, BEGIN - DAY) for line in world.people] + lines[:events])
    gc.freeze()  # as a worker does
    spent = _Spent()
    with spent.watching():
        began, cpu = time.perf_counter(), time.process_time()
        await feed_all(lines[events:])
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    await store.close()
    spent["the rest"] = cpu - sum(spent.values())
    shown = ", ".join(
        f"{name} {seconds / events * 1e6:.0f}" for name, seconds in sorted(spent.items(), key=lambda one: -one[1])
    )
    print(f"sections: {events / wall:.0f} records a second, {cpu / events * 1e6:.0f} us of processor each: {shown}")
