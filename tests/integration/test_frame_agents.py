"""The intake agent under Faust takes two batches at once, and one that is cancelled with a batch loses nothing."""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka.errors import TopicAlreadyExistsError

from sojourn.bootstrap.frame import Frame
from sojourn.bootstrap.inflow import Batch
from sojourn.bootstrap.production import Production
from sojourn.bootstrap.settings import read_settings
from sojourn.kafka.topic_rules import CONTROL
from sojourn.places import place_of
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import known
from tests.integration.lagkit import MASTER, REMINDER, Lag, installation, until
from tests.integration.readingkit import create
from tools.servers import KafkaBroker

MANY = 3_000


class Counted(Production):
    """Counts the batches that are with an agent, and ends one agent where it is told to."""

    under_way = most = 0
    ends = False

    async def take(self, batch: Batch) -> None:
        """See ``Production.take``."""
        self.under_way += 1
        second = self.under_way == 2
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.005)
            if self.ends and second:
                task, self.ends = asyncio.current_task(), False
                assert task is not None
                task.cancel()
            await super().take(batch)
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def alone(work: Production) -> AsyncIterator[None]:
    """Nothing is around it."""
    yield


@contextlib.asynccontextmanager
async def framed(lag: Lag, monkeypatch: pytest.MonkeyPatch, ends: bool) -> AsyncIterator[Counted]:
    """Give a worker whose batches go through the project's own agent."""
    settings = read_settings(lag.environment | {"SOJOURN_ROLES": "intake"}, lag.folder)
    store = PostgresStore(lag.database, Master(bytes.fromhex(MASTER)), lag.clock)
    channels = dict.fromkeys(("sms", "email", "call"), InstantProvider())
    work = Counted(settings, lag.clock, store=store, channels=channels)
    work.ends = ends
    app = Frame(work, alone)
    monkeypatch.setitem(sys.modules, "agents.app", SimpleNamespace(app=app))  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, "agents.intake", raising=False)
    importlib.import_module("agents.intake")
    try:
        await app.start()
        yield work
    finally:
        await app.stop()
        sys.modules.pop("agents.intake", None)


@pytest.mark.parametrize("ends", [False, True], ids=["undisturbed", "an agent is ended"])
async def test_two_batches_at_once_and_all_are_stored(
    kafka: KafkaBroker, database: str, tmp_path: Path, topics: str, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    with contextlib.suppress(TopicAlreadyExistsError):  # the broker is that of the session
        await create(kafka.bootstrap, CONTROL, partitions=1)
    async with installation(kafka, database, tmp_path, topics, REMINDER, count=2) as lag:
        people = [f"C-{n}" for n in range(MANY)]
        begin = lag.clock() - 600_000
        await lag.publish(*(("customer", who, begin + n, known(who, begin)) for n, who in enumerate(people)))
        async with framed(lag, monkeypatch, ends) as work:

            async def stored() -> bool:
                at = await work.views.positions()
                return sum(at[one].next for one in at if one.startswith(f"kafka:{lag.topic('customer')}/")) == MANY

            await until(stored, "all is stored", 60)
            assert work.most == 2
            assert work.ends is False
            assert work.inflow is not None
            assert work.inflow.reader is not None
            assert work.loops.alive["intake"]
            held = [place_of(who) % 2 for who in people]
            at = await work.views.positions()
            for n in range(2):
                assert at[f"kafka:{lag.topic('customer')}/{n}"].next == held.count(n)
            assert await work.views.dead_letter_counts() == {}
            assert await work.views.customer(people[-1]) is not None
