"""`call`: ask another system to do something; done when it is queued, or with the answer (Q26)."""

from collections.abc import Mapping
from typing import Any

from sojourn.core.book import CallNode
from sojourn.core.guards import person_guard
from sojourn.core.model import CallOut, Cause, Copy, Run
from sojourn.core.sending import make_sends, unknown_rows
from sojourn.core.steps.result import Go, Result, Stay
from sojourn.core.turn import Turn, replace, value_of
from sojourn.core.types import encode
from sojourn.core.wire import plain


def run(turn: Turn, run: Run, copy: Copy, node: CallNode) -> Result:
    """Queue the call; one that saves answers waits for them, at most so long."""
    if (node.id, copy.mark) in run.decided:
        return Go(copy, node.next)
    queued = reach_call(turn, run, node, copy.cause, f"{copy.body}|{copy.mark}", copy.mark, turn.now)
    if not queued or not node.save:
        return Go(copy, node.next)
    return Stay(replace(copy, until=node.within.after(turn.now, turn.zone, turn.book.calendar)))


def reach_call(turn: Turn, run: Run, node: CallNode, cause: Cause, copy: str, anchor: str, due: int) -> bool:
    """Queue a call that its guards let pass and tell whether it was queued; a skipped one leaves no row (Q51)."""
    frame = turn.cause_frame(run, cause)
    send = make_sends(turn, run, node, cause, copy, anchor, due)[0]
    holds = True if node.condition is None else node.condition(frame)
    if holds is False or (run.control and not node.touch):
        return False
    run = turn.put_run(replace(run, decided=(*run.decided, (node.id, anchor))))
    if holds is None:
        unknown_rows(turn, [send], node.condition)
        return False
    if node.touch:
        late: tuple[str, Mapping[str, Any]] | None = ("expired", {}) if turn.now > send.valid_until else None
        blocked = late or person_guard(turn, turn.journey(run), run, None, send.klass)
        if blocked is not None:
            turn.row(send, "suppressed", blocked[0], detail=blocked[1])
            return False
    send = replace(send, status="ready")
    turn.add_send(send)
    turn.out.append(call_out(turn, run, node, send))
    return True


def call_out(turn: Turn, run: Run, node: CallNode, send: Any) -> CallOut:
    """Give the command that hands a call to the outbox."""
    frame = turn.cause_frame(run, send.cause)
    return CallOut(
        message_id=send.id,
        name=node.name,
        arguments={name: plain(value_of(value, frame)) for name, value in node.arguments.items()},
        run_id=run.id,
        journey=run.journey,
        step=node.id,
        answers=bool(node.save),
        example=node.example,
        send=send,
    )


def saved(turn: Turn, run: Run, node: CallNode, answer: Any) -> dict[str, Any]:
    """Give the facts that an answer sets (wire)."""
    frame = turn.run_frame(run)
    frame.answer = answer
    types = turn.journey(run).fact_types
    return {name: encode(types[name], value(frame)) for name, value in node.save.items()}
