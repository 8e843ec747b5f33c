"""What more workers, more stored customers and more events do to the speed and the memory of a worker."""

import asyncio
import time
from statistics import median
from typing import Final

from benchmarks.production.feed import feeding
from benchmarks.production.installation import Installation, looking, memory_mb
from benchmarks.production.intake import drained, published

LEAST_STORED: Final = 0.8
MOST_MB: Final = 300
MOST_GROWTH: Final = 1.1
_LONGEST_S: Final = 900
_AHEAD: Final = 2  # slices that stay unread, so that no partition runs dry while something is measured

#: Customers whom nothing concerns: rows of the size of real ones under random names, which no reader ever opens.
_FILLER: Final = (
    """INSERT INTO subject (subject, customer_hash, customer, wrapped)
    SELECT -g, md5('filler' || g), sha256(g::text::bytea), sha256(g::text::bytea) || sha256(('k' || g)::bytea)
    FROM generate_series({first}, {last}) AS g""",
    """INSERT INTO part (subject, kind, format, revision, body, release)
    SELECT -g, kind, 1, 1, decode(repeat(md5(g || kind), size), 'hex'), 1
    FROM generate_series({first}, {last}) AS g,
    (VALUES ('hot', 20), ('memory', 30), ('profile', 50)) AS kinds (kind, size)""",
    """INSERT INTO run (subject, run_id, journey, version, position, format, body)
    SELECT -g, md5('run' || g), 'renewal_premium', 1, '', 1, decode(repeat(md5(g::text), 30), 'hex')
    FROM generate_series({first}, {last}) AS g""",
    """INSERT INTO due (subject, lane, due, place)
    SELECT -g, 1, 4000000000000 + g, g FROM generate_series({first}, {last}) AS g""",
)
_STEP: Final = 50_000


async def workers(place: Installation, customers: int, events: int, most: int) -> bool:
    """Let one worker, then two, and so on store the same number of events; the ratios are printed, none is wanted."""
    database = place.database()
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        total = await published(place, feed, customers, events * (most + 1 + _AHEAD))
    rates: list[float] = []
    for count in (1, *range(1, most + 1)):  # the first one makes the people known
        total += events
        these = [place.worker(database, roles=["intake"], group="workers") for _ in range(count)]
        speed = await drained(database, these, total)
        await asyncio.gather(*(asyncio.to_thread(each.stop) for each in these))
        rates.append(speed.rate)
        print(f"  {count} of them: {speed.rate:.0f}/s, {speed.cpu_us:.0f} us of their processors a record", flush=True)
    shown = ", ".join(f"{count} {rate / rates[1]:.2f}" for count, rate in enumerate(rates[2:], 2))
    print(f"workers: {rates[1]:.0f} events/s by one, and times as many by {shown}, all on the same processors")
    return True


async def stored(place: Installation, customers: int, events: int, few: int, many: int, pairs: int) -> bool:
    """Store the same events with few and with many other customers stored, in turn, and compare pair by pair."""
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        people = await published(place, feed, customers, events * (pairs + 1 + _AHEAD))
    databases = {few: place.database(), many: place.database()}
    ratios: list[float] = []
    for pair in range(pairs + 1):
        rates: dict[int, float] = {}
        for size, database in databases.items():
            worker = place.worker(database, roles=["intake"], group=f"stored-{size}")
            rates[size] = (await drained(database, [worker], people + events * (pair + 1))).rate
            await asyncio.to_thread(worker.stop)
            if not pair:
                await asyncio.to_thread(_fill, place, database, size)
        if pair:
            ratios.append(rates[many] / rates[few])
            print(f"  pair {pair}: {rates[few]:.0f}/s and {rates[many]:.0f}/s", flush=True)
    ratios.sort()
    print(
        f"stored: {median(ratios):.2f} times the speed with {many} customers stored as with {few} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}; at least {LEAST_STORED})"
    )
    return median(ratios) >= LEAST_STORED


def _fill(place: Installation, database: str, count: int) -> None:
    name = database.rpartition("/")[2]
    for first in range(1, count + 1, _STEP):
        for statement in _FILLER:
            place.postgres.query(statement.format(first=first, last=min(first + _STEP - 1, count)), database=name)
    place.postgres.query("VACUUM ANALYZE", database=name)
    place.postgres.query("CHECKPOINT", database=name)


async def memory(place: Installation, customers: int, events: int) -> bool:
    """Let one worker store events, and compare its memory after a fifth of them with that at the end.

    It has all roles: where nobody hands over, what customers have under way grows with the year and without end.
    """
    database = place.database()
    async with feeding(place.kafka.bootstrap, place.project.catalogue) as feed:
        people = await published(place, feed, customers, events)
    worker = place.worker(database, ways_out=place.gateway(), group="memory")
    await asyncio.to_thread(worker.start)
    begun = memory_mb(worker.pid)
    limit, seen, early = time.perf_counter() + _LONGEST_S, 0.0, 0.0
    async with looking(database) as look:
        while (at := await look()) < people + events:
            if time.perf_counter() > limit:
                print(f"  {at} records were stored when the time was over")
                break
            seen = max(seen, memory_mb(worker.pid))
            early = seen if at < people + events / 5 else early
            await asyncio.sleep(0.5)
    seen = max(seen, memory_mb(worker.pid))
    await asyncio.to_thread(worker.stop)
    print(
        f"memory: {seen:.0f} MB at most in {at} records (at most {MOST_MB}); {begun:.0f} when it was ready, "
        f"{early:.0f} after the first fifth (since then {seen / early:.2f}; at most {MOST_GROWTH})"
    )
    return seen <= MOST_MB and seen / early <= MOST_GROWTH
