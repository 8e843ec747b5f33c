"""What a worker does again and again, each in a loop of its own, until it is to stop."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from sojourn.bootstrap.figures import LOOK_S
from sojourn.bootstrap.loops import Loop, pause
from sojourn.bootstrap.retention import forget_slowly
from sojourn.bootstrap.roles import DELIVERY, INTAKE, TIMERS

if TYPE_CHECKING:
    from sojourn.bootstrap.production import Production

_IDLE_S: Final = 0.2
_POLL_S: Final = 1.0
_TOPICS_S: Final = 10.0
_STALLED_S: Final = 5.0
_GATHER_S: Final = 0.02


class Rounds:
    """The loops of a worker, by its roles. ``wake`` lets timers and delivery look at once."""

    def __init__(self, work: "Production") -> None:
        self._work = work
        self.timers_wake = asyncio.Event()

    def wake(self) -> None:
        """Something was stored: timers may be due, and messages ready."""
        self.timers_wake.set()
        self._work.delivery.ended.set()

    def loops(self, roles: Collection[str]) -> dict[str, Loop]:
        """Give the loops of a worker with these roles, by the name that readyz and the log show."""
        loops: dict[str, Loop] = {
            "http": self._http_loop,
            "release": self._release_loop,
            "topics": self._topics_loop,
            "outgoing": self._outgoing_loop,
            "figures": self._figures_loop,
        }
        if INTAKE in roles:
            loops["intake"] = self._intake_loop
        if TIMERS in roles:
            loops |= {
                "timers": self._timers_loop,
                "stalled": self._stalled_loop,
                "sweep": self._sweep_loop,
                "retention": self._retention_loop,
            }
        if DELIVERY in roles:
            loops["delivery"] = self._delivery_loop
        return loops

    async def _http_loop(self) -> None:
        while not self._work.stopping.is_set():
            if await self._work.taking.run_once():
                self.wake()

    async def _intake_loop(self) -> None:
        assert self._work.inflow is not None
        while not self._work.stopping.is_set():
            if await self._work.inflow.turn():
                self.wake()

    async def _timers_loop(self) -> None:
        while not self._work.stopping.is_set():
            self.timers_wake.clear()
            if await self._work.fire():
                self._work.delivery.ended.set()
            await pause(self.timers_wake, self._work.timing.wait_s())

    async def _stalled_loop(self) -> None:
        while not self._work.stopping.is_set():
            if not await self._work.timing.fire_past_stalled():
                await pause(self._work.stopping, _STALLED_S)

    async def _delivery_loop(self) -> None:
        while not self._work.stopping.is_set():
            self._work.delivery.ended.clear()
            if await self._work.deliver():
                self.timers_wake.set()
            if not self._work.delivery.has_results:
                await pause(self._work.delivery.ended, _IDLE_S)
            await asyncio.sleep(_GATHER_S)  # results gather: one transaction for many costs little more than for one

    async def _release_loop(self) -> None:
        while not self._work.stopping.is_set():
            await self._work.quarantine.refresh()
            await self._work.look_at_releases()
            await pause(self._work.stopping, _POLL_S)

    async def _topics_loop(self) -> None:
        while not self._work.stopping.is_set():
            await self._work.look_at_topics()
            await pause(self._work.stopping, _POLL_S if self._work.partitions.trouble else _TOPICS_S)

    async def _sweep_loop(self) -> None:
        while not self._work.stopping.is_set():
            if not await self._work.timing.sweep():
                await pause(self._work.stopping, _POLL_S)

    async def _retention_loop(self) -> None:
        await forget_slowly(self._work.store, self._work.settings, self._work.trouble, self._work.stopping)

    async def _outgoing_loop(self) -> None:
        while not self._work.stopping.is_set():
            count = await self._work.publisher.run_once()
            self._work.metrics.published.inc(count)
            if not count:
                await pause(self._work.stopping, _IDLE_S)

    async def _figures_loop(self) -> None:
        while not self._work.stopping.is_set():
            await self._work.look_up()
            await pause(self._work.stopping, LOOK_S)
