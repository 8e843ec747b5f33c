"""Group commit: what arrives at about the same time is stored in one transaction.

A submitted list is stored when its call returns, or nothing is promised: a caller that gets an error sends it
again, and what was stored already is a duplicate then. The queue is bounded; beyond it callers are told to wait.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from sojourn.errors import MustStop, SojournError, TryLater
from sojourn.intake.apply import Applied, Incoming
from sojourn.intake.decode import Refused

BATCH = 500
WAITING = 20_000
_GATHER_S = 0.003


class Overloaded(TryLater):
    """More inputs wait than the queue holds; nothing of this request was stored."""


class Refusal(msgspec.Struct, frozen=True):
    """One input of a request that was not taken: where in the request, and why."""

    index: int
    reason: str
    detail: str


class Received(msgspec.Struct, frozen=True):
    """What became of a request, as the HTTP answer says it."""

    accepted: int
    duplicates: int
    refused: tuple[Refusal, ...] = ()


Apply = Callable[[Sequence[Incoming]], Awaitable[Applied]]


class _Part:
    """A piece of a request, small enough for one transaction."""

    __slots__ = ("done", "incoming")

    def __init__(self, incoming: Sequence[Incoming]) -> None:
        self.incoming = incoming
        self.done: asyncio.Future[tuple[Applied, int]] = asyncio.get_running_loop().create_future()


class IntakeQueue:
    """Takes requests, applies them in batches, and answers each."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._parts: deque[_Part] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()
        self._closed: SojournError | None = None

    @property
    def waiting(self) -> int:
        """How many inputs wait."""
        return self._waiting

    async def submit(self, incoming: Sequence[Incoming]) -> Received:
        """Store a request and tell what became of each input.

        Raises:
            Overloaded: Nothing was stored.
            TryLater: The store is away; what was not stored has to be sent again.
        """
        if self._closed is not None:
            raise self._closed
        if self._waiting + len(incoming) > WAITING:
            raise Overloaded(
                "Too many events are waiting", waiting=self._waiting, next_step="Send them again in a moment"
            )
        parts = [_Part(incoming[at : at + BATCH]) for at in range(0, len(incoming), BATCH)]
        self._parts.extend(parts)
        self._waiting += len(incoming)
        self._filled.set()
        told = await asyncio.gather(*(part.done for part in parts), return_exceptions=True)
        for one in told:
            if isinstance(one, BaseException):
                raise one
        return _received([one for one in told if not isinstance(one, BaseException)], parts)

    async def run_once(self) -> int:
        """Wait for inputs, store one batch of them, and give how many it held."""
        await self._filled.wait()
        if self._waiting < BATCH:
            await asyncio.sleep(_GATHER_S)
        batch = self._take()
        incoming = [one for part in batch for one in part.incoming]
        try:
            applied = await self._apply(incoming)
        except BaseException as error:
            self._fail(batch, error)
            if isinstance(error, MustStop) or not isinstance(error, Exception):
                raise
            return 0
        at = 0
        for part in batch:
            if not part.done.done():
                part.done.set_result((applied, at))
            at += len(part.incoming)
        return len(incoming)

    def close(self, why: SojournError) -> None:
        """Take nothing more; what waits is told why."""
        self._closed = why
        while self._parts:
            self._fail(self._take(), why)

    # ---- inside

    def _take(self) -> list[_Part]:
        batch: list[_Part] = []
        count = 0
        while self._parts and (not batch or count + len(self._parts[0].incoming) <= BATCH):
            part = self._parts.popleft()
            self._waiting -= len(part.incoming)
            if not part.done.done():  # else nobody waits for it any more: its request was given up
                batch.append(part)
                count += len(part.incoming)
        if not self._parts:
            self._filled.clear()
        return batch

    @staticmethod
    def _fail(batch: Sequence[_Part], error: BaseException) -> None:
        shown = error if isinstance(error, Exception) else TryLater("The engine is stopping", next_step="Send it again")
        for part in batch:
            if not part.done.done():
                part.done.set_exception(shown)
                part.done.exception()  # its request may be gone


def _received(told: Sequence[tuple[Applied, int]], parts: Sequence[_Part]) -> Received:
    accepted = duplicates = index = 0
    refused: list[Refusal] = []
    for (applied, at), part in zip(told, parts, strict=True):
        for n in range(at, at + len(part.incoming)):
            fate = applied.fates[n]
            accepted += fate in ("accepted", "parked")
            duplicates += fate == "duplicate"
            if fate == "refused":
                why: Refused = applied.refusals[n]
                refused.append(Refusal(index, why.reason, why.detail))
            elif fate == "conflict":
                refused.append(
                    Refusal(index, "id_conflict", "event_id was seen before with other content; the first wins")
                )
            index += 1
    return Received(accepted, duplicates, tuple(refused))
