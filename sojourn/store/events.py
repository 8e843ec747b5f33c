"""What came in: the inbox and its memory of ids (N8), conflicts, dead letters, positions of sources."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sojourn.ports import Conflict
from sojourn.records import DeadLetter, Inbox, LetterState, Position, Verdict
from sojourn.store import tables as t
from sojourn.store.codec import pack
from sojourn.store.context import Context
from sojourn.store.people import Person
from sojourn.store.sql import among, listed, write

_KNOWN = select(t.inbox.c.event_id, t.inbox.c.digest).where(among(t.inbox.c.event_id))
_TERM = upsert(t.search).on_conflict_do_nothing()


def known(context: Context, events: Sequence[tuple[str, bytes]]) -> list[Verdict]:
    """See ``Tx.known``."""
    ids = {"ids": listed(dict.fromkeys(name for name, _ in events))}
    seen: dict[str, bytes] = {row.event_id: row.digest for row in context.connection.execute(_KNOWN, ids)}
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
    rows = [_kept(people[e.customer], e, b"inbox") | {"digest": context.master.digest(e.digest)} for e in entries]
    write(context.connection, insert(t.inbox), rows)
    index(context, ((people[entry.customer].subject, term) for entry in entries for term in entry.terms))


def append_conflicts(context: Context, entries: Sequence[Inbox]) -> None:
    """See ``Tx.append_conflicts``."""
    people = context.people.ensure([entry.customer for entry in entries])
    write(context.connection, insert(t.conflict), [_kept(people[e.customer], e, b"conflict") for e in entries])


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
    write(context.connection, _TERM, [{"hash": name, "subject": subject} for name, subject in pairs])


def term_form(term: str) -> str:
    """Give a search term without the differences that people do not mean: case and blanks."""
    return "".join(term.split()).casefold()


def forget_inbox(context: Context, before: int, limit: int) -> int:
    """See ``Tx.forget_inbox``."""
    old = select(t.inbox.c.seq).where(t.inbox.c.arrival < before).order_by(t.inbox.c.arrival).limit(limit)
    return context.connection.execute(delete(t.inbox).where(t.inbox.c.seq.in_(old))).rowcount


def append_dead_letters(context: Context, letters: Sequence[DeadLetter]) -> None:
    """See ``Tx.append_dead_letters``."""
    seal, search = context.master.letters.seal, context.master.search
    write(
        context.connection,
        insert(t.dead_letter),
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


def newest_arrival(context: Context) -> int:
    """Give the newest arrival that is stored, 0 for none."""
    return context.connection.execute(select(func.max(t.inbox.c.arrival))).scalar() or 0


def positions(context: Context) -> Mapping[str, Position]:
    """Give how far each source is stored."""
    rows = context.connection.execute(select(t.position).order_by(t.position.c.source))
    return {row.source: Position(row.next, row.stored_to) for row in rows}


def position(context: Context, source: str) -> Position | None:
    """See ``Tx.position``."""
    row = context.connection.execute(select(t.position).where(t.position.c.source == source)).one_or_none()
    return None if row is None else Position(row.next, row.stored_to)


def advance(context: Context, source: str, expect: int | None, to: Position) -> None:
    """See ``Tx.advance``."""
    here = t.position.c
    change: Executable
    if expect is None:
        values = {"source": source, "next": to.next, "stored_to": to.stored_to}
        change = upsert(t.position).values(values).on_conflict_do_nothing()
    else:
        stored_to = case((here.stored_to < to.stored_to, to.stored_to), else_=here.stored_to)
        moved_on = update(t.position).values(next=to.next, stored_to=stored_to)
        change = moved_on.where(here.source == source, here.next == expect)
    moved = context.connection.execute(change).rowcount
    if moved != 1:
        raise position_lost(source, expect)


def position_lost(source: str, expect: int | None) -> Conflict:
    """Give the error of a source that somebody else reads now."""
    return Conflict(
        "The source stands elsewhere than expected: another worker reads it",
        source=source,
        expected=expect,
        next_step="Read on from the stored position.",
    )
