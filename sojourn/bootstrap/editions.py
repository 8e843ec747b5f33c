"""The releases as one worker of many knows them: loaded ahead of their instant, in force from it on."""

import structlog

from sojourn.bootstrap.releases import Edition, Shelf, changed_since, plan, release
from sojourn.bootstrap.settings import Settings
from sojourn.intake.releases import RELEASED, Releases
from sojourn.ports import Conflict, Store

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")


class Editions:
    """All releases of a store. The first worker of all releases the project folder when there is none yet."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._shelf = Shelf(settings.var)

    @property
    def releases(self) -> Releases:
        """The books of all releases that are loaded."""
        return self._shelf.releases

    @property
    def newest(self) -> int:
        """The number of the newest release that is loaded."""
        return len(self._shelf.editions)

    def in_force(self, now: int) -> Edition:
        """Give the release in force at an instant; the first has always been."""
        all_ = self._shelf.editions
        return next((one for one in reversed(all_) if one.published.at <= now), all_[0])

    async def load(self) -> None:
        """Load every release; release the project folder at the very first start.

        Raises:
            DefinitionError: The folder is to be released for the first time and has problems.
        """
        await self._shelf.catch_up(self._store)
        folder = self._settings.project
        if not self._shelf.editions:
            try:
                planned = await plan(self._store, self._shelf, folder, "stay")
                await release(self._store, planned, "stay", lead_ms=0)
                log.info("the project is released for the first time", journeys=len(planned.change.added))
            except Conflict:
                log.info("another worker has released the project at the same time")
            await self._shelf.catch_up(self._store)
        elif changed_since(folder, self._shelf.editions[-1]):
            log.info("the project folder is not what was released last; `sojourn release` puts it in force")

    async def catch_up(self) -> bool:
        """Load releases that are new, ahead of their instant; tell whether there were any."""
        released = (await self._store.views.positions()).get(RELEASED)
        if released is None or released.next <= self.newest:
            return False
        return bool(await self._shelf.catch_up(self._store))
