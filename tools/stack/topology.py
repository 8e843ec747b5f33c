"""What the stack is made of, where it lies, and how it is kept alive.

Everything is under one folder: data of the servers, a project folder for each worker, logs, the master key, the
ports. A second start finds all of it again.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from tools.build_hook import STARTER
from tools.servers import THROUGHPUT_JVM, KafkaBroker, PostgresServer, Server, ServerError, SojournWorker, free_port
from tools.servers.process import listening

ROOT = Path(__file__).resolve().parent.parent.parent
_OPTIONAL = ("topics.yaml",)
_QUICK_S = 5.0  # who ends sooner than this after a start did not really start
_TRIES = 5


class Topology:
    """Kafka, PostgreSQL and workers on `folder`; `say` is told what happens, one line each."""

    def __init__(self, folder: Path, say: Callable[[str], None], *, project: Path = ROOT, workers: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._say, self._project = folder, say, project
        ports = _ports(folder / "ports.json")
        self.kafka = KafkaBroker(
            folder / "kafka", jvm=THROUGHPUT_JVM, port=ports["kafka"], controller_port=ports["controller"]
        )
        self.postgres = PostgresServer(folder / "postgres", durable=True, port=ports["postgres"])
        self.settings = {
            "SOJOURN_KAFKA": self.kafka.bootstrap,
            "SOJOURN_DATABASE": self.postgres.address("sojourn"),
            "SOJOURN_MASTER_KEY_FILE": str(_key(folder / "master.key")),
            "SOJOURN_API_KEY_FILE": str(_key(folder / "api.key")),
        }
        self._names = [f"worker-{number}" for number in range(1, workers + 1)]
        self.workers: list[SojournWorker] = []
        self._short: dict[str, int] = {}

    async def start_servers(self) -> None:
        """Starts Kafka and PostgreSQL side by side and makes the database where there is none."""
        await asyncio.gather(asyncio.to_thread(self.kafka.start), asyncio.to_thread(self.postgres.start))
        if not self.postgres.query("SELECT 1 FROM pg_database WHERE datname = 'sojourn'"):
            self.postgres.create_database("sojourn")

    async def make_topics(self) -> str:
        """Lets `sojourn topics` create what is missing, and gives what it said; advice in it (status 1) is fine."""
        words = ("topics", "--project", str(self._project), "--partitions", "6", "--replication", "1")
        return await asyncio.to_thread(self.command, *words, good=(0, 1))

    async def start_workers(self, ways_out: Mapping[str, str]) -> None:
        """Starts the workers, each in a copy of the project folder; they send to `ways_out`."""
        settings = {**self.settings, **ways_out}
        self._write_settings(settings)
        self.workers = [SojournWorker(self._copy(name), settings, self.folder / "logs" / name) for name in self._names]
        await asyncio.gather(*(asyncio.to_thread(worker.start) for worker in self.workers))

    async def keep_alive(self, stopping: asyncio.Event) -> None:
        """Starts again whatever ends, until `stopping`; kill any of it and watch.

        Raises:
            ServerError: One ended right after its start, five times in a row.
        """
        members: dict[str, Server] = {"Kafka": self.kafka, "PostgreSQL": self.postgres}
        members |= dict(zip(self._names, self.workers, strict=True))
        started = dict.fromkeys(members, time.monotonic())
        while not stopping.is_set():
            for name, server in members.items():
                if not server.running and not stopping.is_set():
                    self._count(name, server, time.monotonic() - started[name])
                    self._say(f"{name} ended; it is started again.")
                    await asyncio.to_thread(server.start)
                    self._say(f"{name} is back (process {server.pid}).")
                    started[name] = time.monotonic()
            await _wait(stopping.wait(), 0.3)

    async def stop_workers(self) -> None:
        """Ends the workers cleanly."""
        await asyncio.gather(*(asyncio.to_thread(worker.stop, 12) for worker in self.workers))

    async def stop_servers(self) -> None:
        """Ends what the workers stand on, when these have gone."""
        await asyncio.gather(asyncio.to_thread(self.kafka.stop), asyncio.to_thread(self.postgres.stop))

    def command(self, *arguments: str, good: Sequence[int] = (0,)) -> str:
        """Runs one `sojourn` command against the stack; raises ServerError for a status not in `good`."""
        entry = [sys.executable, "-c", "from sojourn.cli.app import main; main()", *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
        done = subprocess.run(
            entry, env=kept | self.settings, capture_output=True, text=True, check=False, timeout=120, cwd=self._project
        )
        if done.returncode:
            raise ServerError(
                f"`sojourn {' '.join(arguments)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout + done.stderr

    def _count(self, name: str, server: Server, lived_s: float) -> None:
        self._short[name] = self._short.get(name, 0) + 1 if lived_s < _QUICK_S else 0
        if self._short[name] >= _TRIES:
            raise ServerError(f"{name} ends right after each start:\n{server.tail()}")

    def _copy(self, name: str) -> Path:
        """A project folder of the worker's own: what a host or a container has, with a var/ that stays."""
        target = self.folder / name
        target.mkdir(exist_ok=True)
        for part in (*STARTER, *_OPTIONAL):
            source, copy = self._project / part, target / part
            if copy.is_dir():
                shutil.rmtree(copy)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copyfile(source, copy)
        return target

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        """Lets a shell speak to the stack: `set -a; . var/stack/settings; set +a`."""
        lines = [f"{name}='{value}'\n" for name, value in sorted(settings.items())]
        (self.folder / "settings").write_text("".join(lines), encoding="utf-8")


async def _wait(until: Awaitable[object], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await until
    except TimeoutError:
        return


def _ports(file: Path) -> dict[str, int]:
    """The ports of the last start, so that addresses stay; others for those that somebody else has now."""
    held: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = ("kafka", "controller", "postgres")
    ports = {name: held[name] if name in held and not listening(held[name]) else free_port() for name in names}
    file.write_text(json.dumps(ports), encoding="utf-8")
    return ports


def _key(file: Path) -> Path:
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32))
    return file
