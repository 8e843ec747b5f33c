"""The yardstick of intake: a bare consumer that decides nothing and stores as much.

Per batch of 500 in one transaction it reads and upserts the customers' states (450 to 2,000 bytes), writes an inbox row
and a log row for each event, and the positions: aiokafka, asyncpg, unnest and COPY. A process of its own:

    python -m benchmarks.production.yardstick BOOTSTRAP DATABASE RECORDS TOPIC ...

prints {"ready": true}, reads from where its positions stand until so many records more are stored, and prints seconds.
"""

import asyncio
import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.production.installation import told

BATCH: Final = 500
_LONGEST_S: Final = 60
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS yard_state (customer text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE IF NOT EXISTS yard_inbox (seq bigserial PRIMARY KEY, customer text NOT NULL, arrival bigint, raw bytea);
CREATE TABLE IF NOT EXISTS yard_log (seq bigserial PRIMARY KEY, customer text NOT NULL, at bigint, status text,
  body bytea);
CREATE TABLE IF NOT EXISTS yard_position (source text PRIMARY KEY, next bigint NOT NULL);
"""
_READ: Final = "SELECT customer, body FROM yard_state WHERE customer = ANY ($1)"
_SAVE: Final = """INSERT INTO yard_state SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (customer) DO UPDATE SET body = excluded.body"""
_MOVE: Final = """INSERT INTO yard_position SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (source) DO UPDATE SET next = excluded.next"""
_BYTES: Final = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(512))  # no two states alike, nothing to pack


def _state(customer: str, turn: int) -> bytes:
    """Give 450 to 2,000 bytes that change with every write."""
    size = 450 + hash(customer) % 1551
    begin = (turn * 37) % (len(_BYTES) - 2_000)
    return _BYTES[begin : begin + size]


async def _store(
    connection: "asyncpg.Connection[Any]", fetched: Mapping[TopicPartition, Sequence[Any]], turn: int
) -> int:
    records = [record for each in fetched.values() for record in each]
    customers = [(record.key or b"").decode() for record in records]
    names = list(dict.fromkeys(customers))
    async with connection.transaction():
        await connection.fetch(_READ, names)
        await connection.execute(_SAVE, names, [_state(name, turn) for name in names])
        inbox = [(name, record.timestamp, record.value) for name, record in zip(customers, records, strict=True)]
        await connection.copy_records_to_table("yard_inbox", records=inbox, columns=("customer", "arrival", "raw"))
        log = [(name, record.timestamp, "sent", _BYTES[:300]) for name, record in zip(customers, records, strict=True)]
        await connection.copy_records_to_table("yard_log", records=log, columns=("customer", "at", "status", "body"))
        last = {f"{part.topic}/{part.partition}": each[-1].offset + 1 for part, each in fetched.items()}
        await connection.execute(_MOVE, list(last), list(last.values()))
    return len(records)


async def _run(bootstrap: str, database: str, wanted: int, topics: Sequence[str]) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(_TABLES)
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=65_536
    )
    await consumer.start()
    parts = consumer.assignment()  # without a group: all of them
    stood = {row["source"]: row["next"] for row in await connection.fetch("SELECT * FROM yard_position")}
    for part in parts:
        consumer.seek(part, stood.get(f"{part.topic}/{part.partition}", 0))
    told(ready=True)
    done = turn = 0
    began = time.perf_counter()
    cpu = time.process_time()
    while done < wanted:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
        if not fetched and time.perf_counter() - began > _LONGEST_S:
            raise SystemExit(f"only {done} of {wanted} records came")
        if fetched:
            turn += 1
            done += await _store(connection, fetched, turn)
    seconds = time.perf_counter() - began
    told(records=done, seconds=seconds, cpu=time.process_time() - cpu)
    await consumer.stop()
    await connection.close()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
