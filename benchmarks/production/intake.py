"""Kafka to committed decision: a worker against a bare consumer, in turn, on the same topics and the same servers."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec

from benchmarks.production.feed import Feed, feeding
from benchmarks.production.installation import Installation, cpu_s, looking
from benchmarks.run_sqlite import known
from benchmarks.synthetic.story import BEGIN
from benchmarks.world import write_world
from sojourn.core.zones import DAY
from tools.servers import SojournWorker

LEAST_RATIO: Final = 0.3
GOAL_RATIO: Final = 0.5
LEAST_EVENTS: Final = 5_000
_LONGEST_S: Final = 120
_LOOK_S: Final = 0.1


class Speed(NamedTuple):
    """Records stored, the seconds between the first and the last commit, and the process's processor time."""

    records: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the client's processor for a record."""
        return self.cpu / self.records * 1e6


class World(NamedTuple):
    """The events of a year that are not published yet."""

    people: list[bytes]
    events: Iterator[bytes]


def make_world(folder: Path, customers: int) -> World:
    """Write a year and give its people, as events at its beginning, and the rest in order of arrival."""
    files = write_world(folder / "world", range(customers))
    with files.customers.open("rb") as lines:
        people = [known(msgspec.json.decode(line), BEGIN - DAY) for line in lines]
    return World(people, _lines(files.events))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


async def drained(database: str, workers: Sequence[SojournWorker], wanted: int) -> Speed:
    """Start workers and wait until so many records are behind the positions; measures from the first commit seen."""
    starting = asyncio.gather(*(asyncio.to_thread(each.start) for each in workers))
    async with looking(database) as look:
        base = await look()
        limit = time.perf_counter() + _LONGEST_S
        while (first := await look()) == base:
            await asyncio.sleep(_LOOK_S / 2)
            _check(first, wanted, limit, workers)
        began, cpu, at = time.perf_counter(), _cpu(workers), first
        while at < wanted:
            await asyncio.sleep(_LOOK_S)
            at = await look()
            _check(at, wanted, limit, workers)
        speed = Speed(at - first, time.perf_counter() - began, _cpu(workers) - cpu)
    await starting
    return speed


def _check(at: int, wanted: int, limit: float, workers: Sequence[SojournWorker]) -> None:
    if time.perf_counter() > limit:
        raise SystemExit(f"only {at} of {wanted} records were stored in {_LONGEST_S} s:\n{workers[0].tail()}")


def _cpu(workers: Sequence[SojournWorker]) -> float:
    return sum(cpu_s(each.pid) for each in workers if each.running)


def yardstick(place: Installation, database: str, records: int) -> Speed:
    """Let the bare consumer store so many records more."""
    topics = place.project.catalogue.topics
    command = [sys.executable, "-m", "benchmarks.production.yardstick", place.kafka.bootstrap, database, str(records)]
    done = subprocess.run([*command, *topics], capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    if done.returncode:
        raise SystemExit(f"the bare consumer failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Speed(said["records"], said["seconds"], said["cpu"])


async def published(place: Installation, feed: Feed, customers: int, events: int) -> int:
    """Publish the people and the first events of a year, all before anything is read; give how many were people.

    A worker that finds its topics empty moves on to the present; what is published then cannot be the past any more.
    """
    world = make_world(place.folder, customers)
    people = await feed.put(world.people, BEGIN - DAY)
    if await feed.put(islice(world.events, events)) < events:
        raise SystemExit(f"{customers} customers have fewer than {events} events in their year: name more")
    return people


async def intake(place: Installation, customers: int, events: int, rounds: int) -> bool:
    """Measure round by round, and tell whether the least was reached; the people come with the warm-up."""
    database, bare = place.database(), place.database()
    ours: list[Speed] = []
    theirs: list[Speed] = []
    servers: list[tuple[float, ...]] = []
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        people = await published(place, feed, customers, events * (rounds + 2))
    total = people
    for number in range(rounds + 1):
        total += events
        theirs.append(await asyncio.to_thread(yardstick, place, bare, events if number else events + people))
        worker = place.worker(database, roles=["intake"])
        before = place.spent()
        ours.append(await drained(database, [worker], total))
        await asyncio.to_thread(worker.stop)
        servers.append(tuple((b - a) / events * 1e6 for a, b in zip(before, place.spent(), strict=True)))
        print(
            f"  {'warm-up' if not number else f'round {number}'}: {ours[-1].rate:.0f}/s, bare {theirs[-1].rate:.0f}/s; "
            f"us of processor a record: worker {ours[-1].cpu_us:.0f}, PostgreSQL {servers[-1][0]:.0f}, broker "
            f"{servers[-1][1]:.0f}; the bare consumer {theirs[-1].cpu_us:.0f}",
            flush=True,
        )
    ratios = sorted(a.rate / b.rate for a, b in zip(ours[1:], theirs[1:], strict=True))
    rate, yard = median(each.rate for each in ours[1:]), median(each.rate for each in theirs[1:])
    print(
        f"intake: {rate:.0f} events/s to the committed decision (at least {LEAST_EVENTS}); {median(ratios):.2f} of the "
        f"bare consumer's {yard:.0f} ({ratios[0]:.2f} to {ratios[-1]:.2f}; at least {LEAST_RATIO}, goal {GOAL_RATIO})"
    )
    return rate >= LEAST_EVENTS and median(ratios) >= LEAST_RATIO
