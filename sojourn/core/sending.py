"""How a step becomes messages: one for each channel or first_of, with ids derived from content (N8)."""

from collections.abc import Iterable

from sojourn.core.book import CallNode, Delivery, SendNode
from sojourn.core.conditions import Expression
from sojourn.core.ids import message_id
from sojourn.core.model import Cause, Run, Send
from sojourn.core.turn import Turn
from sojourn.core.zones import next_midnight


def valid_until(turn: Turn, delivery: Delivery, due: int) -> int:
    """Give the last instant at which a message may be handed over (N6)."""
    if delivery.valid_for is None:
        return next_midnight(turn.zone, due) - 1
    return delivery.valid_for.after(due, turn.zone, turn.book.calendar)


def make_sends(
    turn: Turn, run: Run, node: SendNode | CallNode, cause: Cause, copy: str, anchor: str, due: int
) -> list[Send]:
    """Give the messages of a step that is reached; nothing is kept or judged yet."""
    ways: tuple[tuple[str, ...], ...] = (("call",),) if isinstance(node, CallNode) else node.by
    return [_send(turn, run, node, cause, copy, anchor, due, by) for by in ways]


def _send(
    turn: Turn,
    run: Run,
    node: SendNode | CallNode,
    cause: Cause,
    copy: str,
    anchor: str,
    due: int,
    by: tuple[str, ...],
) -> Send:
    delivery = node.delivery
    return Send(
        id=message_id(run.id, node.id, anchor, by, delivery.klass),
        touch=f"{run.id}|{node.id}|{anchor}",
        run=run.id,
        journey=run.journey,
        version=run.version,
        started=run.started,
        key=run.key,
        step=node.id,
        ref=node.ref,
        copy=copy,
        anchor=anchor,
        by=by,
        channel=by[0],
        klass=delivery.klass,
        priority=delivery.priority,
        urgent=delivery.urgent,
        drop=delivery.drop,
        due=due,
        valid_until=valid_until(turn, delivery, due),
        next_at=due,
        cause=cause,
        behind=turn.behind.source if turn.behind else None,
    )


def unknown_rows(turn: Turn, sends: Iterable[Send], condition: Expression | None) -> None:
    """Write that a message is not sent because its condition met an absent value (Q1)."""
    for send in sends:
        turn.row(send, "suppressed", "condition_unknown", detail={"condition": condition.text if condition else ""})
