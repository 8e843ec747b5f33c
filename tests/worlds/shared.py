"""A store that several workers share, as PostgreSQL does it: READ COMMITTED, row locks, transactions that interleave.

The tables and what a method does to them are the twin's (sojourn/store/memory.py). Added is what a server adds: every
transaction sees what others have committed and what it wrote itself; rows are locked to its end, waited for or passed
by; it may be rolled back at any statement, and a COMMIT whose answer is lost has happened or not.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol, TypeVar

from sojourn.core.model import Deliver, Row
from sojourn.ports import Store, StoreBusy, Tx
from sojourn.records import (
    Changed,
    Claimed,
    DeadLetter,
    Due,
    Inbox,
    LetterState,
    Move,
    Outgoing,
    Partitions,
    Position,
    Published,
    Queued,
    Settled,
    Stored,
    TombKey,
    Verdict,
    Waiver,
)
from sojourn.store.memory import MemoryTx
from sojourn.store.memory_data import Data
from sojourn.store.memory_views import MemoryViews
from tests.worlds.history import Decided, History
from tests.worlds.locks import Key, Locks

T = TypeVar("T")
_NOTHING: Any = object()


class Client(Protocol):
    """Who uses the store: its statements may be slow, fail, or never come back."""

    async def statement(self, tx: "SharedTx", what: str) -> None:
        """A statement is about to be sent; raises where the connection breaks."""


class Tables(Data):
    """The twin's tables, with one journal for each transaction under way."""

    def __init__(self) -> None:
        super().__init__()
        self._journal: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    @contextmanager
    def as_seen(self, journal: list[Any]) -> Iterator[None]:
        """Show the tables as one transaction sees them; nobody may await meanwhile."""
        assert not self._journal
        self._journal = journal
        self._turn(backwards=False)
        try:
            yield
        finally:
            self._turn(backwards=True)
            self._journal = []

    def write(self, journal: list[Any]) -> None:
        """Make a transaction's changes everybody's."""
        newest = self.newest.get("arrival", 0)
        self._journal = journal
        self._turn(backwards=False)
        self._journal = []
        self.newest["arrival"] = max(newest, self.newest.get("arrival", 0))

    def _turn(self, *, backwards: bool) -> None:
        """Exchange what the journal keeps and what the tables show; others may have changed the tables meanwhile."""
        order = range(len(self._journal))
        for place in reversed(order) if backwards else order:
            table, key, other = self._journal[place]
            self._journal[place] = (table, key, table.get(key, _NOTHING))
            if _is_nothing(other):
                table.pop(key, None)
            else:
                table[key] = other


def _is_nothing(value: Any) -> bool:
    return type(value) is object


class SharedStore(Store):
    """What all clients share. ``clock`` is the server's, ms; ``committed`` is called after every commit."""

    def __init__(self, clock: Callable[[], int], history: History) -> None:
        self.clock = clock
        self.history = history
        self.committed: Callable[[], None] = lambda: None
        self.verdicts: dict[str, int] = {}  # message -> the revision of its customer when it was judged last
        self.tables = Tables()
        self.locks = Locks()
        self.open_transactions: list[SharedTx] = []
        self.commits = 0

    @property
    def views(self) -> MemoryViews:
        """Read what is committed."""
        return MemoryViews(self.tables)

    async def open(self) -> None:
        """Ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Only clients have transactions."""
        raise NotImplementedError("ask the client's store")

    def of(self, client: Client) -> "ClientStore":
        """Give the store as one client has it."""
        return ClientStore(self, client)

    def make(self, client: Client) -> "SharedTx":
        """Give a new transaction; mutations of the store put another kind in its place."""
        return SharedTx(self, client)


class ClientStore(Store):
    """The store as one client reaches it."""

    def __init__(self, shared: SharedStore, client: Client) -> None:
        self._shared, self._client = shared, client

    @property
    def views(self) -> MemoryViews:
        """Read what is committed."""
        return self._shared.views

    async def open(self) -> None:
        """Ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``."""
        return _Block(self._shared.make(self._client))


class _Block(AbstractAsyncContextManager[Tx]):
    """The block of one transaction."""

    def __init__(self, tx: "SharedTx") -> None:
        self._tx = tx

    async def __aenter__(self) -> Tx:
        await self._tx.begin()
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._tx.commit()
        else:
            self._tx.end()


class SharedTx(Tx):
    """One transaction of one client."""

    def __init__(self, store: SharedStore, client: Client) -> None:
        self.store, self.client = store, client
        self.tables, self.locks = store.tables, store.locks
        self.inner = MemoryTx(store.tables, store.clock)
        self.journal: list[Any] = []
        self.saved: dict[str, Changed] = {}  # the first time in this transaction
        self.moved: list[Move] = []
        self.queued: dict[str, str] = {}  # message -> customer
        self.notes: list[Decided] = []
        self.over = False

    # ---- life

    async def begin(self) -> None:
        """Connect and begin."""
        self.store.open_transactions.append(self)
        self.notes = self.store.history.begin()
        await self._say("begin")

    async def commit(self) -> None:
        """Make it everybody's, or raise; the answer may be lost."""
        try:
            await self._say("commit")
            self._hold_chain()
            self.tables.write(self.journal)
            self.store.history.keep(self.notes)
            self.store.verdicts |= {name: self._revision(customer) for name, customer in self.queued.items()}
        finally:
            self.end()
        self.store.committed()
        await self.client.statement(self, "committed")

    def _hold_chain(self) -> None:
        """Each commit must build on the last one of its customers and sources: nobody's word is lost."""
        for customer, change in self.saved.items():
            stored = self.tables.stored.get(change.before.subject)
            revision = 0 if stored is None else stored.revision
            if revision != change.before.revision:
                self.store.history.faults.append(f"{customer}: saved on {change.before.revision}, not {revision}")

    def _revision(self, customer: str) -> int:
        stored = self.tables.stored.get(self.tables.subjects[customer])
        return 0 if stored is None else stored.revision

    def _hold_verdicts(self, claimed: Claimed, now: int) -> None:
        """What is handed out was judged when its customer was as he is now, and its time has not run out."""
        for one in claimed.orders:
            if one.message_id in self.queued:
                continue  # judged in this very transaction
            until = one.order.until if isinstance(one.order, Deliver) else None
            judged = self.store.verdicts.get(one.message_id)
            if until is not None and (judged != self._revision(one.customer) or now >= until):
                self.store.history.faults.append(f"{one.message_id} goes out on an old verdict")

    def end(self) -> None:
        """Roll back what is not committed, and let the rows go; also when the server gives a silent client up."""
        if not self.over:
            self.over = True
            self.locks.release(self)
            self.store.open_transactions.remove(self)

    async def _say(self, what: str) -> None:
        try:
            await self.client.statement(self, what)
        except BaseException:
            self.end()
            raise
        if self.over:
            raise StoreBusy("the server has closed the connection", next_step="Try again.")

    async def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what the twin does, on the tables as this transaction sees them; the twin never waits."""
        with self.tables.as_seen(self.journal):
            try:
                work().__await__().send(None)
            except StopIteration as done:
                result: T = done.value
                return result
            raise AssertionError("the twin waits")

    async def _lock(self, keys: Collection[Key]) -> None:
        """Wait for rows; a client that died or was given up meanwhile has none."""
        try:
            await self.locks.wait(keys, self)
        except BaseException:
            self.end()
            raise
        if self.over:
            self.locks.release(self)
            raise StoreBusy("the server has closed the connection", next_step="Try again.")

    # ---- customers

    async def now(self) -> int:
        await self._say("now")
        return await self._do(self.inner.now)

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        await self._say("known")
        return await self._do(lambda: self.inner.known(events))

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        await self._say("load")
        keys: set[Key] = {("customer", name) for name in customers}
        if wait:
            await self._lock(keys)
        else:
            self.locks.take(self.locks.free(keys, self), self)
        got = [name for name in customers if ("customer", name) in self.locks.free({("customer", name)}, self)]
        return await self._do(lambda: self.inner.load(got, tombs, every_tomb=every_tomb))

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        await self._say("save")
        rows: set[Key] = {(kind, change.after.customer) for change in changes for kind in ("customer", "due")}
        await self._lock(rows)
        saved = await self._do(lambda: self.inner.save(changes, now))
        self.saved = {change.after.customer: change for change in changes} | self.saved
        return saved

    async def due(
        self, now: int, limit: int, after: Due | None = None, partitions: Partitions | None = None
    ) -> Sequence[Due]:
        await self._say("due")
        busy = self.locks.taken("due", self)
        found = await self._do(lambda: self.inner.due(now, limit + len(busy), after, partitions))
        found = [one for one in found if one.customer not in busy][:limit]
        self.locks.take({("due", one.customer) for one in found}, self)
        return found

    async def next_due(self) -> int | None:
        await self._say("next_due")
        return await self._do(self.inner.next_due)

    async def customers(
        self, after: int, limit: int, journey: str | None = None, version: int | None = None
    ) -> Sequence[tuple[int, str]]:
        await self._say("customers")
        return await self._do(lambda: self.inner.customers(after, limit, journey, version))

    async def erase(self, customer: str, now: int) -> bool:
        await self._say("erase")
        await self._lock({("customer", customer)})
        return await self._do(lambda: self.inner.erase(customer, now))

    # ---- what came in

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        await self._say("append_inbox")
        await self._do(lambda: self.inner.append_inbox(entries))

    async def append_conflicts(self, entries: Sequence[Inbox]) -> None:
        await self._say("append_conflicts")
        await self._do(lambda: self.inner.append_conflicts(entries))

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        await self._say("append_dead_letters")
        await self._do(lambda: self.inner.append_dead_letters(letters))

    async def close_dead_letters(self, numbers: Collection[int], state: LetterState, now: int) -> int:
        await self._say("close_dead_letters")
        return await self._do(lambda: self.inner.close_dead_letters(numbers, state, now))

    async def forget_inbox(self, before: int, limit: int) -> int:
        await self._say("forget_inbox")
        return await self._do(lambda: self.inner.forget_inbox(before, limit))

    async def forget_log(self, before: int, limit: int) -> int:
        await self._say("forget_log")
        return await self._do(lambda: self.inner.forget_log(before, limit))

    async def position(self, source: str) -> Position | None:
        await self._say("position")
        return await self._do(lambda: self.inner.position(source))

    async def positions(self) -> Mapping[str, Position]:
        await self._say("positions")
        return await self._do(self.inner.positions)

    async def advance(self, moves: Sequence[Move]) -> None:
        await self._say("advance")
        await self._lock({("position", move.source) for move in moves})
        await self._do(lambda: self.inner.advance(moves))
        self.moved += moves

    async def waive(self, waiver: Waiver) -> None:
        await self._say("waive")
        await self._do(lambda: self.inner.waive(waiver))

    async def waivers(self) -> Sequence[Waiver]:
        await self._say("waivers")
        return await self._do(self.inner.waivers)

    # ---- what goes out

    async def append_log(self, rows: Sequence[Row]) -> None:
        await self._say("append_log")
        await self._do(lambda: self.inner.append_log(rows))

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        await self._say("enqueue")
        await self._lock({("order", queued.order.message_id) for queued in orders})
        await self._do(lambda: self.inner.enqueue(orders))
        self.queued |= {queued.order.message_id: queued.customer for queued in orders}

    async def withdraw(self, message_ids: Collection[str]) -> frozenset[str]:
        await self._say("withdraw")
        await self._lock({("order", name) for name in message_ids if name in self.tables.orders})
        return await self._do(lambda: self.inner.withdraw(message_ids))

    async def claim(
        self,
        now: int,
        slots: Mapping[str, int],
        lease_until: int,
        worker: str,
        *,
        release: int = 1,
        patient: bool = False,
    ) -> Claimed:
        await self._say("claim")
        busy = {name: order for name, order in self.tables.orders.items() if name in self.locks.taken("order", self)}
        for name in busy:
            del self.tables.orders[name]
        try:
            claimed = await self._do(
                lambda: self.inner.claim(now, slots, lease_until, worker, release=release, patient=patient)
            )
        finally:
            self.tables.orders.update(busy)
        self._hold_verdicts(claimed, now)
        leased = (*claimed.orders, *claimed.expired)
        names = [*(one.message_id for one in leased), *(one.message_id for one in claimed.stale)]
        self.locks.take({("order", name) for name in names}, self)
        return claimed

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        await self._say("settle")
        await self._lock({("order", result.message_id) for result in results})
        return await self._do(lambda: self.inner.settle(worker, results))

    async def take_turns(self, journey: str, count: int, step: int, now: int) -> int:
        await self._say("take_turns")
        await self._lock({("turns", journey)})
        return await self._do(lambda: self.inner.take_turns(journey, count, step, now))

    async def send_out(self, records: Sequence[Outgoing]) -> None:
        await self._say("send_out")
        await self._do(lambda: self.inner.send_out(records))

    async def going_out(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        await self._say("going_out")
        free = self.locks.free({("outgoing", 0)}, self)
        self.locks.take(free, self)
        return await self._do(lambda: self.inner.going_out(limit)) if free else ()

    async def gone_out(self, numbers: Collection[int]) -> None:
        await self._say("gone_out")
        await self._do(lambda: self.inner.gone_out(numbers))

    # ---- releases

    async def publications(self) -> Sequence[Published]:
        await self._say("publications")
        return await self._do(self.inner.publications)

    async def add_publication(self, publication: Published) -> None:
        await self._say("add_publication")
        await self._do(lambda: self.inner.add_publication(publication))

    async def secret(self, name: str) -> bytes:
        await self._say("secret")
        return await self._do(lambda: self.inner.secret(name))
