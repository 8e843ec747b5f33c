"""Puts lines of events on their topics, keyed by customer, each with the time at which it arrived."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from sojourn.definitions.catalogue import Catalogue
from sojourn.schema import instant_at

_UNREADABLE: Final = "cj.activity.v1"  # where a line goes of which nobody can tell what it is


class _Head(msgspec.Struct):
    type: str
    customer_id: str
    occurred_at: datetime
    arrives_at: datetime | None = None


_read = msgspec.json.Decoder(_Head).decode


def arrived(line: bytes) -> int:
    """Give when an event arrived, 0 for a line that cannot be read."""
    try:
        head = _read(line)
    except msgspec.MsgspecError:
        return 0
    return instant_at(head.arrives_at or head.occurred_at)


class Feed:
    """Publishes lines; what is published is on the broker's disk cache, not replicated."""

    def __init__(self, producer: AIOKafkaProducer, catalogue: Catalogue) -> None:
        self._producer = producer
        self._topics = {name: one.topic for name, one in catalogue.types.items()}
        self._last = 0

    async def put(self, lines: Iterable[bytes], at: int | None = None) -> int:
        """Publish lines with their own times of arrival, or all with one; give how many."""
        sent = 0
        for line in lines:
            await self._send(line.rstrip(b"\n"), at)
            sent += 1
        await self.flush()
        return sent

    async def post(self, line: bytes, at: int) -> None:
        """Publish one line without waiting for it."""
        await self._send(line, at)

    async def flush(self) -> None:
        """Wait until all is published."""
        await self._producer.flush()

    async def _send(self, line: bytes, at: int | None) -> None:
        try:
            head = _read(line)
        except msgspec.MsgspecError:
            await self._producer.send(_UNREADABLE, line, timestamp_ms=at or self._last)
            return
        self._last = at or instant_at(head.arrives_at or head.occurred_at)
        if self._last > time.time() * 1000:
            raise SystemExit("these events lie in the future: publish fewer of them, of more customers")
        topic = self._topics.get(head.type, _UNREADABLE)
        await self._producer.send(topic, line, key=head.customer_id.encode(), timestamp_ms=self._last)


@asynccontextmanager
async def feeding(bootstrap: str, catalogue: Catalogue) -> AsyncIterator[Feed]:
    """Give a feed and close it."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks=1, linger_ms=5, max_batch_size=64 << 10)
    await producer.start()
    try:
        yield Feed(producer, catalogue)
    finally:
        await producer.stop()
