"""PostgreSQL when connections break or statements take too long: told, nothing lost, and on it goes by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.util import await_only

from sojourn.ports import StoreBroken, StoreBusy, StoreUnwritable
from sojourn.records import Move, Outgoing, Position
from sojourn.store.failures import of_postgresql
from sojourn.store.postgres import PostgresStore
from tests.contract.storekit import NOW, Clock, event, full_state, keep, queued, row, settled, touch
from tests.integration.pgkit import CONNECTIONS, MASTER, Held, connected, opened, watched
from tests.integration.test_postgres import execute
from tools.servers import PostgresServer, free_port

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sojourn'"


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    """An empty open store that is soon out of patience."""
    async with opened(database, patience_ms=600) as made:
        yield made


@pytest.fixture
async def raw(database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A bare connection."""
    async with connected(database) as made:
        yield made


Batch = Callable[[PostgresStore], Awaitable[None]]


async def intake(store: PostgresStore) -> None:
    """Take an event in, with all that may follow from it."""
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda _: full_state("c1"), due=NOW)
        await tx.known([("e1", b"one")])
        await tx.append_inbox([event("e1", terms=("K-7",))])
        await tx.append_log([row()])
        await tx.enqueue([queued("m1")])
        await tx.send_out([Outgoing(id="i", topic="t", key="c1", body=b"{}")])
        await tx.advance([Move("p/0", None, Position(1, NOW))])


async def delivery(store: PostgresStore) -> None:
    """Claim, settle and look at timers."""
    async with store.transaction() as tx:
        await tx.enqueue([queued("m7", "c7")])
        await tx.claim(NOW, {"sms": 1}, NOW + 9, "w")
        await tx.settle("w", [settled("m7", "c7")])
        await tx.due(NOW, 9)
        await tx.gone_out([number for number, _ in await tx.going_out(9)])
        await tx.append_log([row("m7", "c7")])


class Cut:
    """Cuts the writers' connections just before their n-th statement."""

    def __init__(self, raw: "asyncpg.Connection[Any]", place: int) -> None:
        self._raw = raw
        self._left = place

    @property
    def is_done(self) -> bool:
        """Whether there was an n-th statement."""
        return self._left < 0

    def __call__(self, _statement: str, _values: Any) -> None:
        if self._left == 0:
            await_only(self._raw.execute(CUT))
        self._left -= 1


@pytest.mark.parametrize("batch", [intake, delivery])
async def test_a_connection_that_is_cut_at_any_statement_leaves_nothing_behind(
    store: PostgresStore, raw: "asyncpg.Connection[Any]", batch: Batch
) -> None:
    await warm(store)
    before = await store.views.counts()
    place = 1  # the first is BEGIN: there the store takes another connection
    while True:
        cut = Cut(raw, place)
        with watched(store, cut):
            if not await is_cut(batch(store)):
                break
        assert cut.is_done
        assert await store.views.counts() == before
        place += 1
    assert place > 10
    assert (await store.views.counts())["rows"] == before["rows"] + 1


async def warm(store: PostgresStore) -> None:
    """Let the months be made, which is no part of the batch."""
    async with store.transaction() as tx:
        await tx.append_inbox([event("e0")])
        await tx.append_log([row("m0")])


async def is_cut(work: Awaitable[None]) -> bool:
    """Tell whether the work ended with a lost connection; any other error is raised."""
    try:
        await work
    except StoreBusy as error:
        return "connection" in str(error)
    return False


async def test_a_connection_that_is_cut_before_the_commit_leaves_nothing_behind(
    store: PostgresStore, raw: "asyncpg.Connection[Any]"
) -> None:
    async def work() -> None:
        async with store.transaction() as tx:
            await touch(tx, "c1")
            await tx.append_inbox([event("e1")])
            await raw.execute(CUT)

    with pytest.raises(StoreBusy, match="connection"):
        await work()
    assert (await store.views.counts())["events"] == 0
    await intake(store)


async def test_connections_that_died_in_the_pool_are_replaced_unseen(
    store: PostgresStore, raw: "asyncpg.Connection[Any]"
) -> None:
    async with Held(store, lambda tx: touch(tx, "c1")), store.transaction() as tx:
        await touch(tx, "c2")
    await store.views.counts()
    await raw.execute(CUT.replace("= 'sojourn'", "LIKE 'sojourn%'"))
    await asyncio.gather(intake(store), delivery(store))
    assert (await store.views.counts())["events"] == 1


async def test_a_customer_whom_somebody_holds_for_too_long_is_waited_for_no_longer(
    store: PostgresStore, raw: "asyncpg.Connection[Any]"
) -> None:
    await intake(store)
    async with raw.transaction():
        await raw.execute("SELECT * FROM part FOR UPDATE")
        with pytest.raises(StoreBusy, match="holds what this one needs"):
            async with store.transaction() as tx:
                await tx.load(["c1"])
    async with store.transaction() as tx:
        await tx.load(["c1"])


async def test_a_statement_that_takes_too_long_is_ended(store: PostgresStore) -> None:
    async def work() -> None:
        async with store.transaction() as tx:
            await touch(tx, "c1")
            await execute(tx, "SELECT pg_sleep(5)")

    with pytest.raises(StoreBusy, match="too long for a statement"):
        await work()
    assert await store.views.customer("c1") is None


async def test_a_transaction_that_stands_still_gives_its_customers_back(store: PostgresStore, database: str) -> None:
    async def work() -> None:
        async with store.transaction() as tx:
            await touch(tx, "c1")
            async with opened(database) as other, other.transaction() as second:
                await touch(second, "c1")
            await tx.append_log([row("m9")])

    await intake(store)
    with pytest.raises(StoreBusy):
        await work()
    kept = await store.views.customer("c1")
    assert kept is not None
    assert kept.revision == 2
    assert (await store.views.counts())["rows"] == 1


async def test_more_transactions_than_connections_wait_for_their_turn_and_not_for_ever(store: PostgresStore) -> None:
    async def held() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(CONNECTIONS):
                await stack.enter_async_context(Held(store, lambda tx: tx.positions()))
            async with store.transaction():
                raise AssertionError("the block must not run")

    with pytest.raises(StoreBusy, match="in use"):
        await held()
    await intake(store)


async def test_a_database_that_only_reads_is_told(store: PostgresStore) -> None:
    async def work() -> None:
        async with store.transaction() as tx:
            await execute(tx, "SET TRANSACTION READ ONLY")
            await touch(tx, "c1")

    with pytest.raises(StoreUnwritable, match="read-only"):
        await work()
    await intake(store)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(CAST(:value AS text) AS integer)",
        "SELECT CAST(:value AS integer)",
        "SELECT 1 FROM nothing WHERE a = :value",
    ],
)
async def test_an_error_quotes_no_value_of_a_statement(store: PostgresStore, statement: str) -> None:
    def run(context: Any) -> None:
        context.connection.execute(text(statement), {"value": "139 Li Lei"})

    with pytest.raises(StoreBroken) as caught:
        async with store.transaction() as tx:
            await tx._run(run)  # type: ignore[attr-defined]
    assert "Li Lei" not in str(caught.value)
    assert "SQL parameters hidden" in str(caught.value.__cause__)
    await intake(store)


async def test_a_server_that_is_not_there_is_told_and_one_without_the_database_stops(
    postgres: PostgresServer,
) -> None:
    nowhere = PostgresStore(f"postgresql://postgres@127.0.0.1:{free_port()}/x", MASTER, Clock())
    with pytest.raises(StoreBusy, match="cannot be made") as caught:
        await nowhere.open()
    assert caught.value.kind == "later"
    with pytest.raises(StoreBroken, match="cannot be understood"):
        await PostgresStore("mysql://somewhere", MASTER, Clock()).open()
    with pytest.raises(StoreBroken, match="name of the database"):
        await PostgresStore(postgres.address("none"), MASTER, Clock()).open()


async def test_a_server_that_is_killed_loses_nothing_that_was_committed() -> None:
    server = await asyncio.to_thread(PostgresServer().start)
    try:
        async with opened(server.dsn) as store:
            await intake(store)
            await asyncio.to_thread(server.kill9)
            with pytest.raises(StoreBusy):
                await delivery(store)
            await asyncio.to_thread(server.start)
            await delivery(store)
            counts = await store.views.counts()
            assert (counts["events"], counts["rows"]) == (1, 2)
    finally:
        await asyncio.to_thread(server.discard)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("53100", StoreUnwritable),
        ("53300", StoreBusy),
        ("57P01", StoreBusy),
        ("08006", StoreBusy),
        ("XX001", StoreBroken),
    ],
)
def test_what_a_code_means(code: str, kind: type[Exception]) -> None:
    error = asyncpg.PostgresError("as the server says")
    error.sqlstate = code
    assert isinstance(of_postgresql(error), kind)
