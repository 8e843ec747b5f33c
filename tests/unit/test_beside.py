"""Works side by side: all end, and what does harm is never hidden behind what may go well later."""

import asyncio

import pytest

from sojourn.bootstrap.beside import side_by_side
from sojourn.errors import MustStop, TryLater


async def give(value: int, after_s: float = 0.0) -> int:
    await asyncio.sleep(after_s)
    return value


async def fail(error: BaseException, after_s: float = 0.0) -> int:
    await asyncio.sleep(after_s)
    raise error


async def test_what_they_give_comes_in_their_order() -> None:
    assert await side_by_side(give(1, 0.02), give(2)) == [1, 2]


async def test_the_others_end_before_an_error_is_told() -> None:
    ended = []

    async def slow() -> int:
        await asyncio.sleep(0.02)
        ended.append(True)
        return 1

    with pytest.raises(TryLater, match="away"):
        await side_by_side(fail(TryLater("away")), slow())
    assert ended == [True]


@pytest.mark.parametrize("first", [True, False])
async def test_what_does_harm_comes_before_what_may_go_well_later(first: bool) -> None:
    works = [fail(MustStop("damaged"), 0.01), fail(TryLater("away")), fail(ValueError())]
    with pytest.raises(MustStop, match="damaged"):
        await side_by_side(*(works if first else reversed(works)))


async def test_who_is_cancelled_cancels_them_all_and_waits_for_them() -> None:
    ended = []

    async def work() -> int:
        try:
            return await give(1, 60)
        finally:
            await asyncio.sleep(0.01)
            ended.append(True)

    task = asyncio.create_task(side_by_side(work(), work()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True, True]
