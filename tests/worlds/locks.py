"""Row locks as PostgreSQL has them: held to the end of a transaction, waited for or passed by, deadlocks found."""

import asyncio
from collections.abc import Collection, Hashable, Iterable
from typing import Any

from sojourn.ports import Conflict, StoreBusy

Key = tuple[str, Hashable]
LOCK_TIMEOUT_S = 4.0


class Locks:
    """Who holds which row."""

    def __init__(self) -> None:
        self._owners: dict[Key, Any] = {}
        self._waiting: dict[Any, Any] = {}  # transaction -> the one that it waits for
        self._freed: dict[Any, asyncio.Event] = {}

    def free(self, keys: Iterable[Key], owner: Any) -> set[Key]:
        """Give those that nobody else holds."""
        return {key for key in keys if self._owners.get(key, owner) is owner}

    def taken(self, kind: str, owner: Any) -> set[Hashable]:
        """Give the rows of a kind that somebody else holds."""
        return {name for (of, name), one in self._owners.items() if of == kind and one is not owner}

    def take(self, keys: Iterable[Key], owner: Any) -> None:
        """Hold rows that are free."""
        for key in keys:
            self._owners[key] = owner

    async def wait(self, keys: Collection[Key], owner: Any) -> bool:
        """Take rows one after the other; give whether it had to wait.

        Raises:
            Conflict: Each waits for the other.
            StoreBusy: It took too long.
        """
        waited = False
        for key in sorted(keys, key=repr):
            while (holder := self._owners.get(key, owner)) is not owner:
                waited = True
                await self._wait_for(holder, owner)
            self._owners[key] = owner
        return waited

    async def _wait_for(self, holder: Any, owner: Any) -> None:
        following = holder
        while following is not None:
            if following is owner:
                raise Conflict("deadlock detected", next_step="Decide again.")
            following = self._waiting.get(following)
        self._waiting[owner] = holder
        try:
            async with asyncio.timeout(LOCK_TIMEOUT_S):
                await self._freed.setdefault(holder, asyncio.Event()).wait()
        except TimeoutError:
            raise StoreBusy("lock timeout", next_step="Try again.") from None
        finally:
            self._waiting.pop(owner, None)

    def release(self, owner: Any) -> None:
        """Let everything of a transaction go."""
        for key in [key for key, one in self._owners.items() if one is owner]:
            del self._owners[key]
        freed = self._freed.pop(owner, None)
        if freed is not None:
            freed.set()
