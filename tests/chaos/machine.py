"""The machine of a chaos run: broker, database, providers and workers, and what can be done to them.

Whatever a worker was doing when it was killed, frozen or ended is read from the database right then: only those calls
may be in doubt because of it.
"""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.project import ROOT
from tests.chaos.providers import Providers
from tools.servers import KafkaBroker, PostgresServer, ServerError, SojournWorker

MASTER: Final = "c4" * 32
DATABASE: Final = "chaos"
CLEAN_S: Final = 10.0
MET: Final = 8  # requests that a bad mood meets at least
BUSY: Final = 4  # calls under way when a worker is hit


class Worker(SojournWorker):
    """A worker whose clean end is watched."""

    def end(self) -> int | None:
        """Ask for an end (SIGTERM) and give the status; None when it did not come within ten seconds."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(CLEAN_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            return None


class Machine:
    """Everything that runs. ``settings`` : of a worker; ``caught``: calls that a trouble met under way."""

    def __init__(
        self, folder: Path, project: Path, providers: Providers, seed: int, rate: float, tell: Callable[[str], None]
    ) -> None:
        self.folder, self.project, self.providers, self._tell = folder, project, providers, tell
        self.broker = KafkaBroker(folder / "kafka")
        self.database = PostgresServer(folder / "postgres", durable=True)
        self.workers: list[Worker] = []
        self.lost = folder / "lost.ndjson"
        self.lost.touch()
        self._calm = folder / "calm"
        self._seed, self._rate = seed, rate
        self.caught: dict[str, set[str]] = {}
        self.did: Counter[str] = Counter()
        self.wrong: list[str] = []

    # ---- start and end

    async def start(self) -> None:
        """Start broker and database, and make the topics."""
        await asyncio.gather(asyncio.to_thread(self.broker.start), asyncio.to_thread(self.database.start))
        await asyncio.to_thread(self.database.create_database, DATABASE)
        words = ["topics", "--partitions", "6", "--replication", "1", "--project", str(self.project)]
        entry = "from sojourn.cli.app import main; main()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", entry, *words, env={**self.broker.environment, **self.settings},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode in (0, 1), said.decode()  # 1: one broker is too few, as it says

    def stop(self) -> None:
        """End all of it at once and remove the data."""
        for worker in self.workers:
            worker.kill9()
        self.broker.kill9()
        self.database.discard()

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of a worker."""
        return {
            "SOJOURN_DATABASE": self.database.address(DATABASE),
            "SOJOURN_KAFKA": self.broker.bootstrap,
            "SOJOURN_KAFKA_GROUP": "chaos",
            "SOJOURN_MASTER_KEY": MASTER,
            "SOJOURN_API_KEY": "a-synthetic-key",
            "SOJOURN_SMS": self.providers.sms,
            "SOJOURN_SMTP": self.providers.smtp,
            "SOJOURN_CALLS": self.providers.calls,
            "SOJOURN_PROJECT": str(self.project),
            "SOJOURN_TRACES": "0.2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.providers.collector,
            "CHAOS_SEED": str(self._seed),
            "CHAOS_RATE": str(self._rate),
            "CHAOS_LOST": str(self.lost),
            "CHAOS_CALM": str(self._calm),
            "PYTHONPATH": str(ROOT),
        }

    async def query(self, statement: str) -> list[list[str]]:
        """Ask the database, as soon as it answers; rows of texts."""
        for _ in range(200):
            try:
                said = await asyncio.to_thread(self.database.query, statement, database=DATABASE)
            except ServerError:
                await asyncio.sleep(0.2)
            else:
                return [line.split("|") for line in said.splitlines()]
        raise AssertionError("the database does not come back")

    # ---- workers

    async def join(self) -> None:
        """Start one more worker."""
        worker = Worker(self.project, self.settings, self.folder / f"worker-{len(self.workers) + 1}")
        self.workers.append(worker)
        await self._up(worker)

    async def leave(self, dice: Random) -> None:
        """End a worker cleanly while calls are under way, and start it again."""
        await self.providers.busy(BUSY, 5)
        worker = self._any(dice)
        pid = worker.pid
        status = await asyncio.to_thread(worker.end)
        if status != 0:
            self.wrong.append(f"a worker ended with status {status} after SIGTERM")
        await self._catch("ended", pid)
        await self._up(worker)

    async def kill(self, dice: Random) -> None:
        """Kill a worker while calls are under way, and start it again."""
        await self.providers.busy(BUSY, 5)
        worker = self._any(dice)
        pid = worker.pid
        await asyncio.to_thread(worker.kill9)
        await asyncio.sleep(0.3)  # what it had asked of the database last is done or undone
        await self._catch("killed", pid)
        await self._up(worker)

    async def freeze(self, dice: Random, seconds: float) -> None:
        """Stop a worker in mid-step for a while, with calls under way."""
        await self.providers.busy(BUSY, 5)
        worker = self._any(dice)
        worker.freeze()
        await asyncio.sleep(0.3)
        await self._catch("frozen", worker.pid)
        await asyncio.sleep(seconds - 0.3)
        worker.thaw()

    def calm(self) -> None:
        """Let no more transactions fail."""
        self._calm.touch()

    async def end_all(self) -> None:
        """End every worker cleanly; each must end by itself within ten seconds."""
        statuses = await asyncio.gather(*(asyncio.to_thread(one.end) for one in self.workers if one.running))
        self.wrong += [f"a worker ended with status {status} at the end" for status in statuses if status != 0]

    async def _up(self, worker: Worker) -> None:
        await asyncio.to_thread(worker.start, 120)

    async def _catch(self, how: str, pid: int) -> None:
        rows = await self.query(f"SELECT message_id FROM outbox WHERE worker LIKE '%-{pid}-%'")
        self.caught.setdefault(how, set()).update(row[0] for row in rows)
        self._tell(f"  {len(rows)} calls were under way in the worker that was {how}")

    def _any(self, dice: Random) -> Worker:
        return dice.choice([one for one in self.workers if one.running and one.url])

    # ---- servers

    async def kill_broker(self, seconds: float) -> None:
        """Kill the broker and start it again with its data."""
        await asyncio.to_thread(self.broker.kill9)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.broker.start)

    async def freeze_broker(self, seconds: float) -> None:
        """Stop the broker in mid-step for a while."""
        self.broker.freeze()
        await asyncio.sleep(seconds)
        self.broker.thaw()

    async def kill_database(self, seconds: float) -> None:
        """Kill PostgreSQL and start it again with its data."""
        await asyncio.to_thread(self.database.kill9)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.database.start)

    async def mood(self, mood: str, seconds: float) -> None:
        """Let the providers misbehave for a while."""
        await self.providers.be(mood, seconds, MET)
