"""A batch of inputs becomes stored events and decisions in ONE transaction (N1, N7, N8; design.md).

The arrival of the batch is the store's clock inside the transaction, after every instant that is complete
already. On failure nothing is stored and the same batch may come again; overload is the caller's to refuse.
"""

from collections.abc import Mapping, Sequence, Set
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from sojourn.core.book import Book
from sojourn.core.drive import tomb_keys
from sojourn.core.model import Event
from sojourn.core.turn import replace
from sojourn.intake.decode import Refused
from sojourn.intake.ledger import Ledger, Pace, at_once
from sojourn.ports import Conflict, Store, Tx
from sojourn.records import DeadLetter, Inbox, Position, TombKey

INTAKE: Final = "intake"  # the position of all sources that arrive by the store's clock
ENGINE_ERROR: Final = "engine_error"
_ATTEMPTS: Final = 5

Fate = Literal["accepted", "duplicate", "conflict", "parked", "refused"]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One input as it came: its bytes, what they say, and where they are from."""

    raw: bytes
    read: Event | Refused
    source: str


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each input of a batch, in its order. ``counts`` tells notes of decide by kind."""

    arrival: int
    fates: tuple[Fate, ...]
    refusals: Mapping[int, Refused] = {}
    broken: Mapping[str, str] = {}
    counts: Mapping[str, int] = {}
    rows: int = 0

    @property
    def accepted(self) -> int:
        """How many are stored now: applied, or parked behind a customer's error."""
        return sum(fate in ("accepted", "parked") for fate in self.fates)

    @property
    def duplicates(self) -> int:
        """How many were stored before, with the same content."""
        return self.fates.count("duplicate")


def digest_of(raw: bytes) -> bytes:
    """Give 16 bytes of the content without its arrival: the same event told twice has the same ones (N8)."""
    try:
        content: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return sha256(raw).digest()[:16]
    if isinstance(content, dict):
        content.pop("arrives_at", None)
    return sha256(msgspec.json.encode(content, order="sorted")).digest()[:16]


async def apply_events(
    store: Store,
    book: Book,
    incoming: Sequence[Incoming],
    *,
    quarantined: Set[str] = frozenset(),
    pace: Pace = at_once,
) -> Applied:
    """Store a batch and decide it, or raise and leave nothing behind.

    Raises:
        TryLater: The store is busy, full or read-only; nothing was stored.
        StoreBroken: The database must not be used any more.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _apply(store, book, incoming, quarantined, pace)
        except Conflict:
            continue
    return await _apply(store, book, incoming, quarantined, pace)


async def _apply(store: Store, book: Book, incoming: Sequence[Incoming], quarantined: Set[str], pace: Pace) -> Applied:
    async with store.transaction() as tx:
        position = await tx.position(INTAKE) or Position(0, 0)
        arrival = max(await tx.now(), position.stored_to + 1)
        batch = _Batch(book, incoming, arrival, quarantined, Ledger(book, pace))
        await batch.judge(tx)
        await batch.decide(tx)
        await batch.write(tx)
        expect = position.next if position != Position(0, 0) else None
        await tx.advance(INTAKE, expect, Position(position.next + len(incoming), arrival))
    return batch.applied()


async def close_instant(tx: Tx, now: int) -> None:
    """Close an instant for the intake: timers of it have run, so what comes later arrives later."""
    position = await tx.position(INTAKE)
    if position is None:
        await tx.advance(INTAKE, None, Position(0, now))
    elif position.stored_to < now:
        await tx.advance(INTAKE, position.next, Position(position.next, now))


class _Batch:
    """One batch under way."""

    def __init__(
        self, book: Book, incoming: Sequence[Incoming], arrival: int, quarantined: Set[str], ledger: Ledger
    ) -> None:
        self.book = book
        self.incoming = incoming
        self.arrival = arrival
        self.quarantined = quarantined
        self.ledger = ledger
        self.fates: list[Fate] = ["refused"] * len(incoming)
        self.events: dict[int, Event] = {}
        self.digests: dict[int, bytes] = {}

    async def judge(self, tx: Tx) -> None:
        """Tell new events from ones that were told before (N8)."""
        for n, one in enumerate(self.incoming):
            if isinstance(one.read, Event):
                self.events[n] = replace(one.read, arrival=self.arrival)
                self.digests[n] = digest_of(one.raw)
        known = await tx.known([(event.id, self.digests[n]) for n, event in self.events.items()])
        for n, verdict in zip(self.events, known, strict=True):
            parked = self.events[n].customer in self.quarantined
            self.fates[n] = "accepted" if verdict == "new" and not parked else verdict if verdict != "new" else "parked"

    async def decide(self, tx: Tx) -> None:
        """Put each new event to its customer, in order, between the timers before it and those of its instant."""
        new = [self.events[n] for n, fate in enumerate(self.fates) if fate == "accepted"]
        customers = list(dict.fromkeys(event.customer for event in new))
        tombs: set[TombKey] = {(event.customer, *key) for event in new for key in tomb_keys(self.book, event)}
        await self.ledger.load(tx, customers, tombs, self.arrival)
        for event in new:
            self.ledger.before(event.customer, self.arrival)
            self.ledger.put(event.customer, event, self.arrival)
        for customer in customers:
            self.ledger.through(customer, self.arrival)
        broken = self.ledger.broken()
        for n, fate in enumerate(self.fates):
            if fate == "accepted" and self.events[n].customer in broken:
                self.fates[n] = "parked"

    async def write(self, tx: Tx) -> None:
        """Write customers, rows and orders, then what came: in the inbox, as a conflict, or as a dead letter."""
        await self.ledger.write(tx, self.arrival)
        inbox = [self._entry(n) for n, fate in enumerate(self.fates) if fate == "accepted"]
        if inbox:
            await tx.append_inbox(inbox)
        conflicts = [self._entry(n) for n, fate in enumerate(self.fates) if fate == "conflict"]
        if conflicts:
            await tx.append_conflicts(conflicts)
        letters = [self._letter(n) for n, fate in enumerate(self.fates) if fate in ("refused", "parked")]
        if letters:
            await tx.append_dead_letters(letters)

    def applied(self) -> Applied:
        """Tell what became of the batch."""
        counts: dict[str, int] = {}
        for note in self.ledger.notes():
            counts[note.kind] = counts.get(note.kind, 0) + 1
        return Applied(
            arrival=self.arrival,
            fates=tuple(self.fates),
            refusals={n: one.read for n, one in enumerate(self.incoming) if isinstance(one.read, Refused)},
            broken={name: _said(error) for name, error in self.ledger.broken().items()},
            counts=counts,
            rows=len(self.ledger.rows()),
        )

    def _entry(self, n: int) -> Inbox:
        event, one = self.events[n], self.incoming[n]
        return Inbox(
            event_id=event.id,
            customer=event.customer,
            type=event.type,
            source=one.source,
            occurred=event.occurred,
            arrival=self.arrival,
            digest=self.digests[n],
            raw=one.raw,
            entity_type=event.entity_type,
            trace_id=event.trace_id,
            terms=self._terms(event),
        )

    def _terms(self, event: Event) -> tuple[str, ...]:
        """What support may search for: the entity, the key fields of journeys, and changed addresses."""
        values = [event.entity_id, *(event.payload.get(name) for name in key_fields(self.book))]
        state = self.ledger.state(event.customer)
        fields = state.profile.fields if state is not None else {}
        for parts in event.payload.values():
            if isinstance(parts, Mapping):
                values += [fields.get(name) for name in self.book.profile.roles.addresses.values() if name in parts]
        return tuple(dict.fromkeys(str(value) for value in values if isinstance(value, str) and value))

    def _letter(self, n: int) -> DeadLetter:
        one, event = self.incoming[n], self.events.get(n)
        if isinstance(one.read, Refused):
            reason, detail = str(one.read.reason), one.read.detail
        else:
            error = self.ledger.broken().get(event.customer) if event is not None else None
            reason = ENGINE_ERROR
            detail = _said(error) if error is not None else "parked behind an earlier error of this customer"
        return DeadLetter(
            source=one.source,
            arrival=self.arrival,
            reason=reason,
            detail=detail,
            raw=one.raw,
            event_id=event.id if event is not None else None,
            type=event.type if event is not None else None,
            customer=event.customer if event is not None else None,
        )


def key_fields(book: Book) -> frozenset[str]:
    """Name the payload fields by which journeys tell their runs apart."""
    return frozenset(name for journey in book.journeys.values() for name in journey.key)


def _said(error: Exception) -> str:
    """The kind of an error; its text may hold a customer's values."""
    return type(error).__name__
