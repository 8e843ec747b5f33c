"""Production on one machine for benchmarks: a broker, PostgreSQL that waits for its disk, topics, workers, a gateway.

All of it shares the processors with what measures it. Topics carry the events' own times, and nothing is deleted from
them, so that a year that is published within a minute is decided as the year.
"""

import asyncio
import contextlib
import json
import secrets
import shutil
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.engine import child, copy_project
from benchmarks.project import Loaded, load
from sojourn.outputs import TOPICS
from tools.servers import THROUGHPUT_JVM, KafkaBroker, PostgresServer, SojournWorker
from tools.servers.process import descendants

PARTITIONS: Final = 6
_LEADERS_S: Final = 2.0  # until every partition has its leader
KEY: Final = "benchmark"
#: The same for what is measured and for what it is measured against. fsync and synchronous_commit stay on.
_POSTGRES: Final[Mapping[str, object]] = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
}
_STORED: Final = "SELECT coalesce(sum(next), 0) FROM position WHERE source LIKE 'kafka:%'"
_KEPT: Final = {"retention.ms": "-1", "segment.ms": str(1 << 40), "message.timestamp.type": "CreateTime"}
_CHANNELS: Final = "sms: {at_once: 200}\nemail: {at_once: 64, from: bench@example.com}\ncalls: {at_once: 200}\n"


class Installation:
    """Broker and database, and whatever is started on them; everything ends with ``installed``."""

    def __init__(self, folder: Path, project: Path, stack: contextlib.ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.project: Loaded = load(project)
        self.home = folder / "project"
        copy_project(project, self.home)
        (self.home / "channels.yaml").write_text(_CHANNELS, encoding="utf-8")
        self.kafka = stack.enter_context(KafkaBroker(folder / "kafka", jvm=THROUGHPUT_JVM))
        self.postgres = stack.enter_context(PostgresServer(folder / "postgres", durable=True, settings=_POSTGRES))
        self._key = secrets.token_hex(32)
        self._count = count(1)

    async def make_topics(self, partitions: int = PARTITIONS) -> None:
        """Make the topics of events and those that the engine writes, for times that lie months back."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            inputs = [NewTopic(name, partitions, 1, topic_configs=_KEPT) for name in self.project.catalogue.topics]
            others = [NewTopic(name, partitions, 1) for name in [*(each.name for each in TOPICS), "cj.control.v1"]]
            await admin.create_topics(inputs + others)
            await asyncio.sleep(_LEADERS_S)
        finally:
            await admin.close()

    def database(self) -> str:
        """Make an empty database and give its address."""
        return self.postgres.create_database(f"bench_{next(self._count)}")

    def worker(
        self,
        database: str,
        *,
        roles: Sequence[str] = (),
        ways_out: Mapping[str, str] | None = None,
        program: Sequence[str] = (),
        group: str = "sojourn",
    ) -> SojournWorker:
        """Give a worker that is not started yet."""
        number = next(self._count)
        settings = {
            "SOJOURN_KAFKA": self.kafka.bootstrap,
            "SOJOURN_DATABASE": database,
            "SOJOURN_MASTER_KEY": self._key,
            "SOJOURN_API_KEY": KEY,
            "SOJOURN_KAFKA_GROUP": group,
            **(ways_out or {}),
        }
        home = self.folder / f"worker-{number}"
        shutil.copytree(self.home, home)
        worker = SojournWorker(home, settings, home / "log", roles=roles, program=program)
        self._stack.callback(worker.kill9)
        return worker

    def spent(self) -> tuple[float, float]:
        """Give the processor seconds that PostgreSQL and the broker have used, with the processes that live now."""
        each = [[one.pid, *descendants(one.pid)] for one in (self.postgres, self.kafka)]
        return sum(map(cpu_s, each[0])), sum(map(cpu_s, each[1]))

    def gateway(self) -> dict[str, str]:
        """Start providers that take everything, and give the settings that name them."""
        urls = self._stack.enter_context(child([sys.executable, "-m", "benchmarks.gateway"], {}, self.folder))
        return {"SOJOURN_SMS": urls["sms"], "SOJOURN_CALLS": urls["calls"], "SOJOURN_SMTP": urls["smtp"]}


@contextlib.contextmanager
def installed(folder: Path, project: Path) -> Iterator[Installation]:
    """Start broker and database, and end all that was started on them."""
    with contextlib.ExitStack() as stack:
        yield Installation(folder, project, stack)


async def ask(database: str, statement: str, *values: object) -> list[Any]:
    """Run one statement on a connection of its own and give its rows."""
    connection = await asyncpg.connect(database)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def looking(database: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Give what tells how many records of Kafka are behind the positions of a database; 0 where it has none yet."""
    connection = await asyncpg.connect(database)

    async def look() -> int:
        try:
            return int(await connection.fetchval(_STORED))
        except asyncpg.UndefinedTableError:
            return 0

    try:
        yield look
    finally:
        await connection.close()


def metrics(worker: SojournWorker) -> dict[str, float]:
    """Give the metrics of a worker by the name that they have in its text, labels included."""
    request = urllib.request.Request(f"{worker.url}/metrics", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[:1] != "#") if name}


def memory_mb(pid: int) -> float:
    """Give the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has no memory: it ended")


def cpu_s(pid: int) -> float:
    """Give the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / 100  # its own, and that of children that have ended


def told(**what: object) -> None:
    """Print one line of JSON, as a process for its parent."""
    print(json.dumps(what), flush=True)
