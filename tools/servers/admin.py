"""A Kafka admin client that is ready to be asked: a broker that has just begun may not know its controller yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

_TRIES: Final = 200


@asynccontextmanager
async def administrator(bootstrap: str, **options: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give an admin client, closed at the end however that comes; waits up to 20 s for the cluster's controller."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000, **options)
    await client.start()
    try:
        for _ in range(_TRIES):
            if client._client.cluster.controller is not None:
                break
            await client._client.force_metadata_update()
            await asyncio.sleep(0.1)
        yield client
    finally:
        await client.close()
