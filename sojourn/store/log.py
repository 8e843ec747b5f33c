"""The log: append-only rows with sealed personal parts, and where each message stands now."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, text

from sojourn.core.model import Row
from sojourn.core.vocabulary import STATUSES
from sojourn.store import tables as t
from sojourn.store.codec import pack_typed, unpack_typed
from sojourn.store.context import Context
from sojourn.store.events import index
from sojourn.store.months import drop
from sojourn.store.people import Person
from sojourn.store.sealing import Master
from sojourn.store.sql import Many, among, listed

PLAIN = (
    "message_id", "run_id", "journey", "journey_version", "step", "template", "template_version", "locale",
    "channel", "klass", "status", "reason", "due_at", "decided_at", "handed_over_at", "next_at", "event_id",
    "trace_id",
)  # fmt: skip
SEALED = ("key", "detail", "anchor", "subject", "text", "html")
STANDING = ("subject", "channel", "status", "reason", "at", "next_at", "seq")  # what a later row changes
_LAST = select(func.max(t.log.c.seq))
_TAKEN = text("SELECT nextval('log_seq_seq') FROM generate_series(1, :count)")
_LOG = Many(t.log, copy=True)
_STANDS = Many(t.message, keys=("message_id",), update=STANDING)


def append(context: Context, rows: Sequence[Row]) -> None:
    """See ``Tx.append_log``."""
    if not rows:
        return
    people = context.people.ensure([row.customer_id for row in rows])
    if context.months is not None:
        context.months.ready("log", (row.decided_at for row in rows))
    entries: list[dict[str, Any]] = []
    stands: dict[str, dict[str, Any]] = {}
    for seq, row in zip(_numbers(context, len(rows)), rows, strict=True):
        person = people[row.customer_id]
        entries.append(_entry(context.master, person, row, seq))
        stands[row.message_id] = _standing(person.subject, row, seq)
    _LOG.write(context.connection, entries)
    _STANDS.write(context.connection, list(stands.values()))
    texts = ((people[row.customer_id].subject, value) for row in rows for value in row.key.values())
    index(context, ((subject, value) for subject, value in texts if isinstance(value, str)))


def _numbers(context: Context, count: int) -> Sequence[int]:
    """Give the next numbers of the log, ascending; where others write too they are a sequence's."""
    if context.shared:
        return sorted(context.connection.execute(_TAKEN, {"count": count}).scalars())
    last = context.connection.execute(_LAST).scalar() or 0
    return range(last + 1, last + 1 + count)


def _entry(master: Master, person: Person, row: Row, seq: int) -> dict[str, Any]:
    sealed = pack_typed([getattr(row, name) for name in SEALED])
    entry: dict[str, Any] = {name: getattr(row, name) for name in PLAIN}
    entry["seq"] = seq
    entry["subject"] = person.subject
    entry["sealed"] = person.key.seal(b"log", sealed)
    entry["proof"] = None if row.text is None else master.proof(content_of(row))
    return entry


_OLD = select(t.log.c.seq, t.log.c.decided_at).order_by(t.log.c.seq).limit(bindparam("limit")).subquery()
_FLOOR = select(func.min(t.log.c.seq))
# The newest row stays: the next one is numbered after it.
_DROP = delete(t.log).where(
    t.log.c.seq.in_(select(_OLD.c.seq).where(_OLD.c.decided_at < bindparam("before"))),
    t.log.c.seq < _LAST.scalar_subquery(),
)
_LEFT = (
    select(t.message.c.message_id)
    .where(t.message.c.status == bindparam("status"), t.message.c.seq < bindparam("floor"))
    .order_by(t.message.c.seq)
    .limit(bindparam("limit"))
)


_DROP_ATTEMPTS = delete(t.attempt).where(among(t.attempt.c.message_id))
# Asked again: a message may have got another row meanwhile.
_DROP_MESSAGES = delete(t.message).where(among(t.message.c.message_id), t.message.c.seq < bindparam("floor"))


def forget(context: Context, before: int, limit: int) -> int:
    """See ``Tx.forget_log``; looks only at the first rows: they are old before others are."""
    if context.months is None:
        gone = context.connection.execute(_DROP, {"limit": limit, "before": before}).rowcount
    else:
        gone = drop(context.connection, "log", before)
        context.months.forget()
    return gone + _forget_messages(context, limit)


def _forget_messages(context: Context, limit: int) -> int:
    """Drop messages whose last row lies before every row that is left, with their attempts."""
    floor = context.connection.execute(_FLOOR).scalar()
    bound = {"floor": 2**62 if floor is None else floor}
    gone: list[str] = []
    for status in STATUSES:
        gone += context.connection.execute(_LEFT, bound | {"status": status, "limit": limit - len(gone)}).scalars()
    if gone:
        context.connection.execute(_DROP_ATTEMPTS, {"ids": listed(gone)})
        context.connection.execute(_DROP_MESSAGES, bound | {"ids": listed(gone)})
    return len(gone)


def content_of(row: Row) -> bytes:
    """Give the rendered content as the bytes that the proof is of."""
    return msgspec.msgpack.encode([row.channel, row.subject, row.text, row.html])


def _standing(subject: int, row: Row, seq: int) -> dict[str, Any]:
    return {
        "message_id": row.message_id,
        "subject": subject,
        "journey": row.journey,
        "channel": row.channel,
        "klass": row.klass,
        "status": row.status,
        "reason": row.reason,
        "at": row.decided_at,
        "next_at": row.next_at,
        "seq": seq,
    }


def opened(person: Person | None, entry: Any) -> Row:
    """Give the row again; of an erased person only what is not sealed, with an empty customer id."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in PLAIN}
    if person is None:
        return Row(customer_id="", key={}, **values)
    sealed = unpack_typed(person.key.open(b"log", entry.sealed))
    return Row(customer_id=person.customer, **values, **dict(zip(SEALED, sealed, strict=True)))
