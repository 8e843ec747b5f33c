"""The outbox: orders wait, are leased, and go when they are settled. No provider is called here."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Row, Select, bindparam, delete, select, union_all, update

from sojourn.core.model import Deliver
from sojourn.ports import LOOKED_AT
from sojourn.records import LANES, Claimed, Leased, Queued, Settled, Stale
from sojourn.store import tables as t
from sojourn.store.codec import pack_order, unpack_order
from sojourn.store.context import Context
from sojourn.store.people import Person
from sojourn.store.sql import Many, Read, among, listed

o = t.outbox.c
_REVISIONS = select(t.part.c.subject, t.part.c.revision).where(among(t.part.c.subject), t.part.c.kind == "hot")
_ENQUEUE = Many(
    t.outbox,
    keys=("message_id",),
    update=("kind", "channel", "lane", "ready_at", "until", "revision", "sealed", "waits"),
    where="outbox.lease_until IS NULL",
)
_ATTEMPT = Many(t.attempt, copy=True)
WAITING = ("marketing", "care")  # classes that a late intake stops
_NAMED = select(o.message_id).where(among(o.message_id))
_THERE = Read(_NAMED)
_FREE = Read(_NAMED.order_by(o.message_id).with_for_update(skip_locked=True))
_WITHDRAW = (
    delete(t.outbox)
    .where(o.message_id.in_(_NAMED.where(o.lease_until.is_(None)).with_for_update(skip_locked=True)))
    .returning(o.message_id)
)


def enqueue(context: Context, orders: Sequence[Queued]) -> None:
    """See ``Tx.enqueue``."""
    people = context.people.ensure([order.customer for order in orders])
    _learn_revisions(context, {person.subject for person in people.values()})
    held = _held_by_others(context, [order.order.message_id for order in orders]) if context.shared else frozenset()
    free = [order for order in orders if order.order.message_id not in held]
    _ENQUEUE.write(context.connection, [_waiting(context, people[order.customer], order) for order in free])


def _held_by_others(context: Context, message_ids: Collection[str]) -> frozenset[str]:
    """Give the orders that another transaction is just claiming or settling; the others are locked from now on.

    Nobody who holds a customer may wait for them: the other one may be waiting for that customer. It judges an
    order of a changed customer again, so the verdict that is left out here is not missed.
    """
    ids = {"ids": listed(dict.fromkeys(message_ids))}
    there = frozenset(_THERE.firsts(context.connection, ids))
    return there - frozenset(_FREE.firsts(context.connection, ids)) if there else there


def _learn_revisions(context: Context, subjects: set[int]) -> None:
    missing = subjects - context.revisions.keys()
    if missing:
        context.revisions.update(dict.fromkeys(missing, 0))
        rows = context.connection.execute(_REVISIONS, {"ids": listed(missing)})
        context.revisions.update((row.subject, row.revision) for row in rows)


def _waiting(context: Context, person: Person, queued: Queued) -> dict[str, Any]:
    order = queued.order
    row = {
        "subject": person.subject,
        "ready_at": queued.ready_at,
        "attempt": 0,
        "sealed": person.key.seal(b"order", pack_order(order)),
    }
    if isinstance(order, Deliver):
        return row | {
            "message_id": order.message_id,
            "kind": "deliver",
            "channel": order.channel,
            "lane": LANES.index(order.lane),
            "until": order.until,
            "revision": context.revisions[person.subject],
            "waits": int(order.klass in WAITING),
        }
    return row | {
        "message_id": order.message_id,
        "kind": "call",
        "channel": "call",
        "lane": LANES.index(queued.lane),
        "until": None,
        "revision": None,
        "waits": 0,
    }


def withdraw(context: Context, message_ids: Collection[str]) -> frozenset[str]:
    """See ``Tx.withdraw``."""
    gone = context.connection.execute(_WITHDRAW, {"ids": listed(message_ids)})
    return frozenset(row.message_id for row in gone)


# ---- claim

_ORDER = (
    o.message_id,
    o.subject,
    o.kind,
    o.channel,
    o.lane,
    o.ready_at,
    o.until,
    o.revision,
    o.attempt,
    o.sealed,
)
_HOT = t.part.alias("hot")
_LEASE = (
    update(t.outbox)
    .where(among(o.message_id))
    .values(lease_until=bindparam("lease"), worker=bindparam("holder"), attempt=o.attempt + 1)
)
_HOLD = update(t.outbox).where(among(o.message_id)).values(lease_until=bindparam("lease"), worker=bindparam("holder"))


def _ready(kinds: Sequence[int]) -> Select[Any]:
    """The oldest ready orders of a channel, lane by lane; orders of the future are not even looked at."""
    free: BindParameter[int] = bindparam("free")
    parts = [
        select(*_ORDER, _HOT.c.revision.label("current"), _HOT.c.release)
        .join_from(t.outbox, _HOT, (_HOT.c.subject == o.subject) & (_HOT.c.kind == "hot"), isouter=True)
        .where(
            o.channel == bindparam("channel"),
            o.lane == lane,
            o.waits == waits,
            o.ready_at <= bindparam("now"),
            o.lease_until.is_(None),
        )
        .order_by(o.ready_at, o.message_id)
        .limit(free)
        .with_for_update(skip_locked=True, of=t.outbox)
        .subquery()
        for lane in range(len(LANES))
        for waits in kinds
    ]
    every = union_all(*(select(part) for part in parts)).subquery()
    return select(every).order_by(every.c.lane, every.c.ready_at, every.c.message_id).limit(free)


_READY = {True: _ready((0,)), False: _ready((0, 1))}  # by: must marketing and care wait
_EXPIRED = (
    select(*_ORDER)
    .where(o.lease_until <= bindparam("now"))
    .order_by(o.lease_until, o.message_id)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)


class Terms(NamedTuple):
    """What a claim asks of an order."""

    now: int
    release: int
    patient: bool

    def hold(self, row: Row[Any]) -> bool:
        """Tell whether the verdict still holds; a customer who was never saved has revision 0 and meets no release."""
        if row.until is None:
            return True
        met = row.release is None or row.release >= self.release
        return bool(met and row.revision == (row.current or 0) and self.now < row.until)


def claim(context: Context, terms: Terms, slots: Mapping[str, int], lease_until: int, worker: str) -> Claimed:
    """See ``Tx.claim``: one or two statements a channel, and a fixed number around them."""
    valid: list[Row[Any]] = []
    stale: list[Row[Any]] = []
    for channel, free in sorted(slots.items()):
        if free > 0:
            fit, not_fit = _ready_of(context, channel, terms, free, free)
            if not_fit:
                fit, not_fit = _ready_of(context, channel, terms, free, max(free, LOOKED_AT))
            valid += fit
            stale += not_fit
    kept = {row.message_id for row in valid}
    limit = max(1, sum(slots.values()))
    expired = context.connection.execute(_EXPIRED, {"now": terms.now, "n": limit}).all()
    lease = {"lease": lease_until, "holder": worker}
    if kept:
        context.connection.execute(_LEASE, {"ids": listed(kept), **lease})
    if expired:
        context.connection.execute(_HOLD, {"ids": listed(row.message_id for row in expired), **lease})
    people = context.people.of(row.subject for row in [*valid, *stale, *expired])
    return Claimed(
        tuple(_leased(people[row.subject], row, row.attempt + 1) for row in valid),
        tuple(Stale(row.message_id, people[row.subject].customer) for row in stale),
        tuple(_leased(people[row.subject], row, row.attempt) for row in expired),
    )


def _ready_of(
    context: Context, channel: str, terms: Terms, free: int, looked_at: int
) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Give of the first ready orders of a channel those that may go, at most ``free``, and those that are stale."""
    bound = {"channel": channel, "now": terms.now, "free": looked_at}
    ready = context.connection.execute(_READY[terms.patient], bound).all()
    fit = [row for row in ready if terms.hold(row)]
    going = {row.message_id for row in fit}
    return fit[:free], [row for row in ready if row.message_id not in going]


def _leased(person: Person, row: Row[Any], attempt: int) -> Leased:
    order = unpack_order(row.kind, person.key.open(b"order", row.sealed))
    return Leased(row.message_id, person.customer, order, row.channel, attempt, row.ready_at)


# ---- settle

# Locked: somebody may be taking an order over whose lease has just ended, and then it is his.
_HELD = (
    select(o.message_id)
    .where(among(o.message_id), o.worker == bindparam("holder"), o.lease_until.is_not(None))
    .order_by(o.message_id)
    .with_for_update()
)
_DONE = delete(t.outbox).where(among(o.message_id))


def settle(context: Context, worker: str, results: Sequence[Settled]) -> frozenset[str]:
    """See ``Tx.settle``."""
    connection = context.connection
    ids = listed(dict.fromkeys(result.message_id for result in results))
    held = frozenset(row.message_id for row in connection.execute(_HELD, {"ids": ids, "holder": worker}))
    people = context.people.find({result.customer for result in results})
    _ATTEMPT.write(connection, [_attempt(people.get(r.customer), r) for r in results])
    if held:
        connection.execute(_DONE, {"ids": listed(held)})
    return held


def _attempt(person: Person | None, result: Settled) -> dict[str, Any]:
    sealed = None if person is None or result.text is None else person.key.seal(b"attempt", result.text.encode())
    return {
        "message_id": result.message_id,
        "subject": None if person is None else person.subject,
        "channel": result.channel,
        "started": result.started,
        "ended": result.ended,
        "outcome": result.outcome,
        "provider": result.provider,
        "reference": result.reference,
        "text": sealed,
    }
