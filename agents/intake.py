"""The hot topics: batches that a service reads (sojourn.kafka), each one transaction of the engine."""

from collections.abc import AsyncIterable

from agents.app import app
from sojourn.bootstrap.inflow import Batch


@app.agent(app.batches, concurrency=2)
async def intake(batches: AsyncIterable[Batch]) -> None:
    """Give each batch to the engine, two at a time; what goes wrong stands in the batch and is not raised here."""
    async for batch in batches:
        await app.work.take(batch)
