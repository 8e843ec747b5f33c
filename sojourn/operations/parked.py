"""Parked customers: who they are, and releasing one, his inputs in order and each as of its arrival.

A parked customer stood still, so his inputs are applied as if nothing had happened: each at the instant at which it
arrived, behind the timers that were due before it. A payment that was parked suppresses the reminder that it would
have suppressed. One transaction applies one input and closes its letter.
"""

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from sojourn.core.due import next_due
from sojourn.core.model import Outcome
from sojourn.intake.apply import Batch, Incoming
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import Refused
from sojourn.intake.ledger import Ledger
from sojourn.intake.parked import ENGINE_ERROR, changes, mark
from sojourn.operations.letters import Read, open_letters
from sojourn.ports import Store, Tx, Views
from sojourn.records import Changed, Letter


class ParkedCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """One parked customer: since when (arrival, ms), how many inputs wait, and the error of the first."""

    customer: str
    since: int
    inputs: int
    error: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What a release did: inputs applied, and why it stopped at letter ``number`` where it did; None: he is free."""

    customer: str
    applied: int
    number: int | None = None
    why: str = ""

    @property
    def free(self) -> bool:
        """Whether he is no longer parked."""
        return self.number is None


_AGAIN_MS: Final = 60_000
_TELLS: Final[Mapping[str, Literal["accepted", "refused", "not_taken", "unknown"]]] = {
    "accepted": "accepted",
    "refused": "refused",
    "not_taken": "not_taken",
    "unknown": "unknown",
}


class StillBroken(Exception):
    """Takes the transaction back; never leaves this module."""


async def parked_customers(views: Views) -> list[ParkedCustomer]:
    """Give the parked customers, the longest parked first."""
    waiting: dict[str, list[Letter]] = {}
    for one in await open_letters(views, reason=ENGINE_ERROR):
        if one.letter.customer is not None:
            waiting.setdefault(one.letter.customer, []).append(one)
    return [
        ParkedCustomer(
            customer=customer, since=letters[0].letter.arrival, inputs=len(letters), error=letters[0].letter.detail
        )
        for customer, letters in waiting.items()
    ]


async def release(store: Store, deciding: Deciding, customer: str, read: Read) -> Release | None:
    """Apply a parked customer's inputs in order until one fails or none is left; None: he is not parked.

    Raises:
        TryLater: The store is away, or somebody else works on him; what was applied before stays applied.
    """
    queue = _Queue(store, customer)
    applied = 0
    while True:
        try:
            async with store.transaction() as tx:
                one = await _next(tx, queue, deciding, read)
        except StillBroken as stop:
            number, why = stop.args
            return Release(customer=customer, applied=applied, number=number, why=why)
        if one is None:
            return Release(customer=customer, applied=applied) if applied else None
        applied += 1
        queue.done(one)


class _Queue:
    """The inputs of a parked customer, oldest first; read again only where they may have changed.

    Who parks more for him waits for his lock, and that more comes behind: it is seen when the queue is empty. Whoever
    closes one of them counts the changes up.
    """

    def __init__(self, store: Store, customer: str) -> None:
        self.store, self.customer = store, customer
        self._letters: list[Letter] = []
        self._changes: int | None = None

    async def first(self, number: int | None) -> Letter | None:
        """Give the oldest one as of so many changes; None: there is none."""
        if number != self._changes or not self._letters:
            letters = await open_letters(self.store.views, reason=ENGINE_ERROR)
            self._letters = [one for one in letters if one.letter.customer == self.customer]
            self._changes = number
        return self._letters[0] if self._letters else None

    def done(self, one: Letter) -> None:
        """Take out one that was applied and committed, which was a change."""
        self._letters.remove(one)
        self._changes = (self._changes or 0) + 1


async def _next(tx: Tx, queue: _Queue, deciding: Deciding, read: Read) -> Letter | None:
    """Apply the oldest input of a customer, close its letter and give it; None: there is none."""
    customer = queue.customer
    now = await tx.now()
    await tx.load([customer])  # whoever parks more for him has to wait
    expect = await changes(tx)
    one = await queue.first(expect)
    if one is None:
        return None
    try:
        await _wake(tx, deciding, customer, now)
    except Exception as error:
        raise StillBroken(one.number, f"{where(error)}: what he waits for cannot be computed") from error
    await _apply(queue.store, tx, deciding, one, customer, read, now)
    await tx.close_dead_letters([one.number], "replayed", now)
    await mark(tx, expect, now)
    return one


async def _wake(tx: Tx, deciding: Deciding, customer: str, now: int) -> None:
    """Bring his timers back, which were put off while he was parked."""
    stored = (await tx.load([customer]))[customer]
    if stored.release is None:
        return
    due = next_due(deciding.releases.numbered(stored.release).book, stored.state)
    if due is not None and (stored.due is None or due < stored.due):
        await tx.save([Changed(stored, stored.state, due, stored.lane, stored.release)], now)


async def _apply(store: Store, tx: Tx, deciding: Deciding, one: Letter, customer: str, read: Read, now: int) -> None:
    letter = one.letter
    ledger = Ledger(deciding, await deciding.frontier(tx, now))
    if not letter.raw:  # no event: a timer failed, or what became of a message
        await ledger.load(tx, [customer], (), now)
        for at, what in await _outcomes(store.views, ledger, customer):
            ledger.put(customer, what, at)
        ledger.through(customer, letter.arrival)
        _stop_if_broken(ledger, one, customer)
        await ledger.write(tx, now)
        return
    raw, event = read(one)
    if isinstance(event, Refused):
        raise StillBroken(one.number, f"the release in force refuses it: {event.reason}: {event.detail}")
    incoming = Incoming(raw=raw, read=event, source=letter.source, position=letter.position)
    batch = Batch(deciding, [incoming], [min(letter.arrival, now)], frozenset(), ledger, now)
    await batch.run(tx, wait=True)
    _stop_if_broken(ledger, one, customer)


async def _outcomes(views: Views, ledger: Ledger, customer: str) -> list[tuple[int, Outcome]]:
    """Give what became of messages in hand-over and was never decided, because his decision raised just then.

    The attempts were recorded all the same. A message that still counts as ready although a provider has answered is
    one of them; where the answer was that it did not go, it is tried again.
    """
    state = ledger.state(customer)
    found = []
    for send in state.hot.sends if state is not None else ():
        rows, attempts = await views.message(send.id)
        last = attempts[-1] if attempts else None
        told = last is not None and any(row.status == "in_doubt" and row.decided_at >= last.ended for row in rows)
        if send.status != "ready" or last is None or last.outcome not in _TELLS or told:
            continue
        code = (last.text or "").split(" ")[0]
        retry_at = last.ended + _AGAIN_MS if last.outcome == "not_taken" else None
        outcome = Outcome(send.id, _TELLS[last.outcome], None, {"code": code, "provider": last.provider}, retry_at)
        found.append((last.ended, outcome))
    return found


def _stop_if_broken(ledger: Ledger, one: Letter, customer: str) -> None:
    error = ledger.broken().get(customer)
    if error is not None:
        raise StillBroken(one.number, where(error)) from error


def where(error: BaseException) -> str:
    """Give the kind of an error and its place in the code; its text may hold a customer's values."""
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
