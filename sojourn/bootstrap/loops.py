"""Loops that outlive whatever is away: what may go well later is tried again, what does harm ends the process."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from sojourn.bootstrap.trouble import Trouble
from sojourn.delivery.pace import backoff
from sojourn.errors import MustStop, SojournError

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")

Loop = Callable[[], Coroutine[Any, Any, None]]

_CALM_MS = 10_000
_LONGEST_S = 5.0
_CANCELLED_S = 0.5


class Loops:
    """Named loops of one process, from ``start`` to ``end``. A loop returns once ``stopping`` is set.

    ``failure`` is the error for which going on would do harm; it sets ``stopping``, too.
    """

    def __init__(self, trouble: Trouble, clock: Callable[[], int]) -> None:
        self._trouble, self._clock = trouble, clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.stopping = asyncio.Event()
        self.failure: MustStop | None = None

    @property
    def alive(self) -> Mapping[str, bool]:
        """Whether each loop runs."""
        return {name: not task.done() for name, task in self._tasks.items()}

    def start(self, loops: Mapping[str, Loop]) -> None:
        """Start loops; their names stand in readyz and in the log."""
        for name, loop in loops.items():
            self._tasks[name] = asyncio.create_task(self._guarded(name, loop), name=name)

    async def until_stopped(self) -> None:
        """Wait until somebody asks for an end."""
        await self.stopping.wait()

    async def end(self, *, in_peace: frozenset[str] = frozenset(), grace_s: float = 2.0) -> None:
        """End all loops: those in peace may finish their turn for a moment, the others are cancelled at once."""
        self.stopping.set()
        for name, task in self._tasks.items():
            if name not in in_peace:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_s)
            for task in self._tasks.values():
                task.cancel()
            await asyncio.wait(self._tasks.values(), timeout=_CANCELLED_S)

    async def _guarded(self, name: str, loop: Loop) -> None:
        failures = 0
        while not self.stopping.is_set():
            began = self._clock()
            try:
                await loop()
            except MustStop as error:
                self.failure = error
                log.critical("the engine stops", what=error.what, next_step=error.next_step)
                self.stopping.set()
                return
            except Exception as error:
                failures = 1 if self._clock() - began > _CALM_MS else failures + 1
                self._trouble.note(error, name)
                await pause(self.stopping, min(_LONGEST_S, backoff(name, failures) / 8000))
            else:
                failures = 0


async def pause(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def at_most(seconds: float, ends: Mapping[str, Coroutine[Any, Any, Any]]) -> None:
    """Run the ends of several parts side by side, and leave alone what takes longer; what fails is logged."""
    tasks = {asyncio.create_task(end, name=name) for name, end in ends.items()}
    if not tasks:
        return
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
        log.warning("a part did not end in time; its leases and positions tell the others", part=task.get_name())
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            what = error.what if isinstance(error, SojournError) else type(error).__name__
            log.warning(
                "a part did not end well; its leases and positions tell the others", part=task.get_name(), what=what
            )
