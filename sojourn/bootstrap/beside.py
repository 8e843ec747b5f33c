"""Several works side by side, all of them to their end."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from sojourn.errors import MustStop

T = TypeVar("T")


async def side_by_side(*works: Awaitable[T]) -> list[T]:
    """Wait for all works, also where one fails, and give what they gave.

    Raises:
        MustStop: What one of them raised, whatever the others did.
        Exception: Else what the first that failed raised, once all have ended.
    """
    ended = await asyncio.gather(*works, return_exceptions=True)
    failed = [one for one in ended if isinstance(one, BaseException)]
    for error in sorted(failed, key=lambda error: not isinstance(error, MustStop)):
        raise error
    return [one for one in ended if not isinstance(one, BaseException)]
