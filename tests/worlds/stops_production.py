"""One event's way through a worker on Kafka and PostgreSQL, killed at a step; then another worker on what is left.

`python -m tests.worlds.stops_production FOLDER DATABASE KAFKA POINTS` prints one JSON line for the undisturbed run, one
for each stop, and one for what the output topics hold. All stops read the same record of the same topic; each has a
copy of the database in which it is not stored yet. Children are forked, so that a stop costs no start of Python.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiokafka
import asyncpg
import structlog

from sojourn.bootstrap.inflow import Batch
from sojourn.bootstrap.production import Production
from sojourn.bootstrap.settings import read_settings
from sojourn.intake.frontier import MARGIN_MS
from sojourn.outputs import TOPICS
from sojourn.places import place_of
from sojourn.records import LogFilter
from sojourn.rows import row_json
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from sojourn.testing.clock import VirtualClock
from sojourn.testing.steps import Steps
from tests.integration.enginekit import claim, known
from tests.integration.readingkit import create, send
from tests.worlds.stops import NOW, WHO, FileProvider, in_child, project

MASTER = "51" * 32
SIDE_BY_SIDE = 3
BASE = "await_base"
PARTITIONS = 2
CLAIMS, CUSTOMERS = "cj.claim.v1", "cj.customer.v1"
SOURCE = f"kafka:{CLAIMS}/{place_of(WHO) % PARTITIONS}"
OURS = str(Path(__file__).parents[2])


class OwnSteps(Steps):
    """Counts the steps of the way itself, not those of the Kafka client and the reader beside it."""

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: "Coroutine[Any, Any, Any] | Generator[Any, None, Any]", **more: Any
    ) -> "asyncio.Task[Any]":
        code = getattr(work, "cr_code", None)
        file = code.co_filename if code is not None else ""
        if not file.startswith(OURS) or "site-packages" in file or "/kafka/" in file:
            return asyncio.Task(work, loop=loop, **more)
        return super()._task(loop, work, **more)


class Site:
    """Where everything is."""

    def __init__(self, folder: Path, server: str, kafka: str) -> None:
        self.folder, self.server, self.kafka = folder, server, kafka

    def database(self, name: str) -> str:
        """Give the address of a database of this server."""
        return f"{self.server.rpartition('/')[0]}/{name}"

    async def say(self, statement: str) -> None:
        """Say one statement to the server."""
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def worker(self, name: str, life: str, clock: VirtualClock) -> AsyncIterator[Production]:
        """Give a worker on the database of this name, that does only what it is told to."""
        environ = {
            "SOJOURN_DATABASE": self.database(name), "SOJOURN_KAFKA": self.kafka,
            "SOJOURN_KAFKA_GROUP": f"{name}-{life}", "SOJOURN_MASTER_KEY": MASTER,
        }  # fmt: skip
        store = PostgresStore(self.database(name), Master(bytes.fromhex(MASTER)), clock)
        channels = dict.fromkeys(("sms", "email", "call"), FileProvider(self.folder / name / "provider.txt"))
        settings = read_settings(environ, self.folder / "project")
        work = Production(settings, clock, store=store, channels=channels)
        assert await work.open()
        try:
            yield work
        finally:
            if work.inflow is not None:
                await work.inflow.stop()
            await work.publisher.stop()
            await work.close()


async def read_to(work: Production, offset: int) -> None:
    """Read until the source of the event is stored up to an offset."""
    assert work.inflow is not None
    async with asyncio.timeout(60):
        while (at := (await work.views.positions()).get(SOURCE)) is None or at.next < offset:
            await work.inflow.turn()


async def read_on(work: Production, now: int) -> None:
    """Read until it is known that there is nothing more: timers wait for that."""
    assert work.inflow is not None
    async with asyncio.timeout(60):
        while True:
            async with work.store.transaction() as tx:
                if (await work.deciding.frontier(tx, now)).open_to >= now - MARGIN_MS:
                    return
            await work.inflow.turn()


async def settle(work: Production) -> None:
    """Hand over all that is ready, settle it, and send what is told of it."""
    done = 1
    while done:
        done = await work.fire() + await work.deliver()
        await work.delivery.landed()
        done += work.delivery.in_flight
        done += await work.publisher.run_once()


async def prepare(site: Site) -> None:
    """Make topics and the database in which the customer is known; then publish the event."""
    await site.say(f"CREATE DATABASE {BASE}")
    late = {"message.timestamp.after.max.ms": str((1 << 63) - 1), "retention.ms": "-1"}
    await create(site.kafka, CLAIMS, CUSTOMERS, partitions=PARTITIONS, **late)
    await create(site.kafka, *(topic.name for topic in TOPICS), partitions=1, **late)
    place = place_of(WHO) % PARTITIONS
    await send(site.kafka, [(CUSTOMERS, place, NOW - 2, known(WHO, NOW)), (CLAIMS, place, NOW - 1, b"{}")])
    async with site.worker(BASE, "first", VirtualClock(NOW)) as work:
        await read_to(work, 1)
        await settle(work)
    await send(site.kafka, [(CLAIMS, place, NOW, claim(WHO, NOW))])


async def way(site: Site, name: str, steps: Steps) -> None:
    """Read the event and do all that follows; steps count from where the record is in hand."""
    async with site.worker(name, "first", VirtualClock(NOW)) as work:
        inflow = work.inflow
        assert inflow is not None

        async def hand(batch: Batch) -> None:
            steps.counting = steps.counting or bool(batch.chunk.records)
            await inflow.take(batch)

        inflow.hand = hand
        await read_to(work, 2)
        await settle(work)
        steps.counting = False


async def recover(site: Site, name: str) -> dict[str, Any]:
    """Let another worker go on, an hour later also with what the first one was silent about; tell what there is."""
    clock = VirtualClock(NOW)
    async with site.worker(name, "second", clock) as work:
        at = (await work.views.positions())[SOURCE].next
        await read_to(work, 2)
        await settle(work)
        for _ in range(2):  # leases run out; calls that were not taken go again
            clock.tick(3_600_000)
            await read_on(work, clock.now)
            await settle(work)
        rows = (await work.views.log(LogFilter(), 500)).rows
        left = sum(one.ready + one.calling for one in await work.views.lanes())
        async with work.store.transaction() as tx:
            untold = len(await tx.going_out(500))
        counts = dict(await work.views.counts())
    return {"rows": [row_json(row) for row in rows[::-1]], "counts": counts, "left": left + untold, "stored": at == 2}


def run_until(site: Site, name: str, stop: int) -> None:
    """Go the way and die without a word before step ``stop`` (0: never); say how many steps it has."""

    def reached(number: int) -> None:
        if number == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    steps = OwnSteps(reached)

    async def life() -> None:
        steps.install(asyncio.get_running_loop())
        await asyncio.create_task(way(site, name, steps))

    asyncio.run(life())
    (site.folder / name / "steps").write_text(str(steps.count))


def story(site: Site, stop: int) -> dict[str, Any]:
    """Tell what is there after a kill before step ``stop`` and another worker's work."""
    name = f"await{stop}"
    folder = site.folder / name
    folder.mkdir()
    asyncio.run(site.say(f"CREATE DATABASE {name} TEMPLATE {BASE}"))
    status = in_child(lambda: run_until(site, name, stop))
    died = status == -signal.SIGKILL
    assert died or status == 0, f"the child ended with {status}"

    def after() -> None:
        (folder / "after.json").write_text(json.dumps(asyncio.run(recover(site, name))))

    assert in_child(after) == 0, "the other worker failed"
    found: dict[str, Any] = {} if died else {"steps": int((folder / "steps").read_text())}
    sent = folder / "provider.txt"
    found |= {"stop": stop, "died": died, "sent": sent.read_text().split("\n") if sent.exists() else []}
    found |= json.loads((folder / "after.json").read_text())
    asyncio.run(site.say(f"DROP DATABASE {name} WITH (FORCE)"))
    shutil.rmtree(folder)
    return found


def lane(site: Site, file: Path, stops: list[int]) -> None:
    """Tell the stories of some stops into a file."""
    with file.open("w") as out:
        for stop in stops:
            out.write(json.dumps(story(site, stop)) + "\n")


def side_by_side(works: list[Callable[[], None]]) -> None:
    """Run each in a process of its own; all must end well."""
    children = []
    for work in works:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(in_child(work) & 0xFF)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(works)


async def told(site: Site) -> list[list[str]]:
    """Give every record of the output topics: its id, its topic, and what it says of a message."""
    found: list[list[str]] = []
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=site.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [aiokafka.TopicPartition(topic.name, 0) for topic in TOPICS]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    said = json.loads(record.value)
                    payload = said["payload"]
                    what = [payload.get(name) for name in ("message_id", "status", "reason", "kind")]
                    found.append([said["event_id"], place.topic, json.dumps(what)])
    finally:
        await consumer.stop()
    return found


def main() -> None:
    """Print the undisturbed story, then those of the stops, then what the output topics hold."""
    folder, server, kafka, points = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    site = Site(folder, server, kafka)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    project(folder / "project")
    (folder / BASE).mkdir()
    asyncio.run(prepare(site))  # here, and not in a child: whatever is loaded now every child has from the start
    whole = story(site, 0)
    print(json.dumps(whole), flush=True)
    stops = list(range(1, whole["steps"] + 1, max(1, whole["steps"] // points)))
    files = [folder / f"lane{n}.ndjson" for n in range(SIDE_BY_SIDE)]
    side_by_side([partial(lane, site, file, stops[n::SIDE_BY_SIDE]) for n, file in enumerate(files)])
    lines = [line for file in files for line in file.read_text().splitlines()]
    for line in sorted(lines, key=lambda line: int(json.loads(line)["stop"])):
        print(line, flush=True)
    asyncio.run(site.say(f"DROP DATABASE {BASE} WITH (FORCE)"))
    print(json.dumps({"told": asyncio.run(told(site))}), flush=True)


if __name__ == "__main__":
    main()
