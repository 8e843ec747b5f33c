"""What was kept long enough is forgotten, and nothing else; the loop that does it hinders nobody."""

import asyncio
from pathlib import Path

import pytest

from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.retention import forget_slowly
from sojourn.bootstrap.settings import read_settings
from sojourn.bootstrap.trouble import Trouble
from sojourn.errors import ConfigurationError
from sojourn.operations.retention import Keep, forget_page
from sojourn.ports import Store
from sojourn.store.memory import MemoryStore
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import NOW, Clock, event, letter, queued, row, settled, touch
from tests.integration.pgkit import connected, opened

DAY = 86_400_000


async def filled(store: Store) -> None:
    """Keep an event and a sent message a day for ten days, each of a customer of his own."""
    async with store.transaction() as tx:
        for n in range(10):
            at = NOW + n * DAY
            await touch(tx, f"c{n}", due=at)
            await tx.append_inbox([event(f"e{n}", f"c{n}", arrival=at)])
            await tx.append_log([row(f"m{n}", f"c{n}", decided_at=at)])
            await tx.settle("w", [settled(f"m{n}", f"c{n}")])
        await tx.enqueue([queued("waiting", "c0")])
        await tx.append_dead_letters([letter(customer="c0")])


async def left(store: Store) -> tuple[int, int, int]:
    """How many events, rows and messages there are."""
    counts = await store.views.counts()
    return counts["events"], counts["rows"], sum((await store.views.message_counts()).values())


async def forget(store: Store, before: int) -> int:
    """Drop one page of both."""
    async with store.transaction() as tx:
        return await tx.forget_inbox(before, 3) + await tx.forget_log(before, 3)


@pytest.mark.parametrize(
    ("keep", "days", "expected"),
    [
        (Keep(0, 0), 4_000, (10, 10, 10)),
        (Keep(400, 0), 404, (6, 10, 10)),
        (Keep(0, 90), 95, (10, 5, 5)),
        (Keep(30, 90), 97, (0, 3, 3)),
        (Keep(1, 1), 20, (10, 10, 10)),  # nobody may ask for less than the least
    ],
)
async def test_only_what_is_older_than_it_is_kept_is_forgotten(
    tmp_path: Path, keep: Keep, days: int, expected: tuple[int, int, int]
) -> None:
    clock = Clock()
    store = SqliteStore(tmp_path / "sojourn.db", master_key(tmp_path / "master.key", create=True), clock)
    await store.open()
    await filled(store)
    clock.now = NOW + days * DAY
    while await forget_page(store, keep, 3):
        pass
    assert await left(store) == expected
    customer = await store.views.customer("c0")
    assert customer is not None
    assert customer.due == NOW
    assert sum(lane.ready for lane in await store.views.lanes()) == 1
    assert (await store.views.counts())["dead_letters"] == 1
    async with store.transaction() as tx:  # numbers go on behind what was forgotten
        await tx.append_log([row("later", decided_at=clock.now)])
    assert [one.message_id for one in (await store.views.messages(("sent",), 1)).messages] == ["later"]
    await store.close()


async def test_on_postgresql_months_go_as_a_whole_and_their_messages_behind_them(database: str) -> None:
    """NOW lies in May 2026; the first four days do, too."""
    async with opened(database) as store, opened(database) as other:
        await filled(store)
        async with store.transaction() as tx:  # in June, but of a message that began in May
            await tx.append_log([row("m1", "c1", status="delivered", decided_at=NOW + 9 * DAY)])
        june = NOW + 6 * DAY
        for page in range(2):  # two at once: one drops, the other one leaves it alone
            gone = await asyncio.gather(forget(store, june), forget(other, june))
            assert (sum(gone) > 0) is (page == 0), gone
        assert await left(store) == (6, 7, 7)
        assert len((await store.views.message("m1"))[1]) == 1
    async with connected(database) as raw:
        names = {one["name"] for one in await raw.fetch("SELECT inhrelid::regclass::text AS name FROM pg_inherits")}
        assert await raw.fetchval("SELECT count(*) FROM attempt") == 7
    assert {"inbox_2026_05", "log_2026_05"} & names == set()
    assert {"inbox_2026_06", "log_2026_06"} <= names


async def test_the_loop_forgets_and_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    clock = Clock()
    store, stopping = MemoryStore(clock), asyncio.Event()
    await store.open()
    await filled(store)
    clock.now = NOW + 435 * DAY
    trouble = Trouble(Metrics(), clock)
    settings = read_settings({"SOJOURN_KEEP_EVENTS": "30", "SOJOURN_KEEP_LOG": "90"}, tmp_path)
    asyncio.get_running_loop().call_later(0.3, stopping.set)
    async with asyncio.timeout(5):
        await forget_slowly(store, settings, trouble, stopping, start_s=0.0)
    assert await left(store) == (0, 1, 1)  # the newest row stays


@pytest.mark.parametrize(("name", "days"), [("SOJOURN_KEEP_EVENTS", "29"), ("SOJOURN_KEEP_LOG", "89")])
def test_less_than_the_least_is_refused(tmp_path: Path, name: str, days: str) -> None:
    with pytest.raises(ConfigurationError, match="wrong value"):
        read_settings({name: days}, tmp_path)
    assert read_settings({name: "0"}, tmp_path).keep_log == 0
