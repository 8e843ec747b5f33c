"""Ends of tasks: nobody waits for ever for one that swallows its cancellation."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.kafka.session import Desk, Session
from sojourn.tasks import ended, within


async def stubborn(swallows: int, seen: list[int] | None = None) -> None:
    """Run on through so many cancellations."""
    for n in range(swallows):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if seen is not None:
                seen.append(n)
    await asyncio.sleep(60)


async def started(*tasks: "asyncio.Task[Any]") -> None:
    await asyncio.sleep(0)


async def test_tasks_that_swallow_cancellations_are_cancelled_until_they_end() -> None:
    tasks = [asyncio.create_task(stubborn(n)) for n in range(3)]
    await started(*tasks)
    async with asyncio.timeout(5):
        await ended(*tasks, again_s=0.01)
    assert all(task.cancelled() for task in tasks)


async def test_the_clean_up_of_a_task_is_given_its_time() -> None:
    cleaned = asyncio.Event()

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()

    task = asyncio.create_task(tidy())
    await started(task)
    await ended(task, again_s=5)
    assert cleaned.is_set()


async def test_how_a_task_ends_is_not_raised() -> None:
    async def failing() -> None:
        raise ValueError("its own trouble")

    tasks = [asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.wait(tasks)
    await ended(*tasks)


async def test_what_is_done_in_time_is_given_and_its_error_is_raised() -> None:
    async def seven(add: int) -> int:
        await asyncio.sleep(0)
        return 7 + add

    async def failing() -> None:
        raise ValueError("its own trouble")

    assert await within(5, seven, add=1) == 8
    with pytest.raises(ValueError, match="its own trouble"):
        await within(5, failing)


@pytest.mark.parametrize("swallows", [0, 3])
async def test_what_takes_longer_is_left_alone_whatever_it_does(swallows: int) -> None:
    seen: list[int] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        await within(0.05, stubborn, swallows, seen)
    assert loop.time() - began < 2
    assert seen == [0][:swallows]
    await ended(*(asyncio.all_tasks() - {asyncio.current_task()}), again_s=0.01)  # type: ignore[arg-type]


async def test_a_work_that_its_client_cancels_is_a_connection_that_was_closed() -> None:
    async def cut() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionAbortedError):
        await within(5, cut)


async def test_a_cancellation_that_comes_with_the_answer_is_not_swallowed() -> None:
    """Where ``asyncio.wait_for`` of Python 3.11 gives the answer and runs on."""
    answered = asyncio.get_running_loop().create_future()

    async def work() -> None:
        while True:
            await within(60, asyncio.shield, answered)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    answered.set_result(None)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()


async def test_a_session_ends_although_one_of_its_works_swallows_its_cancellation() -> None:
    class Failing(Session):
        async def _pump(self) -> None:
            await asyncio.sleep(0.01)
            raise OSError("the broker is gone")

        async def _look(self) -> None:
            await stubborn(2)

    consumer: Any = SimpleNamespace()
    plan: Any = SimpleNamespace()
    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="gone"):
            await Failing(consumer, plan, Desk()).run()
