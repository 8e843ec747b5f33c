"""What operators tell all workers over Kafka: waivers, one JSON object a record (docs/how-to/run-in-production.md)."""

from collections.abc import AsyncIterable

from agents.app import app
from sojourn.kafka.topic_rules import CONTROL

topic = app.topic(CONTROL, value_serializer="raw", key_serializer="raw")


@app.agent(topic)
async def control(records: AsyncIterable[bytes | None]) -> None:
    """Give each word to the engine, which keeps what it cannot read as a dead letter; nothing is raised here."""
    async for record in records:
        await app.work.hear(record)
