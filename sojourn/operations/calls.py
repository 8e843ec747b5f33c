"""A call of another system that failed for good is put again, while the run that asked for it still lives (B2).

The customer's open message is put back as it was before its first try, under the same id, so the other system can
tell it from a second one. What becomes of it is decided as ever: tried five times, then a dead letter once more.
"""

from collections.abc import Set
from typing import Any, Final

import msgspec

from sojourn.core.book import Book, CallNode
from sojourn.core.model import CallOut, Cause, Row, Run, Send, State
from sojourn.core.turn import replace
from sojourn.intake.deciding import Deciding
from sojourn.ports import Store, Tx
from sojourn.records import Changed, Letter, Queued

CALLS: Final = "calls"  # the source of dead letters about calls


class _Call(msgspec.Struct):
    """The content of a letter about a call, as settle writes it."""

    message_id: str
    name: str
    arguments: dict[str, Any]
    step: str
    run_id: str


async def call_again(
    store: Store, deciding: Deciding, one: Letter, *, quarantined: Set[str] = frozenset()
) -> str | None:
    """Put the call of a letter again and close the letter, or give why that cannot be.

    Raises:
        TryLater: The store is away, or the customer was changed meanwhile; nothing was done.
    """
    customer = one.letter.customer
    try:
        call = msgspec.json.decode(one.letter.raw, type=_Call)
    except (msgspec.DecodeError, ValueError):
        return "its content is gone: the person was erased"
    if customer is None or customer in quarantined:
        return "its customer is parked; release him first"
    rows, _ = await store.views.message(call.message_id)
    async with store.transaction() as tx:
        now = await tx.now()
        stored = (await tx.load([customer]))[customer]
        book = deciding.releases.numbered(stored.release or 1).book
        found = _order(book, stored.state, call, rows[0] if rows else None, now)
        if isinstance(found, str):
            return found
        hot = replace(stored.state.hot, sends=(*stored.state.hot.sends, found.send))
        state: State = replace(stored.state, hot=hot)
        await _closed(tx, one, now)
        await tx.save([Changed(stored, state, stored.due, stored.lane, stored.release or 1)], now)
        await tx.enqueue([Queued(customer, found, now, "urgent" if found.send.urgent else "normal")])
    return None


async def _closed(tx: Tx, one: Letter, now: int) -> None:
    from sojourn.operations.letters import Overtaken

    if not await tx.close_dead_letters([one.number], "replayed", now):
        raise Overtaken("Somebody else closed this dead letter", number=one.number, next_step="Run the command again")


def _order(book: Book, state: State, call: _Call, first: Row | None, now: int) -> CallOut | str:
    """Give the order as the run's step would give it, or why there is none."""
    run = state.runs.get(call.run_id)
    if run is None or run.ended is not None:
        return "its run has ended"
    if any(send.id == call.message_id for send in state.hot.sends):
        return "it is on its way already"
    nodes = book.journeys[run.journey, run.version].nodes.values()
    node = next((one for one in nodes if isinstance(one, CallNode) and one.id == call.step), None)
    if node is None or node.name != call.name:
        return "the version of the journey that its run is in has no such step"
    return CallOut(
        message_id=call.message_id,
        name=call.name,
        arguments=call.arguments,
        run_id=run.id,
        journey=run.journey,
        step=node.id,
        answers=bool(node.save),
        example=node.example,
        send=_send(run, node, call.message_id, first, now),
    )


def _send(run: Run, node: CallNode, message_id: str, first: Row | None, now: int) -> Send:
    """The open message; what the letter does not hold stands in the row of its failure."""
    anchor = first.anchor or "" if first is not None else ""
    due = first.due_at if first is not None else now
    cause = Cause(first.event_id, first.trace_id) if first is not None else Cause()
    delivery = node.delivery
    return Send(
        id=message_id,
        touch=f"{run.id}|{node.id}|{anchor}",
        run=run.id,
        journey=run.journey,
        version=run.version,
        started=run.started,
        key=run.key,
        step=node.id,
        ref=node.ref,
        copy="",
        anchor=anchor,
        by=("call",),
        channel="call",
        klass=delivery.klass,
        priority=delivery.priority,
        urgent=delivery.urgent,
        drop=delivery.drop,
        due=due,
        valid_until=now,  # a call has none: its tries are counted
        next_at=due,
        status="ready",
        cause=cause,
    )
