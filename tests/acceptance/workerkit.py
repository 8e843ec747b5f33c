"""`sojourn worker` as processes, on a real broker and a real database, in a project of their own."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from tests.acceptance.runkit import KEY, ROOT, environment, insurer
from tools.servers.admin import administrator

BIN = Path(sys.executable).parent
MASTER = "5e" * 32


def project(folder: Path) -> Path:
    """Give a copy of the reference insurer's project, agents included."""
    shutil.copytree(ROOT / "agents", insurer(folder) / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def setting(database: str, kafka: str, group: str, **more: str) -> dict[str, str]:
    """Give the settings of a worker."""
    return {
        "SOJOURN_DATABASE": database,
        "SOJOURN_KAFKA": kafka,
        "SOJOURN_KAFKA_GROUP": group,
        "SOJOURN_MASTER_KEY": MASTER,
        "SOJOURN_API_KEY": KEY,
        "SOJOURN_LISTEN": "127.0.0.1:0",
    } | more


class Worker:
    """One worker as a process; ``said`` is what it wrote to standard error."""

    def __init__(self, folder: Path, env: Mapping[str, str], *words: str, faust: bool = False) -> None:
        self.folder, self.env, self.words, self.faust = folder, env, words, faust
        self.process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.errors = folder / f"stderr-{id(self)}.log"

    async def start(self, *, wait: bool = True) -> "Worker":
        """Start it, and wait until it is ready."""
        command = [str(BIN / "sojourn"), "worker", *self.words]
        if self.faust:
            command = [str(BIN / "faust"), "-A", "agents.app", "worker", *self.words]
        with self.errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env=environment(**self.env), stdout=asyncio.subprocess.PIPE, stderr=errors
            )
        if wait:
            await self.ready()
        return self

    async def ready(self) -> None:
        """Wait for the ready line."""
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(40):
            async for line in self.process.stdout:
                if b'"ready"' in line:
                    self.url = json.loads(line)["url"]
                    return
        raise AssertionError(f"it ended before it was ready: {self.said[-3000:]}")

    @property
    def said(self) -> str:
        """What it wrote to standard error."""
        return self.errors.read_text(encoding="utf-8")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def stop(self) -> int:
        """Ask for an end and give the status; it must come within ten seconds."""
        self.signal(signal.SIGTERM)
        return await self.ended(10)

    async def ended(self, seconds: float) -> int:
        """Give the status of its end."""
        assert self.process is not None
        try:
            async with asyncio.timeout(seconds):
                return await self.process.wait()
        except TimeoutError:
            raise AssertionError(f"it did not end in time: {self.said[-3000:]}") from None

    async def kill(self) -> None:
        """End it whatever it does."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def get(self, path: str) -> Any:
        """GET an address with the key, as JSON; an answer of 503 is one."""
        head = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=head) as answer:
            return await answer.json()

    async def text(self, path: str) -> str:
        """GET an address as text."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return await answer.text()

    async def post(self, events: Sequence[Mapping[str, Any]]) -> int:
        """POST events and give the status."""
        head = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/events", json=list(events), headers=head) as answer,
        ):
            return answer.status


@contextlib.asynccontextmanager
async def workers(*several: Worker) -> AsyncIterator[None]:
    """End all of them at the end, whatever happens."""
    try:
        yield
    finally:
        for one in several:
            await one.kill()


async def make_topics(kafka: str, names: Sequence[str], partitions: int = 3) -> None:
    """Create topics."""
    async with administrator(kafka) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])


async def publish(kafka: str, records: Sequence[tuple[str, str, Mapping[str, Any] | None]]) -> None:
    """Publish events: (topic, customer, envelope, or None for a record without a value); confirmed at the return."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic, None if value is None else json.dumps(value, ensure_ascii=False).encode(), key=customer.encode()
            )
            for topic, customer, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def until(holds: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait until something holds, at most so long; a coroutine function is awaited."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert asyncio.get_running_loop().time() < end, f"it did not come to pass: {what}"
        await asyncio.sleep(0.1)
