"""What does not wait for a source that nobody can read (design.md, "Time").

A timer waits until every source that may carry the customer's events is stored beyond it. When one has been stalled
for long, mandatory messages and what calls staff go at once, service six hours before its validity ends; marketing,
care and ends of waits go only by a person's waiver.
"""

from typing import Any, Final

from sojourn.core.book import CallNode, Delivery, SendNode
from sojourn.core.model import Deadline, Run
from sojourn.core.sending import valid_until
from sojourn.core.turn import Turn

TOUCH, WAIT, DEADLINE, DAY, SILENCE, EXPIRY = range(6)
SERVICE_LEAD_MS: Final = 6 * 3_600_000
PATIENT: Final = frozenset({"care", "marketing"})


def timer_passes(turn: Turn, timer: tuple[Any, ...]) -> bool:
    """Tell whether a timer that is due runs now: all do, unless a source is stalled."""
    if turn.behind is None:
        return True
    due, kind, arguments = timer[0], timer[1], timer[-1]
    if kind == TOUCH:
        run_id, touch = arguments[:2]
        node = turn.journey(turn.runs[run_id]).nodes[touch.ref]
        assert isinstance(node, SendNode | CallNode)
        return _delivery_passes(turn, node.delivery, due)
    if kind == DEADLINE:
        run_id, deadline = arguments
        return _deadline_passes(turn, turn.runs[run_id], deadline)
    return False


def message_passes(turn: Turn, klass: str, until: int) -> bool:
    """Tell whether a message of a class, valid until an instant, goes past a stalled source now."""
    return klass == "mandatory" or (klass == "service" and turn.now >= until - SERVICE_LEAD_MS)


def passes_at(klass: str, until: int) -> int | None:
    """Give when a message that waits goes past a stalled source; None: only with a waiver or when it is read."""
    return until - SERVICE_LEAD_MS if klass == "service" else None


def _delivery_passes(turn: Turn, delivery: Delivery, due: int) -> bool:
    return message_passes(turn, delivery.klass, valid_until(turn, delivery, due))


def _deadline_passes(turn: Turn, run: Run, deadline: Deadline) -> bool:
    """A deadline that calls staff fires at once, its messages wait by their class; one without does as they do."""
    nodes = [node for node in turn.journey(run).nodes.values() if node.body == f"deadline.{deadline.id}"]
    if any(isinstance(node, CallNode) for node in nodes):
        return True
    due = deadline.due if deadline.due is not None else turn.now
    sends = [node.delivery for node in nodes if isinstance(node, SendNode)]
    return bool(sends) and all(_delivery_passes(turn, delivery, due) for delivery in sends)
