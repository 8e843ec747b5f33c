"""Counting the steps of an event loop: from one await to the next, of every task; the same program, the same count.

A test stops a process at each step in turn. Nothing outside the process can have changed between two awaits, but
for what a thread or another process does meanwhile.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Steps:
    """Counts the steps of all tasks that are made once it was installed, while it is ``counting``.

    Args:
        reached: Is told the number of each step, from 1, before it runs; it may end the process.
    """

    def __init__(self, reached: Callable[[int], None]) -> None:
        self._reached = reached
        self.count = 0
        self.counting = False

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count the tasks that this loop makes from now on."""
        loop.set_task_factory(self._task)

    def step(self) -> None:
        """One step is about to run."""
        if self.counting:
            self.count += 1
            self._reached(self.count)

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: "Coroutine[Any, Any, Any] | Generator[Any, None, Any]", **more: Any
    ) -> "asyncio.Task[Any]":
        return asyncio.Task(_Counted(work, self), loop=loop, **more)


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are told before they run."""

    def __init__(self, work: "Coroutine[Any, Any, Any] | Generator[Any, None, Any]", steps: Steps) -> None:
        self._work = work
        self._steps = steps

    def send(self, value: Any) -> Any:
        """Run one step."""
        self._steps.step()
        return self._work.send(value)

    def throw(self, *raised: Any) -> Any:
        """Run one step that begins with an error."""
        self._steps.step()
        return self._work.throw(*raised)

    def close(self) -> None:
        """End the coroutine."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Never used: a task sends."""
        raise NotImplementedError
