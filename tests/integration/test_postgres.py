"""PostgreSQL itself: several transactions at a time, in several processes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from sojourn.core.model import Hot
from sojourn.ports import Conflict, StoreBroken, Tx
from sojourn.records import Changed, LogFilter, Move, Outgoing, Position
from sojourn.store.months import month_of
from sojourn.store.postgres import PostgresStore
from sojourn.store.reading import reading_postgres
from sojourn.store.sealing import Master
from sojourn.store.tables import META
from tests.contract.storekit import NOW, Clock, event, full_state, keep, letter, queued, replace, row, settled, touch
from tests.integration.oldkit import first_release, holds_first_release
from tests.integration.pgkit import MASTER, Held, connected, opened


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    """An empty open store."""
    async with opened(database) as made:
        yield made


@pytest.fixture
async def other(store: PostgresStore, database: str) -> AsyncIterator[PostgresStore]:
    """A second process on the same database."""
    async with opened(database) as made:
        yield made


async def saved(store: PostgresStore, *customers: str) -> None:
    """Save customers once."""
    async with store.transaction() as tx:
        for customer in customers:
            await touch(tx, customer, due=NOW)


# ---- customers


async def test_who_is_locked_is_left_out_and_comes_in_the_next_round(
    store: PostgresStore, other: PostgresStore
) -> None:
    await saved(store, "c1", "c2", "c3")
    async with Held(store, lambda tx: tx.load(["c1", "c2"])) as held:
        async with other.transaction() as tx:
            found = await tx.load(["c3", "c2", "new", "c1"], wait=False)
            assert set(found) == {"c3", "new"}
            assert set(await tx.load(["c3", "c1"], wait=False)) == {"c3"}
        await held.free()
        async with other.transaction() as tx:
            assert set(await tx.load(["c1", "c2"], wait=False)) == {"c1", "c2"}


async def test_who_waits_for_a_customer_sees_what_the_other_saved(store: PostgresStore, other: PostgresStore) -> None:
    await saved(store, "c1")
    async with Held(store, lambda tx: touch(tx, "c1")) as held, other.transaction() as tx:
        waiting = asyncio.create_task(tx.load(["c1"]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await held.free()
        assert (await waiting)["c1"].revision == 2
        await touch(tx, "c1")


async def test_a_hot_customer_is_changed_by_one_after_the_other(store: PostgresStore, other: PostgresStore) -> None:
    await saved(store, "c1")

    async def count_up(which: PostgresStore) -> None:
        async with which.transaction() as tx:
            await touch(tx, "c1")

    await asyncio.gather(*(count_up(which) for which in (store, other) for _ in range(10)))
    kept = await store.views.customer("c1")
    assert kept is not None
    assert (kept.revision, kept.state.hot.clock) == (21, 21)


async def test_two_processes_that_meet_a_new_customer_give_him_one_subject(
    store: PostgresStore, other: PostgresStore
) -> None:
    subjects: list[int] = []

    async def meet(which: PostgresStore) -> None:
        async with which.transaction() as tx:
            subjects.append((await tx.load(["new-1", "new-2"]))["new-1"].subject)
            await asyncio.sleep(0.05)
            await touch(tx, "new-1")

    await asyncio.gather(meet(store), meet(other), meet(store))
    assert len(set(subjects)) == 1
    kept = await store.views.customer("new-1")
    assert kept is not None
    assert kept.revision == 3


async def test_a_customer_who_was_only_looked_up_so_far_is_locked_too(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with store.transaction() as tx:
        await tx.load(["c1"])
    async with Held(store, lambda tx: touch(tx, "c1")) as held:
        async with other.transaction() as tx:
            assert await tx.load(["c1"], wait=False) == {}
        await held.free()
    async with other.transaction() as tx:
        assert (await tx.load(["c1"], wait=False))["c1"].revision == 1


async def test_who_is_erased_meanwhile_is_loaded_anew_as_somebody_else(
    store: PostgresStore, other: PostgresStore
) -> None:
    await saved(store, "c1")
    async with Held(store, lambda tx: tx.erase("c1", NOW)) as held:

        async def change() -> None:
            async with other.transaction() as tx:
                await touch(tx, "c1")

        waiting = asyncio.create_task(change())
        await asyncio.sleep(0.2)
        await held.free()
        with pytest.raises(Conflict):
            await waiting
    await saved(other, "c1")
    async with store.transaction() as tx:
        assert [one.customer for one in await tx.due(NOW, 9)] == ["c1"]


async def test_two_who_wait_for_each_other_are_told_apart(store: PostgresStore, other: PostgresStore) -> None:
    await saved(store, "c1", "c2")

    async def both(which: PostgresStore, first: str, second: str) -> None:
        async with which.transaction() as tx:
            await touch(tx, first)
            await asyncio.sleep(0.2)
            await touch(tx, second)

    ended = await asyncio.gather(both(store, "c1", "c2"), both(other, "c2", "c1"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "NoneType"]
    assert "waited for each other" in str(ended)


async def test_a_serialization_failure_is_a_lost_race(store: PostgresStore, other: PostgresStore) -> None:
    await saved(store, "c1")

    async def change() -> None:
        async with store.transaction() as tx:
            await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await tx.positions()
            await saved(other, "c1")
            await touch(tx, "c1")

    with pytest.raises(Conflict, match="cannot both happen"):
        await change()


async def execute(tx: Tx, statement: str) -> None:
    """Run a statement inside the store's own transaction."""
    await tx._run(lambda context: context.connection.execute(text(statement)))  # type: ignore[attr-defined]


# ---- events and sources


async def test_the_same_event_in_two_open_transactions_is_kept_once(store: PostgresStore, other: PostgresStore) -> None:
    async def second() -> None:
        async with other.transaction() as tx:
            await tx.append_inbox([event("e1", "c2")])

    async with Held(store, lambda tx: tx.append_inbox([event("e1")])) as held:
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        await held.free()
        with pytest.raises(Conflict, match="there already"):
            await waiting
    assert (await store.views.counts())["events"] == 1


async def test_a_zombie_that_moves_a_source_loses_all_that_it_did(store: PostgresStore, other: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.advance([Move("p/0", None, Position(5, 5)), Move("p/1", None, Position(5, 5))])

    async def zombie() -> None:
        async with other.transaction() as tx:
            await tx.append_inbox([event("e1")])
            await tx.advance([Move("p/0", 5, Position(6, 6)), Move("p/1", 5, Position(6, 6))])

    async with Held(store, lambda tx: tx.advance([Move("p/1", 5, Position(9, 9))])) as held:
        waiting = asyncio.create_task(zombie())
        await asyncio.sleep(0.2)
        await held.free()
        with pytest.raises(Conflict, match="another worker reads it"):
            await waiting
    assert (await store.views.positions())["p/0"] == Position(5, 5)
    assert (await store.views.counts())["events"] == 0


# ---- timers and orders


async def test_timers_of_two_processes_take_different_customers(store: PostgresStore, other: PostgresStore) -> None:
    await saved(store, *(f"c{n}" for n in range(6)))
    mine: list[str] = []

    async def first(tx: Tx) -> None:
        mine.extend(one.customer for one in await tx.due(NOW, 4))

    async with Held(store, first), other.transaction() as tx:
        theirs = [one.customer for one in await tx.due(NOW, 4)]
    assert (len(mine), len(theirs)) == (4, 2)
    assert set(mine) | set(theirs) == {f"c{n}" for n in range(6)}


async def test_two_processes_claim_different_orders(store: PostgresStore, other: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued(f"m{n}") for n in range(6)])
    mine: list[str] = []

    async def first(tx: Tx) -> None:
        mine.extend(one.message_id for one in (await tx.claim(NOW, {"sms": 4}, NOW + 9, "w1")).orders)

    async with Held(store, first), other.transaction() as tx:
        theirs = [one.message_id for one in (await tx.claim(NOW, {"sms": 4}, NOW + 9, "w2")).orders]
    assert (mine, theirs) == (["m0", "m1", "m2", "m3"], ["m4", "m5"])


async def test_who_holds_a_customer_does_not_wait_for_his_order_that_is_being_claimed(
    store: PostgresStore, other: PostgresStore
) -> None:
    """The claim waits for the customer, to judge his order again: waiting for each other would cost a second."""
    await saved(store, "c1")
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1"), queued("m2")])
    await saved(store, "c1")
    async with Held(store, lambda tx: tx.claim(NOW, {"sms": 9}, NOW + 9, "w1")), other.transaction() as tx:
        await touch(tx, "c1")
        await tx.enqueue([queued("m1", locale="en"), queued("m3")])
        assert await tx.withdraw(["m2", "m3"]) == {"m3"}
    async with store.transaction() as tx:
        claimed = await tx.claim(NOW, {"sms": 9}, NOW + 9, "w1")
    assert {one.message_id for one in claimed.stale} == {"m1", "m2"}


async def test_a_zombie_after_its_lease_settles_nothing(store: PostgresStore, other: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1")])
        await tx.claim(NOW, {"sms": 1}, NOW + 5, "zombie")
    async with other.transaction() as tx:
        expired = (await tx.claim(NOW + 5, {"sms": 1}, NOW + 20, "w2")).expired
        assert [one.message_id for one in expired] == ["m1"]
    async with store.transaction() as tx:
        assert await tx.settle("zombie", [settled("m1")]) == frozenset()
    async with other.transaction() as tx:
        assert await tx.settle("w2", [settled("m1", outcome="unknown")]) == {"m1"}


async def test_an_order_that_is_just_being_taken_over_is_no_longer_the_zombies(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1")])
        await tx.claim(NOW, {"sms": 1}, NOW + 5, "zombie")
    taken_over = Held(other, lambda tx: tx.claim(NOW + 5, {"sms": 1}, NOW + 20, "w2"))
    async with taken_over as held, store.transaction() as tx:
        waiting = asyncio.create_task(tx.settle("zombie", [settled("m1")]))
        await asyncio.sleep(0.2)
        await held.free()
        assert await waiting == frozenset()
    async with other.transaction() as tx:
        assert await tx.settle("w2", [settled("m1", outcome="unknown")]) == {"m1"}


async def test_one_process_at_a_time_sends_records_out(store: PostgresStore, other: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.send_out([Outgoing(id="i", topic="t", key="c1", body=b"{}")])
    async with Held(store, lambda tx: tx.going_out(9)) as held:
        async with other.transaction() as tx:
            assert list(await tx.going_out(9)) == []
        await held.free()
        async with other.transaction() as tx:
            assert len(await tx.going_out(9)) == 1


# ---- months


async def test_a_month_is_made_when_it_is_needed_by_several_at_once(
    store: PostgresStore, other: PostgresStore, database: str
) -> None:
    day = 86_400_000

    async def keep_one(which: PostgresStore, n: int) -> None:
        async with which.transaction() as tx:
            await tx.known([("e", b"")])
            await tx.append_inbox([event(f"e{n}", f"c{n}", arrival=NOW + n * 20 * day)])
            await tx.append_log([row(f"m{n}", f"c{n}", decided_at=NOW + n * 20 * day)])

    await asyncio.gather(*(keep_one((store, other)[n % 2], n) for n in range(8)))
    await keep_one(store, -5_000)
    counts = await store.views.counts()
    assert (counts["events"], counts["rows"]) == (9, 9)
    async with connected(database) as raw:
        made = await raw.fetch("SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1")
    names = {one["name"] for one in made if one["name"].startswith("log_2") or one["name"].startswith("inbox_")}
    assert {"inbox_early", "inbox_2026_05", "log_2026_05", "inbox_2026_10"} <= names


async def test_only_whole_months_are_forgotten(store: PostgresStore, other: PostgresStore) -> None:
    june = month_of("inbox", NOW).end
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1"), event("e2", arrival=june), event("e3", arrival=june + 9)])
    async with other.transaction() as tx:
        await tx.append_inbox([event("e4")])
        assert await tx.forget_inbox(june - 1, 1) == 0
    async with other.transaction() as tx:
        assert await tx.forget_inbox(june + 9, 1) == 2
    async with store.transaction() as tx:
        assert list(await tx.known([("e1", b"one"), ("e2", b"one")])) == ["new", "duplicate"]


async def test_a_record_of_a_month_that_is_gone_is_told_and_goes_through_when_tried_again(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1")])
    async with other.transaction() as tx:
        await tx.forget_inbox(month_of("inbox", NOW).end, 1)

    async def late() -> None:
        async with store.transaction() as tx:
            await tx.append_inbox([event("late")])

    with pytest.raises(Exception, match="month") as caught:
        await late()
    assert caught.value.kind == "later"  # type: ignore[attr-defined]
    await late()
    assert (await store.views.counts())["events"] == 1


# ---- the schema


async def test_processes_that_start_at_once_migrate_once(database: str) -> None:
    async def start() -> int:
        async with opened(database) as store:
            return len(await store.views.positions())

    assert await asyncio.gather(*(start() for _ in range(4))) == [0] * 4


async def test_a_database_of_the_first_release_is_brought_up_with_its_data(database: str) -> None:
    store = PostgresStore(database, MASTER, Clock())
    async with store._alone() as connection:
        await connection.run_sync(first_release, MASTER)
    await store.open()
    await holds_first_release(store)
    async with store.transaction() as tx:
        await tx.append_inbox([event("e9")])
        await tx.append_log([row("m9")])
    newest = (await store.views.log(LogFilter(), 1)).rows[0]
    assert newest.message_id == "m9"
    await store.close()


async def test_the_migrations_give_the_columns_and_indexes_of_the_program(store: PostgresStore, database: str) -> None:
    def looked_at(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        return {
            table.name: (
                {column["name"]: column["nullable"] for column in found.get_columns(table.name)},
                {tuple(index["column_names"]) for index in found.get_indexes(table.name)},
                found.get_foreign_keys(table.name),
            )
            for table in META.sorted_tables
        }

    async with store._alone() as connection:
        made = await connection.run_sync(looked_at)
    for table in META.sorted_tables:
        columns, indexes, foreign = made[table.name]
        assert set(columns) == set(table.c.keys()), table.name
        assert {tuple(index.columns.keys()) for index in table.indexes} <= indexes, table.name
        assert {name for name, nullable in columns.items() if nullable} == {
            column.name for column in table.c if column.nullable
        }, table.name
        assert foreign == [], table.name


async def test_a_schema_from_a_newer_program_is_refused(store: PostgresStore, database: str) -> None:
    async with connected(database) as raw:
        await raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreBroken, match="newer version"):
        await PostgresStore(database, MASTER, Clock()).open()


async def test_another_master_key_is_refused(store: PostgresStore, database: str) -> None:
    with pytest.raises(StoreBroken, match="master key does not belong"):
        await PostgresStore(database, Master(bytes(31) + b"x"), Clock()).open()


async def test_a_command_reads_beside_the_processes_and_checks_before(store: PostgresStore, database: str) -> None:
    await saved(store, "c1")
    async with reading_postgres(database, MASTER) as views:
        kept = await views.customer("c1")
        assert kept is not None
        assert kept.revision == 1
    with pytest.raises(StoreBroken, match="master key does not belong"):
        async with reading_postgres(database, Master(bytes(31) + b"x")):
            raise AssertionError("the block must not run")
    async with connected(database) as raw:
        await raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreBroken, match="does not read"):
        async with reading_postgres(database, MASTER):
            raise AssertionError("the block must not run")


async def test_without_a_clock_of_its_own_a_store_takes_the_databases(database: str) -> None:
    store = PostgresStore(database, MASTER)
    await store.open()
    async with store.transaction() as tx, connected(database) as raw:
        now = await tx.now()
        assert abs(now - 1000 * float(await raw.fetchval("SELECT extract(epoch FROM clock_timestamp())"))) < 5_000
    await store.close()


async def test_nothing_personal_is_readable_in_the_tables(store: PostgresStore, database: str) -> None:
    async with store.transaction() as tx:
        await keep(tx, "CUSTOMER-0815", lambda _: full_state("CUSTOMER-0815"), due=NOW)
        await tx.append_inbox([event("e1", "CUSTOMER-0815", raw=b"SECRETNAME", terms=("POLICY-4711",))])
        await tx.append_dead_letters([letter(raw=b"SECRETNAME", detail="SECRETNAME", customer="CUSTOMER-0815")])
        await tx.append_log([row("m1", "CUSTOMER-0815", key={"policy_id": "POLICY-4711"}, text="SECRETNAME")])
        await tx.enqueue([queued("m1", "CUSTOMER-0815", values={"name": "SECRETNAME"})])
        await tx.settle("w", [settled("m1", "CUSTOMER-0815", text="SECRETNAME refused")])
        await tx.send_out([Outgoing(id="i1", topic="t", key="CUSTOMER-0815", body=b"POLICY-4711")])
        await tx.secret("links")
    found = ""
    async with connected(database) as raw:
        for table in await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            found += str(await raw.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table['tablename']} t"))
    assert "premium.due" in found
    for secret in ("CUSTOMER-0815", "SECRETNAME", "POLICY-4711", "13800138000", "王女士"):
        assert secret not in found
        assert secret.encode().hex() not in found


async def test_a_change_that_was_decided_before_somebody_elses_is_refused(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with store.transaction() as tx:
        before = (await tx.load(["c1"]))["c1"]
    await saved(other, "c1")
    changes: list[Any] = [Changed(before, replace(before.state, hot=Hot(9)), None)]
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.save(changes, NOW)
