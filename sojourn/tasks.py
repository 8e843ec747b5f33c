"""Ends of asyncio tasks that hold also where a library swallows a cancellation.

``asyncio.wait_for`` of Python 3.11 gives its result when the cancellation comes in the same turn of the loop, and
clients end their own tasks by cancelling and forgiving: whoever cancels once and waits may wait for ever.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_AGAIN_S: Final = 0.2
_GONE_S: Final = 0.1


async def ended(*tasks: "asyncio.Task[Any]", again_s: float = _AGAIN_S) -> None:
    """Cancel tasks until all have ended, however they end.

    ``again_s``: how long the clean-up of one may take before it is cancelled once more.
    """
    while alive := [task for task in tasks if not task.done()]:
        for task in alive:
            task.cancel()
        await asyncio.wait(alive, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # an error that nobody asks for would be logged as lost


async def within(seconds: float, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Give what a work gives, and after so many seconds leave it alone, also one that cannot be cancelled.

    Raises:
        TimeoutError: It took longer; it was cancelled.
        ConnectionAbortedError: Somebody else cancelled it, as clients do whose connection is closed.
    """
    task = asyncio.ensure_future(work(*args, **kwargs))
    task.add_done_callback(_seen)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        late = not task.done()
        if late:
            task.cancel()
    if late:
        await asyncio.wait({task}, timeout=_GONE_S)
        raise TimeoutError(f"Not done within {seconds} s")
    with contextlib.suppress(asyncio.CancelledError):
        return task.result()
    raise ConnectionAbortedError("The connection was closed under it")


def _seen(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()
