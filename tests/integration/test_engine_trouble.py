"""The running engine when its store is away, when a customer's state is broken, and when it is stopped."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.embedded import Engine
from sojourn.bootstrap.settings import Settings, read_settings
from sojourn.core.model import Cause, Hot, Run, State
from sojourn.core.turn import replace
from sojourn.delivery.port import Answered, Channel, Outgoing
from sojourn.errors import ConfigurationError, TryLater
from sojourn.ports import StoreBusy, StoreUnwritable
from sojourn.records import Changed, LogFilter
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import Rig, claim, insurer, known


def engine_of(settings: Settings, channels: dict[str, Channel] | None = None) -> tuple[Engine, SqliteStore]:
    """An engine on SQLite that finds out quickly that its database is locked."""
    store = SqliteStore(settings.database_file, master_key(settings.var / "master.key", create=True), wall_clock, 50)
    given = channels or dict.fromkeys(("sms", "email", "call"), InstantProvider())
    return Engine(settings, wall_clock, store=store, channels=given), store


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    await engine.open()
    work = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        engine.stop()
        await work
        await engine.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({}, insurer(tmp_path / "project", "claim_status"))


async def until(holds: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait for something that the engine does by itself."""
    async with asyncio.timeout(seconds):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def statuses(engine: Engine, customer: str) -> set[tuple[str | None, str]]:
    page = await engine.views.log(LogFilter(customer_id=customer), 50)
    return {(row.channel, row.status) for row in page.rows}


async def sent_to(engine: Engine, customer: str, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if await statuses(engine, customer) == {("sms", "sent"), ("email", "sent"), ("call", "sent")}:
                return
            await asyncio.sleep(0.05)


async def test_a_locked_database_is_told_and_work_goes_on_by_itself(settings: Settings) -> None:
    engine, _ = engine_of(settings)
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now)], "http")
        other = sqlite3.connect(settings.database_file, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the engine may be in a transaction of its own
        with pytest.raises(StoreBusy):
            await engine.submit([claim("C1", now)], "http")
        health = await engine.health()
        assert health["status"] == "down"
        assert "lost" in health["parts"]["intake"]["why"]
        other.execute("ROLLBACK")
        other.close()
        assert (await engine.submit([claim("C1", now)], "http")).accepted == 1
        await sent_to(engine, "C1")
        assert (await engine.health())["parts"]["store"] == {"status": "ok"}


async def test_health_finds_out_by_itself_that_the_store_is_back(settings: Settings) -> None:
    clock = VirtualClock(wall_clock())
    store = SqliteStore(settings.database_file, master_key(settings.var / "master.key", create=True), clock, 50)
    async with Rig(settings.project, 0, store=store, clock=clock) as rig:
        other = sqlite3.connect(settings.database_file, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the engine may be in a transaction of its own
        with pytest.raises(StoreBusy):
            await rig.submit([known("C1", clock.now)])
        clock.tick(6_000)
        assert (await rig.engine.health())["parts"]["store"]["status"] == "down"
        other.execute("ROLLBACK")
        other.close()
        assert (await rig.engine.health())["parts"]["store"]["status"] == "ok"


async def test_results_wait_for_a_store_that_is_away_and_are_never_doubts(settings: Settings) -> None:
    """The provider took the messages while the database was locked: afterwards they are sent, each once."""
    go = asyncio.Event()

    class Slow(InstantProvider):
        async def send(self, outgoing: Outgoing) -> Answered:
            await go.wait()
            return await super().send(outgoing)

    provider = Slow()
    engine, _ = engine_of(settings, dict.fromkeys(("sms", "email", "call"), provider))
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now), claim("C1", now)], "http")
        await until(lambda: engine.delivery.in_flight == 2)
        other = sqlite3.connect(settings.database_file, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the engine may be in a transaction of its own
        go.set()
        await until(lambda: engine.trouble.store is not None and engine.delivery.has_results)
        await asyncio.sleep(0.3)
        other.execute("ROLLBACK")
        other.close()
        await sent_to(engine, "C1")
        assert sorted(one.channel for one in provider.sent) == ["call", "email", "sms"]


@pytest.mark.parametrize(
    ("broken", "mended"), [("query_only=1", "query_only=0"), ("max_page_count=1", "max_page_count=1000000")]
)
async def test_a_read_only_or_full_disk_loses_nothing(settings: Settings, broken: str, mended: str) -> None:
    engine, store = engine_of(settings)
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now)], "http")
        await pragma(store, broken)
        names = [f"D{n}" for n in range(200)]
        events = [claim("C1", now), *(known(name, now) for name in names)]
        with pytest.raises(StoreUnwritable):
            await engine.submit(events, "http")
        assert (await engine.health())["status"] == "down"
        await asyncio.sleep(1.2)  # the loops turn in the meantime, and nothing to write is no sign of health
        health = await engine.health()
        assert (health["status"], health["degraded"][:2]) == ("down", ["calendar", "intake"])
        await pragma(store, mended)
        told = await engine.submit(events, "http")
        assert (told.accepted, told.duplicates) == (len(events), 0)
        await sent_to(engine, "C1")
        assert (await engine.health())["parts"]["store"]["status"] == "ok"


async def pragma(store: SqliteStore, setting: str) -> None:
    lane = store._opened(store._writer)
    await lane.run(lambda: lane.connection.connection.driver_connection.execute(f"PRAGMA {setting}"))  # type: ignore[union-attr]


async def test_a_broken_customer_is_parked_and_nobody_else_is_touched(settings: Settings) -> None:
    """A run pinned to a version that no book has: an invariant of the engine, not of a journey."""
    engine, store = engine_of(settings)
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now), known("C2", now)], "http")
        await break_customer(store, "C1", now)
        told = await engine.submit([claim("C1", now), claim("C2", now)], "http")
        assert told.accepted == 2
        await sent_to(engine, "C2")
        assert await statuses(engine, "C1") == set()
        later = known("C1", now, name="later").replace(b"customer.updated-C1-1", b"later")
        assert (await engine.submit([later], "http")).accepted == 1
        letters, _ = await engine.views.dead_letters("open", 10)
        parked = [one.letter for one in reversed(letters)]
        assert [(one.reason, one.event_id) for one in parked] == [
            ("engine_error", "claim.filed-C1-1"), ("engine_error", "later"),
        ]  # fmt: skip
        assert parked[0].raw == claim("C1", now)
        health = await engine.health()
        assert (health["status"], health["parts"]["quarantine"]["status"]) == ("degraded", "degraded")

    again, _ = engine_of(settings)
    async with running(again):
        assert again.quarantine.customers == {"C1"}


async def break_customer(store: SqliteStore, customer: str, now: int) -> None:
    async with store.transaction() as tx:
        stored = (await tx.load([customer]))[customer]
        lost = Run("lost", "claim_status", 99, ("CL-9",), now, Cause(), {"claim_id": "CL-9"})
        state: State = replace(stored.state, hot=Hot(clock=now), runs={"lost": lost})
        await tx.save([Changed(stored, state, None)], now)


async def test_a_broken_customer_does_not_stop_the_timers_of_others(settings: Settings) -> None:
    engine, store = engine_of(settings)
    await engine.open()
    try:
        now = wall_clock()
        async with store.transaction() as tx:
            people = await tx.load(["C1", "C2"])
            lost = Run("lost", "claim_status", 99, ("CL-9",), now, Cause(), {"claim_id": "CL-9"}, expire_at=now)
            broken: State = replace(people["C1"].state, runs={"lost": lost})
            await tx.save(
                [Changed(people["C1"], broken, now - 5), Changed(people["C2"], people["C2"].state, now - 3)], now
            )
        assert await engine.fire() == 2
        assert engine.quarantine.customers == {"C1"}
        assert await engine.fire() == 0  # put off, not spun on
        assert await engine.views.dead_letter_counts() == {"engine_error": 1}
    finally:
        await engine.close()


async def test_a_stop_settles_what_is_under_way(settings: Settings) -> None:
    class Slow(InstantProvider):
        async def send(self, outgoing: Outgoing) -> Answered:
            await asyncio.sleep(0.3)
            return await super().send(outgoing)

    engine, _ = engine_of(settings, dict.fromkeys(("sms", "email", "call"), Slow()))
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now), claim("C1", now)], "http")
        await until(lambda: engine.delivery.in_flight == 2)
    again, _ = engine_of(settings)
    async with running(again):
        await sent_to(again, "C1")


async def test_a_provider_that_never_answers_does_not_hold_a_stop_up(settings: Settings) -> None:
    class Never(InstantProvider):
        async def send(self, outgoing: Outgoing) -> Answered:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    engine, _ = engine_of(settings, {"sms": Never(), "email": InstantProvider(), "call": InstantProvider()})
    began = 0.0
    async with running(engine):
        now = wall_clock()
        await engine.submit([known("C1", now), claim("C1", now)], "http")
        await until(lambda: engine.delivery.in_flight == 1)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 10
    again, _ = engine_of(settings)
    async with running(again):
        assert ("sms", "in_doubt") in await statuses(again, "C1")


async def test_after_a_stop_nothing_is_taken_any_more(settings: Settings) -> None:
    engine, _ = engine_of(settings)
    async with running(engine):
        pass
    with pytest.raises(TryLater):
        await engine.submit([known("C1", wall_clock())], "http")


async def test_two_engines_on_one_database_are_refused(settings: Settings) -> None:
    first = Engine(settings, wall_clock)
    await first.open()
    try:
        with pytest.raises(ConfigurationError, match="Another engine"):
            await Engine(settings, wall_clock).open()
    finally:
        await first.close()
