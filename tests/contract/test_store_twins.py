"""The twins under random work: whatever one store answers, the other answers too."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sojourn.core.model import Hot, State, Tomb
from sojourn.errors import SojournError
from sojourn.ports import Store, Tx
from sojourn.records import Claimed, LogFilter, Move, Position
from sojourn.store.memory import MemoryStore
from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master
from sojourn.store.sqlite import SqliteStore
from tests.contract.pgkit import MASTER, emptied
from tests.contract.storekit import NOW, Clock, event, keep, queued, replace, row, run, settled

NAMES = st.sampled_from(["c1", "c2", "c3"])
IDS = st.sampled_from([f"m{n}" for n in range(5)])
TIMES = st.integers(NOW, NOW + 20)
STEP = st.one_of(
    st.tuples(st.just("change"), NAMES, st.none() | TIMES, st.sampled_from(["r1", "r2", "-r1", "tomb", "-tomb"])),
    st.tuples(st.just("event"), NAMES, st.sampled_from(["e1", "e2", "e3"]), st.sampled_from([b"one", b"two"])),
    st.tuples(st.just("row"), NAMES, IDS, st.sampled_from(["sent", "held", "in_doubt"])),
    st.tuples(st.just("order"), NAMES, IDS, TIMES),
    st.tuples(st.just("claim"), TIMES, st.integers(0, 3), st.sampled_from(["w1", "w2"])),
    st.tuples(st.just("settle"), IDS, st.just(0), st.sampled_from(["w1", "w2"])),
    st.tuples(st.just("withdraw"), IDS, st.just(0), st.just(0)),
    st.tuples(st.just("move"), st.none() | st.integers(0, 3), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("erase"), NAMES, st.just(0), st.just(0)),
    st.tuples(st.just("fail"), st.just(0), st.just(0), st.just(0)),
)


def changed(state: State, what: str) -> State:
    """Change a part of a state."""
    runs, tombs = dict(state.runs), dict(state.tombs)
    if what == "tomb":
        tombs["renewal", "*"] = Tomb(state.hot.clock)
    elif what == "-tomb":
        tombs.pop(("renewal", "*"), None)
    elif what == "-r1":
        runs.pop("r1", None)
    else:
        runs[what] = run(what, version=state.hot.clock + 1)
    return replace(state, hot=Hot(state.hot.clock + 1), runs=runs, tombs=tombs)


def plain(claimed: Claimed) -> Any:
    """Give a claim without what differs by nature."""
    return (
        [(one.message_id, one.attempt, one.customer) for one in claimed.orders],
        [(one.message_id, one.customer) for one in claimed.stale],
        [(one.message_id, one.attempt) for one in claimed.expired],
    )


async def take(tx: Tx, step: tuple[Any, ...]) -> Any:
    """Take one step and give what the store answers, without its own numbers."""
    match step:
        case ("change", customer, due, what):
            stored = await keep(tx, customer, lambda state: changed(state, what), due)
            return stored.revision, stored.due, stored.state
        case ("event", customer, name, digest):
            verdicts = list(await tx.known([(name, digest)]))
            if verdicts == ["new"]:
                await tx.append_inbox([event(name, customer, digest=digest)])
            return verdicts
        case ("row", customer, name, status):
            return await tx.append_log([row(f"{customer}-{name}", customer, status)])
        case ("order", customer, name, until):
            return await tx.enqueue([queued(f"{customer}-{name}", customer, until=until)])
        case ("claim", now, slots, worker):
            return plain(await tx.claim(now, {"sms": slots}, now + 5, worker))
        case ("settle", name, _, worker):
            return await tx.settle(worker, [settled(f"c1-{name}"), settled(f"c2-{name}", "c2")])
        case ("withdraw", name, _, _):
            return await tx.withdraw([f"c1-{name}", f"c3-{name}"])
        case ("move", expect, to, _):
            return await tx.advance([Move("billing", expect, Position(to, to))])
        case ("erase", customer, _, _):
            return await tx.erase(customer, NOW)
    raise RuntimeError("the transaction fails here")


async def story(store: Store, batches: list[list[tuple[Any, ...]]]) -> list[Any]:
    """Run the batches, one transaction each, and give all that the store said and shows at the end."""
    said: list[Any] = []
    await store.open()
    for batch in batches:
        try:
            async with store.transaction() as tx:
                said += [await take(tx, step) for step in batch]
        except (SojournError, RuntimeError) as error:
            said.append(type(error).__name__)
        said.append(await shown(store))
    await store.close()
    return said


async def shown(store: Store) -> list[Any]:
    """Give what people see."""
    views = store.views
    return [
        await views.counts(), await views.message_counts(), await views.positions(), list(await views.runs()),
        list(await views.lanes()), (await views.log(LogFilter(), 99)).rows,
        (await views.messages(["sent", "held"], 99)).messages,
        [len((await views.timeline(name, 99)).moments) for name in ("c1", "c2", "c3")], await views.find("P-1", 0),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([[("row", "c1", "m2", "sent"), ("erase", "c1", 0, 0), ("row", "c1", "m2", "sent")]])
@given(st.lists(st.lists(STEP, max_size=4), max_size=8))
def test_both_stores_tell_the_same_story(batches: list[list[tuple[Any, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sqlite = SqliteStore(Path(folder) / "s.db", Master(bytes(32)), Clock())
        assert asyncio.run(story(sqlite, batches)) == asyncio.run(story(MemoryStore(Clock()), batches))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(batches=[[("row", "c1", "m2", "sent"), ("erase", "c1", 0, 0), ("row", "c1", "m2", "sent")]])
@example(batches=[[("change", "c1", None, "r1")], [("erase", "c1", 0, 0), ("change", "c1", None, "r1")]])
@given(batches=st.lists(st.lists(STEP, max_size=4), max_size=8))
def test_postgresql_tells_the_same_story(twin: str, batches: list[list[tuple[Any, ...]]]) -> None:
    async def told() -> list[Any]:
        await emptied(twin)
        return await story(PostgresStore(twin, MASTER, Clock(), connections=2), batches)

    assert asyncio.run(told()) == asyncio.run(story(MemoryStore(Clock()), batches))
