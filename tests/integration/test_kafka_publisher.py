"""Records leave the store for a real broker: all of them, in order for each key, whatever stops on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.publisher import Publisher
from sojourn.ports import Store, StoreBusy, Tx
from sojourn.records import Outgoing
from sojourn.store.memory import MemoryStore
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import master_key
from tools.servers import KafkaBroker, free_port
from tools.servers.admin import administrator

PARTITIONS = 3


def wall() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = MemoryStore(wall)
    await made.open()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    """A broker of this module alone, to be killed and frozen; each test leaves it running."""
    with KafkaBroker() as own:
        yield own


@asynccontextmanager
async def publishing(broker: str, store: Store, wait_s: float = 2.5) -> AsyncIterator[Publisher]:
    publisher = Publisher(KafkaAccess(broker), store, wall, wait_s=wait_s)
    try:
        yield publisher
    finally:
        await publisher.stop()


async def create(broker: str, *topics: str) -> None:
    async with administrator(broker) as admin:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])


async def keep(store: Store, topic: str, first: int, count: int, keys: int = 7) -> None:
    records = [
        Outgoing(id=f"r{n}", topic=topic, key=f"C-{n % keys}", body=b"%d" % n) for n in range(first, first + count)
    ]
    async with store.transaction() as tx:
        await tx.send_out(records)


async def waiting(store: Store) -> bool:
    """Tell whether records wait; while another process sends, they may."""
    async with store.transaction() as tx:
        return bool(await tx.going_out(1))


async def read(broker: str, topic: str) -> list[tuple[str | None, int]]:
    """Give all (key, number) of a topic, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    await consumer.start()
    parts = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    found: list[tuple[str | None, int]] = []
    for part in parts:
        consumer.seek(part, 0)
        while await consumer.position(part) < ends[part]:
            got = (await consumer.getmany(part, timeout_ms=1_000)).get(part, [])
            found += [(record.key.decode() if record.key else None, int(record.value)) for record in got]
    await consumer.stop()
    return found


async def drain(publisher: Publisher, store: Store, within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while await waiting(store):
            if not await publisher.run_once():
                await asyncio.sleep(0.05)


def firsts(read_back: list[tuple[str | None, int]]) -> dict[str | None, list[int]]:
    """Give the numbers of each key in the order in which they came first: what is left when repeats are dropped."""
    found: dict[str | None, list[int]] = {}
    for key, number in read_back:
        numbers = found.setdefault(key, [])
        if number not in numbers:
            numbers.append(number)
    return found


def assert_all_in_order(read_back: list[tuple[str | None, int]], count: int) -> None:
    for key, numbers in firsts(read_back).items():
        assert numbers == sorted(numbers), key
    assert {number for _, number in read_back} == set(range(count))


async def test_all_records_go_out_once_and_in_order(kafka: KafkaBroker, topics: str, store: Store) -> None:
    topic = f"{topics}out"
    await create(kafka.bootstrap, topic)
    await keep(store, topic, 0, 1_234)
    async with publishing(kafka.bootstrap, store) as publisher:
        assert [await publisher.run_once() for _ in range(4)] == [500, 500, 234, 0]
        assert publisher.trouble is None
    found = await read(kafka.bootstrap, topic)
    assert len(found) == 1_234
    assert_all_in_order(found, 1_234)


async def test_a_record_without_a_customer_has_no_key(kafka: KafkaBroker, topics: str, store: Store) -> None:
    topic = f"{topics}out"
    await create(kafka.bootstrap, topic)
    async with store.transaction() as tx:
        await tx.send_out([Outgoing(id="r", topic=topic, key="", body=b"7")])
    async with publishing(kafka.bootstrap, store) as publisher:
        assert await publisher.run_once() == 1
    assert await read(kafka.bootstrap, topic) == [(None, 7)]


async def test_a_broker_that_is_away_is_told_and_waited_for(store: Store) -> None:
    port = free_port()
    broker = KafkaBroker(port=port)
    await keep(store, "out", 0, 10)
    try:
        async with publishing(broker.bootstrap, store) as publisher:
            assert await publisher.run_once() == 0
            assert publisher.trouble is not None
            assert "cannot be reached" in publisher.trouble
            await asyncio.to_thread(broker.start)
            await create(broker.bootstrap, "out")
            await drain(publisher, store)
        assert_all_in_order(await read(broker.bootstrap, "out"), 10)
    finally:
        await asyncio.to_thread(broker.discard)


async def test_records_of_a_topic_that_is_not_there_wait_and_the_others_go(
    kafka: KafkaBroker, topics: str, store: Store
) -> None:
    here, later = f"{topics}here", f"{topics}later"
    await create(kafka.bootstrap, here)
    await keep(store, later, 0, 5)
    await keep(store, here, 0, 5)
    async with publishing(kafka.bootstrap, store) as publisher:
        assert await publisher.run_once() == 5
        assert publisher.trouble is not None
        assert later in publisher.trouble
        await create(kafka.bootstrap, later)
        await drain(publisher, store)
    assert_all_in_order(await read(kafka.bootstrap, here), 5)
    assert_all_in_order(await read(kafka.bootstrap, later), 5)


async def test_a_frozen_broker_holds_no_transaction_up_and_gets_nothing_twice(
    broker: KafkaBroker, topics: str, store: Store
) -> None:
    topic = f"{topics}out"
    await create(broker.bootstrap, topic)
    await keep(store, topic, 0, 50)
    async with publishing(broker.bootstrap, store, wait_s=1) as publisher:
        assert await publisher.run_once() == 50
        await keep(store, topic, 50, 300)
        broker.freeze()
        began = time.monotonic()
        assert await publisher.run_once() == 0
        assert time.monotonic() - began < 2
        assert publisher.trouble == "The broker does not confirm records; they wait in the store"
        assert await waiting(store)
        broker.thaw()
        await drain(publisher, store)
    found = await read(broker.bootstrap, topic)
    assert len(found) == 350
    assert_all_in_order(found, 350)


async def test_the_end_is_bounded_also_when_the_broker_is_silent(
    broker: KafkaBroker, topics: str, store: Store
) -> None:
    topic = f"{topics}out"
    await create(broker.bootstrap, topic)
    await keep(store, topic, 0, 50)
    publisher = Publisher(KafkaAccess(broker.bootstrap), store, wall, wait_s=0.5)
    assert await publisher.run_once() == 50
    await keep(store, topic, 50, 50)
    broker.freeze()
    assert await publisher.run_once() == 0
    began = time.monotonic()
    await publisher.stop()
    assert time.monotonic() - began < 5
    broker.thaw()
    assert await waiting(store)


async def test_a_killed_broker_loses_nothing_and_keeps_the_order(
    broker: KafkaBroker, topics: str, store: Store
) -> None:
    topic = f"{topics}out"
    await create(broker.bootstrap, topic)
    await keep(store, topic, 0, 6_000)
    async with publishing(broker.bootstrap, store) as publisher:
        assert await publisher.run_once() == 500
        killing = asyncio.create_task(asyncio.to_thread(broker.kill9))
        while not killing.done():
            await publisher.run_once()
            await asyncio.sleep(0)
        await asyncio.to_thread(broker.start)
        await drain(publisher, store, within_s=60)
        assert publisher.trouble is None
    assert_all_in_order(await read(broker.bootstrap, topic), 6_000)


async def test_of_many_processes_one_at_a_time_sends(
    kafka: KafkaBroker, topics: str, database: str, tmp_path: Path
) -> None:
    topic = f"{topics}out"
    await create(kafka.bootstrap, topic)
    master = master_key(tmp_path / "master.key", create=True)
    async with AsyncExitStack() as opened:
        stores = [PostgresStore(database, master) for _ in range(3)]
        for store in stores:
            await store.open()
            opened.push_async_callback(store.close)
        publishers = [await opened.enter_async_context(publishing(kafka.bootstrap, store)) for store in stores]
        for first in range(0, 3_000, 300):
            await keep(stores[0], topic, first, 300)
        sent: list[int] = []
        async with asyncio.timeout(30):
            await asyncio.gather(*(send_until(publisher, sent, 3_000) for publisher in publishers))
        assert not await waiting(stores[0])
    found = await read(kafka.bootstrap, topic)
    assert len(found) == 3_000
    assert_all_in_order(found, 3_000)


async def send_until(publisher: Publisher, sent: list[int], count: int) -> None:
    """Send beside others until all together have sent so many."""
    while sum(sent) < count:
        sent.append(await publisher.run_once())
        await asyncio.sleep(0.001)


class LostCommit(MemoryStore):
    """A store whose commits fail after everything was done, as often as ``failing`` says."""

    failing = 0

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with super()._transaction() as tx:
            yield tx
            if self.failing:
                self.failing -= 1
                raise StoreBusy("The connection was lost at the commit")


async def test_what_was_confirmed_and_not_dropped_goes_again_with_the_same_id(kafka: KafkaBroker, topics: str) -> None:
    topic = f"{topics}out"
    await create(kafka.bootstrap, topic)
    store = LostCommit(wall)
    await store.open()
    await keep(store, topic, 0, 20)
    store.failing = 2
    async with publishing(kafka.bootstrap, store) as publisher:
        with pytest.raises(StoreBusy):
            await publisher.run_once()
        with pytest.raises(StoreBusy):  # the same process knows that they are out and does not send them again
            await publisher.run_once()
    assert len(await read(kafka.bootstrap, topic)) == 20
    async with publishing(kafka.bootstrap, store) as another:
        await drain(another, store)
    found = await read(kafka.bootstrap, topic)
    assert len(found) == 40
    assert_all_in_order(found, 20)
    await store.close()
