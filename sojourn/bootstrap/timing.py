"""The timers of a worker: what is due, what must not wait for a stalled source, and releases that nobody has met."""

from typing import Final

from sojourn.bootstrap.beside import side_by_side
from sojourn.bootstrap.host import Host
from sojourn.bootstrap.watch import Watch
from sojourn.intake.timers import Fired, fire_due, fire_past_stalled
from sojourn.publication.sweep import IN_FORCE, sweep_page
from sojourn.records import Due, Position

SOONEST_S: Final = 0.2
LATEST_S: Final = 1.0
PAGES: Final = 2


class Timing:
    """Single turns; the worker's loops call them. ``fired`` is the last page of timers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._watch = Watch()
        self._after: Due | None = None
        self.fired: Fired | None = None

    async def fire(self) -> int:
        """Run every timer that may run by now, and give for how many customers.

        Of many, several pages run side by side: one is decided while the database works for another. Each takes
        customers whom no other has.
        """
        host, count, pages = self._host, 0, 1
        while not host.stopping.is_set():
            fired = await side_by_side(*(self._page() for _ in range(pages)))
            count += sum(one.customers for one in fired)
            if not any(one.more for one in fired):
                break
            pages = PAGES
        return count

    async def _page(self) -> Fired:
        host = self._host
        fired = await fire_due(host.store, host.deciding, quarantined=host.quarantine.customers)
        self.fired = fired
        self._count(fired)
        host.metrics.timer_lag.set(fired.late_ms / 1000)
        return fired

    def wait_s(self) -> float:
        """Seconds until timers are worth a look: those that wait for a source are looked at often."""
        following = self.fired.next_due if self.fired is not None else None
        if following is None:
            return LATEST_S
        return min(LATEST_S, max(SOONEST_S, (following - self._host.clock()) / 1000))

    async def fire_past_stalled(self) -> bool:
        """Run a page of what must not wait for a stalled source; tell whether there is more of it.

        Does nothing until this process has watched long enough to say that a source is stalled.
        """
        host = self._host
        await host.store.views.positions()  # a database that does not answer is no look
        if not self._watch.looked(host.clock()):
            return False
        fired = await fire_past_stalled(
            host.store, host.deciding, after=self._after, quarantined=host.quarantine.customers
        )
        self._after = fired.after
        self._count(fired)
        return self._after is not None

    async def sweep(self) -> bool:
        """Let a page of customers meet a release in force, if nothing else has; tell whether there is more."""
        host = self._host
        swept = (await host.store.views.positions()).get(IN_FORCE, Position(1, 0)).next
        for released in host.deciding.releases.to_meet(swept, host.clock()):
            return await sweep_page(host.store, host.deciding, released) is not None
        return False

    def _count(self, fired: Fired) -> None:
        self._host.quarantine.add(fired.broken)
        self._host.trouble.works("timers", wrote=fired.customers > 0)
        self._host.metrics.timers.inc(fired.customers)
