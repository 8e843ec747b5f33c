"""What a chaos run has left: records of all topics, rows of the database, requests at the providers, logs."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from sojourn.core.model import Row
from sojourn.intake.frontier import source_of
from sojourn.outputs import DEAD_LETTERS, INSTANCES, MESSAGES, WEBHOOKS
from sojourn.records import LogFilter
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from tests.chaos.machine import MASTER, Machine
from tests.chaos.plan import Plan
from tests.chaos.providers import Asked

OUT = (MESSAGES, INSTANCES, WEBHOOKS, DEAD_LETTERS)
_PAGE = 1_000
_TRIED = ("retry", "repeat")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the inbox."""

    seq: int
    id: str
    arrival: int
    source: str
    position: int


@dataclass
class Evidence:
    """Everything that the judge looks at."""

    plan: Plan
    inbox: list[Entry]
    rows: list[Row]  # oldest first
    counts: Mapping[str, int]
    by_status: Mapping[str, int]
    letters: list[tuple[str, int]]  # source, position
    read: Mapping[str, Sequence[ConsumerRecord]]  # input topics
    told: Mapping[str, Sequence[ConsumerRecord]]  # output topics
    asked: Sequence[Asked]
    caught: Mapping[str, frozenset[str]]
    lost: frozenset[str]
    logs: Sequence[Path]
    spans: bytes
    leases: int
    quarantined: int
    until: int
    seconds: float
    attempts: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def requests(self) -> dict[str, list[Asked]]:
        """What the providers were asked, by message."""
        found: dict[str, list[Asked]] = defaultdict(list)
        for one in self.asked:
            found[one.key].append(one)
        return found


async def ends(bootstrap: str, topics: Sequence[str]) -> dict[str, int]:
    """Give the end of every partition, by source."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None)
    await consumer.start()
    try:
        parts = await _parts(consumer, topics)
        found = await consumer.end_offsets(parts)
        return {source_of(part.topic, part.partition): end for part, end in found.items()}
    finally:
        await consumer.stop()


async def records(bootstrap: str, topics: Sequence[str]) -> dict[str, list[ConsumerRecord]]:
    """Give every record of some topics, by source."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = await _parts(consumer, topics)
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        upto = await consumer.end_offsets(parts)
        found: dict[str, list[ConsumerRecord]] = {source_of(part.topic, part.partition): [] for part in parts}
        left = sum(upto.values())
        async with asyncio.timeout(120):
            while left > 0:
                for part, batch in (await consumer.getmany(timeout_ms=500)).items():
                    found[source_of(part.topic, part.partition)] += batch
                    left -= len(batch)
        return found
    finally:
        await consumer.stop()


async def _parts(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    await consumer._client.force_metadata_update()
    return [TopicPartition(topic, n) for topic in topics for n in sorted(consumer.partitions_for_topic(topic) or ())]


async def put_off(machine: Machine, by: int) -> int:
    """Count the messages that wait for another try, of customers for whom something may be due by an instant.

    The table of due times holds lower bounds; only the customer himself tells what waits.
    """
    store = _store(machine)
    await store.open()
    try:
        soon = {int(row[0]) for row in await machine.query(f"SELECT subject FROM due WHERE due <= {by}")}
        names: list[str] = []
        after = 0
        async with store.transaction() as tx:
            while soon and (page := await tx.customers(after, _PAGE)):
                after = page[-1][0]
                names += [name for subject, name in page if subject in soon]
        known = [await store.views.customer(name) for name in names]
        return sum(send.status in _TRIED for one in known if one is not None for send in one.state.hot.sends)
    finally:
        await store.close()


def _store(machine: Machine) -> PostgresStore:
    return PostgresStore(machine.settings["SOJOURN_DATABASE"], Master(bytes.fromhex(MASTER)))


async def gather(machine: Machine, plan: Plan, topics: Sequence[str], until: int, seconds: float) -> Evidence:
    """Read everything; the workers have ended."""
    store = _store(machine)
    await store.open()
    try:
        rows: list[Row] = []
        cursor: str | None = None
        while True:
            page = await store.views.log(LogFilter(), _PAGE, cursor)
            rows += page.rows
            cursor = page.next
            if cursor is None:
                break
        counts, by_status = await store.views.counts(), await store.views.message_counts()
    finally:
        await store.close()
    inbox = [
        Entry(int(seq), name, int(arrival), source, int(position))
        for seq, name, arrival, source, position in await machine.query(
            "SELECT seq, event_id, arrival, source, position FROM inbox ORDER BY seq"
        )
    ]
    letters = await machine.query("SELECT source, position FROM dead_letter ORDER BY number")
    leases = await machine.query("SELECT count(*) FROM outbox WHERE lease_until IS NOT NULL")
    parked = await machine.query("SELECT count(*) FROM dead_letter WHERE reason = 'engine_error'")
    attempts: dict[str, list[str]] = defaultdict(list)
    for message, outcome in await machine.query("SELECT message_id, outcome FROM attempt"):
        attempts[message].append(outcome)
    lost = {name for line in machine.lost.read_bytes().splitlines() for name in msgspec.json.decode(line)}
    return Evidence(
        plan=plan,
        inbox=inbox,
        rows=rows[::-1],
        counts=counts,
        by_status=by_status,
        letters=[(source, int(position)) for source, position in letters],
        read=await records(machine.broker.bootstrap, topics),
        told=await records(machine.broker.bootstrap, OUT),
        asked=machine.providers.asked,
        caught={how: frozenset(ids) for how, ids in machine.caught.items()},
        lost=frozenset(lost),
        logs=[machine.broker.log, machine.database.log, *(worker.log for worker in machine.workers)],
        spans=bytes(machine.providers.spans),
        leases=int(leases[0][0]),
        quarantined=int(parked[0][0]),
        until=until,
        seconds=seconds,
        attempts=attempts,
    )
