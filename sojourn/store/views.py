"""What people read: log, messages, histories, dead letters, counts; the connection cannot write."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, Select, func, select

from sojourn.core.model import Row
from sojourn.ports import Views
from sojourn.records import (
    COUNTED,
    Attempt,
    DeadLetter,
    Kept,
    LaneDepth,
    Letter,
    LetterState,
    LogFilter,
    LogPage,
    Message,
    MessagePage,
    Position,
    RunCount,
    Stored,
    Timeline,
    Waiting,
    Waiver,
)
from sojourn.store import customers, events, log
from sojourn.store import tables as t
from sojourn.store.context import Context
from sojourn.store.paging import ends_of, merged, newest, next_cursor
from sojourn.store.people import People, Person
from sojourn.store.sealing import Master
from sojourn.store.sql import among, listed
from sojourn.store.waiting import depths, waiting

P = ParamSpec("P")
T = TypeVar("T")
_letter = msgspec.msgpack.Decoder(DeadLetter).decode


class Reader(Protocol):
    """A connection that cannot write."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in one transaction of its own, which sees one moment."""
        ...


class SqlViews(Views):
    """Reads apart from the writers; each call is one transaction that sees one moment."""

    def __init__(self, reader: Reader, master: Master) -> None:
        self._reader = reader
        self._master = master

    async def _read(self, work: Callable[Concatenate[Context, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def call(connection: Connection) -> T:
            return work(Context(connection, self._master, int), *args, **kwargs)

        return await self._reader.read(call)

    async def log(self, where: LogFilter, limit: int, cursor: str | None = None) -> LogPage:
        """See ``Views.log``."""
        return await self._read(_log, where, limit, cursor)

    async def message(self, message_id: str) -> tuple[Sequence[Row], Sequence[Attempt]]:
        """See ``Views.message``."""
        return await self._read(_message, message_id)

    async def timeline(self, customer: str, limit: int, cursor: str | None = None) -> Timeline:
        """See ``Views.timeline``."""
        return await self._read(_timeline, customer, limit, cursor)

    async def customer(self, customer: str) -> Stored | None:
        """See ``Views.customer``."""
        return await self._read(_customer, customer)

    async def find(self, term: str, limit: int) -> Sequence[str]:
        """See ``Views.find``."""
        return await self._read(_find, term, limit)

    async def messages(self, statuses: Collection[str], limit: int, cursor: str | None = None) -> MessagePage:
        """See ``Views.messages``."""
        return await self._read(_messages, statuses, limit, cursor)

    async def message_counts(self) -> Mapping[str, int]:
        """See ``Views.message_counts``."""
        return await self._read(_grouped, t.message.c.status)

    async def dead_letters(
        self, state: LetterState | None, limit: int, cursor: str | None = None, *, reason: str | None = None
    ) -> tuple[Sequence[Letter], str | None]:
        """See ``Views.dead_letters``."""
        return await self._read(_dead_letters, state, limit, cursor, reason)

    async def dead_letter(self, number: int) -> Letter | None:
        """See ``Views.dead_letter``."""
        return await self._read(_dead_letter, number)

    async def dead_letter_counts(self) -> Mapping[str, int]:
        """See ``Views.dead_letter_counts``."""
        return await self._read(_grouped, t.dead_letter.c.reason, t.dead_letter.c.state == "open")

    async def conflicts(self, limit: int, cursor: str | None = None) -> tuple[Sequence[Kept], str | None]:
        """See ``Views.conflicts``."""
        return await self._read(_conflicts, limit, cursor)

    async def counts(self) -> Mapping[str, int]:
        """See ``Views.counts``."""
        return await self._read(_counts)

    async def runs(self) -> Sequence[RunCount]:
        """See ``Views.runs``."""
        return await self._read(_runs)

    async def lanes(self) -> Sequence[LaneDepth]:
        """See ``Views.lanes``."""
        return await self._read(depths, COUNTED)

    async def waiting(self, most: int = COUNTED) -> Waiting:
        """See ``Views.waiting``."""
        return await self._read(waiting, most)

    async def positions(self) -> Mapping[str, Position]:
        """See ``Views.positions``."""
        return await self._read(events.positions)

    async def waivers(self) -> Sequence[Waiver]:
        """See ``Views.waivers``."""
        return await self._read(events.waivers)


# ---- rows and messages


def _rows(context: Context, query: Select[Any]) -> list[tuple[int, Row]]:
    entries = context.connection.execute(query).all()
    people = context.people.of(entry.subject for entry in entries)
    return [(entry.seq, log.opened(people.get(entry.subject), entry)) for entry in entries]


def _log(context: Context, where: LogFilter, limit: int, cursor: str | None) -> LogPage:
    query = newest(select(t.log), t.log.c.seq, limit, cursor)
    if where.customer_id is not None:
        person = context.people.find([where.customer_id]).get(where.customer_id)
        if person is None:
            return LogPage((), None)
        query = query.where(t.log.c.subject == person.subject)
    for name in ("journey", "status"):
        value = getattr(where, name)
        if value is not None:
            query = query.where(t.log.c[name] == value)
    if where.since is not None:
        query = query.where(t.log.c.decided_at >= where.since)
    found = _rows(context, query)
    return LogPage(tuple(row for _, row in found[:limit]), next_cursor([seq for seq, _ in found], limit))


def _message(context: Context, message_id: str) -> tuple[list[Row], list[Attempt]]:
    rows = _rows(context, select(t.log).where(t.log.c.message_id == message_id).order_by(t.log.c.seq))
    query = select(t.attempt).where(t.attempt.c.message_id == message_id).order_by(t.attempt.c.seq)
    attempts = context.connection.execute(query).all()
    people = context.people.of(entry.subject for entry in attempts if entry.subject is not None)
    return [row for _, row in rows], [_attempt(people.get(entry.subject), entry) for entry in attempts]


def _attempt(person: Person | None, entry: Any) -> Attempt:
    text = None if person is None or entry.text is None else person.key.open(b"attempt", entry.text).decode()
    return Attempt(
        message_id=entry.message_id,
        channel=entry.channel,
        started=entry.started,
        ended=entry.ended,
        outcome=entry.outcome,
        provider=entry.provider,
        reference=entry.reference,
        text=text,
    )


def _messages(context: Context, statuses: Collection[str], limit: int, cursor: str | None) -> MessagePage:
    query = newest(select(t.message), t.message.c.seq, limit, cursor).where(among(t.message.c.status))
    found = context.connection.execute(query, {"ids": listed(statuses)}).all()
    people = context.people.of(entry.subject for entry in found)
    messages = [_standing(people, entry) for entry in found[:limit]]
    return MessagePage(tuple(messages), next_cursor([entry.seq for entry in found], limit))


def _standing(people: Mapping[int, Person], entry: Any) -> Message:
    person = people.get(entry.subject)
    return Message(
        message_id=entry.message_id,
        customer=None if person is None else person.customer,
        journey=entry.journey,
        channel=entry.channel,
        klass=entry.klass,
        status=entry.status,
        reason=entry.reason,
        at=entry.at,
        next_at=entry.next_at,
    )


# ---- one customer


def _customer(context: Context, customer: str) -> Stored | None:
    people = context.people.find([customer])
    return customers.read(context.connection, people).get(customer)


def _find(context: Context, term: str, limit: int) -> list[str]:
    exact = list(context.people.find([term]))
    name = context.master.search("term", events.term_form(term))
    query = select(t.search.c.subject).where(t.search.c.hash == name).order_by(t.search.c.subject).limit(limit)
    people = context.people.of(context.connection.execute(query).scalars().all())
    return list(dict.fromkeys([*exact, *(person.customer for person in people.values())]))[:limit]


def _timeline(context: Context, customer: str, limit: int, cursor: str | None) -> Timeline:
    person = context.people.find([customer]).get(customer)
    if person is None:
        return Timeline((), None)
    inbox_end, log_end = ends_of(cursor)
    came = newest(select(t.inbox), t.inbox.c.seq, limit, inbox_end).where(t.inbox.c.subject == person.subject)
    kept = [_kept(context.people, b"inbox", entry) for entry in context.connection.execute(came)]
    said = newest(select(t.log), t.log.c.seq, limit, log_end).where(t.log.c.subject == person.subject)
    return merged(kept, _rows(context, said), limit, cursor)


# ---- inbox, conflicts, dead letters


def _kept(people: People, place: bytes, entry: Any) -> Kept:
    person = people.of([entry.subject]).get(entry.subject)
    opened = None if person is None or entry.raw is None else person.key.open(place, entry.raw)
    return Kept(
        seq=entry.seq,
        event_id=entry.event_id,
        customer=None if person is None else person.customer,
        type=entry.type,
        source=entry.source,
        occurred=entry.occurred,
        arrival=entry.arrival,
        raw=opened,
        position=entry.position,
        entity_type=entry.entity_type,
        trace_id=entry.trace_id,
    )


def _conflicts(context: Context, limit: int, cursor: str | None) -> tuple[list[Kept], str | None]:
    found = context.connection.execute(newest(select(t.conflict), t.conflict.c.seq, limit, cursor)).all()
    context.people.of(entry.subject for entry in found)
    kept = [_kept(context.people, b"conflict", entry) for entry in found[:limit]]
    return kept, next_cursor([entry.seq for entry in found], limit)


def _dead_letters(
    context: Context, state: LetterState | None, limit: int, cursor: str | None, reason: str | None
) -> tuple[list[Letter], str | None]:
    query = newest(select(t.dead_letter), t.dead_letter.c.number, limit, cursor)
    if state is not None:
        query = query.where(t.dead_letter.c.state == state)
    if reason is not None:
        query = query.where(t.dead_letter.c.reason == reason)
    found = context.connection.execute(query).all()
    letters = [_opened_letter(context.master, entry) for entry in found[:limit]]
    return letters, next_cursor([entry.number for entry in found], limit)


def _dead_letter(context: Context, number: int) -> Letter | None:
    query = select(t.dead_letter).where(t.dead_letter.c.number == number)
    entry = context.connection.execute(query).one_or_none()
    return None if entry is None else _opened_letter(context.master, entry)


def _opened_letter(master: Master, entry: Any) -> Letter:
    if entry.sealed is not None:
        letter = _letter(master.letters.open(b"letter", entry.sealed))
    else:
        letter = DeadLetter(
            source=entry.source,
            arrival=entry.arrival,
            reason=entry.reason,
            detail="The person was erased.",
            raw=b"",
            position=entry.position,
        )
    return Letter(number=entry.number, state=entry.state, letter=letter)


# ---- counts


def _grouped(context: Context, column: Any, where: Any = None) -> dict[str, int]:
    query = select(column, func.count()).group_by(column).order_by(column)
    rows: Sequence[Any] = context.connection.execute(query if where is None else query.where(where)).all()
    return dict(rows)


def _counts(context: Context) -> dict[str, int]:
    queries: Iterable[tuple[str, Select[Any]]] = (
        ("customers", select(func.count()).select_from(t.subject).where(t.subject.c.wrapped.is_not(None))),
        ("events", select(func.count()).select_from(t.inbox)),
        ("rows", select(func.count()).select_from(t.log)),
        ("conflicts", select(func.count()).select_from(t.conflict)),
        (
            "dead_letters",
            select(func.count()).select_from(t.dead_letter).where(t.dead_letter.c.state == "open"),
        ),
        ("runs", select(func.count()).select_from(t.run).where(t.run.c.ended.is_(None))),
    )
    return {name: context.connection.execute(query).scalar_one() for name, query in queries}


def _runs(context: Context) -> list[RunCount]:
    place = (t.run.c.journey, t.run.c.version, t.run.c.position)
    query = select(*place, func.count()).where(t.run.c.ended.is_(None)).group_by(*place).order_by(*place)
    rows: Sequence[Any] = context.connection.execute(query).all()
    return [RunCount(*row) for row in rows]
