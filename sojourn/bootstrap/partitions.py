"""How many partitions each topic has: timers wait for all of them, so nobody may guess too few."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.values import place_in
from sojourn.records import Position

_ANSWER_S: Final = 5.0


class Partitions:
    """The topics that carry events, with their partitions, as the brokers say; while they are away as last known.

    A topic that the brokers do not have and of which nothing is stored carries nothing and is left out. Until they
    have answered once, a topic of which nothing is stored counts as one partition that was never read.
    """

    def __init__(self, access: KafkaAccess) -> None:
        self._access = access
        self._client: AIOKafkaClient | None = None
        self._told: Mapping[str, int] | None = None
        self.trouble: str | None = None

    def counts(self, topics: Collection[str], positions: Mapping[str, Position]) -> dict[str, int]:
        """Give the number of partitions of each topic; never fewer than have a stored position."""
        stored: dict[str, int] = {}
        for source in positions:
            place = place_in(source)
            if place is not None:
                stored[place[0]] = max(stored.get(place[0], 0), place[1] + 1)
        told = self._told
        return {
            topic: max(1, stored.get(topic, 0), 0 if told is None else told.get(topic, 0))
            for topic in topics
            if told is None or topic in told or topic in stored
        } or dict.fromkeys(list(topics)[:1], 1)

    def told(self, counts: Mapping[str, int] | None) -> None:
        """Take what the brokers say of all topics; None: they have not answered yet."""
        self._told = counts

    async def look(self) -> None:
        """Ask the brokers; what they do not answer stays as it was, and ``trouble`` says why."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                told = await self._ask()
        except (KafkaError, OSError, TimeoutError) as error:
            self.trouble = f"the brokers do not answer ({type(error).__name__})"
            await self.close()
            return
        self.told(told)
        self.trouble = None

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self) -> dict[str, int]:
        if self._client is None:
            client = AIOKafkaClient(client_id="sojourn-topics", **self._access.arguments())
            self._client = client
            await client.bootstrap()
        if not await self._client.force_metadata_update():
            raise TimeoutError
        cluster = self._client.cluster
        return {topic: len(found) for topic in cluster.topics() if (found := cluster.partitions_for_topic(topic))}
