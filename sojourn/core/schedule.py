"""Touches that hang on a date: when they are due, what is past, what a moved date does (N3, N5, N15, Q37, Q38, Q40)."""

from collections.abc import Iterator
from typing import Final

from sojourn.core.book import CallNode, Journey, ScheduledTouch, SendNode
from sojourn.core.model import Run, Send
from sojourn.core.sending import make_sends
from sojourn.core.turn import Turn, replace

NEVER: Final = 1 << 62  # later than any instant


def anchor_of(run: Run, touch: ScheduledTouch) -> str | None:
    """Give the date that a touch hangs on, as ISO text, or None while it is not known."""
    fact = touch.at.fact
    return None if fact is None else run.facts.get(fact)


def pending_touches(journey: Journey, run: Run, zone: str) -> Iterator[tuple[ScheduledTouch, str, int]]:
    """Give the touches without a verdict for their present date, with the date and the due instant."""
    if not journey.schedule or run.ended is not None:
        return
    rushed, decided = dict(run.rushed) if run.rushed else None, run.decided
    for touch in journey.schedule:
        anchor = anchor_of(run, touch)
        if anchor is None or (decided and (touch.id, anchor) in decided):
            continue
        due = rushed.get(touch.id) if rushed else None
        yield touch, anchor, touch.at.instant_of(anchor, zone) if due is None else due


_known_due: dict[int, tuple[Run, Journey, str, int]] = {}  # by identity: runs are frozen, and asked again and again
_MOST_KNOWN: Final = 4_096


def run_due(journey: Journey, run: Run, zone: str) -> int:
    """Give the earliest instant at which a live run has something due, or NEVER."""
    known = _known_due.get(id(run))
    if known is not None and known[0] is run and known[1] is journey and known[2] == zone:
        return known[3]
    due = _run_due(journey, run, zone)
    if len(_known_due) >= _MOST_KNOWN:
        _known_due.clear()
    _known_due[id(run)] = (run, journey, zone, due)
    return due


def _run_due(journey: Journey, run: Run, zone: str) -> int:
    best = NEVER if run.expire_at is None else run.expire_at
    for _, _, due in pending_touches(journey, run, zone) if journey.schedule else ():
        if due < best:
            best = due
    for copy in run.copies:
        if copy.until is not None and copy.until < best:
            best = copy.until
    for deadline in run.deadlines:
        if deadline.due is not None and deadline.due < best:
            best = deadline.due
    return best


def arm(turn: Turn, run: Run, facts: frozenset[str] | None = None) -> Run:
    """Arm the touches of the given date facts (None: all): what is past is skipped or caught up (N5, Q38)."""
    journey = turn.journey(run)
    for touch, anchor, due in list(pending_touches(journey, run, turn.zone)):
        if due >= turn.arrival or (facts is not None and touch.at.fact not in facts):
            continue
        node = journey.nodes[touch.ref]
        assert isinstance(node, SendNode | CallNode)
        if node.delivery.catch_up.after(due, turn.zone, turn.book.calendar) >= turn.arrival:
            run = replace(run, rushed=(*run.rushed, (touch.id, turn.now)))
            continue
        run = _skip(turn, run, touch, anchor, due)
    return turn.put_run(run)


def _skip(turn: Turn, run: Run, touch: ScheduledTouch, anchor: str, due: int) -> Run:
    """Leave one row skipped_past per channel; a false `if` and a call leave none (Q38, Q51)."""
    journey = turn.journey(run)
    node = journey.nodes[touch.ref]
    run = decide_touch(journey, run, touch.id, anchor)
    if isinstance(node, SendNode):
        holds = node.condition is None or node.condition(turn.run_frame(run))
        if holds is not False:
            for send in make_sends(turn, run, node, run.cause, "", anchor, due):
                turn.row(send, "skipped", "skipped_past", detail={"learned_at": turn.now})
    return replace(run, finished=run.finished or journey.finish == touch.id)


def decide_touch(journey: Journey, run: Run, step: str, anchor: str) -> Run:
    """Note that a touch has its verdict for a date, so that it is not repeated for it (Q37)."""
    rushed = tuple(entry for entry in run.rushed if entry[0] != step)
    return replace(run, decided=(*run.decided, (step, anchor)), rushed=rushed)


def forget_rush(run: Run, journey: Journey, facts: frozenset[str]) -> Run:
    """A moved date computes its touches anew (Q37)."""
    moved = {touch.id for touch in journey.schedule if touch.at.fact in facts}
    return replace(run, rushed=tuple(entry for entry in run.rushed if entry[0] not in moved))


def rezone(turn: Turn, old_zone: str) -> None:
    """After a move of zone: touches and days that the move alone has made past are due at once (Q40)."""
    if turn.memory.days:
        turn.memory = replace(turn.memory, moved=turn.now)
    for run in turn.live_runs():
        journey = turn.journey(run)
        was = {touch.id: due for touch, _, due in pending_touches(journey, run, old_zone)}
        rushed = tuple(
            (touch.id, turn.now)
            for touch, _, due in pending_touches(journey, run, turn.zone)
            if due < turn.now <= was[touch.id]
        )
        if rushed:
            turn.put_run(replace(run, rushed=run.rushed + rushed))


def is_of_old_date(journey: Journey, run: Run, send: Send) -> bool:
    """Tell whether a message was armed for a date that its run has left (Q37)."""
    touch = next((touch for touch in journey.schedule if touch.id == send.step), None)
    return touch is not None and send.copy == "" and anchor_of(run, touch) != send.anchor
