"""Customers whose decision raised an error of the engine itself: their inputs are parked, in order, until released.

Every process keeps the set of them in memory. ``guard`` gives a store on which nothing is decided by an outdated set:
behind the locks of the customers that a transaction loads it looks whether anybody was parked or released since. If
so, the transaction is taken back (Conflict) and the set is read again before the next one. Who parks somebody tells
all others in the same transaction. The use cases know nothing of it.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from sojourn.intake.parked import ENGINE_ERROR, QUARANTINE, changes, mark
from sojourn.ports import Conflict, Store, Tx, Views
from sojourn.records import DeadLetter, Stored, TombKey

_PAGE = 500


class Quarantine:
    """The set of them; it follows from the open dead letters, so it survives a restart and is everybody's."""

    def __init__(self) -> None:
        self._customers: set[str] = set()
        self._changes: int | None = None
        self._outdated = False
        self._store: Store | None = None

    @property
    def customers(self) -> Set[str]:
        """Whose inputs are parked; always the same set, also after it has changed."""
        return self._customers

    def add(self, customers: Iterable[str]) -> None:
        """Park whatever comes for these customers from now on."""
        self._customers.update(customers)

    async def load(self, store: Store) -> None:
        """Read them from the store, which is asked from now on."""
        self._store = store
        position = (await store.views.positions()).get(QUARANTINE)  # first: what is read next is as new, or newer
        parked = await _parked(store)
        self._customers.clear()
        self._customers.update(parked)
        self._changes = None if position is None else position.next
        self._outdated = False

    async def refresh(self) -> None:
        """Read them again if another process has parked or released somebody since; for those who only tell."""
        assert self._store is not None, "load comes first"
        position = (await self._store.views.positions()).get(QUARANTINE)
        if (None if position is None else position.next) != self._changes:
            await self.load(self._store)

    def guard(self, store: Store) -> Store:
        """Give the same store, on which no transaction decides by an outdated set."""
        return _Guarded(store, self)

    # ---- for the guarded store

    async def look(self, store: Store) -> None:
        """Read the set again if a transaction found it outdated."""
        if self._outdated:
            await self.load(store)

    def compare(self, number: int | None) -> None:
        """Raise Conflict where the set is not that of a number of changes."""
        if number != self._changes:
            self._outdated = True
            raise Conflict(
                "Customers were parked or released since they were read", next_step="The same work is done again"
            )

    def changed(self, before: int | None, number: int, customers: Iterable[str]) -> None:
        """Take over what a transaction of this process has changed and committed."""
        self._customers.update(customers)
        if self._changes == before:
            self._changes = number


class _Guarded(Store):
    """See ``Quarantine.guard``."""

    def __init__(self, store: Store, quarantine: Quarantine) -> None:
        self._store, self._quarantine = store, quarantine

    @property
    def views(self) -> Views:
        """See ``Store.views``."""
        return self._store.views

    async def open(self) -> None:
        """See ``Store.open``."""
        await self._store.open()

    async def close(self) -> None:
        """See ``Store.close``."""
        await self._store.close()

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        await self._quarantine.look(self._store)
        async with self._store.transaction() as tx:
            guarded = _GuardedTx(tx, self._quarantine)
            yield cast(Tx, guarded)  # what it does not say itself is that of the transaction beneath
            number = await guarded.tell()
        if number is not None:
            self._quarantine.changed(guarded.seen, number, guarded.parked)


class _GuardedTx:
    """One transaction: looks behind each load, and tells at its end if it has parked somebody."""

    def __init__(self, tx: Tx, quarantine: Quarantine) -> None:
        self._tx, self._quarantine = tx, quarantine
        self._unlocked: set[str] = set()  # who was never saved has no row that could be locked
        self._looked = False
        self.seen: int | None = None  # how often the set had changed, behind the locks
        self.parked: set[str] = set()

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
        """See ``Tx.load``. Raises Conflict where the set of parked customers has changed."""
        loaded = await self._tx.load(customers, tombs, every_tomb=every_tomb, wait=wait)
        if loaded:
            self.seen, self._looked = await changes(self._tx), True
            self._quarantine.compare(self.seen)
            self._unlocked.update(name for name, stored in loaded.items() if not stored.revision)
        return loaded

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See ``Tx.append_dead_letters``."""
        await self._tx.append_dead_letters(letters)
        self.parked.update(one.customer for one in letters if one.reason == ENGINE_ERROR and one.customer)

    async def tell(self) -> int | None:
        """Tell all processes if somebody is parked who was not, or whom no lock keeps from being released now."""
        if not self.parked - (self._quarantine.customers - self._unlocked):
            return None
        if not self._looked:
            self.seen = await changes(self._tx)
        return await mark(self._tx, self.seen, await self._tx.now())


async def _parked(store: Store) -> set[str]:
    """Give the customers of the open letters."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        letters, cursor = await store.views.dead_letters("open", _PAGE, cursor, reason=ENGINE_ERROR)
        found.update(one.letter.customer for one in letters if one.letter.customer)
        if cursor is None:
            return found
