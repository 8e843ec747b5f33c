"""The stores that keep the same promises, each empty and open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.ports import Store
from sojourn.store.memory import MemoryStore
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import Clock


@pytest.fixture
def clock() -> Clock:
    """The clock of the store under test."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    if request.param == "memory":
        made: Store = MemoryStore(clock)
    elif request.param == "postgres":
        database = request.getfixturevalue("database")
        made = PostgresStore(database, master_key(tmp_path / "master.key", create=True), clock)
    else:
        made = SqliteStore(tmp_path / "sojourn.db", master_key(tmp_path / "master.key", create=True), clock)
    await made.open()
    yield made
    await made.close()
