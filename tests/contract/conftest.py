"""The stores that keep the same promises, each empty and open."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sojourn.ports import Store
from sojourn.store.memory import MemoryStore
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from tests.contract.pgkit import MASTER, emptied
from tests.contract.storekit import Clock
from tools.servers import PostgresServer


@pytest.fixture
def clock() -> Clock:
    """The clock of the store under test."""
    return Clock()


@pytest.fixture(scope="session")
def twin(postgres: PostgresServer) -> Iterator[str]:
    """A database that the tests of a session share, one after the other; each empties it first."""
    name = f"twin{uuid.uuid4().hex[:10]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    if request.param == "memory":
        made: Store = MemoryStore(clock)
    elif request.param == "postgres":
        database = request.getfixturevalue("twin")
        await emptied(database)
        made = PostgresStore(database, MASTER, clock)
    else:
        made = SqliteStore(tmp_path / "sojourn.db", master_key(tmp_path / "master.key", create=True), clock)
    await made.open()
    yield made
    await made.close()
