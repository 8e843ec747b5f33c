"""Who enters: events, patterns, silences, changes of the profile (N9, N11, N19, Q7, Q8, Q11, Q13).

The order of causes is stale, active, again, deceased, do_not_contact, personalisation, consent (Q51); the
last three leave a row not_entered, the others a note.
"""

from collections.abc import Callable
from typing import Any

from sojourn.core.book import BecomesStart, EventStart, Journey, PatternStart
from sojourn.core.conditions import Expression, Frame
from sojourn.core.deadlines import first_deadlines
from sojourn.core.guards import lacks_consent
from sojourn.core.ids import bucket, key_text, refusal_id, run_id, values_by_field
from sojourn.core.memory import is_remembered, is_stale_start, key_of, take_early
from sojourn.core.model import Cause, Counted, Event, Heard, Row, Run, Silence
from sojourn.core.runs import ALL_RUNS, expire_at, first_facts, settle_run
from sojourn.core.schedule import arm
from sojourn.core.turn import Turn, raise_applied, replace
from sojourn.core.types import decode
from sojourn.core.walk import begin
from sojourn.core.zones import DAY

Give = Callable[[Turn, str, Event], bool]
_LATE_PATTERN = 366 * DAY  # how far back a late event of a pattern may still look


def start_at_event(turn: Turn, event: Event, give: Give) -> None:
    """Start what an event starts, count it where a pattern counts, note it where silence is awaited."""
    for journey in turn.book.starts_at.get(event.type, ()):
        for start in journey.starts:
            if isinstance(start, EventStart):
                if any(_fits(turn, journey, m.condition, event) for m in start.events if m.type == event.type):
                    _enter_by(turn, journey, event, give)
            elif isinstance(start, PatternStart) and _count(turn, journey, start, event):
                _enter_by(turn, journey, event, give, pattern=True)
    for journey, silence in turn.book.silences.get(event.type, ()):
        value = event.payload.get(silence.by)
        if value is not None:
            rest = tuple(s for s in turn.memory.silences if (s.journey, s.by) != (journey.id, value))
            turn.memory = replace(turn.memory, silences=(*rest, Silence(journey.id, value, turn.now)))


def start_at_change(turn: Turn, event: Event, give: Give) -> None:
    """Start what waits for a condition over the profile to become true."""
    for journey in turn.book.becomes:
        for start in journey.starts:
            if isinstance(start, BecomesStart):
                frame = turn.frame({}, journey.params, event.payload)
                if became_true(turn, start.condition, frame):
                    _enter_by(turn, journey, event, give, pattern=True)


def became_true(turn: Turn, condition: Expression, frame: Frame) -> bool:
    """Tell whether a condition over the profile holds now and did not before the event at hand."""
    if turn.before is None or condition(frame) is not True:
        return False
    frame.customer = turn.before
    return condition(frame) is not True


def _fits(turn: Turn, journey: Journey, condition: Expression | None, event: Event) -> bool:
    if condition is None:
        return True
    key = key_of(journey, event)
    facts = dict(zip(journey.key, key, strict=True)) if key else {}
    return condition(turn.frame(facts, journey.params, event.payload)) is True


def _count(turn: Turn, journey: Journey, start: PatternStart, event: Event) -> bool:
    """Count an event of a pattern and tell whether the window that ends with it is full (Q11)."""
    if event.type not in (start.event, start.negative):
        return False
    by = event.payload.get(start.by)
    negative = event.type != start.event
    if by is None or (not negative and not _fits(turn, journey, start.condition, event)):
        return False
    mark = event.id if event.seq is None else f"{event.entity_type}|{event.entity_id}|{event.seq}"
    new = Counted(journey.id, by, negative, min(event.occurred, turn.now), mark)
    oldest = turn.now - start.span - _LATE_PATTERN
    kept = tuple(c for c in turn.memory.counted if c.journey != journey.id or c.occurred >= oldest)
    if new not in kept:
        turn.memory = replace(turn.memory, counted=(*kept, new))
    if negative:
        return False
    window = [
        c
        for c in turn.memory.counted
        if c.journey == journey.id and c.by == by and new.occurred - start.span <= c.occurred <= new.occurred
    ]
    counted = {c.mark for c in window if not c.negative} | {mark}
    return not any(c.negative for c in window) and len(counted) >= start.times


def _enter_by(turn: Turn, journey: Journey, event: Event, give: Give, *, pattern: bool = False) -> None:
    key = key_of(journey, event)
    if key is None:
        turn.note("no_key", journey, event_id=event.id)
        return
    if not pattern and is_stale_start(turn.memory, journey.id, key, event, turn.now):
        turn.note("ignored", journey, key, event_id=event.id, cause="stale")
        return
    enter(turn, journey, key, event, give)


def enter(turn: Turn, journey: Journey, key: tuple[Any, ...], event: Event | None, give: Give) -> None:
    """Start a run, or tell why it does not start (Q8, Q51)."""
    cause = _hindrance(turn, journey, key)
    if cause is not None:
        turn.note("ignored", journey, key, event_id=event.id if event else None, cause=cause)
        return
    refusal = _refusal(turn, journey)
    if refusal is not None:
        _refuse(turn, journey, key, event, refusal)
        return
    _start(turn, journey, key, event, give)


def _hindrance(turn: Turn, journey: Journey, key: tuple[Any, ...]) -> str | None:
    """Name what keeps a run from starting without a row: active, again, remembered, deceased."""
    again = journey.again
    for run in turn.runs.values():
        if run.ended is None and run.journey == journey.id and (again.per_customer or run.key == key):
            return "active"
    name = ALL_RUNS if again.per_customer else key_text(journey.key, key)
    tomb = turn.tombs.get((journey.id, name))
    if again.kind == "never" and (tomb is not None or is_remembered(turn.memory, journey.id, key, turn.now)):
        return "again" if tomb is not None else "settled_before"
    if again.kind == "after" and tomb is not None and tomb.sent is not None:
        free = again.after.after(tomb.sent, turn.zone, turn.book.calendar)
        return "again" if turn.now < free else _deceased(turn)
    return _deceased(turn)


def _deceased(turn: Turn) -> str | None:
    """A deceased customer enters nothing (N20)."""
    return "deceased" if turn.view[turn.book.profile.roles.deceased] else None


def _refusal(turn: Turn, journey: Journey) -> str | None:
    lacking = lacks_consent(turn, journey)
    if lacking == "do_not_contact":
        return lacking
    if journey.personalised and turn.view[turn.book.profile.roles.personalisation_opt_out]:
        return "personalisation_opt_out"
    return lacking


def _refuse(turn: Turn, journey: Journey, key: tuple[Any, ...], event: Event | None, cause: str) -> None:
    turn.out.append(
        Row(
            message_id=refusal_id(turn.customer, journey.id, key, turn.arrival),
            customer_id=turn.customer,
            journey=journey.id,
            journey_version=journey.version,
            key=values_by_field(journey.key, key),
            step=None,
            template=None,
            template_version=None,
            locale=None,
            channel=None,
            status="skipped",
            reason="not_entered",
            due_at=turn.now,
            decided_at=turn.now,
            event_id=event.id if event else None,
            trace_id=event.trace_id if event else None,
            detail={"cause": cause},
            klass=journey.klass,
        )
    )


def _start(turn: Turn, journey: Journey, key: tuple[Any, ...], event: Event | None, give: Give) -> None:
    event_id = event.id if event else None
    run = Run(
        id=run_id(turn.customer, journey.id, key, turn.arrival, event_id),
        journey=journey.id,
        version=journey.version,
        key=key,
        started=turn.now,
        cause=Cause(event_id, event.trace_id if event else None),
        facts=first_facts(turn, journey, key, event.payload if event else None),
        control=journey.control is not None
        and bucket(f"control:{journey.control[0]}", turn.customer) < journey.control[1],
        applied=raise_applied((), event) if event else (),
    )
    run = turn.put_run(replace(run, expire_at=expire_at(turn, journey, run)))
    turn.note("started", journey, key, run_id=run.id, event_id=event_id)
    run = arm(turn, first_deadlines(turn, run, event))
    begin(turn, run.id, "flow", "", journey.flow, run.cause)
    for early in take_early(turn, journey.id, key):
        if run.id in turn.runs:
            give(turn, run.id, _event_of(turn, early.event))
    settle_run(turn, run.id)


def _event_of(turn: Turn, heard: Heard) -> Event:
    """Give an early event again; its arrival is that of the starting event (Q30)."""
    types = turn.book.event_types.get(heard.type, {})
    return Event(
        id=heard.id,
        type=heard.type,
        customer=turn.customer,
        occurred=heard.occurred,
        arrival=turn.now,
        source=heard.source,
        entity_type=heard.entity_type,
        entity_id=heard.entity_id,
        seq=heard.seq,
        payload={name: decode(types[name], wire) for name, wire in heard.payload.items() if name in types},
        trace_id=heard.trace_id,
    )
