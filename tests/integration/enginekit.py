"""An engine on a virtual clock with an instant provider, driven from instant to instant without any waiting."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from sojourn.bootstrap.embedded import Engine
from sojourn.bootstrap.settings import read_settings
from sojourn.delivery.port import Channel
from sojourn.ports import Store
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider

ROOT = Path(__file__).parents[2]
PARTS = ("journeys", "templates", "schemas", "rules.yaml", "parameters.yaml")


def insurer(folder: Path) -> Path:
    """Give a project folder with the reference insurer's files and a var/ of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


class Rig:
    """An open engine and its clock."""

    def __init__(
        self,
        project: Path,
        now: int,
        *,
        store: Store | None = None,
        channels: Mapping[str, Channel] | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(now)
        self.provider = InstantProvider()
        given = channels or dict.fromkeys(("sms", "email", "call"), self.provider)
        self.engine = Engine(read_settings({}, project), self.clock, store=store, channels=given)

    async def __aenter__(self) -> "Rig":
        await self.engine.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.close()

    async def submit(self, raws: Sequence[bytes]) -> object:
        """Submit events at the present instant and store them."""
        request = asyncio.create_task(self.engine.submit(raws, "test"))
        await asyncio.sleep(0)
        while self.engine.waiting:
            await self.engine.take()
        return await request

    async def settle(self) -> None:
        """Do all that is due at the present instant: timers, hand-overs, outcomes, and what follows."""
        while True:
            done = await self.engine.fire()
            done += await self.engine.deliver()
            await self.engine.delivery.landed()
            if not done and not self.engine.delivery.in_flight:
                return

    async def replay(self, events: Sequence[tuple[int, bytes]], until: int) -> None:
        """Feed events at their instants (sorted), and run every timer between them and after them."""
        for instant, group in groupby(events, key=lambda one: one[0]):
            await self.run_before(instant)
            self.clock.set(instant)
            await self.submit([raw for _, raw in group])
            await self.settle()
        await self.run_before(until + 1)

    async def run_before(self, instant: int) -> None:
        """Run the timers due before an instant, each at its own."""
        await self.settle()
        while True:
            fired = self.engine.last_fired
            due = fired.next_due if fired is not None else None
            if due is None or due >= instant:
                return
            self.clock.set(max(due, self.clock.now))
            await self.settle()
