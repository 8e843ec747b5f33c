"""What the tests of reading Kafka share: topics, records at given times, positions in a dict with compare-and-set."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import aiokafka
from aiokafka.admin import NewTopic

from sojourn.intake.frontier import MARGIN_MS
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import Chunk, Record
from sojourn.records import Move, Position
from tools.servers.admin import administrator


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Positions:
    """Positions as the store keeps them, and everything that was stored with them."""

    def __init__(self) -> None:
        self.at: dict[str, Position] = {}
        self.stored: list[Record] = []
        self.conflicts = 0

    async def read(self, sources: Collection[str]) -> Mapping[str, Position]:
        await asyncio.sleep(0)
        return {source: self.at[source] for source in sources if source in self.at}

    def commit(self, chunk: Chunk, now: int) -> list[Move] | None:
        """Store a chunk with its moves, or nothing when one source stands elsewhere than expected."""
        moves = moves_of(chunk, self.at, now)
        for move in moves:
            have = self.at.get(move.source)
            if (None if have is None else have.next) != move.expect:
                self.conflicts += 1
                return None
        self.at |= {move.source: move.to for move in moves}
        self.stored += chunk.records
        return moves


def moves_of(chunk: Chunk, at: Mapping[str, Position], now: int) -> list[Move]:
    stored_to = {source: position.stored_to for source, position in at.items()}
    stored_to |= {record.source: record.arrival for record in chunk.records}
    for source in chunk.idle:
        stored_to[source] = max(stored_to.get(source, 0), chunk.looked_at - MARGIN_MS)
    return [
        Move(source, span.expect, Position(span.next, stored_to[source], now, epoch=span.epoch))
        for source, span in chunk.spans.items()
    ]


async def step(reader: Reader, positions: Positions, limit: int = 500, wait_s: float = 0.2) -> Chunk:
    """Read, store and keep one chunk; rewind on a conflict."""
    chunk = await reader.next(limit, wait_s)
    moves = positions.commit(chunk, now_ms())
    await (reader.rewind() if moves is None else reader.keep(chunk))
    return chunk


async def next_records(reader: Reader, limit: int, within_s: float = 20.0) -> Chunk:
    """Give the first chunk that has records."""
    async with asyncio.timeout(within_s):
        while not (chunk := await reader.next(limit)).records:
            pass
    return chunk


async def read_until(reader: Reader, positions: Positions, done: Callable[[], bool], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not done():
            await step(reader, positions)


async def create(bootstrap: str, *topics: str, partitions: int = 3, **configs: str) -> None:
    async with administrator(bootstrap) as client:
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=configs) for name in topics])


async def send(bootstrap: str, records: Iterable[tuple[str, int, int | None, bytes]], **options: Any) -> None:
    """Send (topic, partition, timestamp, value)."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, **options)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(t, v, partition=p, timestamp_ms=at) for t, p, at, v in records])
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def reading(
    bootstrap: str, topics: Sequence[str], positions: Positions, group: str, **options: Any
) -> AsyncIterator[Reader]:
    reader = Reader(KafkaAccess(bootstrap), topics, group, positions.read, now_ms, metadata_s=2.0, **options)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()
