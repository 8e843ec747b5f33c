"""What came in: the inbox and its memory of ids (N8), conflicts, dead letters, positions of sources."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, delete, func, select, update

from sojourn.ports import Conflict
from sojourn.records import DeadLetter, Inbox, LetterState, Move, Position, Verdict, Waiver
from sojourn.store import tables as t
from sojourn.store.codec import pack
from sojourn.store.context import Context
from sojourn.store.months import drop
from sojourn.store.people import Person
from sojourn.store.sql import Each, Many, Read, among, listed

_KNOWN = Read(select(t.inbox.c.event_id, t.inbox.c.digest).where(among(t.inbox.c.event_id)))
_INBOX = Many(t.inbox, copy=True)
_CONFLICT = Many(t.conflict)
_LETTER = Many(t.dead_letter)
_TERM = Many(t.search, keys=("hash", "subject"))


def known(context: Context, events: Sequence[tuple[str, bytes]]) -> list[Verdict]:
    """See ``Tx.known``."""
    ids = {"ids": listed(dict.fromkeys(name for name, _ in events))}
    seen: dict[str, bytes] = dict(_KNOWN.rows(context.connection, ids))
    verdicts: list[Verdict] = []
    for name, digest in events:
        kept = context.master.digest(digest)
        if name in seen:
            verdicts.append("duplicate" if seen[name] == kept else "conflict")
        else:
            seen[name] = kept
            verdicts.append("new")
    return verdicts


def append_inbox(context: Context, entries: Sequence[Inbox]) -> None:
    """See ``Tx.append_inbox``."""
    people = context.people.ensure([entry.customer for entry in entries])
    if context.months is not None:
        context.months.ready("inbox", (entry.arrival for entry in entries))
    rows = [_kept(people[e.customer], e, b"inbox") | {"digest": context.master.digest(e.digest)} for e in entries]
    _INBOX.write(context.connection, rows)
    index(context, ((people[entry.customer].subject, term) for entry in entries for term in entry.terms))


def append_conflicts(context: Context, entries: Sequence[Inbox]) -> None:
    """See ``Tx.append_conflicts``."""
    people = context.people.ensure([entry.customer for entry in entries])
    _CONFLICT.write(context.connection, [_kept(people[e.customer], e, b"conflict") for e in entries])


def _kept(person: Person, entry: Inbox, place: bytes) -> dict[str, Any]:
    return {
        "event_id": entry.event_id,
        "subject": person.subject,
        "type": entry.type,
        "source": entry.source,
        "position": entry.position,
        "occurred": entry.occurred,
        "arrival": entry.arrival,
        "entity_type": entry.entity_type,
        "trace_id": entry.trace_id,
        "raw": person.key.seal(place, entry.raw),
    }


def index(context: Context, terms: Any) -> None:
    """Make values findable: (subject, value) pairs, kept as keyed hashes only."""
    pairs = dict.fromkeys((context.master.search("term", term_form(term)), subject) for subject, term in terms)
    _TERM.write(context.connection, [{"hash": name, "subject": subject} for name, subject in pairs])


def term_form(term: str) -> str:
    """Give a search term without the differences that people do not mean: case and blanks."""
    return "".join(term.split()).casefold()


def forget_inbox(context: Context, before: int, limit: int) -> int:
    """See ``Tx.forget_inbox``; on PostgreSQL the months that end by then, whatever the limit."""
    if context.months is not None:
        gone = drop(context.connection, "inbox", before)
        context.months.forget()
        return gone
    old = select(t.inbox.c.seq).where(t.inbox.c.arrival < before).order_by(t.inbox.c.arrival).limit(limit)
    return context.connection.execute(delete(t.inbox).where(t.inbox.c.seq.in_(old))).rowcount


def append_dead_letters(context: Context, letters: Sequence[DeadLetter]) -> None:
    """See ``Tx.append_dead_letters``."""
    seal, search = context.master.letters.seal, context.master.search
    _LETTER.write(
        context.connection,
        [
            {
                "state": "open",
                "source": letter.source,
                "position": letter.position,
                "arrival": letter.arrival,
                "reason": letter.reason,
                "customer_hash": None if letter.customer is None else search("customer", letter.customer),
                "sealed": seal(b"letter", pack(letter)),
            }
            for letter in letters
        ],
    )


def close_dead_letters(context: Context, numbers: Collection[int], state: LetterState, now: int) -> int:
    """See ``Tx.close_dead_letters``."""
    change = (
        update(t.dead_letter)
        .where(among(t.dead_letter.c.number), t.dead_letter.c.state == "open")
        .values(state=bindparam("new_state"), closed_at=bindparam("at"))
    )
    return context.connection.execute(change, {"ids": listed(numbers), "new_state": state, "at": now}).rowcount


_DATABASE_CLOCK = select(cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger))


def now(context: Context) -> int:
    """See ``Tx.now``."""
    clock = context.clock
    at = context.connection.execute(_DATABASE_CLOCK).scalar_one() if clock is None else clock()
    return max(at, context.connection.execute(select(func.max(t.inbox.c.arrival))).scalar() or 0)


# ---- sources

_FIRST = Many(t.position, keys=("source",))
_MOVE = Each(
    {"source": "text", "expect": "bigint", "next": "bigint", "stored_to": "bigint", "moved_at": "bigint",
     "keyed": "integer", "epoch": "text"},
    sqlite="UPDATE position SET next = :next, stored_to = max(stored_to, :stored_to),"
    " moved_at = max(moved_at, :moved_at), keyed = min(keyed, :keyed),"
    " epoch = coalesce(nullif(:epoch, ''), epoch) WHERE source = :source AND next = :expect",
    postgresql="UPDATE position AS p SET next = v.next, stored_to = greatest(p.stored_to, v.stored_to),"
    " moved_at = greatest(p.moved_at, v.moved_at), keyed = least(p.keyed, v.keyed),"
    " epoch = coalesce(nullif(v.epoch, ''), p.epoch)"
    " FROM v WHERE p.source = v.source AND p.next = v.expect",
)  # fmt: skip
_WAIVE = Many(t.waiver)
_WAIVERS = select(t.waiver).where(
    t.waiver.c.seq.in_(select(func.max(t.waiver.c.seq)).group_by(t.waiver.c.source).scalar_subquery())
)


def positions(context: Context) -> dict[str, Position]:
    """Give how far each source is stored."""
    rows = context.connection.execute(select(t.position).order_by(t.position.c.source))
    return {row.source: _position(row) for row in rows}


def position(context: Context, source: str) -> Position | None:
    """See ``Tx.position``."""
    row = context.connection.execute(select(t.position).where(t.position.c.source == source)).one_or_none()
    return None if row is None else _position(row)


def _position(row: Any) -> Position:
    return Position(row.next, row.stored_to, row.moved_at, bool(row.keyed), row.epoch)


def advance(context: Context, moves: Sequence[Move]) -> None:
    """See ``Tx.advance``."""
    rows = [
        {
            "source": move.source,
            "expect": move.expect,
            "next": move.to.next,
            "stored_to": move.to.stored_to,
            "moved_at": move.to.moved_at,
            "keyed": int(move.to.keyed),
            "epoch": move.to.epoch,
        }
        for move in sorted(moves, key=lambda move: move.source)
    ]
    first = [{name: row[name] for name in row if name != "expect"} for row in rows if row["expect"] is None]
    moved = _FIRST.write(context.connection, first)
    moved += _MOVE.write(context.connection, [row for row in rows if row["expect"] is not None])
    if moved != len(rows):
        raise position_lost([move.source for move in moves])


def position_lost(sources: Sequence[str]) -> Conflict:
    """Give the error of sources that somebody else reads now."""
    return Conflict(
        "A source stands elsewhere than expected: another worker reads it",
        sources=sorted(sources)[:9],
        next_step="Read on from the stored position.",
    )


def waive(context: Context, waiver: Waiver) -> None:
    """See ``Tx.waive``; what was said before stays in the table."""
    _WAIVE.write(context.connection, [{name: getattr(waiver, name) for name in waiver.__struct_fields__}])


def waivers(context: Context) -> list[Waiver]:
    """See ``Tx.waivers``."""
    rows = context.connection.execute(_WAIVERS.order_by(t.waiver.c.source))
    return [Waiver(source=row.source, at=row.at, until=row.until, by=row.by, reason=row.reason) for row in rows]
