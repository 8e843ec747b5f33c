"""Reading Kafka with positions in the store: merged order, idle sources, rewinding, workers that come and go."""

from tests.integration.readingkit import Positions, create, now_ms, read_until, reading, send
from tools.servers import KafkaBroker


async def test_a_backlog_of_several_topics_is_read_in_the_order_of_arrival(kafka: KafkaBroker, topics: str) -> None:
    names = [f"{topics}.{name}" for name in "abc"]
    await create(kafka.bootstrap, *names)
    begin = now_ms() - 600_000
    await send(
        kafka.bootstrap,
        ((names[(7 * n) % 3], (5 * n) % 3 if n % 4 else 0, begin + 10 * n, b"%d" % n) for n in range(9_000)),
    )
    positions = Positions()
    async with reading(kafka.bootstrap, names, positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) >= 9_000)
    assert [int(record.value or b"") for record in positions.stored] == list(range(9_000))
    assert positions.conflicts == 0
