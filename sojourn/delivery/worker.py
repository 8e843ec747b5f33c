"""The delivery worker: settle what ended, claim as much as there are free slots, send side by side.

One loop does settle before claim, so that a lease of this worker never runs out while its result is waiting
for a store that was away. When the store is away nothing is claimed and no result is dropped.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from sojourn.core.model import CallOut
from sojourn.delivery.claim import Given, claim
from sojourn.delivery.pace import Bucket, Circuit, Throttle
from sojourn.delivery.port import Channel
from sojourn.delivery.render import Press
from sojourn.delivery.send import Result, send
from sojourn.delivery.settle import ReadAnswer, SettledBatch, settle
from sojourn.errors import TryLater
from sojourn.intake.deciding import Deciding
from sojourn.ports import Store
from sojourn.records import Leased

BATCH = 500
SETTLE_S = 1.0  # how long the last results of a worker that ends are tried again


class Listener(Protocol):
    """Who is told what the worker does, for counting."""

    def claimed(self, given: Given) -> None:
        """Orders were leased."""

    def ended(self, result: Result) -> None:
        """An attempt ended."""

    def settled(self, batch: SettledBatch) -> None:
        """Results were recorded."""


class Delivery:
    """Hands orders over. ``exchange`` is one turn of it; a host calls it whenever something may be ready."""

    def __init__(
        self,
        store: Store,
        deciding: Deciding,
        press: Press,
        channels: Mapping[str, Channel],
        *,
        worker: str,
        clock: Callable[[], int],
        read_answer: ReadAnswer,
        listener: Listener,
        alone: bool = True,
    ) -> None:
        self.store, self.deciding, self.press, self.channels = store, deciding, press, channels
        self._worker, self._clock, self._read_answer, self._listener = worker, clock, read_answer, listener
        self._circuits = {name: Circuit() for name in channels}
        self._throttles = {name: Throttle(channel.at_once) for name, channel in channels.items()}
        self._buckets = {name: Bucket(channel.per_second, clock()) for name, channel in channels.items()}
        self._flying: dict[str, tuple[str, asyncio.Task[Result]]] = {}
        self._results: list[Result] = []
        self.ended = asyncio.Event()
        self._abandoned = alone  # only a process that is alone with its store takes over leases before they end

    @property
    def in_flight(self) -> int:
        """How many calls to providers are under way, or ended and not settled yet."""
        return len(self._flying) + len(self._results)

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """How each channel's provider does."""
        return self._circuits

    @property
    def has_results(self) -> bool:
        """Whether something ended that is not recorded yet."""
        return bool(self._results)

    def use(self, deciding: Deciding, press: Press, read_answer: ReadAnswer) -> None:
        """Take the books, templates and calls that are in force from now on."""
        self.deciding, self.press, self._read_answer = deciding, press, read_answer

    async def exchange(self) -> int:
        """Settle what ended, then claim and start what may go; give how many were settled, judged or started.

        Raises:
            TryLater: The store is away; results are kept and nothing was claimed.
        """
        done = await self.settle()
        slots = self._slots()
        if not any(slots.values()) and not self._abandoned:
            return done
        given = await claim(
            self.store,
            self.deciding,
            self.press,
            slots,
            self._worker,
            repeatable={name: channel.repeatable for name, channel in self.channels.items()},
            abandoned=self._abandoned,
        )
        self._abandoned = False
        self._listener.claimed(given)
        for leased in given.orders:
            self._start(leased)
        return done + len(given.orders) + given.judged + given.doubts

    async def settle(self) -> int:
        """Record every result that is there; give how many."""
        count = 0
        while self._results:
            batch = self._results[:BATCH]
            settled = await settle(self.store, self.deciding, batch, self._worker, self._read_answer)
            del self._results[: len(batch)]
            count += len(batch)
            self._listener.settled(settled)
        return count

    async def landed(self) -> None:
        """Wait until every call under way has ended; for hosts with a clock of their own."""
        while self._flying:
            await asyncio.wait([task for _, task in self._flying.values()])
            await asyncio.sleep(0)  # the results are put down right after

    async def stop(self, grace_s: float) -> None:
        """Wait for calls under way, at most so long; what has no answer by then is unknown. Then settle.

        Raises:
            TryLater: The store is away; the leases tell the next start what was under way.
        """
        tasks = [task for _, task in self._flying.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        late = [task for task in tasks if not task.done()]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)
        await asyncio.sleep(0)
        await self._settle_at_last()

    # ---- inside

    async def _settle_at_last(self) -> None:
        """Settle, again for a moment where it fails: what is not recorded now will be in doubt."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_S
        while True:
            try:
                await self.settle()
            except TryLater:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    def _slots(self) -> dict[str, int]:
        """Free slots of each channel, as far as its rate and its provider's health allow."""
        now = self._clock()
        waiting = sum(1 for one in self._results)
        slots: dict[str, int] = {}
        for name, channel in self.channels.items():
            flying = sum(1 for channel_name, _ in self._flying.values() if channel_name == name)
            free = self._throttles[name].free(now, max(0, channel.at_once - flying), flying)
            rate = self._buckets[name].free(now)
            free = free if rate is None else min(free, rate)
            slots[name] = self._circuits[name].free(now, free, flying + waiting)
        return slots

    def _start(self, leased: Leased) -> None:
        channel = self.channels[leased.channel]
        self._buckets[leased.channel].take(1)
        task = asyncio.create_task(send(leased, channel, self.press, self._clock), name=f"send {leased.channel}")
        self._flying[leased.message_id] = (leased.channel, task)
        task.add_done_callback(lambda done: self._land(leased, done))

    def _land(self, leased: Leased, task: asyncio.Task[Result]) -> None:
        self._flying.pop(leased.message_id, None)
        if task.cancelled():  # cancelled before its first step: the provider was never called, the lease tells
            return
        result = task.result()
        self._results.append(result)
        self._listener.ended(result)
        self._feel(leased, result)
        self.ended.set()

    def _feel(self, leased: Leased, result: Result) -> None:
        """Learn from an answer how the provider does."""
        said = result.answered
        if said is None:
            return
        circuit, throttle = self._circuits[leased.channel], self._throttles[leased.channel]
        if said.kind == "not_taken" and said.concerns != "provider":  # it spoke to us: it lives
            circuit.answered()
            if said.concerns == "rate":
                throttle.throttled(self._clock(), result.started, said.retry_after_ms)
            return
        alive = said.kind in ("accepted", "refused")
        if isinstance(leased.order, CallOut):
            alive = said.kind == "accepted" or said.code.startswith("4")
        if alive:
            circuit.answered()
            throttle.answered()
        else:
            circuit.failed(self._clock(), said.code, said.retry_after_ms)
