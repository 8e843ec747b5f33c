"""`wait_for`: wait for an event; one that came since the walk began counts (N10, Q35)."""

from collections.abc import Mapping
from typing import Any

from sojourn.core.book import Match, WaitForNode
from sojourn.core.model import Cause, Copy, Heard, Run
from sojourn.core.steps.result import Go, Result, Stay
from sojourn.core.steps.wait import end_of
from sojourn.core.turn import Turn, replace
from sojourn.core.types import decode


def run(turn: Turn, run: Run, copy: Copy, node: WaitForNode) -> Result:
    """Take an event that was heard before, else begin to wait."""
    for n, heard in enumerate(copy.heard):
        types = turn.book.event_types.get(heard.type, {})
        payload = {name: decode(types[name], wire) for name, wire in heard.payload.items() if name in types}
        if matches(turn, run, node.events, heard.type, payload):
            wanted = turn.journey(run).reads.get(heard.type, frozenset())
            fields = {name: heard.payload.get(name) for name in sorted(wanted)} or None
            cause = Cause(heard.id, heard.trace_id, heard.type, fields)
            return answered(replace(copy, heard=copy.heard[:n] + copy.heard[n + 1 :]), node, cause)
    return Stay(replace(copy, until=end_of(turn, run, node)))


def answered(copy: Copy, node: WaitForNode, cause: Cause) -> Go:
    """Go on in `then`, under the event that was awaited, or below."""
    if node.then is None:
        return Go(replace(copy, until=None), node.next)
    return Go(replace(copy, until=None, cause=cause), node.then)


def timed_out(copy: Copy, node: WaitForNode) -> Go:
    """Go on in `otherwise`, or below."""
    return Go(replace(copy, until=None), node.otherwise or node.next)


def matches(turn: Turn, run: Run, specs: tuple[Match, ...], kind: str, payload: Mapping[str, Any]) -> bool:
    """Tell whether an event is one of those named; an unknown condition does not match (Q1)."""
    for spec in specs:
        if spec.type == kind and (spec.condition is None or spec.condition(turn.run_frame(run, payload)) is True):
            return True
    return False


def hear(copy: Copy, heard: Heard) -> Copy:
    """Keep an event for a wait that is still to come."""
    return replace(copy, heard=(*copy.heard, heard))
