"""The cap on marketing and care: one touch a local day, three in seven, over all journeys (N13, Q17-Q19).

A slot is reserved when a message may go out and given back when it is refused. A touch yields when a
capped touch of strictly higher priority is armed for later the same local day.
"""

from typing import Any, NamedTuple

from sojourn.core.book import DayStart, Journey, SendNode
from sojourn.core.guards import state_guard
from sojourn.core.model import Run, Send, Touch
from sojourn.core.schedule import pending_touches
from sojourn.core.starts_day import coming_days
from sojourn.core.turn import Turn
from sojourn.core.zones import add_days, local_date, next_midnight


class Cap(NamedTuple):
    """Why a touch may not go out today, and what was compared."""

    reason: str
    detail: dict[str, Any]


def is_counted(turn: Turn, touch: str) -> bool:
    """Tell whether another channel of the same step has the slot already (Q19)."""
    return any(slot.id == touch for slot in turn.touches)


def judge_cap(turn: Turn, send: Send) -> Cap | None:
    """Give the reason why the cap holds a message back now, or None when it has or gets a slot."""
    rules = turn.book.rules
    if send.klass not in rules.cap_classes or is_counted(turn, send.touch):
        return None
    today = local_date(turn.now, turn.zone).toordinal()
    day = sum(1 for slot in turn.touches if slot.day == today)
    week = sum(1 for slot in turn.touches if today - rules.week_days < slot.day <= today)
    if day >= rules.cap_day or week >= rules.cap_week:
        return Cap("frequency_cap", {"today": day, "days": rules.week_days, "in_days": week})
    above = _reserved(turn, send)
    return Cap("outranked", {"by": above}) if above else None


def take_slot(turn: Turn, send: Send) -> None:
    """Reserve the slot of a touch on today's local date; slots that no window reaches any more go."""
    rules = turn.book.rules
    if send.klass not in rules.cap_classes or is_counted(turn, send.touch):
        return
    today = local_date(turn.now, turn.zone).toordinal()
    kept = tuple(slot for slot in turn.touches if slot.day > today - rules.week_days - 2)
    turn.touches = (*kept, Touch(today, send.touch))


def give_back(turn: Turn, send: Send) -> None:
    """Give the slot back, unless another channel of the step went out or still may (Q19, Q46)."""
    run = turn.runs.get(send.run)
    went_out = run is not None and sent_mark(send) in run.sent
    others = any(other.touch == send.touch and other.id != send.id and other.status == "ready" for other in turn.sends)
    if not went_out and not others:
        turn.touches = tuple(slot for slot in turn.touches if slot.id != send.touch)


def sent_mark(send: Send) -> str:
    """Give the entry of ``Run.sent`` that tells that a touch of the cap went out by some channel."""
    return f"{send.step}|{send.anchor}"


def next_try(turn: Turn) -> int:
    """Give the local time of this attempt on the next local date (Q18)."""
    return add_days(turn.zone, turn.now, 1)


def _reserved(turn: Turn, send: Send) -> str | None:
    """Name the step of higher priority that is armed for later today and would pass its state guards (Q17)."""
    midnight = next_midnight(turn.zone, turn.now)
    return _waiting_above(turn, send, midnight) or _scheduled_above(turn, send, midnight) or _day_above(turn, send)


def _waiting_above(turn: Turn, send: Send, midnight: int) -> str | None:
    for other in turn.sends:
        if other.touch == send.touch or other.status not in ("held", "deferred"):
            continue
        if other.priority <= send.priority or not turn.now < other.next_at < midnight:
            continue
        if other.klass not in turn.book.rules.cap_classes or is_counted(turn, other.touch):
            continue
        run = turn.runs.get(other.run)
        if run is not None and run.ended is None and _passes(turn, run, other.ref, other.by, other.klass):
            return f"{other.journey}.{other.step}"
    return None


def _scheduled_above(turn: Turn, send: Send, midnight: int) -> str | None:
    for run in turn.live_runs():
        journey = turn.journey(run)
        for touch, _, due in pending_touches(journey, run, turn.zone):
            node = journey.nodes[touch.ref]
            if not isinstance(node, SendNode) or not turn.now < due < midnight:
                continue
            if node.delivery.priority <= send.priority or node.delivery.klass not in turn.book.rules.cap_classes:
                continue
            if any(_passes(turn, run, node.ref, by, node.delivery.klass) for by in node.by):
                return f"{run.journey}.{touch.id}"
    return None


def _passes(turn: Turn, run: Run, ref: str, by: tuple[str, ...], klass: str) -> bool:
    journey = turn.journey(run)
    node = journey.nodes.get(ref)
    template = node.template if isinstance(node, SendNode) else ""
    return state_guard(turn, journey, run, node, template, by, klass).reason is None


def _day_above(turn: Turn, send: Send) -> str | None:
    """The day's calendar occurrences count as armed (Q17)."""
    today = local_date(turn.now, turn.zone)
    for journey, start, found in coming_days(turn.book, turn.memory, turn.profile, turn.now):
        if found.day != today or not turn.now < found.instant:
            continue
        if any(_day_passes(turn, journey, start, key, send.priority) for key in found.keys):
            return journey.id
    return None


def _day_passes(turn: Turn, journey: Journey, start: DayStart, key: tuple[Any, ...], priority: int) -> bool:
    facts = dict(zip(journey.key, key, strict=True))
    if start.condition is not None and start.condition(turn.frame(facts, journey.params)) is not True:
        return False
    for node in journey.nodes.values():
        if not isinstance(node, SendNode) or node.delivery.priority <= priority:
            continue
        if node.delivery.klass not in turn.book.rules.cap_classes:
            continue
        for by in node.by:
            if state_guard(turn, journey, None, node, node.template, by, node.delivery.klass).reason is None:
                return True
    return False
