"""When a customer needs a tick next, and the instants at which an answer changes without one (design.md)."""

from collections.abc import Iterator

from sojourn.core.book import Book, SilenceStart
from sojourn.core.memory import EARLY_FOR, SEEN_FOR
from sojourn.core.model import Memory, Run, State
from sojourn.core.profile import Customer
from sojourn.core.schedule import pending_touches
from sojourn.core.starts_day import next_day
from sojourn.core.zones import next_midnight


def next_due(book: Book, state: State) -> int | None:
    """Give the earliest instant at which a timer or release of this customer is due; None: never."""
    return min(_dues(book, state), default=None)


def due_after(book: Book, before: State, after: State, old: int | None, now: int) -> int | None:
    """Give a lower bound of the next due instant, looking only at parts that changed; exact when the old one fired."""
    if old is None or old <= now or _moved(book, before, after):
        return next_due(book, after)
    zone = Customer(book, after.profile, now).zone
    best = old
    for run in after.runs.values():
        if before.runs.get(run.id) is not run:
            best = min(best, min(run_dues(book, run, zone), default=best))
    for send in after.hot.sends:
        if send.status != "ready":
            best = min(best, send.next_at)
    if _waits_anew(before.memory, after.memory):
        best = min(best, min(_memory_dues(book, after), default=best))
    return best


def _waits_anew(before: Memory, after: Memory) -> bool:
    """Tell whether a part of the memory changed that has an instant of its own."""
    return (
        before.days is not after.days or before.silences is not after.silences or before.moved != after.moved
    )  # fmt: skip


def _moved(book: Book, before: State, after: State) -> bool:
    """Tell whether zone or birthday changed: then every due instant is computed anew."""
    if before.profile is after.profile:
        return False
    roles = book.profile.roles
    old, new = before.profile.fields, after.profile.fields
    return old.get(roles.zone) != new.get(roles.zone) or old.get(roles.birth_date) != new.get(roles.birth_date)


def _dues(book: Book, state: State) -> Iterator[int]:
    zone = Customer(book, state.profile, state.hot.clock).zone
    for send in state.hot.sends:
        if send.status != "ready":
            yield send.next_at
    for run in state.runs.values():
        yield from run_dues(book, run, zone)
    yield from _memory_dues(book, state)


def run_dues(book: Book, run: Run, zone: str) -> Iterator[int]:
    """Give the instants at which a run has something due."""
    if run.ended is not None:
        return
    for _, _, due in pending_touches(book.journeys[run.journey, run.version], run, zone):
        yield due
    for copy in run.copies:
        if copy.until is not None:
            yield copy.until
    for deadline in run.deadlines:
        if deadline.due is not None:
            yield deadline.due
    if run.expire_at is not None:
        yield run.expire_at


def _memory_dues(book: Book, state: State) -> Iterator[int]:
    view = Customer(book, state.profile, state.hot.clock)
    for journey, start in book.day_starts if state.memory.days else ():
        day = next_day(book, state.memory, view, journey, start)
        if day is not None:
            yield day.instant
    for silence in state.memory.silences:
        current = book.current.get(silence.journey)
        for one in book.journeys[silence.journey, current].starts if current is not None else ():
            if isinstance(one, SilenceStart):
                yield one.span.after(silence.since, view.zone, book.calendar)


def watch_points(book: Book, state: State) -> frozenset[int]:
    """Give the instants at which a guard or start answers differently although no timer is due."""
    zone = Customer(book, state.profile, state.hot.clock).zone
    points = {next_midnight(zone, state.hot.clock)}
    points.update(send.valid_until + 1 for send in state.hot.sends)
    points.update(until for _, until in state.memory.pauses)
    points.update(seen.at + SEEN_FOR + 1 for seen in state.memory.seen)
    points.update(old.at + SEEN_FOR + 1 for old in state.memory.remembered)
    points.update(early.event.arrival + EARLY_FOR + 1 for early in state.memory.early)
    for (journey, _), tomb in state.tombs.items():
        current = book.current.get(journey)
        again = book.journeys[journey, current].again if current is not None else None
        if again is not None and again.kind == "after" and tomb.sent is not None:
            points.add(again.after.after(tomb.sent, zone, book.calendar))
    for name, type_ in book.profile.types.items():
        value = state.profile.fields.get(name)
        if type_.kind == "instant" and isinstance(value, int):
            points.add(value)
    return frozenset(points)
