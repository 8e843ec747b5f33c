"""The real servers of the other tests: what they keep when they are killed, and that nobody outlives a test run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiokafka
import asyncpg
import pytest
from aiokafka.admin import NewTopic

from tools.servers import KafkaBroker, KafkaCluster, Listener, PostgresServer, ServerError, free_port
from tools.servers.admin import administrator
from tools.servers.process import descendants, listening, lives

PARENT = """
import sys, time
from tools.servers import {name}
server = {name}(sys.argv[1]).start()
from tools.servers.process import descendants
print(server.pid, *descendants(server.pid), flush=True)
time.sleep(60)
"""


async def _count(bootstrap: str, topic: str) -> int:
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        ends = await consumer.end_offsets([aiokafka.TopicPartition(topic, 0)])
        return sum(ends.values())
    finally:
        await consumer.stop()


async def _fill(bootstrap: str, topic: str, records: int, copies: int = 1) -> None:
    async with administrator(bootstrap) as admin:
        await admin.create_topics([NewTopic(topic, 1, copies)])
    await _send(bootstrap, topic, records)


async def _send(bootstrap: str, topic: str, records: int) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    for number in range(records):
        await producer.send(topic, str(number).encode())
    await producer.stop()


async def test_a_killed_broker_comes_back_with_its_data_and_its_port() -> None:
    with KafkaBroker() as broker:
        await _fill(broker.bootstrap, "kept", 300)
        before = broker.bootstrap
        broker.kill9()
        assert not listening(int(before.rpartition(":")[2]))
        broker.start()
        assert broker.bootstrap == before
        assert await _count(before, "kept") == 300
    assert not broker.folder.exists()


async def test_a_frozen_broker_answers_nobody_until_it_is_thawed(kafka: KafkaBroker, topics: str) -> None:
    await _fill(kafka.bootstrap, f"{topics}frozen", 3)
    kafka.freeze()
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_count(kafka.bootstrap, f"{topics}frozen"), 1)
        assert kafka.running
    finally:
        kafka.thaw()
    assert await _count(kafka.bootstrap, f"{topics}frozen") == 3


def test_a_broker_has_several_listeners() -> None:
    listeners = (Listener("PLAINTEXT"), Listener("INSIDE"))
    with KafkaBroker(listeners=listeners) as broker:
        assert listening(broker.ports["PLAINTEXT"])
        assert listening(broker.ports["INSIDE"])
        assert broker.address("INSIDE") != broker.bootstrap


async def test_a_cluster_goes_on_without_one_of_its_brokers(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path) as cluster:
        await _fill(cluster.bootstrap, "kept", 50, copies=3)
        cluster.brokers[1].kill9()
        await _send(cluster.bootstrap, "kept", 50)
        assert [broker.running for broker in cluster.brokers] == [True, False, True]
        assert await _count(cluster.brokers[0].bootstrap, "kept") == 100
        for broker in cluster.brokers:
            broker.kill9()


@pytest.mark.parametrize("durable", [True, False])
async def test_a_killed_postgres_keeps_what_was_committed(durable: bool) -> None:
    with PostgresServer(durable=durable) as server:
        connection = await asyncpg.connect(server.create_database("case"))
        await connection.execute("CREATE TABLE kept (number int)")
        await connection.execute("INSERT INTO kept SELECT generate_series(1, 500)")
        held = descendants(server.pid)
        server.kill9()
        assert held
        assert not any(lives(pid) for pid in held)
        server.start()
        assert server.query("SELECT count(*) FROM kept", database="case") == "500"
        connection.terminate()
    assert not server.data.exists()


async def test_a_frozen_postgres_answers_nobody_until_it_is_thawed() -> None:
    with PostgresServer() as server:
        connection = await asyncpg.connect(server.dsn)
        server.freeze()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asking := asyncio.ensure_future(connection.fetchval("SELECT 7"))), 1)
        server.thaw()
        assert await asyncio.wait_for(asking, 10) == 7
        await connection.close()


def test_a_database_of_a_test_is_its_own(database: str, postgres: PostgresServer) -> None:
    name = database.rpartition("/")[2]
    assert postgres.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name) == "0"


def test_a_clean_restart_keeps_data_in_a_given_folder(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "pg") as first:
        first.query("CREATE TABLE kept (number int)")
        first.restart()
    second = PostgresServer(tmp_path / "pg")
    try:
        second.start()
        assert second.query("SELECT count(*) FROM kept") == "0"
    finally:
        second.discard()


@pytest.mark.parametrize("name", ["KafkaBroker", "PostgresServer"])
def test_nothing_outlives_a_killed_parent(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    command = [sys.executable, "-c", PARENT.format(name=name), str(folder)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 10
    while any(lives(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.1)
    left = [pid for pid in pids if lives(pid)]
    if name == "PostgresServer":
        PostgresServer(folder).discard()
    assert pids
    assert left == []


def test_a_server_that_cannot_start_says_why() -> None:
    server = PostgresServer(settings={"shared_buffers": "much"})
    try:
        with pytest.raises(ServerError, match=r"postgres ended while it started:(.|\n)*shared_buffers"):
            server.start(timeout_s=2)
    finally:
        server.discard()


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="utf-8").split()[0])
    assert all(free_port() < lowest for _ in range(50))
