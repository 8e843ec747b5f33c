"""Customers in parts: load what is asked, write what changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, false, func, select, tuple_

from sojourn.core.model import EMPTY_HOT, EMPTY_MEMORY, EMPTY_PROFILE, FORMAT, Run, State, Tomb
from sojourn.places import place_of
from sojourn.ports import Conflict
from sojourn.records import LANES, Changed, Due, Lane, Partitions, Stored, TombKey
from sojourn.store import tables as t
from sojourn.store.codec import pack, unpack_part
from sojourn.store.context import Context
from sojourn.store.people import Person
from sojourn.store.sealing import Key, Master
from sojourn.store.sql import Each, Many, Read, among, listed

_p = t.part.c
_OF_PARTS = select(_p.subject, _p.kind, _p.format, _p.revision, _p.body, _p.release).where(among(_p.subject))
_PARTS = Read(_OF_PARTS)
_OTHER_PARTS = Read(_OF_PARTS.where(_p.kind != "hot"))
_HOT = _OF_PARTS.where(_p.kind == "hot").order_by(_p.subject)
_LOCK = {
    True: Read(_HOT.with_for_update(key_share=True)),
    False: Read(_HOT.with_for_update(key_share=True, skip_locked=True)),
}
_SEEN = Read(_HOT)
_THERE = Read(select(_p.subject).where(among(_p.subject), _p.kind == "hot"))
_SUBJECTS = (
    select(t.subject.c.subject)
    .where(among(t.subject.c.subject), t.subject.c.wrapped.is_not(None))
    .order_by(t.subject.c.subject)
)
_LOCK_SUBJECT = {
    True: Read(_SUBJECTS.with_for_update(key_share=True)),
    False: Read(_SUBJECTS.with_for_update(key_share=True, skip_locked=True)),
}
_RUNS = Read(select(t.run.c.subject, t.run.c.run_id, t.run.c.format, t.run.c.body).where(among(t.run.c.subject)))
_TOMB = select(t.tomb.c.subject, t.tomb.c.journey, t.tomb.c.key, t.tomb.c.ended, t.tomb.c.sent)
_TOMBS_OF = Read(_TOMB.where(among(t.tomb.c.subject)))
_TOMBS = Read(_TOMB.where(among(t.tomb.c.key_hash)))
_DUES = Read(select(t.due.c.subject, t.due.c.due, t.due.c.lane).where(among(t.due.c.subject)))


def position_of(run: Run) -> str:
    """Give where a run stands: the step of its flow, or "" where no flow runs."""
    return next((copy.at for copy in run.copies if copy.body == "flow"), "")


# ---- load


class _Draft:
    """What is found of one customer."""

    __slots__ = ("due", "hot", "lane", "memory", "profile", "release", "revision", "runs")

    def __init__(self) -> None:
        self.hot = EMPTY_HOT
        self.profile = EMPTY_PROFILE
        self.memory = EMPTY_MEMORY
        self.runs: dict[str, Run] = {}
        self.revision = 0
        self.due: int | None = None
        self.lane = 1
        self.release: int | None = None

    def stored(self, person: Person) -> Stored:
        state = State(person.customer, self.hot, self.profile, self.memory, self.runs, {})
        return Stored(person.subject, self.revision, self.due, LANES[self.lane], state, self.release)


def load(
    context: Context, customers: Collection[str], tombs: Collection[TombKey], every_tomb: bool, wait: bool
) -> dict[str, Stored]:
    """See ``Tx.load``; where others work too, the hot parts are locked first and all is read behind the lock.

    Who was loaded before in this transaction and not saved since is not read again, but for his tombs.
    """
    people = context.people.ensure(customers)
    if any(customer not in people for customer, _, _ in tombs):
        people = context.people.ensure([*customers, *(customer for customer, _, _ in tombs)])
    asked = {tomb_hash(context.master, people[customer].subject, journey, key) for customer, journey, key in tombs}
    wanted = {name: people[name] for name in customers}
    unread = {name: person for name, person in wanted.items() if person.subject not in context.loaded}
    hot = None
    if context.shared and unread:
        hot, others = lock(context, [person.subject for person in unread.values()], wait)
        unread = {name: person for name, person in unread.items() if person.subject not in others}
    elif context.memory is not None and unread:
        hot = _asked(context, _SEEN, [person.subject for person in unread.values()])
    if hot is not None and context.memory is not None:
        recalled = {row[0]: one for row in hot if (one := context.memory.as_of(row[0], row[3])) is not None}
        context.loaded.update(recalled)
        context.revisions.update((subject, one.revision) for subject, one in recalled.items())
        hot = [row for row in hot if row[0] not in recalled]
        unread = {name: person for name, person in unread.items() if person.subject not in recalled}
    context.loaded.update((one.subject, one) for one in _without_tombs(context.connection, unread, hot))
    context.revisions.update((person.subject, context.loaded[person.subject].revision) for person in unread.values())
    here = {name: person for name, person in wanted.items() if person.subject in context.loaded}
    stored = {name: context.loaded[person.subject] for name, person in here.items()}
    return _with_tombs(context.connection, here, stored, None if every_tomb else asked)


class Locked(NamedTuple):
    """The hot parts that are locked now, as ``read`` takes them, and who was left out."""

    hot: list[Any]
    others: frozenset[int]


def lock(context: Context, subjects: Sequence[int], wait: bool) -> Locked:
    """Lock customers in order of their subject; those whom somebody else has are waited for or left out.

    The lock is the row of the hot part; who has none yet is locked by the row of his subject.
    Raises Conflict when one was erased since his subject was looked up.
    """
    hot = _asked(context, _LOCK[wait], subjects)
    rest = frozenset(subjects).difference(row[0] for row in hot)
    if not rest:
        return Locked(hot, rest)
    others: frozenset[int] = frozenset()
    if not wait:
        others = frozenset(row[0] for row in _asked(context, _THERE, rest))
    bare = rest - others
    held = frozenset(row[0] for row in _asked(context, _LOCK_SUBJECT[wait], bare))
    if wait and held != bare:
        raise lost(len(bare - held))
    hot += _asked(context, _LOCK[True], held)  # whoever had the subject may have saved him
    return Locked(hot, others | (bare - held))


def _asked(context: Context, statement: Read, subjects: Collection[int]) -> list[Any]:
    return list(statement.rows(context.connection, {"ids": listed(sorted(set(subjects)))}))


def read(connection: Connection, people: Mapping[str, Person]) -> dict[str, Stored]:
    """Read the customers with all their tombs."""
    stored = {one.state.customer: one for one in _without_tombs(connection, people, None)}
    return _with_tombs(connection, people, stored, None)


def _without_tombs(connection: Connection, people: Mapping[str, Person], hot: list[Any] | None) -> list[Stored]:
    """Read the customers' parts, runs and due times; ``hot``: the hot parts where they are read already."""
    if not people:
        return []
    keys = {person.subject: person.key for person in people.values()}
    drafts = {subject: _Draft() for subject in keys}
    ids = {"ids": listed(keys)}
    parts = _PARTS.rows(connection, ids) if hot is None else [*hot, *_OTHER_PARTS.rows(connection, ids)]
    for subject, kind, form, revision, body, release in parts:
        draft = drafts[subject]
        setattr(draft, kind, unpack_part(kind, form, keys[subject].open(kind.encode(), body)))
        if kind == "hot":
            draft.revision, draft.release = revision, release
    for subject, run_id, form, body in _RUNS.rows(connection, ids):
        drafts[subject].runs[run_id] = unpack_part("run", form, keys[subject].open(b"run", body))
    for subject, at, lane in _DUES.rows(connection, ids):
        drafts[subject].due, drafts[subject].lane = at, lane
    return [drafts[person.subject].stored(person) for person in people.values()]


def _with_tombs(
    connection: Connection, people: Mapping[str, Person], stored: Mapping[str, Stored], asked: Collection[str] | None
) -> dict[str, Stored]:
    """Give the customers with those tombs whose names are asked for (None: with all)."""
    owners = {person.subject: person for person in people.values()}
    found: dict[str, dict[tuple[str, str], Tomb]] = {}
    rows: Sequence[Any] = ()
    if asked is None and owners:
        rows = _TOMBS_OF.rows(connection, {"ids": listed(owners)})
    elif asked:
        rows = _TOMBS.rows(connection, {"ids": listed(asked)})
    for subject, journey, key, ended, sent in rows:
        if subject in owners:
            name = owners[subject].key.open(b"tomb", key).decode()
            found.setdefault(owners[subject].customer, {})[journey, name] = Tomb(ended, sent)
    return {name: _holding(stored[name], found[name]) if name in found else stored[name] for name in people}


def _holding(stored: Stored, tombs: Mapping[tuple[str, str], Tomb]) -> Stored:
    return msgspec.structs.replace(stored, state=msgspec.structs.replace(stored.state, tombs=tombs))


def tomb_hash(master: Master, subject: int, journey: str, key: str) -> str:
    """Give the name of a tomb: nobody can tell the key from it without the master key."""
    return master.search("tomb", f"{subject}\0{journey}\0{key}")


# ---- save

_WRITE_HOT = Many(
    t.part,
    keys=("subject", "kind"),
    update=("format", "revision", "body", "release"),
    where="part.revision = excluded.revision - 1",
)
_WRITE_PART = Many(t.part, keys=("subject", "kind"), update=("format", "body"))
_WRITE_RUN = Many(t.run, keys=("subject", "run_id"), update=("version", "position", "ended", "format", "body"))
_DELETE_RUN = Each(
    {"s": "bigint", "r": "text"},
    sqlite="DELETE FROM run WHERE subject = :s AND run_id = :r",
    postgresql="DELETE FROM run USING v WHERE run.subject = v.s AND run.run_id = v.r",
)
_WRITE_TOMB = Many(t.tomb, keys=("key_hash",), update=("ended", "sent"))
_DELETE_TOMB = delete(t.tomb).where(among(t.tomb.c.key_hash))
_WRITE_DUE = Many(t.due, keys=("subject",), update=("due", "lane"))
_DELETE_DUE = delete(t.due).where(among(t.due.c.subject))


class _Writes:
    """The rows of one save, collected over all its customers."""

    def __init__(self, master: Master, now: int) -> None:
        self.master = master
        self.now = now
        self.hot: list[dict[str, Any]] = []
        self.parts: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.gone_runs: list[dict[str, Any]] = []
        self.tombs: list[dict[str, Any]] = []
        self.gone_tombs: list[str] = []
        self.dues: list[dict[str, Any]] = []
        self.gone_dues: list[int] = []

    def add(self, key: Key, change: Changed) -> Stored:
        before, after = change.before, change.after
        old, subject = before.state, before.subject
        hot = self._part(key, subject, "hot", after.hot, before.revision + 1)
        self.hot.append(hot | {"release": change.release})
        if after.profile is not old.profile:
            self.parts.append(self._part(key, subject, "profile", after.profile, 0))
        if after.memory is not old.memory:
            self.parts.append(self._part(key, subject, "memory", after.memory, 0))
        if after.runs is not old.runs:
            self._changed_runs(key, subject, old, after)
        if after.tombs is not old.tombs:
            self._changed_tombs(key, subject, old, after)
        due, lane = self._changed_due(change)
        return Stored(subject, before.revision + 1, due, lane, after, change.release)

    def _part(self, key: Key, subject: int, kind: str, value: Any, revision: int) -> dict[str, Any]:
        body = key.seal(kind.encode(), pack(value))
        return {"subject": subject, "kind": kind, "format": FORMAT, "revision": revision, "body": body}

    def _changed_runs(self, key: Key, subject: int, old: State, new: State) -> None:
        for name, run in new.runs.items():
            if old.runs.get(name) is not run:
                self.runs.append(
                    {
                        "subject": subject,
                        "run_id": name,
                        "journey": run.journey,
                        "version": run.version,
                        "position": position_of(run),
                        "ended": run.ended,
                        "format": FORMAT,
                        "body": key.seal(b"run", pack(run)),
                    }
                )
        self.gone_runs += [{"s": subject, "r": name} for name in old.runs if name not in new.runs]

    def _changed_tombs(self, key: Key, subject: int, old: State, new: State) -> None:
        for (journey, name), tomb in new.tombs.items():
            if old.tombs.get((journey, name)) is not tomb:
                self.tombs.append(
                    {
                        "key_hash": tomb_hash(self.master, subject, journey, name),
                        "subject": subject,
                        "journey": journey,
                        "key": key.seal(b"tomb", name.encode()),
                        "ended": tomb.ended,
                        "sent": tomb.sent,
                    }
                )
        self.gone_tombs += [tomb_hash(self.master, subject, *name) for name in old.tombs if name not in new.tombs]

    def _changed_due(self, change: Changed) -> tuple[int | None, Lane]:
        new = change.due
        if not moves(change, self.now):
            return change.before.due, change.before.lane
        if new is None:
            self.gone_dues.append(change.before.subject)
        else:
            place = place_of(change.after.customer)
            lane = LANES.index(change.lane)
            self.dues.append({"subject": change.before.subject, "due": new, "lane": lane, "place": place})
        return new, change.lane


def moves(change: Changed, now: int) -> bool:
    """Tell whether the next due time is written: new, earlier, in another lane, or the old one fired."""
    old, new = change.before.due, change.due
    if old is None or new is None:
        return old is not new
    later_enough = new > old and old <= now
    return new < old or later_enough or change.lane != change.before.lane


def save(context: Context, changes: Sequence[Changed], now: int) -> dict[str, Stored]:
    """See ``Tx.save``."""
    if not changes:
        return {}
    people = context.people.of(change.before.subject for change in changes)
    if len(people) < len(changes):
        raise lost(len(changes) - len(people))
    writes = _Writes(context.master, now)
    result = {c.after.customer: writes.add(people[c.before.subject].key, c) for c in changes}
    connection = context.connection
    saved = _WRITE_HOT.write(connection, sorted(writes.hot, key=lambda row: int(row["subject"])))
    if saved != len(changes):
        raise lost(len(changes) - saved)
    _WRITE_PART.write(connection, writes.parts)
    _WRITE_RUN.write(connection, writes.runs)
    _DELETE_RUN.write(connection, writes.gone_runs)
    _WRITE_TOMB.write(connection, writes.tombs)
    _WRITE_DUE.write(connection, writes.dues)
    if writes.gone_tombs:
        connection.execute(_DELETE_TOMB, {"ids": listed(writes.gone_tombs)})
    if writes.gone_dues:
        connection.execute(_DELETE_DUE, {"ids": listed(writes.gone_dues)})
    for stored in result.values():
        context.revisions[stored.subject] = stored.revision
        context.loaded.pop(stored.subject, None)
        context.saved[stored.subject] = stored
    return result


def lost(count: int) -> Conflict:
    """Give the error of a lost race."""
    return Conflict(
        "Customers were changed by somebody else since they were loaded",
        customers=count,
        next_step="Load them and decide again.",
    )


# ---- timers


def due(context: Context, now: int, limit: int, after: Due | None, partitions: Partitions | None) -> list[Due]:
    """See ``Tx.due``; one look at the index for each lane, so timers of the future cost nothing.

    Where others work too it is the customers who are locked, by their hot part, or left out.
    """
    first = 0 if after is None else LANES.index(after.lane)
    found: list[tuple[int, int, int]] = []
    for lane in range(first, len(LANES)):
        place = (after.due, after.subject) if after is not None and lane == first else None
        found += _due_in(context, now, limit - len(found), lane, place, partitions)
    people = context.people.of(subject for _, _, subject in found)
    return [Due(people[subject].customer, at, LANES[lane], subject) for lane, at, subject in found]


def _due_in(
    context: Context,
    now: int,
    limit: int,
    lane: int,
    after: tuple[int, int] | None,
    partitions: Partitions | None,
) -> list[tuple[int, int, int]]:
    if limit <= 0:
        return []
    table = t.due.c
    query = select(table.due, table.subject).where(table.lane == lane, table.due <= now)
    if context.shared:
        query = query.join_from(t.due, t.part, (t.part.c.subject == table.subject) & (t.part.c.kind == "hot"))
        query = query.with_for_update(key_share=True, skip_locked=True, of=t.part)
    if after is not None:
        query = query.where(tuple_(table.due, table.subject) > after)
    ids: list[int] = []
    if partitions is not None:
        # In coalesce, because PostgreSQL would take the bare condition for very rare and sort all that is due.
        query = query.where(func.coalesce(among(table.place % partitions.count), false()))
        ids = listed(sorted(partitions.among))
    query = query.order_by(table.due, table.subject).limit(limit)
    rows = context.connection.execute(query, {"ids": ids} if partitions is not None else {})
    return [(lane, row.due, row.subject) for row in rows]


def next_due(context: Context) -> int | None:
    """See ``Tx.next_due``."""
    earliest = [
        select(func.min(t.due.c.due)).where(t.due.c.lane == lane).scalar_subquery() for lane in range(len(LANES))
    ]
    row = context.connection.execute(select(*earliest)).one()
    return min((at for at in row if at is not None), default=None)


def page(context: Context, after: int, limit: int, journey: str | None, version: int | None) -> list[tuple[int, str]]:
    """See ``Tx.customers``."""
    if journey is None:
        column = t.subject.c.subject
        query = select(column).where(t.subject.c.wrapped.is_not(None))
    else:
        column = t.run.c.subject
        query = select(column).where(t.run.c.journey == journey, t.run.c.ended.is_(None)).distinct()
        if version is not None:
            query = query.where(t.run.c.version == version)
    rows = context.connection.execute(query.where(column > after).order_by(column).limit(limit)).all()
    people = context.people.of(row.subject for row in rows)
    return [(row.subject, people[row.subject].customer) for row in rows]
