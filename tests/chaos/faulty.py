"""A store whose transactions fail at random: most before they are committed, some after, so that nobody can tell.

Only the chaos project's ``agents/app.py`` puts it around a worker's store. Orders that a worker has leased without
ever hearing of it are written to a file: the judge must know why they are in doubt.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, cast

from sojourn.ports import Store, StoreBusy, Tx, Views
from sojourn.records import Claimed


class Faulty(Store):
    """A store that fails a share of its transactions.

    Args:
        store: The real one.
        dice: Decides which.
        rate: How many of a transaction fail (0.05: one in twenty); a tenth of them after the commit.
        lost: Where the ids go that were leased by a transaction whose commit was not heard of.
        calm: Once this file is there, nothing fails any more.
    """

    def __init__(self, store: Store, dice: Random, rate: float, lost: Path, calm: Path) -> None:
        self._store, self._dice, self._rate, self._lost, self._calm = store, dice, rate, lost, calm

    @property
    def views(self) -> Views:
        """Reading does not fail."""
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
        fails = self._dice.random() < self._rate and not self._calm.exists()
        late = self._dice.random() < 0.1
        async with self._store.transaction() as tx:
            watched = _Watched(tx)
            yield cast(Tx, watched)
            if fails and not late:
                raise _gone("before")
        if fails:
            with self._lost.open("a", encoding="utf-8") as file:
                file.write(json.dumps(sorted(watched.leased)) + "\n")
            raise _gone("after")


class _Watched:
    """A transaction; remembers what it leases."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.leased: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def claim(self, now: int, slots: Mapping[str, int], lease_until: int, worker: str, **more: Any) -> Claimed:
        """See ``Tx.claim``."""
        claimed = await self._tx.claim(now, slots, lease_until, worker, **more)
        self.leased.update(order.message_id for order in claimed.orders)
        return claimed


def _gone(when: str) -> StoreBusy:
    return StoreBusy(f"Chaos: the transaction failed {when} its commit", next_step="Try again")
