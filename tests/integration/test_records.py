"""Records of Kafka through the use cases, without a broker: arrival, fence, rounds, timers that wait for sources."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from sojourn.core.model import Row
from sojourn.definitions.publish import first_book
from sojourn.intake.apply import Applied, Incoming, Reading, apply_records
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.intake.releases import Releases
from sojourn.intake.timers import fire_due, fire_past_stalled
from sojourn.places import place_of
from sojourn.ports import Conflict, Tx
from sojourn.records import LogFilter, Move, Position, Stored, TombKey, Waiver
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import happened, known
from tests.unit.rules.kit import at, project
from tests.unit.rules.small import MAIL, small

TOPICS = {"bills": 2, "payments": 2}
JOURNEY = small(
    "reminder",
    f"""
    schedule:
      - {{id: remind, at: due_date 09:00, {MAIL}, valid_for: 2 days}}
      - {{id: must, at: due_date 09:00, {MAIL}, class: mandatory, valid_for: 2 days}}
    goal: {{when: payment.received}}
    """,
)
DUE = at("2026-03-12 09:00", "Asia/Shanghai")


class World:
    """One store, its clock, and two topics of two partitions that are read by hand."""

    def __init__(self, store: MemoryStore, clock: VirtualClock) -> None:
        loaded = project(JOURNEY)
        self.catalogue = loaded.catalogue
        self.store, self.clock = store, clock
        self.deciding = Deciding(Releases.only(first_book(loaded)), topics=TOPICS)
        self.next = {f"kafka:{topic}/{n}": 0 for topic, count in TOPICS.items() for n in range(count)}

    async def read(
        self, source: str, *records: tuple[bytes, int], idle: bool = False, expect: int | None = -1, **more: Any
    ) -> Applied:
        """Store records (bytes, timestamp) of a source."""
        have = (await self.store.views.positions()).get(source)
        before = (None if have is None else have.next) if expect == -1 else expect
        incoming = [
            Incoming(raw=raw, read=decode(raw, self.catalogue, stamp), source=source, position=n, stamp=stamp)
            for n, (raw, stamp) in enumerate(records, before or 0)
        ]
        reading = Reading(
            expect={source: before},
            next={source: (before or 0) + len(records)},
            merged=frozenset({source}),
            idle=frozenset({source}) if idle else frozenset(),
            looked_at=self.clock.now,
            **more,
        )
        return await apply_records(self.store, self.deciding, incoming, reading)

    async def look(self, *sources: str) -> None:
        """Find nothing unread in these sources (none named: in all)."""
        for source in sources or self.next:
            await self.read(source, idle=True)

    async def rows(self, customer: str = "C1") -> list[Row]:
        page = await self.store.views.log(LogFilter(customer_id=customer), 100)
        return list(reversed(page.rows))

    async def ready(self) -> list[str]:
        """Name the steps whose messages wait for hand-over."""
        async with self.store.transaction() as tx:
            stored = (await tx.load(["C1"]))["C1"]
        return sorted(send.step for send in stored.state.hot.sends if send.status == "ready")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = VirtualClock(at("2026-03-01 10:00", "Asia/Shanghai"))
    store = MemoryStore(clock)
    await store.open()
    yield World(store, clock)
    await store.close()


def bill(customer: str, instant: int, due: str = "2026-03-12") -> bytes:
    payload = {
        "policy_id": "P-1", "installment_no": 1, "due_date": due, "amount_cny": "10.00", "frequency": "annual",
        "pay_method": "manual", "product_name": "X",
    }  # fmt: skip
    entity = {"type": "installment", "id": "P-1/1", "seq": 1}
    return happened("payment.due_scheduled", customer, instant, payload, entity=entity)


def payment(customer: str, instant: int) -> bytes:
    payload = {
        "policy_id": "P-1", "installment_no": 1, "amount_cny": "10.00", "outstanding_cny": "0.00",
        "paid_date": "2026-03-12", "method": "card",
    }  # fmt: skip
    entity = {"type": "installment", "id": "P-1/1", "seq": 2}
    return happened("payment.received", customer, instant, payload, entity=entity)


def homes(customer: str) -> tuple[str, str, str]:
    """Give the customer's partitions of both topics, and the partition of payments that is not his."""
    place = place_of(customer) % 2
    return f"kafka:bills/{place}", f"kafka:payments/{place}", f"kafka:payments/{1 - place}"


async def owing(world: World) -> tuple[str, str, str]:
    """Let a customer be known and owe; all sources are read up to now."""
    now = world.clock.now
    bills, payments, others = homes("C1")
    await world.read(bills, (known("C1", now), now), (bill("C1", now), now))
    await world.look()
    return bills, payments, others


@pytest.mark.parametrize(
    ("stamps", "arrivals"),
    [
        pytest.param([-500, -400], [-500, -400], id="the record's timestamp"),
        pytest.param([-400, -500], [-400, -400], id="never before what its source has stored"),
        pytest.param([-1, 9_000], [-1, 0], id="never after the store's clock"),
    ],
)
async def test_the_arrival_of_a_record(world: World, stamps: list[int], arrivals: list[int]) -> None:
    now = world.clock.now
    await world.read("kafka:bills/0", *((known(f"C{n}", now), now + stamp) for n, stamp in enumerate(stamps)))
    kept = [(await world.store.views.timeline(f"C{n}", 1)).moments[0].at - now for n in range(len(stamps))]
    assert kept == arrivals
    assert (await world.store.views.positions())["kafka:bills/0"] == Position(2, now + arrivals[-1], now)


async def test_what_comes_at_an_instant_that_a_batch_has_closed_arrives_a_millisecond_later(world: World) -> None:
    now = world.clock.now
    await world.read("kafka:bills/0", (known("C1", now), now - 9))
    await world.read("kafka:bills/0", (known("C2", now), now - 9), (known("C3", now), now - 9))
    assert [(await world.store.views.timeline(name, 1)).moments[0].at - now for name in ("C2", "C3")] == [-8, -8]


async def test_a_worker_that_has_lost_the_source_stores_nothing(world: World) -> None:
    now = world.clock.now
    await world.read("kafka:bills/0", (known("C1", now), now))
    for expect in (None, 0):
        with pytest.raises(Conflict):
            await world.read("kafka:bills/0", (known("C2", now), now), expect=expect)
    assert await world.store.views.customer("C2") is None
    assert (await world.store.views.positions())["kafka:bills/0"].next == 1


async def test_a_payment_that_is_unread_when_the_reminder_is_ripe_suppresses_it(world: World) -> None:
    bills, payments, others = await owing(world)
    world.clock.set(DUE + 5_000)
    await world.look(bills, others)  # everything but the customer's payments is read
    assert (await fire_due(world.store, world.deciding)).customers == 0
    world.clock.set(DUE + 3 * 3_600_000)  # three hours of standstill make no difference
    await world.look(bills, others)
    assert (await fire_due(world.store, world.deciding)).customers == 0
    await world.read(payments, (payment("C1", DUE - 1_000), DUE - 1_000))
    await world.look()
    await fire_due(world.store, world.deciding)
    assert await world.ready() == []
    assert await world.rows() == []


async def test_without_it_the_reminder_goes_once_all_his_sources_are_read_and_no_other(world: World) -> None:
    bills, payments, _ = await owing(world)
    world.clock.set(DUE + 1_999)
    await world.look()
    assert (await fire_due(world.store, world.deciding)).customers == 0
    world.clock.set(DUE + 4_000)
    await world.look(bills, payments)  # the other partition of payments cannot carry his events
    fired = await fire_due(world.store, world.deciding)
    assert fired.customers == 1
    assert await world.ready() == ["must", "remind"]


async def test_a_touch_whose_arming_event_is_read_late_is_not_lost(world: World) -> None:
    now = world.clock.now
    bills, _, _ = homes("C1")
    await world.read(bills, (known("C1", now), now))
    world.clock.set(DUE + 3_600_000)
    await world.read(bills, (bill("C1", now), now + 1))
    await world.look()
    await fire_due(world.store, world.deciding)
    assert await world.ready() == ["must", "remind"]
    assert [row.reason for row in await world.rows()] == []


async def test_a_stalled_source_lets_the_mandatory_through_and_a_waiver_the_rest(world: World) -> None:
    bills, payments, others = await owing(world)
    world.clock.set(DUE + 3_600_000)
    await world.look(bills, others)
    assert (await fire_due(world.store, world.deciding)).customers == 0
    fired = await fire_past_stalled(world.store, world.deciding)
    assert fired.customers == 1
    assert await world.ready() == ["must"]
    assert (await fire_past_stalled(world.store, world.deciding)).rows == 0
    async with world.store.transaction() as tx:
        await tx.waive(Waiver(source=payments, at=DUE, until=DUE + 9_000_000, by="ops", reason="lost for today"))
    await fire_due(world.store, world.deciding)
    assert await world.ready() == ["must", "remind"]


async def test_a_record_outside_its_customers_partition_makes_every_partition_count(world: World) -> None:
    bills, payments, others = await owing(world)
    now = world.clock.now
    raw = known("C9", now)
    stray = Incoming(raw=raw, read=decode(raw, world.catalogue, now), source=others, position=0, stamp=now, keyed=False)
    reading = Reading(expect={others: 0}, next={others: 1})
    await apply_records(world.store, world.deciding, [stray], reading)
    world.clock.set(DUE + 60_000)
    await world.look(bills, payments)
    assert (await fire_due(world.store, world.deciding)).customers == 0
    await world.look()
    assert (await fire_due(world.store, world.deciding)).customers == 1


class LockedTx:
    """A transaction while another one has some customers."""

    def __init__(self, tx: Tx, taken: frozenset[str]) -> None:
        self._tx, self._taken = tx, taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        asked: Sequence[str] = [one for one in customers if wait or one not in self._taken]
        return await self._tx.load(asked, [key for key in tombs if key[0] in asked], every_tomb=every_tomb)


class LockedStore:
    """A store in which another process has some customers whenever somebody does not wait for them."""

    def __init__(self, store: MemoryStore, taken: frozenset[str]) -> None:
        self._store, self._taken = store, taken
        self.moves: list[Sequence[Move]] = []

    @property
    def views(self) -> Any:
        return self._store.views

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[LockedTx]:
        async with self._store.transaction() as tx:
            yield LockedTx(tx, self._taken)


async def test_customers_whom_another_transaction_has_come_in_a_second_round_in_order(world: World) -> None:
    now = world.clock.now
    world.store = LockedStore(world.store, frozenset({"C1"}))  # type: ignore[assignment]
    records = [(known("C1", now), now - 3), (known("C2", now), now - 2), (b"{", now - 2), (bill("C1", now), now - 1)]
    applied = await world.read("kafka:bills/0", *records)
    assert applied.fates == ("accepted", "accepted", "refused", "accepted")
    assert set(applied.refusals) == {2}
    moments = (await world.store.views.timeline("C1", 9)).moments
    assert [one.at - now for one in moments] == [-1, -3]
    assert (await world.store.views.positions())["kafka:bills/0"].next == 4
    assert await world.store.views.dead_letter_counts() == {"bad_json": 1}
