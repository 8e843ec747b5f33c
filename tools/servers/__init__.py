"""Real Kafka and PostgreSQL on loopback from pip alone, for tests, benchmarks and `make stack`.

    from tools.servers import KafkaBroker, Listener, PostgresServer

    with KafkaBroker() as kafka:                 # formats, starts, waits until it takes connections
        kafka.bootstrap                          # "127.0.0.1:23456"
        kafka.kill9(); kafka.start()             # data and port are kept
        kafka.freeze(); kafka.thaw()             # SIGSTOP and SIGCONT, children included
    with PostgresServer() as postgres:
        postgres.create_database("case")         # -> "postgresql://postgres@127.0.0.1:23457/case"

`SojournWorker(project, settings)` is a `sojourn worker` with the same handles.

Without a folder a server has a scratch folder of its own, which `discard()` and the end of `with` remove; with
one, its data stay there, and `stop()` leaves them. Every call blocks; from a coroutine use `asyncio.to_thread`.
Servers die with the process that started them, however that ends. tests/conftest.py shares one of each in a
session: the fixtures `kafka` (prefix for topics: `topics`), `postgres` and `database`.

The jars of Kafka are fetched once by `make servers` (part of `make install`), never by a test.
"""

from __future__ import annotations

from tools.servers.jars import KAFKA_VERSION, MissingJarsError, fetch, jars
from tools.servers.kafka import TEST_JVM, THROUGHPUT_JVM, KafkaBroker, KafkaCluster, Listener
from tools.servers.postgres import PostgresServer
from tools.servers.process import Server, ServerError, free_port
from tools.servers.worker import SojournWorker

__all__ = [
    "KAFKA_VERSION",
    "TEST_JVM",
    "THROUGHPUT_JVM",
    "KafkaBroker",
    "KafkaCluster",
    "Listener",
    "MissingJarsError",
    "PostgresServer",
    "Server",
    "ServerError",
    "SojournWorker",
    "fetch",
    "free_port",
    "jars",
]
