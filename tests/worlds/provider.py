"""A provider for a whole world: it keeps what it took, by key, and behaves as badly as the plan says."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from sojourn.delivery.port import Answered, Outgoing

Point = Callable[[str], Awaitable[None]]


class Taken:
    """What all providers of a world took: message -> instants, ms."""

    def __init__(self) -> None:
        self.by_key: dict[str, list[int]] = {}

    def take(self, message_id: str, now: int) -> None:
        """A message is out."""
        self.by_key.setdefault(message_id, []).append(now)


class Link:
    """One worker's way to a provider; ``point`` is where the worker may die, freeze or be slow."""

    provider = "virtual"
    per_second: float | None = None

    def __init__(
        self,
        taken: Taken,
        point: Point,
        dice: random.Random,
        trouble: Callable[[], bool],
        clock: Callable[[], int],
        at_once: int,
    ) -> None:
        self._taken, self._point, self._dice, self._trouble, self._clock = taken, point, dice, trouble, clock
        self.repeatable, self.at_once = False, at_once

    async def open(self) -> None:
        """Ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def send(self, outgoing: Outgoing) -> Answered:
        """Take the message, or not, and say so, or not."""
        await self._point("call the provider")
        mood = self._dice.choice(("slow", "rate", "error", "hang up", "away", "silent")) if self._trouble() else "well"
        answer = await self._take(outgoing, mood)
        await self._point("the provider answers")
        return answer

    async def _take(self, outgoing: Outgoing, mood: str) -> Answered:
        if mood == "rate":
            return Answered(
                kind="not_taken", code="429", concerns="rate", retry_after_ms=self._dice.choice((None, 3_000))
            )
        if mood == "away":
            return Answered(kind="not_taken", code="connect", concerns="provider")
        if mood == "slow":
            await asyncio.sleep(self._dice.uniform(1, 15))
        if mood == "well" or mood == "slow" or self._dice.random() < 0.5:
            self._taken.take(outgoing.message_id, self._clock())
        if mood == "error":
            return Answered(kind="unknown", code="500")
        if mood == "hang up":
            return Answered(kind="unknown", code="hung_up")
        if mood == "silent":
            await asyncio.sleep(40)  # longer than anybody waits
        return Answered(kind="accepted", code="200")
