"""Several producers that publish a plan in its time, whatever happens to the broker."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sojourn.places import place_of
from tests.chaos.plan import Record

PRODUCERS: Final = 3


async def publish(bootstrap: str, records: Sequence[Record], begin: int) -> None:
    """Publish every record at its time or as soon as the broker takes it, those of a customer in their order.

    A record whose confirmation does not come is published again: that is a duplicate at worst.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(PRODUCERS):
            mine = [one for one in records if place_of(one.customer) % PRODUCERS == number]
            group.create_task(_publish(bootstrap, mine, begin))


async def _publish(bootstrap: str, records: Sequence[Record], begin: float) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, request_timeout_ms=5_000
    )
    await producer.start()
    try:
        done = 0
        while done < len(records):
            now = time.time() * 1000 - begin
            upto = done
            while upto < len(records) and records[upto].at <= now and upto - done < 500:
                upto += 1
            if upto == done:
                await asyncio.sleep(min(0.05, (records[done].at - now) / 1000))
                continue
            asked = time.time()
            await _send(producer, records[done:upto])
            begin += _away(time.time() - asked)
            done = upto
    finally:
        await producer.stop()


def _away(seconds: float) -> float:
    """The publishing systems stand still while no broker takes anything: no day is told within one millisecond."""
    return seconds * 1000 if seconds > 1 else 0.0


async def _send(producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
    while True:
        try:
            sent = [await producer.send(one.topic, one.raw, key=one.customer.encode()) for one in records]
            await asyncio.gather(*sent)
        except (KafkaError, TimeoutError):
            await asyncio.sleep(0.5)
        else:
            return
