"""Dead letters once more: read by the release in force, through the same intake, each closed where it is stored.

A letter is closed in the transaction that stores its event, so that nothing is taken twice and nothing is lost when
the command is killed. What is refused again stays open and says why. An event keeps its id: one that came in the
meantime is a duplicate, and its letter is closed (N8).
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Literal

import msgspec

from sojourn.core.model import Event
from sojourn.delivery.settle import CALL_FAILED
from sojourn.errors import TryLater
from sojourn.intake.apply import Fate, Incoming, apply_events
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import Refused
from sojourn.intake.parked import ENGINE_ERROR, changes, mark
from sojourn.operations.calls import CALLS, call_again
from sojourn.ports import Store, Tx, Views
from sojourn.records import Letter

BATCH: Final = 500
_PAGE: Final = 500
PARKED: Final = "parked behind an error of the engine; `sojourn quarantine release` applies it"
NO_EVENT: Final = "a word of the control topic is no event; say it anew with `sojourn intake waive`, and drop this one"
BAD_CONTROL: Final = "bad_control"
#: What else becomes a dead letter, beside what the intake refuses, each with a sentence for people.
OTHERS: Final[Mapping[str, str]] = {
    ENGINE_ERROR: "an input at which the engine itself failed, or one behind it: its customer is parked",
    CALL_FAILED: "a call to another system that failed too often",
    BAD_CONTROL: "a record of the control topic that says nothing that can be done",
}

Read = Callable[[Letter], tuple[bytes, Event | Refused]]
What = Fate | Literal["put again", "left"]


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter. ``left``: it stays open, and ``why`` says why; no value of the input is in it."""

    number: int
    what: What
    why: str = ""

    @property
    def closed(self) -> bool:
        """Whether the letter is done with."""
        return self.what != "left"


class Overtaken(TryLater):
    """Somebody else closed one of the letters in the meantime; nothing was done."""


async def open_letters(
    views: Views, *, numbers: Collection[int] = (), reason: str | None = None, since: int | None = None
) -> list[Letter]:
    """Give open letters, oldest first: those with these numbers, or all of a reason and from an arrival on (ms)."""
    if numbers:
        named = [await views.dead_letter(number) for number in sorted(set(numbers))]
        return [one for one in named if one is not None and one.state == "open"]
    found: list[Letter] = []
    cursor: str | None = None
    while True:
        letters, cursor = await views.dead_letters("open", _PAGE, cursor, reason=reason)
        found += [one for one in letters if since is None or one.letter.arrival >= since]
        if cursor is None:
            return sorted(found, key=lambda one: one.number)


async def replay(
    store: Store, deciding: Deciding, letters: Sequence[Letter], read: Read, *, quarantined: Set[str] = frozenset()
) -> list[Handled]:
    """Put letters through the intake again, in batches of one transaction each; give what became of each, in order.

    ``read`` decodes a letter's bytes by the release in force. A call that failed is put again if its run still lives.
    Inputs of a parked customer are not replayed one by one: they wait for his release, in order.

    Raises:
        Overtaken: Somebody else closed one of them meanwhile; what was handled before stays handled.
        TryLater: The store is away.
    """
    done: dict[int, Handled] = {}
    events: list[tuple[Letter, Incoming]] = []
    for one in letters:
        if one.letter.reason == ENGINE_ERROR:
            done[one.number] = _left(one, PARKED)
        elif one.letter.reason == BAD_CONTROL:
            done[one.number] = _left(one, NO_EVENT)
        elif one.letter.source == CALLS:
            why = await call_again(store, deciding, one, quarantined=quarantined)
            done[one.number] = Handled(number=one.number, what="put again") if why is None else _left(one, why)
        else:
            raw, event = read(one)
            if isinstance(event, Refused):
                done[one.number] = _left(one, f"refused again: {event.reason}: {event.detail}")
                continue
            at = one.letter.position
            events.append((one, Incoming(raw=raw, read=event, source=one.letter.source, position=at)))
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        closing = _Closing(store, [one.number for one, _ in batch])
        applied = await apply_events(closing, deciding, [incoming for _, incoming in batch], quarantined=quarantined)
        for (one, _), fate in zip(batch, applied.fates, strict=True):
            done[one.number] = Handled(number=one.number, what=fate)
    return [done[one.number] for one in letters]


def foretell(one: Letter, read: Read) -> Handled:
    """Tell what a replay would make of a letter, as far as its content alone says."""
    if one.letter.reason == ENGINE_ERROR:
        return _left(one, PARKED)
    if one.letter.reason == BAD_CONTROL:
        return _left(one, NO_EVENT)
    if one.letter.source == CALLS:
        return Handled(number=one.number, what="put again")
    _, event = read(one)
    if isinstance(event, Refused):
        return _left(one, f"refused again: {event.reason}: {event.detail}")
    return Handled(number=one.number, what="accepted")


async def drop(store: Store, letters: Sequence[Letter]) -> int:
    """Close letters for good without using them, and give how many were open."""
    async with store.transaction() as tx:
        now = await tx.now()
        expect = await changes(tx)
        count = await tx.close_dead_letters([one.number for one in letters], "dropped", now)
        if any(one.letter.reason == ENGINE_ERROR for one in letters):
            await mark(tx, expect, now)
    return count


def _left(one: Letter, why: str) -> Handled:
    return Handled(number=one.number, what="left", why=why)


class _Closing(Store):
    """A store whose transactions close letters before anything else happens in them."""

    def __init__(self, store: Store, numbers: Collection[int]) -> None:
        self._store, self._numbers = store, numbers

    @property
    def views(self) -> Views:
        """See ``Store.views``."""
        return self._store.views

    async def open(self) -> None:
        """See ``Store.open``; the store beneath is open."""

    async def close(self) -> None:
        """See ``Store.close``; the store beneath stays open."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self._store.transaction() as tx:
            closed = await tx.close_dead_letters(self._numbers, "replayed", await tx.now())
            if closed != len(self._numbers):
                raise Overtaken("Somebody else closed one of these dead letters", next_step="Run the command again")
            yield tx
