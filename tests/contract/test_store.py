"""Transactions and customers: what every store promises."""

import asyncio

import pytest

from sojourn.core.model import Hot, State, Tomb
from sojourn.places import place_of
from sojourn.ports import Conflict, Store, StoreBroken
from sojourn.records import Changed, Due, LogFilter, Partitions
from tests.contract.storekit import NOW, Clock, event, full_state, keep, queued, replace, row, run, touch


class Stop(Exception):
    """Ends a transaction of a test."""


async def test_a_transaction_that_raises_leaves_nothing_behind(store: Store) -> None:
    async def work() -> None:
        async with store.transaction() as tx:
            await keep(tx, "c1", lambda state: full_state("c1"), due=NOW)
            await tx.append_inbox([event("e1", terms=("P-1",))])
            await tx.append_log([row()])
            await tx.enqueue([queued()])
            raise Stop

    with pytest.raises(Stop):
        await work()
    async with store.transaction() as tx:
        assert await tx.known([("e1", b"one")]) == ["new"]
        assert await tx.next_due() is None
        assert (await tx.claim(NOW, {"sms": 9}, NOW + 1, "w")).orders == ()
        assert await tx.customers(0, 10) == []
    assert set((await store.views.counts()).values()) == {0}
    assert await store.views.find("P-1", 9) == []


async def test_a_transaction_that_raises_gives_back_what_it_had_removed(store: Store) -> None:
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda state: full_state("c1"), due=NOW)
        await tx.append_inbox([event("e1")])
        await tx.append_log([row()])
        await tx.enqueue([queued()])

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.erase("c1", NOW)
            raise Stop

    with pytest.raises(Stop):
        await work()
    kept = await store.views.customer("c1")
    assert kept is not None
    assert kept.state.key() == full_state("c1").key()
    assert (await store.views.log(LogFilter(customer_id="c1"), 9)).rows == (row(),)
    async with store.transaction() as tx:
        assert await tx.next_due() == NOW
        assert await tx.withdraw(["m1"]) == {"m1"}


async def test_a_cancelled_transaction_leaves_nothing_behind(store: Store) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.append_inbox([event("e1")])
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.transaction() as tx:
        assert await tx.known([("e1", b"one")]) == ["new"]


async def test_views_see_only_what_is_committed(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_log([row()])
        assert (await store.views.log(LogFilter(), 9)).rows == ()
        await tx.append_log([row("m2")])
    assert len((await store.views.log(LogFilter(), 9)).rows) == 2


async def test_transactions_take_turns(store: Store) -> None:
    async def count_up() -> None:
        async with store.transaction() as tx:
            await touch(tx, "c1")

    await asyncio.gather(*(count_up() for _ in range(20)))
    kept = await store.views.customer("c1")
    assert kept is not None
    assert (kept.revision, kept.state.hot.clock) == (20, 20)


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreBroken, match="not open"):
        async with store.transaction():
            raise AssertionError("the block must not run")
    await store.open()


async def test_a_store_is_closed_when_the_transaction_under_way_has_ended(store: Store) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            begun.set()
            await free.wait()
            await touch(tx, "c1")

    working = asyncio.create_task(work())
    await begun.wait()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    free.set()
    await asyncio.gather(working, closing)
    await store.open()
    assert (await store.views.counts())["customers"] == 1


async def test_an_unknown_customer_gets_an_empty_state_and_keeps_his_subject(store: Store) -> None:
    async with store.transaction() as tx:
        first = (await tx.load(["c1", "c2"]))["c1"]
    assert first.state == State("c1")
    assert (first.revision, first.due) == (0, None)
    async with store.transaction() as tx:
        again = await tx.load(["c2", "c1"])
    assert again["c1"].subject == first.subject != again["c2"].subject
    assert (await store.views.customer("c9")) is None


async def test_a_state_comes_back_as_it_was_saved(store: Store) -> None:
    state = full_state("c1")
    async with store.transaction() as tx:
        saved = await keep(tx, "c1", lambda _: state, due=NOW)
    assert saved.state is state
    async with store.transaction() as tx:
        loaded = (await tx.load(["c1"], every_tomb=True))["c1"]
    assert loaded.state.key() == state.key()
    assert loaded.state == state
    assert (loaded.revision, loaded.due) == (saved.revision, NOW) == (1, NOW)


async def test_parts_that_left_the_state_are_gone(store: Store) -> None:
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda _: full_state("c1"))
        await keep(tx, "c1", lambda s: replace(s, runs={"r2": s.runs["r2"]}, tombs={}))
    async with store.transaction() as tx:
        state = (await tx.load(["c1"], every_tomb=True))["c1"].state
    assert list(state.runs) == ["r2"]
    assert state.tombs == {}


async def test_only_the_tombs_asked_for_are_loaded_and_the_others_stay(store: Store) -> None:
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda _: full_state("c1"))
        before = (await tx.load(["c1", "c2"], [("c1", "renewal", "*"), ("c2", "renewal", "*")]))["c1"]
        assert before.state.tombs == {("renewal", "*"): Tomb(NOW)}
        changed = replace(before.state, tombs={("renewal", "*"): Tomb(NOW + 1, NOW)})
        await tx.save([Changed(before, changed, None)], NOW)
    async with store.transaction() as tx:
        loaded = (await tx.load(["c1"], every_tomb=True))["c1"].state.tombs
        assert (await tx.load(["c1"]))["c1"].state.tombs == {}
    assert loaded == dict(full_state("c1").tombs) | {("renewal", "*"): Tomb(NOW + 1, NOW)}


async def test_whoever_saves_second_has_to_decide_again(store: Store) -> None:
    async with store.transaction() as tx:
        stale = (await tx.load(["c1"]))["c1"]
        await touch(tx, "c1")

    async def save_second() -> None:
        async with store.transaction() as tx:
            await touch(tx, "c2")
            await tx.save([Changed(stale, State("c1", Hot(9)), None)], NOW)

    with pytest.raises(Conflict) as caught:
        await save_second()
    assert caught.value.kind == "later"
    assert "c1" not in str(caught.value)
    kept = await store.views.customer("c1")
    assert kept is not None
    assert kept.state.hot.clock == 1
    assert await store.views.customer("c2") is None


async def test_a_customer_is_saved_once_in_a_call(store: Store) -> None:
    async with store.transaction() as tx:
        before = (await tx.load(["c1"]))["c1"]
        change = Changed(before, State("c1", Hot(1)), None)
        with pytest.raises(Conflict):
            await tx.save([change, change], NOW)


async def test_the_next_due_time_is_a_lower_bound_until_it_fires(store: Store) -> None:
    async with store.transaction() as tx:
        before = await touch(tx, "c1", due=100)
        later = (await tx.save([Changed(before, before.state, 200)], 50))["c1"]
        assert later.due == 100
        earlier = (await tx.save([Changed(later, later.state, 40)], 50))["c1"]
        assert earlier.due == await tx.next_due() == 40
        fired = (await tx.save([Changed(earlier, earlier.state, 200)], 50))["c1"]
        assert fired.due == await tx.next_due() == 200
        done = (await tx.save([Changed(fired, fired.state, None)], 50))["c1"]
        assert done.due is await tx.next_due() is None
        assert (await tx.load(["c1"]))["c1"].due is None


async def test_due_customers_come_by_lane_then_time_and_page_by_page(store: Store) -> None:
    async with store.transaction() as tx:
        for customer, due, lane in (
            ("bulk", 1, "bulk"), ("late", 9, "normal"), ("soon", 3, "normal"),
            ("fast", 8, "urgent"), ("not yet", 11, "urgent"),
        ):  # fmt: skip
            before = (await tx.load([customer]))[customer]
            await tx.save([Changed(before, before.state, due, lane)], 0)  # type: ignore[arg-type]
        pages: list[list[str]] = []
        after: Due | None = None
        while page := await tx.due(10, 2, after):
            pages.append([one.customer for one in page])
            after = page[-1]
        assert pages == [["fast", "soon"], ["late", "bulk"]]
        assert await tx.next_due() == 1


async def test_only_customers_of_some_partitions_are_due(store: Store) -> None:
    names = [f"c{n}" for n in range(12)]
    async with store.transaction() as tx:
        for name in names:
            await touch(tx, name, due=NOW)
    async with store.transaction() as tx:
        for among in ({0}, {1, 2}, set[int]()):
            found = await tx.due(NOW, 99, None, Partitions(3, frozenset(among)))
            assert {one.customer for one in found} == {name for name in names if place_of(name) % 3 in among}
        page = await tx.due(NOW, 2, None, Partitions(1, frozenset({0})))
        rest = await tx.due(NOW, 99, page[-1], Partitions(1, frozenset({0})))
        assert len({one.customer for one in [*page, *rest]}) == 12


async def test_the_release_that_a_customer_has_met_is_kept(store: Store) -> None:
    async with store.transaction() as tx:
        before = (await tx.load(["c1"]))["c1"]
        assert before.release is None
        saved = (await tx.save([Changed(before, before.state, None, release=3)], NOW))["c1"]
        assert saved.release == 3
    async with store.transaction() as tx:
        again = (await tx.load(["c1"], wait=False))["c1"]
        assert again.release == 3
        await tx.save([Changed(again, again.state, None, release=4)], NOW)
    kept = await store.views.customer("c1")
    assert kept is not None
    assert kept.release == 4


async def test_a_customer_can_be_loaded_again_in_the_same_transaction(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.load(["c1", "c2"])
        saved = await touch(tx, "c1")
        again = await tx.load(["c2", "c1"], wait=False)
        assert again["c1"].revision == saved.revision == 1
        assert set(again) == {"c1", "c2"}


async def test_customers_are_paged_by_subject_and_by_live_run(store: Store) -> None:
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda s: replace(s, runs={"r1": run()}))
        await keep(tx, "c2", lambda s: replace(s, runs={"r1": run(version=2), "r3": run("r3", version=2)}))
        await keep(tx, "c3", lambda s: replace(s, runs={"r1": run(ended="goal")}))
        first = await tx.customers(0, 2)
        rest = await tx.customers(first[-1][0], 2)
        assert {name for _, name in [*first, *rest]} == {"c1", "c2", "c3"}
        assert [subject for subject, _ in [*first, *rest]] == sorted(subject for subject, _ in [*first, *rest])
        assert {name for _, name in await tx.customers(0, 9, "renewal")} == {"c1", "c2"}
        assert [name for _, name in await tx.customers(0, 9, "renewal", 2)] == ["c2"]
    assert [(c.version, c.position, c.count) for c in await store.views.runs()] == [(1, "t3", 1), (2, "t3", 2)]


async def test_the_stores_clock_never_stands_before_what_it_has_stored(store: Store, clock: Clock) -> None:
    async with store.transaction() as tx:
        assert await tx.now() == NOW
        await tx.append_inbox([event("e1", arrival=NOW + 50)])
    clock.now = NOW + 20
    async with store.transaction() as tx:
        assert await tx.now() == NOW + 50
    clock.now = NOW + 90
    async with store.transaction() as tx:
        assert await tx.now() == NOW + 90
