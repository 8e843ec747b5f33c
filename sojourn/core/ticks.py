"""An instant is complete: its timers run in order of their due times, then one round of messages is judged (N7).

Timers of one instant: touches, ends of waits, deadlines, day and silence starts, and expiry last, so that
what had come due leaves its row. ``turn.upto`` is that instant; it lies before the customer's clock where a timer had
to wait for a source that was read late.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sojourn.core.behind import DAY, DEADLINE, EXPIRY, SILENCE, TOUCH, WAIT, timer_passes
from sojourn.core.book import CallNode, SendNode, SilenceStart
from sojourn.core.deadlines import fire_deadline
from sojourn.core.events import give_event
from sojourn.core.judge import judge_round
from sojourn.core.model import Run
from sojourn.core.runs import end_run, keep_whole, settle_run
from sojourn.core.schedule import decide_touch, pending_touches, run_due
from sojourn.core.sending import make_sends, unknown_rows
from sojourn.core.starts import enter
from sojourn.core.starts_day import coming_days, pass_day
from sojourn.core.steps.call import reach_call
from sojourn.core.turn import Turn, replace
from sojourn.core.walk import wait_over

_MOST_TIMERS = 100_000  # a journey cannot go round in circles; this guards the engine's own invariant


class TooManyTimers(RuntimeError):
    """An instant did not come to rest: a broken invariant of the engine."""


def run_tick(turn: Turn) -> None:
    """Run all timers due by now, then judge one round of messages."""
    for _ in range(_MOST_TIMERS):
        timer = _first_timer(turn)
        if timer is None:
            judge_round(turn)
            return
        act = partial(_FIRE[timer[1]], turn, *timer[-1])
        if timer[1] in _OF_THE_CUSTOMER:
            act()
        else:
            keep_whole(turn, timer[-1][0], act)
    raise TooManyTimers(turn.customer)


def _first_timer(turn: Turn) -> tuple[Any, ...] | None:
    """Give the earliest timer that is due: (due, kind, run's age, name, arguments)."""
    best: tuple[Any, ...] | None = None
    for run in turn.runs.values():
        if run.ended is None and run_due(turn.journey(run), run, turn.zone) <= turn.upto:
            for timer in _run_timers(turn, run):
                if (best is None or timer[:-1] < best[:-1]) and timer_passes(turn, timer):
                    best = timer
    for timer in _customer_timers(turn):
        if (best is None or timer[:-1] < best[:-1]) and timer_passes(turn, timer):
            best = timer
    return best


def _run_timers(turn: Turn, run: Run) -> list[tuple[Any, ...]]:
    now = turn.upto
    found: list[tuple[Any, ...]] = []
    for touch, anchor, due in pending_touches(turn.journey(run), run, turn.zone):
        if due <= now:
            found.append((due, TOUCH, turn.age(run), touch.id, (run.id, touch, anchor, due)))
    found.extend(
        (copy.until, WAIT, turn.age(run), f"{copy.body}|{copy.mark}", (run.id, copy))
        for copy in run.copies
        if copy.until is not None and copy.until <= now
    )
    found.extend(
        (deadline.due, DEADLINE, turn.age(run), deadline.id, (run.id, deadline))
        for deadline in run.deadlines
        if deadline.due is not None and deadline.due <= now
    )
    if run.expire_at is not None and run.expire_at <= now:
        found.append((run.expire_at, EXPIRY, turn.age(run), "", (run.id,)))
    return found


def _customer_timers(turn: Turn) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for journey, start, day in coming_days(turn.book, turn.memory, turn.profile, turn.now):
        if day.instant <= turn.upto:
            found.append((day.instant, DAY, (turn.now, journey.id, ""), "", (journey, start, day)))
    for silence in turn.memory.silences:
        current = turn.book.current.get(silence.journey)
        if current is None:
            continue
        journey = turn.book.journeys[silence.journey, current]
        for one in journey.starts:
            if isinstance(one, SilenceStart):
                due = one.span.after(silence.since, turn.zone, turn.book.calendar)
                if due <= turn.upto:
                    found.append((due, SILENCE, (turn.now, journey.id, str(silence.by)), "", (journey, one, silence)))
    return found


def _fire_touch(turn: Turn, run_id: str, touch: Any, anchor: str, due: int) -> None:
    """Let a due touch create its messages; its `if` is judged now (Q38)."""
    run = turn.runs[run_id]
    journey = turn.journey(run)
    node = journey.nodes[touch.ref]
    run = turn.put_run(decide_touch(journey, run, touch.id, anchor))
    if isinstance(node, CallNode):
        reach_call(turn, run, node, run.cause, "", anchor, due)
    elif isinstance(node, SendNode):
        sends = make_sends(turn, run, node, run.cause, "", anchor, due)
        holds = True if node.condition is None else node.condition(turn.run_frame(run))
        if holds is True:
            turn.sends = (*turn.sends, *sends)
            return
        if holds is None:
            unknown_rows(turn, sends, node.condition)
    if journey.finish == touch.id:
        turn.put_run(replace(turn.runs[run_id], finished=True))
    settle_run(turn, run_id)


def _fire_day(turn: Turn, journey: Any, start: Any, day: Any) -> None:
    pass_day(turn, journey, day.day)
    for key in day.keys:
        facts = dict(zip(journey.key, key, strict=True))
        if start.condition is None or start.condition(turn.frame(facts, journey.params)) is True:
            enter(turn, journey, key, None, give_event)


def _fire_silence(turn: Turn, journey: Any, start: SilenceStart, silence: Any) -> None:
    turn.memory = replace(turn.memory, silences=tuple(s for s in turn.memory.silences if s is not silence))
    key = tuple(silence.by if field == start.by else None for field in journey.key)
    facts = dict(zip(journey.key, key, strict=True))
    if start.condition is None or start.condition(turn.frame(facts, journey.params)) is True:
        enter(turn, journey, key, None, give_event)


def _fire_expire(turn: Turn, run_id: str) -> None:
    end_run(turn, turn.runs[run_id], "expired")
    settle_run(turn, run_id)


_OF_THE_CUSTOMER = (DAY, SILENCE)
_FIRE: dict[int, Callable[..., None]] = {
    TOUCH: _fire_touch,
    WAIT: wait_over,
    DEADLINE: fire_deadline,
    DAY: _fire_day,
    SILENCE: _fire_silence,
    EXPIRY: _fire_expire,
}
