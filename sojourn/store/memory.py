"""The store's twin in memory: the same promises without a file, for tests, examples and rehearsals."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec

from sojourn.core.model import Deliver, Row, State
from sojourn.places import place_of
from sojourn.ports import LOOKED_AT, Conflict, Store, StoreBroken, Tx
from sojourn.records import (
    LANES,
    Attempt,
    Changed,
    Claimed,
    DeadLetter,
    Due,
    Inbox,
    Kept,
    Leased,
    LetterState,
    Message,
    Move,
    Outgoing,
    Partitions,
    Position,
    Published,
    Queued,
    Settled,
    Stale,
    Stored,
    TombKey,
    Verdict,
    Waiver,
)
from sojourn.store.admin import number_taken
from sojourn.store.customers import lost, moves
from sojourn.store.events import position_lost, term_form
from sojourn.store.memory_data import Data, Filed, Order
from sojourn.store.memory_views import MemoryViews
from sojourn.store.outbox import WAITING

T = TypeVar("T")
replace = msgspec.structs.replace


class MemoryTx(Tx):
    """A transaction on plain dicts; the store takes everything back when its block raises."""

    def __init__(self, data: Data, clock: Callable[[], int]) -> None:
        self._data = data
        self._clock = clock

    # ---- customers

    def _ensure(self, customer: str) -> int:
        data = self._data
        subject = data.subjects.get(customer)
        if subject is None:
            subject = data.append(data.customers, lambda _: customer)
            data.put(data.subjects, customer, subject)
        return subject

    def _of(self, subject: int, customer: str) -> Stored:
        return self._data.stored.get(subject) or Stored(subject, 0, None, "normal", State(customer))

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        """See ``Tx.load``."""
        asked = set(tombs)
        result = {}
        for customer in customers:
            stored = self._of(self._ensure(customer), customer)
            state = stored.state
            shown = {k: tomb for k, tomb in state.tombs.items() if every_tomb or (customer, *k) in asked}
            result[customer] = replace(stored, state=replace(state, tombs=shown))
        return result

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        """See ``Tx.save``."""
        current = {c.before.subject: self._of(c.before.subject, c.after.customer).revision for c in changes}
        late = sum(
            current[c.before.subject] != c.before.revision or c.before.subject not in self._data.customers
            for c in changes
        )
        if late or len(current) < len(changes):
            raise lost(late or len(changes) - len(current))
        return {change.after.customer: self._saved(change, now) for change in changes}

    def _saved(self, change: Changed, now: int) -> Stored:
        before, after = change.before, change.after
        kept = dict(self._of(before.subject, after.customer).state.tombs)
        for gone in before.state.tombs.keys() - after.tombs.keys():
            kept.pop(gone, None)
        kept.update(after.tombs)
        due, lane = (change.due, change.lane) if moves(change, now) else (before.due, before.lane)
        stored = Stored(before.subject, before.revision + 1, due, lane, after, change.release)
        self._data.put(self._data.stored, before.subject, replace(stored, state=replace(after, tombs=kept)))
        return stored

    async def due(
        self, now: int, limit: int, after: Due | None = None, partitions: Partitions | None = None
    ) -> Sequence[Due]:
        """See ``Tx.due``."""
        behind = (-1, 0, 0) if after is None else (LANES.index(after.lane), after.due, after.subject)
        waiting = sorted(
            (LANES.index(stored.lane), stored.due, subject)
            for subject, stored in self._data.stored.items()
            if stored.due is not None and stored.due <= now and _lies_in(stored.state.customer, partitions)
        )
        found = [place for place in waiting if place > behind][:limit]
        return [Due(self._data.customers[subject], at, LANES[lane], subject) for lane, at, subject in found]

    async def next_due(self) -> int | None:
        """See ``Tx.next_due``."""
        return min((s.due for s in self._data.stored.values() if s.due is not None), default=None)

    async def customers(
        self, after: int, limit: int, journey: str | None = None, version: int | None = None
    ) -> Sequence[tuple[int, str]]:
        """See ``Tx.customers``."""

        def has_run(subject: int, customer: str) -> bool:
            runs = self._of(subject, customer).state.runs.values()
            return any(r.journey == journey and r.ended is None and version in (None, r.version) for r in runs)

        people = sorted((subject, customer) for subject, customer in self._data.customers.items() if subject > after)
        return [one for one in people if journey is None or has_run(*one)][:limit]

    # ---- what came in

    async def now(self) -> int:
        """See ``Tx.now``."""
        return max(self._clock(), self._data.newest.get("arrival", 0))

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        """See ``Tx.known``."""
        fresh: dict[str, bytes] = {}
        verdicts: list[Verdict] = []
        for name, digest in events:
            first = self._data.digests.get(name) or fresh.get(name)
            if first is None:
                fresh[name] = digest
            verdicts.append("new" if first is None else "duplicate" if first == digest else "conflict")
        return verdicts

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_inbox``."""
        data = self._data
        for entry in entries:
            if entry.event_id in data.digests:
                raise Conflict("The event is in the inbox already", event=entry.event_id, next_step="Decide again.")
            subject = self._ensure(entry.customer)
            data.append(data.inbox, partial(_kept, subject, entry))
            data.put(data.digests, entry.event_id, entry.digest)
            data.put(data.newest, "arrival", max(entry.arrival, data.newest.get("arrival", 0)))
            for term in entry.terms:
                data.put(data.terms, (term_form(term), subject), True)

    async def append_conflicts(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_conflicts``."""
        data = self._data
        for entry in entries:
            data.append(data.conflicts, partial(_kept, self._ensure(entry.customer), entry))

    async def forget_inbox(self, before: int, limit: int) -> int:
        """See ``Tx.forget_inbox``."""
        data = self._data
        old = sorted((kept.arrival, seq) for seq, (_, kept) in data.inbox.items() if kept.arrival < before)[:limit]
        for _, seq in old:
            data.drop(data.digests, data.inbox[seq][1].event_id)
            data.drop(data.inbox, seq)
        return len(old)

    async def forget_log(self, before: int, limit: int) -> int:
        """See ``Tx.forget_log``."""
        data = self._data
        first = sorted(data.log)[:limit]
        old = [seq for seq in first if data.log[seq][1].decided_at < before and seq < max(data.log)]
        for seq in old:
            data.drop(data.log, seq)
        floor = min(data.log, default=None)
        left = [name for name, (_, seq, _) in data.messages.items() if floor is None or seq < floor][:limit]
        for name in left:
            data.drop(data.messages, name)
        for number, (_, tried) in list(data.attempts.items()):
            if tried.message_id in set(left):
                data.drop(data.attempts, number)
        return len(old) + len(left)

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See ``Tx.append_dead_letters``."""
        for letter in letters:
            self._data.append(self._data.letters, partial(_filed, letter))

    async def close_dead_letters(self, numbers: Collection[int], state: LetterState, now: int) -> int:
        """See ``Tx.close_dead_letters``."""
        data = self._data
        found = [n for n in set(numbers) if n in data.letters and data.letters[n].state == "open"]
        for number in found:
            data.put(data.letters, number, replace(data.letters[number], state=state))
        return len(found)

    async def position(self, source: str) -> Position | None:
        """See ``Tx.position``."""
        return self._data.positions.get(source)

    async def positions(self) -> Mapping[str, Position]:
        """See ``Tx.positions``."""
        return dict(sorted(self._data.positions.items()))

    async def advance(self, moves: Sequence[Move]) -> None:
        """See ``Tx.advance``."""
        for move in moves:
            here = self._data.positions.get(move.source)
            if (None if here is None else here.next) != move.expect:
                raise position_lost([move.source for move in moves])
            to = move.to
            if here is not None:
                to = Position(
                    to.next,
                    max(here.stored_to, to.stored_to),
                    max(here.moved_at, to.moved_at),
                    here.keyed and to.keyed,
                    to.epoch or here.epoch,
                )
            self._data.put(self._data.positions, move.source, to)

    async def waive(self, waiver: Waiver) -> None:
        """See ``Tx.waive``."""
        self._data.put(self._data.waivers, waiver.source, waiver)

    async def take_turns(self, journey: str, count: int, step: int, now: int) -> int:
        """See ``Tx.take_turns``."""
        first = max(self._data.turns.get(journey, 0), now * 1000)
        self._data.put(self._data.turns, journey, first + count * step)
        return first

    async def waivers(self) -> Sequence[Waiver]:
        """See ``Tx.waivers``."""
        return [waiver for _, waiver in sorted(self._data.waivers.items())]

    # ---- what goes out

    async def send_out(self, records: Sequence[Outgoing]) -> None:
        """See ``Tx.send_out``."""
        for record in records:
            self._data.append(self._data.outgoing, partial(_owned, record))

    async def going_out(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """See ``Tx.going_out``."""
        return sorted(self._data.outgoing.items(), key=lambda entry: entry[0])[:limit]

    async def gone_out(self, numbers: Collection[int]) -> None:
        """See ``Tx.gone_out``."""
        for number in set(numbers) & self._data.outgoing.keys():
            self._data.drop(self._data.outgoing, number)

    # ---- the log

    async def append_log(self, rows: Sequence[Row]) -> None:
        """See ``Tx.append_log``."""
        data = self._data
        for row in rows:
            subject = self._ensure(row.customer_id)
            seq = data.append(data.log, partial(_owned, (subject, row)))
            data.put(data.messages, row.message_id, (subject, seq, _standing(row)))
            for value in row.key.values():
                if isinstance(value, str):
                    data.put(data.terms, (term_form(value), subject), True)

    # ---- the outbox

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        """See ``Tx.enqueue``."""
        data = self._data
        for queued in orders:
            subject = self._ensure(queued.customer)
            name = queued.order.message_id
            waiting = data.orders.get(name)
            if waiting is None or waiting.lease_until is None:
                attempt = 0 if waiting is None else waiting.attempt
                revision = self._of(subject, queued.customer).revision
                data.put(data.orders, name, _waiting(queued, subject, revision, attempt))

    async def withdraw(self, message_ids: Collection[str]) -> frozenset[str]:
        """See ``Tx.withdraw``."""
        orders = self._data.orders
        gone = frozenset(n for n in message_ids if n in orders and orders[n].lease_until is None)
        for name in gone:
            self._data.drop(orders, name)
        return gone

    async def claim(
        self,
        now: int,
        slots: Mapping[str, int],
        lease_until: int,
        worker: str,
        *,
        release: int = 1,
        patient: bool = False,
    ) -> Claimed:
        """See ``Tx.claim``."""
        orders = self._data.orders
        waiting = sorted((o.lane, o.queued.ready_at, n) for n, o in orders.items() if _is_ready(o, now, patient))
        valid: list[str] = []
        stale: list[str] = []
        for channel, free in sorted(slots.items()):
            ready = [name for _, _, name in waiting if orders[name].channel == channel]
            near = ready[: max(0, free)]
            if free > 0 and not all(self._holds(orders[name], now, release) for name in near):
                near = ready[: max(free, LOOKED_AT)]
            fit = [name for name in near if self._holds(orders[name], now, release)]
            stale += [name for name in near if name not in set(fit)]
            valid += fit[: max(0, free)]
        ended = sorted((o.lease_until, n) for n, o in orders.items() if o.lease_until is not None)
        expired = [name for end, name in ended if end <= now][: max(1, sum(slots.values()))]
        for name in [*valid, *expired]:
            count = orders[name].attempt + (name in valid)
            held = replace(orders[name], attempt=count, lease_until=lease_until, worker=worker)
            self._data.put(orders, name, held)
        return Claimed(
            tuple(self._leased(name) for name in valid),
            tuple(Stale(name, orders[name].queued.customer) for name in stale),
            tuple(self._leased(name) for name in expired),
        )

    def _holds(self, order: Order, now: int, release: int) -> bool:
        current = self._of(order.subject, order.queued.customer)
        met = current.release is None or current.release >= release
        return order.until is None or (met and order.revision == current.revision and now < order.until)

    def _leased(self, name: str) -> Leased:
        order = self._data.orders[name]
        queued = order.queued
        return Leased(name, queued.customer, queued.order, order.channel, order.attempt, queued.ready_at)

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        """See ``Tx.settle``."""
        data = self._data
        held = set()
        for result in results:
            tried = (data.subjects.get(result.customer), _attempt(result))
            data.append(data.attempts, partial(_owned, tried))
            order = data.orders.get(result.message_id)
            if order is None or order.lease_until is None or order.worker != worker:
                continue
            held.add(result.message_id)
            data.drop(data.orders, result.message_id)
        return frozenset(held)

    # ---- releases, people, secrets

    async def secret(self, name: str) -> bytes:
        """See ``Tx.secret``."""
        if name not in self._data.secrets:
            self._data.put(self._data.secrets, name, secrets.token_bytes(32))
        return self._data.secrets[name]

    async def publications(self) -> Sequence[Published]:
        """See ``Tx.publications``."""
        return list(self._data.publications.values())

    async def add_publication(self, publication: Published) -> None:
        """See ``Tx.add_publication``."""
        last = max(self._data.publications, default=0)
        if publication.number != last + 1:
            raise number_taken(publication.number, last)
        self._data.put(self._data.publications, publication.number, publication)

    async def erase(self, customer: str, now: int) -> bool:
        """See ``Tx.erase``."""
        data = self._data
        for number, filed in list(data.letters.items()):
            if filed.letter.customer == customer:
                data.put(data.letters, number, replace(filed, letter=_nameless(filed.letter)))
        subject = data.subjects.get(customer)
        if subject is None:
            return False
        data.drop(data.subjects, customer)
        data.drop(data.customers, subject)
        if subject in data.stored:
            data.drop(data.stored, subject)
        for name in [name for name, order in data.orders.items() if order.subject == subject]:
            data.drop(data.orders, name)
        for term in [term for term in data.terms if term[1] == subject]:
            data.drop(data.terms, term)
        self._blacken(subject)
        return True

    def _blacken(self, subject: int) -> None:
        data = self._data
        tables: list[tuple[dict[int, tuple[Any, Any]], dict[str, Any]]] = [
            (data.inbox, {"customer": None, "raw": None}),
            (data.conflicts, {"customer": None, "raw": None}),
            (data.attempts, {"text": None}),
            (data.log, {"customer_id": "", "key": {}, "detail": {}, "anchor": None} | dict.fromkeys(_TEXTS)),
        ]
        for table, nothing in tables:
            for number, (owner, value) in list(table.items()):
                if owner == subject:
                    data.put(table, number, (owner, replace(value, **nothing)))
        for name, (owner, seq, message) in list(data.messages.items()):
            if owner == subject:
                data.put(data.messages, name, (owner, seq, replace(message, customer=None)))


_TEXTS = ("subject", "text", "html")


def _nameless(letter: DeadLetter) -> DeadLetter:
    return DeadLetter(
        source=letter.source,
        arrival=letter.arrival,
        reason=letter.reason,
        detail="The person was erased.",
        raw=b"",
        position=letter.position,
    )


def _is_ready(order: Order, now: int, patient: bool) -> bool:
    waits = patient and isinstance(order.queued.order, Deliver) and order.queued.order.klass in WAITING
    return order.lease_until is None and order.queued.ready_at <= now and not waits


def _lies_in(customer: str, partitions: Partitions | None) -> bool:
    return partitions is None or place_of(customer) % partitions.count in partitions.among


def _waiting(queued: Queued, subject: int, revision: int, attempt: int) -> Order:
    order = queued.order
    if isinstance(order, Deliver):
        lane = LANES.index(order.lane)
        return Order(
            subject=subject,
            queued=queued,
            channel=order.channel,
            lane=lane,
            until=order.until,
            revision=revision,
            attempt=attempt,
        )
    lane = LANES.index(queued.lane)
    return Order(subject=subject, queued=queued, channel="call", lane=lane, until=None, revision=None, attempt=attempt)


def _owned(entry: T, _: int) -> T:
    return entry


def _filed(letter: DeadLetter, _: int) -> Filed:
    return Filed("open", letter)


def _kept(subject: int, entry: Inbox, seq: int) -> tuple[int, Kept]:
    kept = Kept(
        seq=seq,
        event_id=entry.event_id,
        customer=entry.customer,
        type=entry.type,
        source=entry.source,
        occurred=entry.occurred,
        arrival=entry.arrival,
        raw=entry.raw,
        position=entry.position,
        entity_type=entry.entity_type,
        trace_id=entry.trace_id,
    )
    return subject, kept


def _standing(row: Row) -> Message:
    return Message(
        message_id=row.message_id,
        customer=row.customer_id,
        journey=row.journey,
        channel=row.channel,
        klass=row.klass,
        status=row.status,
        reason=row.reason,
        at=row.decided_at,
        next_at=row.next_at,
    )


def _attempt(result: Settled) -> Attempt:
    return Attempt(
        message_id=result.message_id,
        channel=result.channel,
        started=result.started,
        ended=result.ended,
        outcome=result.outcome,
        provider=result.provider,
        reference=result.reference,
        text=result.text,
    )


class MemoryStore(Store):
    """A store that forgets everything when the process ends. ``clock`` gives ms UTC."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._data = Data()
        self._clock = clock
        self._turn = asyncio.Lock()
        self._is_open = False

    @property
    def views(self) -> MemoryViews:
        """Read what is committed."""
        return MemoryViews(self._data)

    async def open(self) -> None:
        """See ``Store.open``; what was stored before a close is still there."""
        self._is_open = True

    async def close(self) -> None:
        """See ``Store.close``."""
        async with self._turn:
            self._is_open = False

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """See ``Store.transaction``."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self._turn:
            if not self._is_open:
                raise StoreBroken("The store is not open", next_step="Open it before using it.")
            try:
                yield MemoryTx(self._data, self._clock)
            except BaseException:
                self._data.rollback()
                raise
            self._data.commit()
