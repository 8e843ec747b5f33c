"""Deadlines: resettable timers with owners (Q34, Q24a).

A deadline restarts at each applied since-event and after each firing, until ``at_most`` firings of the run.
A stop event ends it for the rest of the run. While it rests nothing restarts it but the end of the rest.
"""

from sojourn.core.book import DeadlineSpec, Journey
from sojourn.core.model import Cause, Deadline, Event, Run
from sojourn.core.runs import settle_run, supersede
from sojourn.core.steps.wait_for import matches
from sojourn.core.turn import Turn, replace
from sojourn.core.walk import begin, message_done


def first_deadlines(turn: Turn, run: Run, event: Event | None) -> Run:
    """Give a new run with its deadlines; the starting event counts as a sign of life."""
    journey = turn.journey(run)
    if not journey.deadlines:
        return run
    run = replace(run, deadlines=tuple(Deadline(spec.id) for spec in journey.deadlines))
    turn.put_run(run)
    if event is not None:
        for spec in journey.deadlines:
            _feed(turn, run.id, journey, spec, event)
    return turn.runs[run.id]


def feed_deadlines(turn: Turn, run_id: str, event: Event) -> bool:
    """Let every deadline take an event; tell whether one was moved."""
    run = turn.runs.get(run_id)
    if run is None or run.ended is not None:
        return False
    journey = turn.journey(run)
    moved = False
    for spec in journey.deadlines:
        if run_id in turn.runs and turn.runs[run_id].ended is None:
            moved = _feed(turn, run_id, journey, spec, event) or moved
    return moved


def _feed(turn: Turn, run_id: str, journey: Journey, spec: DeadlineSpec, event: Event) -> bool:
    run = turn.runs[run_id]
    old = next((one for one in run.deadlines if one.id == spec.id), Deadline(spec.id))
    if old.stopped:
        return False
    kind, payload = event.type, event.payload
    if matches(turn, run, spec.stop, kind, payload):
        _put(turn, run, replace(old, stopped=True, due=None))
        _overtake(turn, run_id, spec)
        return True
    if matches(turn, run, spec.rest_from, kind, payload):
        _put(turn, run, replace(old, resting=True, due=None))
        return True
    if old.resting:
        if not matches(turn, run, spec.rest_until, kind, payload):
            return False
        _put(turn, run, _restarted(turn, spec, replace(old, resting=False)))
        return True
    overdue = old.due is not None and old.due < turn.arrival  # its firing waits for another source: it comes first
    if not overdue and matches(turn, run, spec.since, kind, payload):
        _put(turn, run, _restarted(turn, spec, old))
        return True
    return False


def _restarted(turn: Turn, spec: DeadlineSpec, deadline: Deadline) -> Deadline:
    if spec.at_most is not None and deadline.fired >= spec.at_most:
        return replace(deadline, due=None)
    return replace(deadline, due=spec.after.after(turn.now, turn.zone, turn.book.calendar))


def _put(turn: Turn, run: Run, deadline: Deadline) -> None:
    rest = tuple(one for one in run.deadlines if one.id != deadline.id)
    turn.put_run(replace(run, deadlines=tuple(sorted((*rest, deadline), key=lambda one: one.id))))


def _overtake(turn: Turn, run_id: str, spec: DeadlineSpec) -> None:
    """A stop event supersedes what a firing still holds (Q24a)."""
    run = turn.runs[run_id]
    mine = [send for send in turn.sends_of(run_id) if send.copy.startswith(f"deadline.{spec.id}|")]
    for send in supersede(turn, run, mine):
        message_done(turn, send, superseded=True)


def fire_deadline(turn: Turn, run_id: str, deadline: Deadline) -> None:
    """Let a deadline that is due do its steps, and start it again."""
    run = turn.runs[run_id]
    spec = next((one for one in turn.journey(run).deadlines if one.id == deadline.id), None)
    fired = replace(deadline, fired=deadline.fired + 1, due=None)
    _put(turn, run, fired if spec is None else _restarted(turn, spec, fired))
    if spec is not None:
        begin(turn, run_id, f"deadline.{spec.id}", str(fired.fired), spec.entry, Cause())
    settle_run(turn, run_id)
