"""Reading Kafka while brokers die, freeze and lose things: it goes on by itself, and says what is wrong."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from sojourn.kafka.values import Notice
from tests.integration.readingkit import Positions, create, now_ms, read_until, reading, send
from tools.servers import KafkaBroker, KafkaCluster
from tools.servers.admin import administrator


@pytest.fixture
def broker() -> Iterator[KafkaBroker]:
    """A broker of the test's own, to be killed."""
    with KafkaBroker() as own:
        yield own


async def test_a_broker_that_is_killed_and_started_again_loses_nothing(broker: KafkaBroker) -> None:
    await create(broker.bootstrap, "a", "b")
    positions = Positions()
    async with reading(broker.bootstrap, ["a", "b"], positions, "g") as reader:
        await send(broker.bootstrap, (("ab"[n % 2], n % 3, now_ms(), b"%d" % n) for n in range(3_000)))
        await read_until(reader, positions, lambda: len(positions.stored) > 500)
        await asyncio.to_thread(broker.kill9)
        await read_until(reader, positions, lambda: reader.trouble is not None)
        await asyncio.to_thread(broker.start)
        await send(broker.bootstrap, (("ab"[n % 2], n % 3, now_ms(), b"%d" % n) for n in range(3_000, 3_100)))
        await read_until(reader, positions, lambda: len(positions.stored) >= 3_100, within_s=40)
        await read_until(reader, positions, lambda: reader.trouble is None)
    assert sorted(int(record.value or b"") for record in positions.stored) == list(range(3_100))


async def test_a_broker_that_is_frozen_holds_nothing_back_once_it_moves(broker: KafkaBroker) -> None:
    await create(broker.bootstrap, "a")
    positions = Positions()
    async with reading(broker.bootstrap, ["a"], positions, "g") as reader:
        await send(broker.bootstrap, (("a", n % 3, now_ms(), b"%d" % n) for n in range(300)))
        await read_until(reader, positions, lambda: len(positions.stored) == 300)
        broker.freeze()
        frozen = now_ms()
        with contextlib.suppress(TimeoutError):
            await read_until(reader, positions, lambda: False, within_s=4)
        assert reader.trouble is not None
        assert all(at.stored_to <= frozen for at in positions.at.values())
        broker.thaw()
        await send(broker.bootstrap, (("a", n % 3, now_ms(), b"%d" % n) for n in range(300, 600)))
        await read_until(
            reader, positions, lambda: len(positions.stored) >= 600 and reader.trouble is None, within_s=40
        )
    assert sorted(int(record.value or b"") for record in positions.stored) == list(range(600))


async def test_a_reader_starts_before_its_broker_and_stops_without_it(tmp_path: Path) -> None:
    broker = KafkaBroker(tmp_path)
    positions, before = Positions(), asyncio.all_tasks()
    async with reading(broker.bootstrap, ["a"], positions, "g") as reader:
        await read_until(reader, positions, lambda: reader.trouble is not None)
        assert "takes no connection" in (reader.trouble or "")
        with broker:
            await create(broker.bootstrap, "a", partitions=1)
            await send(broker.bootstrap, [("a", 0, now_ms(), b"one")])
            await read_until(reader, positions, lambda: len(positions.stored) == 1, within_s=30)
            broker.freeze()
            began = asyncio.get_running_loop().time()
            await reader.stop()
            assert asyncio.get_running_loop().time() - began < 6
            assert asyncio.all_tasks() == before
            broker.thaw()


async def test_a_partition_without_a_leader_holds_the_others_for_two_seconds(tmp_path: Path) -> None:
    cluster = await asyncio.to_thread(KafkaCluster(tmp_path, count=3).start)
    try:
        async with administrator(cluster.bootstrap) as client:
            await client.create_topics([NewTopic("a", -1, -1, replica_assignments={0: [1], 1: [3]})])
        positions = Positions()
        begin = now_ms() - 60_000
        await send(cluster.bootstrap, (("a", n % 2, begin + n, b"%d" % n) for n in range(2_000)))
        await asyncio.to_thread(cluster.brokers[2].kill9)
        async with reading(cluster.bootstrap, ["a"], positions, "g") as reader:
            await read_until(reader, positions, lambda: len(reader.assigned) == 2, within_s=40)
            assigned = asyncio.get_running_loop().time()
            await read_until(reader, positions, lambda: len(positions.stored) == 1_000)
            assert asyncio.get_running_loop().time() - assigned < 4
            assert "kafka:a/1" not in positions.at
            await asyncio.to_thread(cluster.brokers[2].start)
            await read_until(reader, positions, lambda: len(positions.stored) == 2_000, within_s=40)
    finally:
        await asyncio.to_thread(cluster.discard)


async def test_a_topic_that_is_created_anew_is_noticed_and_read_from_its_beginning(
    kafka: KafkaBroker, topics: str
) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"%d" % n) for n in range(100)))
    positions, notices = Positions(), list[Notice]()
    async with reading(kafka.bootstrap, [name], positions, topics, notice=notices.append) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 100)
        async with administrator(kafka.bootstrap) as client:
            await client.delete_topics([name])
        await read_until(reader, positions, lambda: not reader.assigned, within_s=30)
        await create(kafka.bootstrap, name, partitions=1)
        await send(kafka.bootstrap, ((name, 0, now_ms(), b"new %d" % n) for n in range(30)))
        await read_until(reader, positions, lambda: len(positions.stored) == 130, within_s=30)
    assert notices == [Notice("recreated", f"kafka:{name}/0", 100, 30)]
    assert positions.at[f"kafka:{name}/0"].next == 30
    assert positions.stored[-1].value == b"new 29"


async def test_records_that_retention_took_unread_are_told_and_passed(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"%d" % n) for n in range(10)))
    positions, notices = Positions(), list[Notice]()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 10)
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"%d" % n) for n in range(10, 30)))
    async with administrator(kafka.bootstrap) as client:
        await client.delete_records({TopicPartition(name, 0): RecordsToDelete(25)})
    async with reading(kafka.bootstrap, [name], positions, topics, notice=notices.append) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 15)
    assert notices == [Notice("expired", f"kafka:{name}/0", 10, 25)]
    assert [record.offset for record in positions.stored[10:]] == [25, 26, 27, 28, 29]


async def test_a_topic_created_anew_is_noticed_also_when_it_is_longer_than_the_old_one(
    kafka: KafkaBroker, topics: str
) -> None:
    name, other = f"{topics}a", f"{topics}b"
    await create(kafka.bootstrap, name, other, partitions=1)
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"%d" % n) for n in range(10)))
    positions, notices = Positions(), list[Notice]()
    async with reading(kafka.bootstrap, [name, other], positions, topics, notice=notices.append) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 10)
        async with administrator(kafka.bootstrap) as client:
            await client.delete_topics([name])
        async with asyncio.timeout(20):
            while True:  # deleting takes a moment
                with contextlib.suppress(KafkaError):
                    await create(kafka.bootstrap, name, partitions=1)
                    break
        await send(kafka.bootstrap, ((name, 0, now_ms(), b"new %d" % n) for n in range(30)))
        await read_until(reader, positions, lambda: len(positions.stored) >= 40, within_s=30)
    assert [record.value for record in positions.stored[10:]] == [b"new %d" % n for n in range(30)]
    assert [(notice.kind, notice.stored) for notice in notices] == [("recreated", 10)]
    assert len({record.epoch for record in positions.stored}) == 2
    assert len({(record.source, record.epoch, record.offset) for record in positions.stored}) == 40


async def test_a_topic_created_anew_while_nobody_read_is_noticed_by_its_id(kafka: KafkaBroker, topics: str) -> None:
    name = f"{topics}a"
    await create(kafka.bootstrap, name, partitions=1)
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"%d" % n) for n in range(10)))
    positions, notices = Positions(), list[Notice]()
    async with reading(kafka.bootstrap, [name], positions, topics) as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 10)
    async with administrator(kafka.bootstrap) as client:
        await client.delete_topics([name])
    async with asyncio.timeout(20):
        while True:  # deleting takes a moment
            with contextlib.suppress(KafkaError):
                await create(kafka.bootstrap, name, partitions=1)
                break
    await send(kafka.bootstrap, ((name, 0, now_ms(), b"new %d" % n) for n in range(30)))
    # Also where new topics begin at their end: this one is not new to us, and nobody has read what is in it.
    async with reading(kafka.bootstrap, [name], positions, topics, notice=notices.append, begin="latest") as reader:
        await read_until(reader, positions, lambda: len(positions.stored) >= 40, within_s=30)
    assert [record.value for record in positions.stored[10:]] == [b"new %d" % n for n in range(30)]
    assert notices == [Notice("recreated", f"kafka:{name}/0", 10, 30)]
    assert positions.at[f"kafka:{name}/0"].next == 30
    async with reading(kafka.bootstrap, [name], positions, topics, notice=notices.append) as reader:
        await send(kafka.bootstrap, [(name, 0, now_ms(), b"one more")])
        await read_until(reader, positions, lambda: len(positions.stored) >= 41, within_s=30)
    assert (len(notices), len(positions.stored)) == (1, 41)


async def test_a_partition_that_cannot_be_read_stops_only_itself(broker: KafkaBroker) -> None:
    await create(broker.bootstrap, "a")
    await send(broker.bootstrap, (("a", n % 3, now_ms(), b"number %d" % n) for n in range(30)))
    await asyncio.to_thread(broker.stop)
    segment = broker.folder / "data" / "a-1" / f"{0:020}.log"
    whole = segment.read_bytes()
    segment.write_bytes(whole.replace(b"number 4", b"numberX4"))
    await asyncio.to_thread(broker.start)
    positions = Positions()
    async with reading(broker.bootstrap, ["a"], positions, "g") as reader:
        await read_until(reader, positions, lambda: len(positions.stored) == 20)
        assert "kafka:a/1 cannot be read (CorruptRecordException)" in (reader.trouble or "")
        await send(broker.bootstrap, (("a", 2 * (n % 2), now_ms(), b"more") for n in range(20)))
        await read_until(reader, positions, lambda: len(positions.stored) == 40)
        assert positions.at.get("kafka:a/1") is None
        segment.write_bytes(whole)
        await read_until(reader, positions, lambda: len(positions.stored) == 50)
        assert reader.trouble is None
