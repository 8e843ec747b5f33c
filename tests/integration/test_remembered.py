"""What a process remembers of customers: never more than is true, and never more than so many."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sojourn.core.model import Hot
from sojourn.ports import Conflict, Store
from sojourn.records import Stored
from sojourn.store.people import Person
from sojourn.store.postgres import PostgresStore
from sojourn.store.remembered import Remembered, weight
from sojourn.store.sealing import Master
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import NOW, Clock, full_state, keep, replace, touch

MASTER = Master(b"m" * 32)


@pytest.fixture(params=["sqlite", "postgres"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes' stores on one database."""
    make: Callable[[], Store]
    if request.param == "sqlite":
        make = lambda: SqliteStore(tmp_path / "one.db", MASTER, Clock())  # noqa: E731
    else:
        dsn = request.getfixturevalue("database")
        make = lambda: PostgresStore(dsn, MASTER, Clock())  # noqa: E731
    one, other = make(), make()
    await one.open()
    await other.open()
    yield one, other
    await one.close()
    await other.close()


async def clock_of(store: Store, customer: str = "c1") -> int:
    async with store.transaction() as tx:
        return (await tx.load([customer]))[customer].state.hot.clock


async def test_what_another_process_has_saved_is_seen(two: tuple[Store, Store]) -> None:
    one, other = two
    for expected, store in enumerate([one, other, other, one, other], 1):
        async with store.transaction() as tx:
            await touch(tx, "c1", due=NOW + expected)
        assert [await clock_of(each) for each in two] == [expected, expected]
    async with one.transaction() as tx:
        assert (await tx.load(["c1"]))["c1"].due == NOW + 1


async def test_a_transaction_that_fails_leaves_nothing_to_remember(two: tuple[Store, Store]) -> None:
    one, _ = two

    async def fail() -> None:
        async with one.transaction() as tx:
            await touch(tx, "c1")
            raise RuntimeError

    async with one.transaction() as tx:
        await touch(tx, "c1")
    with pytest.raises(RuntimeError):
        await fail()
    assert await clock_of(one) == 1


async def test_whom_another_process_has_erased_is_somebody_new(two: tuple[Store, Store]) -> None:
    one, other = two
    async with one.transaction() as tx:
        before = await keep(tx, "c1", lambda state: replace(state, hot=Hot(7)))
    async with other.transaction() as tx:
        assert await tx.erase("c1", NOW)

    async def again() -> int:
        async with one.transaction() as tx:
            return (await touch(tx, "c1")).subject

    try:
        subject = await again()
    except Conflict:  # at once, or at the second try as hosts do it
        subject = await again()
    assert subject != before.subject
    assert await clock_of(one) == 1


def test_no_more_than_so_many_are_remembered_and_the_oldest_go() -> None:
    memory = Remembered(most=2 * weight(Stored(0, 5, None, "normal", full_state("c0"), 1)))
    key = MASTER.new_key()[1]
    for n in range(4):
        stored = Stored(n, 5, None, "normal", full_state(f"c{n}"), 1)
        memory.keep([Person(n, f"c{n}", key)], [stored])
    assert [memory.person(f"c{n}") is not None for n in range(4)] == [False, False, True, True]
    found = memory.as_of(3, 5)
    assert found is not None
    assert found.state.tombs == {}
    assert memory.as_of(3, 6) is None
