"""`wait` and `wait_until`: go on later (N3, N24, Q49: a wait never ends before it begins)."""

from datetime import date

from sojourn.core.book import At, WaitForNode, WaitNode
from sojourn.core.model import Copy, Run
from sojourn.core.steps.result import Go, Result, Stay
from sojourn.core.turn import Turn, replace
from sojourn.core.zones import local_date


def run(turn: Turn, run: Run, copy: Copy, node: WaitNode) -> Result:
    """Begin the wait, or take note that it is over."""
    until = end_of(turn, run, node)
    if until is None or until <= turn.now:
        return Go(copy, node.next)
    return Stay(replace(copy, until=until))


def end_of(turn: Turn, run: Run, node: WaitNode | WaitForNode) -> int | None:
    """Give the instant at which a wait that begins now ends; None: never, or its date is not known."""
    duration = node.duration if isinstance(node, WaitNode) else node.within
    if duration is not None:
        return duration.after(turn.now, turn.zone, turn.book.calendar)
    if node.until is None:
        return None
    anchor = _anchor(turn, run, node.until)
    return None if anchor is None else max(turn.now, node.until.instant(anchor, turn.zone))


def _anchor(turn: Turn, run: Run, at: At) -> date | None:
    if at.fact is None:
        return local_date(turn.now, turn.zone)
    text = run.facts.get(at.fact)
    return None if text is None else date.fromisoformat(text)
