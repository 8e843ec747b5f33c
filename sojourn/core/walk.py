"""Walking a body of steps: begin, go on after an outcome, a timer or an event (N10, N21, Q33, Q35)."""

from sojourn.core.book import WaitForNode
from sojourn.core.model import Cause, Copy, Event, Heard, Run, Send
from sojourn.core.runs import settle_run
from sojourn.core.steps import STEPS
from sojourn.core.steps.result import Ended, Go, Result, Stay
from sojourn.core.steps.wait_for import answered, hear, matches, timed_out
from sojourn.core.turn import Turn, replace
from sojourn.core.types import encode


def begin(turn: Turn, run_id: str, body: str, mark: str, entry: str | None, cause: Cause) -> None:
    """Start a walk through a body; the same body and mark walks only once at a time."""
    if entry is not None:
        _walk(turn, run_id, Copy(body, mark, entry, turn.now, cause))


def resume(turn: Turn, run_id: str, copy: Copy, result: Result) -> None:
    """Go on from what a step said."""
    run = turn.runs.get(run_id)
    if run is None or isinstance(result, Ended):
        return
    _drop_copy(turn, run, copy)
    if isinstance(result, Stay):
        _keep_copy(turn, run_id, result.copy)
    elif result.ref is not None:
        _walk(turn, run_id, replace(result.copy, at=result.ref, until=None))


def _walk(turn: Turn, run_id: str, copy: Copy) -> None:
    while True:
        run = turn.runs[run_id]
        node = turn.journey(run).nodes[copy.at]
        result = STEPS[type(node)](turn, run, copy, node)
        if isinstance(result, Ended):
            return
        if isinstance(result, Stay):
            _keep_copy(turn, run_id, result.copy)
            return
        if result.ref is None:
            return
        copy = replace(result.copy, at=result.ref, until=None)


def _keep_copy(turn: Turn, run_id: str, copy: Copy) -> None:
    run = turn.runs[run_id]
    turn.put_run(replace(run, copies=(*run.copies, copy)))


def _drop_copy(turn: Turn, run: Run, copy: Copy) -> None:
    rest = tuple(other for other in run.copies if (other.body, other.mark) != (copy.body, copy.mark))
    turn.put_run(replace(run, copies=rest))


def find_copy(run: Run, name: str) -> Copy | None:
    """Give the walk that a message belongs to (its ``copy`` is body and mark)."""
    return next((copy for copy in run.copies if f"{copy.body}|{copy.mark}" == name), None)


def message_done(turn: Turn, send: Send, *, superseded: bool = False) -> None:
    """Go on after a message became terminal: when all of its step are, the walk goes on (N21)."""
    run = turn.runs.get(send.run)
    if run is None:
        return
    if any(other.ref == send.ref and other.copy == send.copy and other.anchor == send.anchor
           for other in turn.sends_of(run.id)):  # fmt: skip
        return
    journey = turn.journey(run)
    if not send.copy:
        if journey.finish == send.step and not superseded and run.ended is None:
            turn.put_run(replace(run, finished=True))
    else:
        copy = find_copy(run, send.copy)
        if copy is not None and copy.at == send.ref:
            node = journey.nodes.get(send.ref)
            resume(turn, run.id, copy, Go(copy, node.next if node else None))
    settle_run(turn, send.run)


def hear_event(turn: Turn, run_id: str, event: Event, names: tuple[tuple[str, str], ...]) -> bool:
    """Let the named walks take an event: one answers at most one wait of each (Q35); tell whether one did."""
    took = False
    for body, mark in names:
        run = turn.runs.get(run_id)
        if run is None or run.ended is not None:
            break
        copy = next((copy for copy in run.copies if (copy.body, copy.mark) == (body, mark)), None)
        if copy is not None:
            took = _hear(turn, run, copy, event) or took
    return took


def _hear(turn: Turn, run: Run, copy: Copy, event: Event) -> bool:
    journey = turn.journey(run)
    node = journey.nodes[copy.at]
    in_time = copy.until is None or turn.arrival <= copy.until  # its timeout may still wait for another source (Q47)
    if in_time and isinstance(node, WaitForNode) and matches(turn, run, node.events, event.type, event.payload):
        resume(turn, run.id, copy, answered(copy, node, turn.cause_of(journey, event)))
        return True
    if event.type in node.ahead:
        _drop_copy(turn, run, copy)
        _keep_copy(turn, run.id, hear(copy, keep(turn, event)))
    return False


def keep(turn: Turn, event: Event) -> Heard:
    """Give an event as it is kept in state."""
    types = turn.book.event_types.get(event.type, {})
    payload = {name: encode(types[name], value) for name, value in event.payload.items() if name in types}
    return Heard(
        event.id, event.type, event.occurred, event.arrival, event.source,
        event.entity_type, event.entity_id, event.seq, payload, event.trace_id,
    )  # fmt: skip


def wait_over(turn: Turn, run_id: str, copy: Copy) -> None:
    """A wait has ended by its timer: `wait` goes on below, `wait_for` in its `otherwise`, a call goes on."""
    run = turn.runs[run_id]
    node = turn.journey(run).nodes[copy.at]
    if isinstance(node, WaitForNode):
        resume(turn, run_id, copy, timed_out(copy, node))
    else:
        resume(turn, run_id, copy, Go(copy, getattr(node, "otherwise", None) or node.next))
    settle_run(turn, run_id)
