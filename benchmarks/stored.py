"""What an event costs with many customers stored, against few: intake, decision and commit on SQLite.

Small stores are compared one by one with as many customers out of the large one, the two in turn, so that the
state of a customer is the same in both and a machine that slows down slows both. The median of the ratios counts.

    python -m benchmarks stored [--many 100000] [--few 1000] [--pairs 8]
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import msgspec

from benchmarks.project import PROJECT, Loaded, load
from benchmarks.run_sqlite import known
from benchmarks.synthetic.people import make_person
from benchmarks.world import SEED
from sojourn.intake.apply import Incoming, apply_events
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.rows import instant_text
from sojourn.store.sqlite import SqliteStore
from sojourn.testing.clock import VirtualClock

MOST: Final = 1.3
BATCH: Final = 500
_NOON: Final = 1_780_286_400_000  # 2026-06-01T12:00 in Shanghai
_ids = count()  # events are named in the order in which they come, as a ULID does


def _event(customer: str, kind: str, entity: tuple[str, str], payload: dict[str, Any]) -> bytes:
    event = {
        "event_id": f"01KSJ{next(_ids):021d}",
        "type": kind,
        "occurred_at": instant_text(_NOON),
        "source": "benchmark",
        "customer_id": customer,
        "entity": {"type": entity[0], "id": entity[1], "seq": 1},
        "payload": payload,
    }
    return msgspec.json.encode(event)


def _due(customer: str, number: int) -> bytes:
    """Give a premium that is scheduled: it starts a run of seven touches."""
    policy = f"P-{customer}"
    payload = {
        "policy_id": policy, "installment_no": number, "due_date": "2026-07-15", "amount_cny": "3600.00",
        "frequency": "annual", "pay_method": "manual", "product_name": "安康终身寿险",
    }  # fmt: skip
    return _event(customer, "payment.due_scheduled", ("installment", f"{policy}-{number}"), payload)


def _measured(customer: str, place: int) -> bytes:
    """Give an event of the mix: most are activity, some start a run."""
    if place % 5 == 0:
        return _due(customer, 3)
    payload = {"product_line": "life", "kind": "login", "channel": "app", "amount": None}
    return _event(customer, "activity.recorded", ("customer", customer), payload)


def _first(numbers: Iterable[int]) -> Iterator[bytes]:
    """Make customers known, each with a run."""
    for number in numbers:
        profile = make_person(number, Random(f"{SEED}:{number}")).profile
        yield known(profile, _NOON)
        yield _due(profile["customer_id"], 2)


class Bench:
    """One store with its clock."""

    def __init__(self, store: SqliteStore, clock: VirtualClock, loaded: Loaded) -> None:
        self.store = store
        self.clock = clock
        self.loaded = loaded

    async def feed(self, raws: Iterator[bytes]) -> float:
        """Store and decide events in batches, and give the seconds."""
        began = time.perf_counter()
        while batch := list(islice(raws, BATCH)):
            self.clock.tick(10)
            incoming = [
                Incoming(raw=raw, read=decode(raw, self.loaded.catalogue, self.clock.now), source="benchmark")
                for raw in batch
            ]
            await apply_events(self.store, Deciding.alone(self.loaded.book), incoming)
        return time.perf_counter() - began

    async def measure(self, numbers: Sequence[int]) -> float:
        """Give the microseconds of one event, with one event for each of the customers."""
        events = [_measured(f"C{number:07d}", place) for place, number in enumerate(numbers)]
        return await self.feed(iter(events)) / len(events) * 1e6


async def _opened(stack: AsyncExitStack, folder: Path, name: str, loaded: Loaded) -> Bench:
    clock = VirtualClock(_NOON)
    store = SqliteStore.at(folder / f"{name}.db", folder / f"{name}.key", clock)
    await store.open()
    stack.push_async_callback(store.close)
    return Bench(store, clock, loaded)


async def compare(loaded: Loaded, folder: Path, many: int, few: int, pairs: int) -> tuple[list[float], list[float]]:
    """Give the microseconds of one event in small stores, and in the large one, pair by pair."""
    async with AsyncExitStack() as stack:
        large = await _opened(stack, folder, "large", loaded)
        seconds = await large.feed(_first(range(many)))
        print(f"  {many} customers with a run each stored in {seconds:.0f} s ({2 * many / seconds:.0f} events/s)")
        chosen = Random(SEED).sample(range(many), few * (pairs + 1))
        small_costs: list[float] = []
        large_costs: list[float] = []
        for pair in range(pairs + 1):
            small = await _opened(stack, folder, f"small{pair}", loaded)
            await small.feed(_first(range(few)))
            one = await small.measure(Random(pair).sample(range(few), few))
            two = await large.measure(chosen[pair * few : (pair + 1) * few])
            if pair:  # the first pair warms up
                small_costs.append(one)
                large_costs.append(two)
        return small_costs, large_costs


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where it costs too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks stored", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--pairs", type=int, default=8)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sojourn-stored-") as folder:
        loaded = load(given.project)
        gc.collect()
        gc.freeze()
        small, large = asyncio.run(compare(loaded, Path(folder), given.many, given.few, given.pairs))
    ratios = sorted(b / a for a, b in zip(small, large, strict=True))
    print(f"  us an event, pair by pair: {' '.join(f'{a:.0f}/{b:.0f}' for a, b in zip(small, large, strict=True))}")
    print(
        f"stored: an event costs {median(ratios):.2f} times as much with {given.many} customers as with {given.few} "
        f"(median of {len(ratios)} pairs, {ratios[0]:.2f} to {ratios[-1]:.2f}; at most {MOST})"
    )
    return 0 if median(ratios) <= MOST else 1
