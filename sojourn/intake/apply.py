"""A batch of inputs becomes stored events and decisions in ONE transaction (N1, N7, N8; design.md).

What comes over HTTP or from a file arrives by the store's clock inside the transaction; in an embedded engine after
every instant that is complete already. A record of Kafka arrives at its timestamp, but neither before what its source
has stored nor after the store's clock. On failure nothing is stored and the same batch may come again; overload is
the caller's to refuse.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from sojourn.core.book import Book
from sojourn.core.drive import tomb_keys
from sojourn.core.model import Event
from sojourn.core.turn import replace
from sojourn.intake.deciding import Deciding, keep_letters
from sojourn.intake.decode import Refused
from sojourn.intake.frontier import FOREVER, MARGIN_MS, Frontier, frontier
from sojourn.intake.ledger import Ledger
from sojourn.ports import Conflict, Store, Tx
from sojourn.records import DeadLetter, Inbox, Move, Position, TombKey

INTAKE: Final = "intake"  # the position of all sources that arrive by the store's clock
ENGINE_ERROR: Final = "engine_error"
_ATTEMPTS: Final = 5
_NEW: Final = Position(0, 0)
_SEEN_MS: Final = 60_000

Fate = Literal["accepted", "duplicate", "conflict", "parked", "refused"]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One input as it came: its bytes, what they say, and where they are from."""

    raw: bytes
    read: Event | Refused
    source: str
    position: int | None = None
    stamp: int | None = None  # the record's timestamp
    keyed: bool = True  # the record lies where its customer id puts it


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Where a batch of records stands in its sources.

    Args:
        expect: Of every source that the batch moves: the position that the store must have (None: none yet).
        next: Of every source that the batch moves: the position behind its last record.
        merged: The sources whose records are in the order of arrival with those of the batch: nothing older is unread.
        idle: The sources with nothing unread at ``looked_at``.
        epochs: The lives of the topics in which those positions count.
    """

    expect: Mapping[str, int | None]
    next: Mapping[str, int]
    merged: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    looked_at: int = 0
    epochs: Mapping[str, str] = {}


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
    store: Store, deciding: Deciding, incoming: Sequence[Incoming], *, quarantined: Set[str] = frozenset()
) -> Applied:
    """Store a batch that arrives now and decide it, or raise and leave nothing behind.

    Raises:
        TryLater: The store is busy, full or read-only; nothing was stored.
        StoreBroken: The database must not be used any more.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _apply_now(store, deciding, incoming, quarantined)
        except Conflict:
            continue
    return await _apply_now(store, deciding, incoming, quarantined)


async def _apply_now(store: Store, deciding: Deciding, incoming: Sequence[Incoming], quarantined: Set[str]) -> Applied:
    async with store.transaction() as tx:
        now = await tx.now()
        position = (await tx.position(INTAKE) or _NEW) if deciding.embedded else _NEW
        arrival = max(now, position.stored_to + 1) if deciding.embedded else now
        ledger = Ledger(deciding, await deciding.frontier(tx, now))
        batch = Batch(deciding, incoming, [arrival] * len(incoming), quarantined, ledger, arrival)
        await batch.run(tx, wait=True)
        if deciding.embedded:
            expect = position.next if position != _NEW else None
            await tx.advance([Move(INTAKE, expect, Position(position.next + len(incoming), arrival, arrival))])
    return batch.applied()


async def close_instant(tx: Tx, deciding: Deciding, now: int) -> None:
    """Close an instant for the intake of an embedded engine: its timers have run, so what comes later arrives later."""
    if not deciding.embedded:
        return
    position = await tx.position(INTAKE)
    if position is None:
        await tx.advance([Move(INTAKE, None, Position(0, now, now))])
    elif position.stored_to < now:
        await tx.advance([Move(INTAKE, position.next, Position(position.next, now, now))])


# ---- records of Kafka


async def apply_records(
    store: Store,
    deciding: Deciding,
    incoming: Sequence[Incoming],
    reading: Reading,
    *,
    quarantined: Set[str] = frozenset(),
) -> Applied:
    """Store a batch of records, decide it and move its sources on, or raise and leave nothing behind.

    Customers whom another transaction has come in a second round of their own, in order; the sources move with the
    last round, so what a kill leaves in between comes again and is known by its ids.

    Raises:
        Conflict: Somebody else reads one of the sources now, or a customer was changed: read on from the store.
        TryLater: The store is away; nothing was stored.
    """
    first = _Records(deciding, incoming, reading, quarantined)
    left = await first.round(store, range(len(incoming)), last=False)
    if left:
        await first.round(store, left, last=True)
    return first.applied()


class _Records:
    """A batch of records under way, in at most two rounds."""

    def __init__(
        self, deciding: Deciding, incoming: Sequence[Incoming], reading: Reading, quarantined: Set[str]
    ) -> None:
        self.deciding, self.incoming, self.reading, self.quarantined = deciding, incoming, reading, quarantined
        self.batches: list[tuple[Sequence[int], Batch]] = []

    async def round(self, store: Store, places: Sequence[int], *, last: bool) -> Sequence[int]:
        """Apply the records at some places of the batch; give those whose customers were not to be had."""
        async with store.transaction() as tx:
            now = await tx.now()
            positions = await tx.positions()
            self.deciding.releases.check(positions, now)
            self._fence(positions)
            arrivals, stored_to = self._arrivals(positions, now)
            ledger = Ledger(self.deciding, await self._frontier(tx, positions, now))
            chosen = [self.incoming[n] for n in places]
            batch = Batch(self.deciding, chosen, [arrivals[n] for n in places], self.quarantined, ledger, now)
            left = [places[n] for n in await batch.run(tx, wait=last)]
            await tx.advance(self._moves(positions, stored_to, now, final=not left))
        self.batches.append((places, batch))
        return left

    def _fence(self, positions: Mapping[str, Position]) -> None:
        for source, expect in self.reading.expect.items():
            at = positions.get(source)
            if (None if at is None else at.next) != expect:
                raise Conflict(
                    "The source stands elsewhere than expected: another worker reads it",
                    source=source,
                    next_step="Read on from the stored position.",
                )

    def _arrivals(self, positions: Mapping[str, Position], now: int) -> tuple[list[int], dict[str, int]]:
        """Give each record's arrival, and up to which arrival each source is stored with the batch.

        The last instant of the batch before is closed: timers of it may have run (N7).
        """
        stored_to = {source: positions.get(source, _NEW).stored_to for source in self.reading.expect}
        floors = {source: at + 1 for source, at in stored_to.items()}
        arrivals = []
        for one in self.incoming:
            arrival = min(max(one.stamp if one.stamp is not None else now, floors[one.source]), now)
            arrival = max(arrival, stored_to[one.source])
            stored_to[one.source] = floors[one.source] = arrival
            arrivals.append(arrival)
        return arrivals, stored_to

    async def _frontier(self, tx: Tx, positions: Mapping[str, Position], now: int) -> Frontier:
        """What lies beside the merged sources holds timers back; among them records come in order of arrival.

        A source with nothing unread holds them back only behind the look at it: a timer that was due before an event
        must not come after it, because the source was last moved before an outage.
        """
        empty_to = min(self.reading.looked_at, now) - MARGIN_MS
        seen = dict(positions)
        for source in self.reading.idle | self.reading.merged:
            old = positions.get(source, _NEW)
            upto = FOREVER if source in self.reading.merged else max(old.stored_to, empty_to)
            seen[source] = Position(old.next, upto, now, old.keyed)
        return frontier(seen, self.deciding.topics, await tx.waivers(), now)

    def _moves(
        self, positions: Mapping[str, Position], stored_to: Mapping[str, int], now: int, *, final: bool
    ) -> list[Move]:
        moves = []
        unkeyed = {one.source for one in self.incoming if not one.keyed}
        for source, expect in sorted(self.reading.expect.items()):
            old = positions.get(source, _NEW)
            if not final and expect is None:
                continue  # its first position is written with its last round
            if not final:
                moves.append(Move(source, expect, Position(old.next, old.stored_to, old.moved_at, old.keyed)))
                continue
            upto = stored_to[source]
            if source in self.reading.idle:
                upto = max(upto, min(self.reading.looked_at, now) - MARGIN_MS)
            keyed = old.keyed and source not in unkeyed
            epoch = self.reading.epochs.get(source, "")
            moves.append(Move(source, expect, Position(self.reading.next[source], upto, now, keyed, epoch)))
        return moves + self._seen(positions, now)

    def _seen(self, positions: Mapping[str, Position], now: int) -> list[Move]:
        """Say, once a minute, that a source is read whose records wait their turn behind older ones of others.

        In a long backlog it would look stalled, and timers would pass what it holds (design.md, "Time").
        """
        return [
            Move(source, at.next, msgspec.structs.replace(at, moved_at=now))
            for source in sorted(self.reading.merged - self.reading.expect.keys())
            if (at := positions.get(source)) is not None and at.moved_at < now - _SEEN_MS
        ]

    def applied(self) -> Applied:
        """Tell what became of the batch, over its rounds."""
        fates: list[Fate] = ["refused"] * len(self.incoming)
        broken: dict[str, str] = {}
        counts: dict[str, int] = {}
        refusals: dict[int, Refused] = {}
        arrival = rows = 0
        for places, batch in self.batches:
            done = batch.applied()
            for n, fate in zip(places, done.fates, strict=True):
                fates[n] = fate
            refusals.update({places[n]: refused for n, refused in done.refusals.items()})
            broken.update(done.broken)
            for kind, count in done.counts.items():
                counts[kind] = counts.get(kind, 0) + count
            arrival, rows = max(arrival, done.arrival), rows + done.rows
        return Applied(arrival=arrival, fates=tuple(fates), refusals=refusals, broken=broken, counts=counts, rows=rows)


# ---- one round


class Batch:
    """One batch under way."""

    def __init__(
        self,
        deciding: Deciding,
        incoming: Sequence[Incoming],
        arrivals: Sequence[int],
        quarantined: Set[str],
        ledger: Ledger,
        now: int,
    ) -> None:
        self.deciding = deciding
        self.incoming = incoming
        self.arrivals = arrivals
        self.now = now
        self.quarantined = quarantined
        self.ledger = ledger
        self.book = deciding.releases.at(now).book
        self.fields = _key_fields_by_type(self.book)
        self.fates: list[Fate] = ["refused"] * len(incoming)
        self.events: dict[int, Event] = {}
        self.digests: dict[int, bytes] = {}

    async def run(self, tx: Tx, *, wait: bool) -> Sequence[int]:
        """Load, judge, decide and write; give the places of records whose customers another transaction has."""
        for n, one in enumerate(self.incoming):
            if isinstance(one.read, Event):
                self.events[n] = replace(one.read, arrival=self.arrivals[n])
        left = await self._load(tx, wait)
        if left:  # what is no event at all goes with the last round: it has no id by which it would be known again
            left = sorted({*left, *(n for n in range(len(self.incoming)) if n not in self.events)})
        for n in left:
            self.events.pop(n, None)
        await self._judge(tx)
        await self.ledger.decide(tx, self._decide)
        broken = self.ledger.broken()
        for n, event in self.events.items():
            if self.fates[n] == "accepted" and event.customer in broken:
                self.fates[n] = "parked"
        await self._write(tx, frozenset(left))
        return left

    async def _load(self, tx: Tx, wait: bool) -> list[int]:
        customers = list(dict.fromkeys(event.customer for event in self.events.values()))
        tombs: set[TombKey] = set()
        books = {id(released.book): released.book for released in self._books()}
        for event in self.events.values():
            for book in books.values():
                tombs.update((event.customer, *key) for key in tomb_keys(book, event))
        latest = max(self.arrivals, default=self.now)  # no timer behind it runs in this batch
        got = await self.ledger.load(tx, customers, tombs, latest, wait=wait)
        return [n for n, event in self.events.items() if event.customer not in got]

    def _books(self) -> Sequence[Any]:
        """The releases that may judge an input of now: the one in force, and where one is new, the one before it."""
        releases = self.deciding.releases
        current = releases.at(self.now)
        before = current.number - releases.all[0].number - 1
        return (current, releases.all[before]) if before >= 0 else (current,)

    async def _judge(self, tx: Tx) -> None:
        """Tell new events from ones that were told before (N8); their customers are locked already."""
        self.digests = {n: digest_of(self.incoming[n].raw) for n in self.events}
        known = await tx.known([(event.id, self.digests[n]) for n, event in self.events.items()])
        for n, verdict in zip(self.events, known, strict=True):
            parked = self.events[n].customer in self.quarantined
            self.fates[n] = "accepted" if verdict == "new" and not parked else verdict if verdict != "new" else "parked"

    def _decide(self) -> Iterator[None]:
        """Put each new event to its customer, in order, between the timers before it and those of its instant."""
        last: dict[str, int] = {}
        for n, event in self.events.items():
            if self.fates[n] == "accepted":
                self.ledger.before(event.customer, event.arrival)
                self.ledger.put(event.customer, event, event.arrival)
                last[event.customer] = event.arrival
                yield
        for customer, arrival in last.items():
            self.ledger.through(customer, arrival)
            yield

    async def _write(self, tx: Tx, left: Set[int]) -> None:
        """Write customers, rows and orders, then what came: in the inbox, as a conflict, or as a dead letter."""
        await self.ledger.write(tx, self.now)
        inbox = [self._entry(n) for n, fate in enumerate(self.fates) if fate == "accepted"]
        if inbox:
            await tx.append_inbox(inbox)
        conflicts = [self._entry(n) for n, fate in enumerate(self.fates) if fate == "conflict"]
        if conflicts:
            await tx.append_conflicts(conflicts)
        letters = [
            self._letter(n) for n, fate in enumerate(self.fates) if fate in ("refused", "parked") and n not in left
        ]
        await keep_letters(tx, self.deciding, letters)

    def applied(self) -> Applied:
        """Tell what became of the batch."""
        counts: dict[str, int] = {}
        for note in self.ledger.notes():
            counts[note.kind] = counts.get(note.kind, 0) + 1
        return Applied(
            arrival=max(self.arrivals, default=self.now),
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
            arrival=event.arrival,
            digest=self.digests[n],
            raw=one.raw,
            position=one.position,
            entity_type=event.entity_type,
            trace_id=event.trace_id,
            terms=self._terms(event),
        )

    def _terms(self, event: Event) -> tuple[str, ...]:
        """What support may search for: the entity, the key fields of journeys, and changed addresses."""
        payload = event.payload
        values = [event.entity_id, *(payload.get(name) for name in self.fields.get(event.type, ()))]
        parts = [part for part in payload.values() if isinstance(part, dict)]
        if parts:
            state = self.ledger.state(event.customer)
            fields = state.profile.fields if state is not None else {}
            addresses = self.book.profile.roles.addresses.values()
            values += [fields.get(name) for part in parts for name in addresses if name in part]
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
            arrival=self.arrivals[n],
            reason=reason,
            detail=detail,
            raw=one.raw,
            position=one.position,
            event_id=event.id if event is not None else None,
            type=event.type if event is not None else None,
            customer=event.customer if event is not None else None,
        )


def _key_fields_by_type(book: Book) -> dict[str, list[str]]:
    """Name of each type of event the payload fields by which journeys tell their runs apart."""
    keys = frozenset(name for journey in book.journeys.values() for name in journey.key)
    return {type_: [name for name in fields if name in keys] for type_, fields in book.event_types.items()}


def _said(error: Exception) -> str:
    """The kind of an error; its text may hold a customer's values."""
    return type(error).__name__
