"""SQLite when others, the disk or a wrong file get in the way: told, nothing lost, and it goes on by itself."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from sojourn.ports import Conflict, StoreBroken, StoreBusy, StoreUnwritable
from sojourn.store.sealing import Master
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import (
    Clock,
    touch,
)
from tests.contract.storekit import event as incoming
from tests.integration.sqlitekit import FILE, make


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty open store."""
    made = make(tmp_path)
    await made.open()
    yield made
    await made.close()


# ---- others and the disk get in the way


async def test_a_locked_database_is_told_and_goes_on_by_itself(store: SqliteStore, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy) as caught:
        async with store.transaction() as tx:
            await touch(tx, "c1")
    assert caught.value.kind == "later"
    assert (await store.views.counts())["customers"] == 0
    other.execute("ROLLBACK")
    other.close()
    async with store.transaction() as tx:
        await touch(tx, "c1")
    assert (await store.views.counts())["customers"] == 1


async def test_a_full_disk_loses_nothing_and_goes_on_by_itself(store: SqliteStore) -> None:
    async with store.transaction() as tx:
        await touch(tx, "c1")
    await _pragma(store, "max_page_count=1")
    with pytest.raises(StoreUnwritable, match="full") as caught:
        async with store.transaction() as tx:
            await tx.append_inbox([incoming(f"e{n}", raw=bytes(4000)) for n in range(200)])
    assert caught.value.kind == "later"
    assert (await store.views.counts())["events"] == 0
    await _pragma(store, "max_page_count=1000000")
    async with store.transaction() as tx:
        await tx.append_inbox([incoming("e1")])
    counts = await store.views.counts()
    assert (counts["customers"], counts["events"]) == (1, 1)


async def test_a_commit_that_fails_loses_nothing_and_goes_on_by_itself(store: SqliteStore) -> None:
    """A disk may be full at the COMMIT itself; here the COMMIT fails at a deferred foreign key."""
    await _pragma(store, "foreign_keys=1")
    async with store.transaction():
        await _execute(store, "CREATE TABLE house (id INTEGER PRIMARY KEY)")
        await _execute(store, "CREATE TABLE room (house INTEGER REFERENCES house (id) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(Conflict, match="FOREIGN KEY"):
        await _touch_with_a_room_of_no_house(store)
    assert (await store.views.counts())["customers"] == 0
    async with store.transaction() as tx:
        await touch(tx, "c1")
    assert (await store.views.counts())["customers"] == 1


async def _touch_with_a_room_of_no_house(store: SqliteStore) -> None:
    async with store.transaction() as tx:
        await touch(tx, "c1")
        await _execute(store, "INSERT INTO room VALUES (7)")


async def _execute(store: SqliteStore, statement: str) -> None:
    """Run a statement inside the writer's own transaction."""
    lane = store._opened(store._writer)
    await lane.run(lambda: lane.connection.exec_driver_sql(statement))


async def test_a_read_only_database_is_told_and_goes_on_by_itself(store: SqliteStore) -> None:
    await _pragma(store, "query_only=1")
    with pytest.raises(StoreUnwritable, match="read-only"):
        async with store.transaction() as tx:
            await touch(tx, "c1")
    await _pragma(store, "query_only=0")
    async with store.transaction() as tx:
        await touch(tx, "c1")


async def test_an_error_quotes_no_value_of_a_statement(store: SqliteStore) -> None:
    for lane in (store._opened(store._writer), store._opened(store._reader)):
        ask = partial(lane.connection.execute, text("SELECT 1 FROM nowhere WHERE a = :value"), {"value": "Li Lei"})
        with pytest.raises(StoreBroken) as caught:
            await lane.run(ask)
        assert "SQL parameters hidden" in str(caught.value.__cause__)
        assert "Li Lei" not in f"{caught.value} {caught.value.__cause__}"


async def _pragma(store: SqliteStore, setting: str) -> None:
    """Change a setting of the writer's own connection, as a full or read-only disk would."""
    lane = store._opened(store._writer)
    await lane.run(lambda: lane.connection.connection.driver_connection.execute(f"PRAGMA {setting}"))  # type: ignore[union-attr]


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = SqliteStore(tmp_path / "file" / "s.db", Master(bytes(32)), Clock())
    with pytest.raises(StoreUnwritable, match="folder"):
        await store.open()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is a letter and not a database\n" * 200)
    with pytest.raises(StoreBroken) as caught:
        await make(tmp_path).open()
    assert caught.value.kind == "stop"
    assert "SQLITE_NOTADB" in str(caught.value)


async def test_a_damaged_page_is_told_and_stops(tmp_path: Path) -> None:
    store = make(tmp_path)
    await store.open()
    async with store.transaction() as tx:
        await tx.append_inbox([incoming(f"e{n}", raw=bytes(3000)) for n in range(200)])
    await store.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4096 : len(content) - 4096] = b"\xff" * (len(content) - 8192)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreBroken):
        await _use(make(tmp_path))


async def _use(store: SqliteStore) -> None:
    try:
        await store.open()
        async with store.transaction() as tx:
            await tx.known([("e1", b"one")])
        await store.views.timeline("c1", 9)
    finally:
        await store.close()


async def test_another_master_key_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    store = make(tmp_path)
    await store.open()
    await store.close()
    (tmp_path / "master.key").unlink()
    with pytest.raises(StoreBroken, match="master key does not belong"):
        await make(tmp_path).open()
