"""A run from start to end: its facts, how it ends, and what stays of it (N15, N17, Q24, Q39)."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from sojourn.core.book import Journey
from sojourn.core.ids import key_text
from sojourn.core.model import Run, Send, Tomb
from sojourn.core.schedule import arm, forget_rush, is_of_old_date, pending_touches
from sojourn.core.turn import Turn, replace
from sojourn.core.types import encode
from sojourn.core.zones import to_utc

ALL_RUNS = "*"  # the tomb of a journey whatever the key, for `per: customer`


def first_facts(turn: Turn, journey: Journey, key: tuple[Any, ...], event: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the facts of a new run: key fields, captured values, derived values (wire)."""
    facts: dict[str, Any] = dict(zip(journey.key, key, strict=True))
    frame = turn.frame(facts, journey.params, event)
    for fact in journey.facts:
        if fact.value is not None:
            facts[fact.name] = encode(fact.type, fact.value(frame))
    return facts


def set_facts(turn: Turn, run: Run, new: Mapping[str, Any]) -> Run:
    """Give the run with new facts (wire); derived facts follow, moved dates take their touches along (N15, Q3, Q37)."""
    journey = turn.journey(run)
    facts = run.facts | dict(new)
    frame = turn.frame(facts, journey.params)
    for fact in journey.facts:
        if fact.derived and fact.value is not None:
            facts[fact.name] = encode(fact.type, fact.value(frame))
    changed = frozenset(name for name, value in facts.items() if value != run.facts.get(name))
    if not changed:
        return run
    run = turn.put_run(forget_rush(replace(run, facts=facts), journey, changed))
    supersede(turn, run, [send for send in turn.sends_of(run.id) if is_of_old_date(journey, run, send)])
    if journey.expire is not None and journey.expire.fact in changed:
        run = turn.put_run(replace(run, expire_at=expire_at(turn, journey, run)))
    return arm(turn, run, changed)


def expire_at(turn: Turn, journey: Journey, run: Run) -> int | None:
    """Give the instant after which nothing matters: the end of the local day, or counted from the start (Q39).

    One that is past already is now: the arrivals of this instant still come first (N7).
    """
    expire = journey.expire
    if expire is None:
        return None
    if expire.fact is None:
        return expire.span.after(run.started, turn.zone, turn.book.calendar)
    anchor = run.facts.get(expire.fact)
    if anchor is None:
        return None
    noon = to_utc("UTC", date.fromisoformat(anchor), 43_200_000)
    last_day = expire.span.after(noon, "UTC", turn.book.calendar) // 86_400_000
    end = to_utc(turn.zone, date.fromordinal(719_163 + last_day) + timedelta(days=1), 0)
    return max(turn.now, end)


def supersede(turn: Turn, run: Run, sends: list[Send], reason: str = "superseded") -> list[Send]:
    """Suppress open messages that later news has overtaken; those already given out are judged again (Q24a, Q37)."""
    gone = []
    for send in sends:
        if send.channel == "call":
            continue
        if send.status == "ready":
            turn.put_send(replace(send, reason=reason))
            continue
        turn.drop_send(send)
        if send.status != "repeat":  # the message has its row: in_doubt
            turn.row(send, "suppressed", reason, detail={"was": send.status})
        gone.append(send)
    return gone


def end_run(turn: Turn, run: Run, reason: str, row_reason: str = "journey_ended", *, goal: bool = False) -> Run:
    """End a run: timers, waits and open messages go; what had not come due leaves no row (N17, Q24)."""
    journey = turn.journey(run)
    run = replace(run, ended=reason, ended_at=turn.now, copies=(), deadlines=(), expire_at=None, rushed=())
    turn.put_run(run)
    supersede(turn, run, list(turn.sends_of(run.id)), row_reason)
    turn.note("ended", journey, run.key, run_id=run.id, cause=reason, goal=goal)
    if journey.pauses is not None:
        until = journey.pauses.span.after(turn.now, turn.zone, turn.book.calendar)
        kept = tuple(pause for pause in turn.memory.pauses if pause[1] > turn.now)
        turn.memory = replace(turn.memory, pauses=kept + tuple((klass, until) for klass in journey.pauses.classes))
    bury(turn, run)
    return run


def keep_whole(turn: Turn, run_id: str, act: Callable[[], object]) -> None:
    """Let a run do something; should that fail, the run is broken and ends, and the customer goes on (design.md)."""
    saved = turn.saved()
    try:
        act()
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        turn.restore(saved)
        run = turn.runs[run_id]
        turn.note("broken", turn.journey(run), run.key, run_id=run.id, cause=f"{type(error).__name__}: {error}")
        end_run(turn, run, "broken")
        settle_run(turn, run_id)


def bury(turn: Turn, run: Run) -> None:
    """Keep what stays of an ended run: a cool-down counts only runs that sent something (Q8)."""
    journey = turn.journey(run)
    assert run.ended_at is not None
    names = [key_text(journey.key, run.key)] + ([ALL_RUNS] if journey.again.per_customer else [])
    for name in names:
        old = turn.tombs.get((run.journey, name))
        sent = run.ended_at if run.sent else (old.sent if old else None)
        turn.put_tomb(run.journey, name, Tomb(run.ended_at, sent))


def settle_run(turn: Turn, run_id: str) -> None:
    """Finish a run that has nothing left to do, and forget one that has ended and nothing open (Q39)."""
    run = turn.runs.get(run_id)
    if run is None:
        return
    if run.ended is not None:
        if not run.copies and not any(True for _ in turn.sends_of(run.id)):
            bury(turn, run)
            turn.drop_run(run)
        return
    if _is_finished(turn, run):
        end_run(turn, run, "finished")
        settle_run(turn, run_id)


def _is_finished(turn: Turn, run: Run) -> bool:
    journey = turn.journey(run)
    if run.finished:
        return True
    if run.copies or journey.reactions or journey.deadlines:
        return False
    if journey.expire is not None and any(ending.goal for ending in journey.endings):
        return False
    if any(send.channel != "call" or send.status != "ready" for send in turn.sends_of(run.id)):
        return False
    return not any(True for _ in pending_touches(journey, run, turn.zone))
