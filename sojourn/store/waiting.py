"""What waits, for metrics and readiness: counted up to a limit, through indexes, whatever the size of the tables."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select, text, union_all

from sojourn.records import LANES, LaneDepth, Waiting
from sojourn.store import tables as t
from sojourn.store.context import Context

_o = t.outbox.c
_MOST: Any = bindparam("most")
_CHANNEL: ColumnElement[str] = bindparam("value")
_INDEXED = text("SET LOCAL enable_seqscan = off")  # many rows of one kind must not bring a plan to read all of them


def _counted(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(query.limit(_MOST).subquery())


def _ready(lane: int, waits: int) -> Any:
    first = (
        select(_o.ready_at)
        .where(_o.channel == _CHANNEL, _o.lane == lane, _o.waits == waits, _o.lease_until.is_(None))
        .order_by(_o.ready_at)
        .limit(_MOST)
        .subquery()
    )
    return select(literal(lane).label("lane"), func.count(), func.min(first.c.ready_at)).select_from(first)


_READY = union_all(*(_ready(lane, waits) for lane in range(len(LANES)) for waits in (0, 1)))
_NEXT_CHANNEL = select(func.min(_o.channel)).where(_o.lease_until.is_(None), _o.channel > bindparam("behind"))
_LEASED = select(_o.channel, _o.lane).where(_o.lease_until.is_not(None)).limit(_MOST)
_l = t.dead_letter.c
_NEXT_REASON = select(func.min(_l.reason)).where(_l.state == "open", _l.reason > bindparam("behind"))
_LETTERS = _counted(select(_l.number).where(_l.state == "open", _l.reason == bindparam("value")))
_DOUBTS = _counted(select(t.message.c.seq).where(t.message.c.status == "in_doubt").order_by(t.message.c.seq))
_OUTGOING = _counted(select(t.outgoing.c.number).where(t.outgoing.c.number > 0).order_by(t.outgoing.c.number))
_DUE = select(func.min(t.due.c.due)).where(t.due.c.lane == bindparam("lane"))


def waiting(context: Context, most: int) -> Waiting:
    """See ``Views.waiting``."""
    connection, bound = context.connection, {"most": most}
    if context.shared:
        connection.execute(_INDEXED)
    letters: dict[str, int] = {
        reason: connection.execute(_LETTERS, bound | {"value": reason}).scalar_one()
        for reason in _each(context, _NEXT_REASON)
    }
    due = {lane: connection.execute(_DUE, {"lane": number}).scalar() for number, lane in enumerate(LANES)}
    return Waiting(
        lanes=tuple(depths(context, most)),
        due={lane: at for lane, at in due.items() if at is not None},
        letters=letters,
        in_doubt=connection.execute(_DOUBTS, bound).scalar_one(),
        outgoing=connection.execute(_OUTGOING, bound).scalar_one(),
    )


def depths(context: Context, most: int) -> list[LaneDepth]:
    """See ``Views.lanes``."""
    leased: Sequence[Any] = context.connection.execute(_LEASED, {"most": most}).all()
    calling: Counter[tuple[str, int]] = Counter((row.channel, row.lane) for row in leased)
    ready: Counter[tuple[str, int]] = Counter()
    oldest: dict[tuple[str, int], int] = {}
    for channel in _each(context, _NEXT_CHANNEL):
        found: Sequence[Any] = context.connection.execute(_READY, {"value": channel, "most": most}).all()
        for lane, count, first in found:
            if count:
                ready[channel, lane] += count
                oldest[channel, lane] = min(first, oldest.get((channel, lane), first))
    places = sorted(ready.keys() | calling.keys())
    return [LaneDepth(at[0], LANES[at[1]], min(most, ready[at]), calling[at], oldest.get(at)) for at in places]


def _each(context: Context, following: Select[Any]) -> Iterator[str]:
    """Give each value once, by jumping through an index."""
    value: str | None = ""
    while (value := context.connection.execute(following, {"behind": value}).scalar()) is not None:
        yield value
