"""When a customer needs a tick next, and the instants at which an answer changes without one (design.md)."""

from collections.abc import Iterable

from sojourn.core.book import Book, Journey, SilenceStart
from sojourn.core.memory import EARLY_FOR, SEEN_FOR
from sojourn.core.model import Memory, Send, State
from sojourn.core.profile import Customer, zone_of
from sojourn.core.schedule import NEVER, run_due
from sojourn.core.starts_day import coming_days
from sojourn.core.zones import next_midnight

_last: list[tuple[Book, State, int | None]] = []  # at most one, by identity: who drives a state further asks again


def next_due(book: Book, state: State) -> int | None:
    """Give the earliest instant at which a timer or release of this customer is due; None: never."""
    for known_book, known_state, due in _last:
        if known_state is state and known_book is book:
            return due
    due = _next_due(book, state)
    _last[:] = [(book, state, due)]
    return due


def _next_due(book: Book, state: State) -> int | None:
    zone = zone_of(book, state.profile)
    best = _waiting(state.hot.sends, NEVER)
    for run in state.runs.values():
        if run.ended is None:
            best = min(best, run_due(book.journeys[run.journey, run.version], run, zone))
    best = _memory_due(book, state, best)
    return None if best == NEVER else best


def due_after(book: Book, before: State, after: State, old: int | None, now: int) -> int | None:
    """Give a lower bound of the next due instant, looking only at parts that changed; exact when the old one fired."""
    if old is None or old <= now or _moved(book, before, after):
        return next_due(book, after)
    best = old
    if after.runs is not before.runs:
        zone = zone_of(book, after.profile)
        for run in after.runs.values():
            if run.ended is None and before.runs.get(run.id) is not run:
                best = min(best, run_due(book.journeys[run.journey, run.version], run, zone))
    best = _waiting(after.hot.sends, best)
    return _memory_due(book, after, best) if _waits_anew(before.memory, after.memory) else best


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


def _waiting(sends: Iterable[Send], best: int) -> int:
    for send in sends:
        if send.status != "ready" and send.next_at < best:
            best = send.next_at
    return best


def _memory_due(book: Book, state: State, best: int) -> int:
    """Give the earlier of an instant and those at which a day or a silence starts something."""
    memory = state.memory
    if not memory.days and not memory.silences:
        return best
    for coming in coming_days(book, memory, state.profile, state.hot.clock):
        best = min(best, coming.day.instant)
    return min([best, *(due for _, due in _silences(book, state))]) if memory.silences else best


def is_bulk(book: Book, state: State, due: int) -> bool:
    """Tell whether all that is due at an instant may wait behind others: starts of a day, journeys with a limit."""
    zone = zone_of(book, state.profile)
    for send in state.hot.sends:
        if send.status != "ready" and send.next_at <= due and book.journeys[send.journey, send.version].limit is None:
            return False
    for run in state.runs.values():
        journey = book.journeys[run.journey, run.version]
        if run.ended is None and journey.limit is None and run_due(journey, run, zone) <= due:
            return False
    return not any(journey.limit is None and silence_due <= due for journey, silence_due in _silences(book, state))


def _silences(book: Book, state: State) -> Iterable[tuple[Journey, int]]:
    if not state.memory.silences:
        return
    view = Customer(book, state.profile, state.hot.clock)
    for silence in state.memory.silences:
        current = book.current.get(silence.journey)
        if current is None:
            continue
        journey = book.journeys[silence.journey, current]
        for one in journey.starts:
            if isinstance(one, SilenceStart):
                yield journey, one.span.after(silence.since, view.zone, book.calendar)


def watch_points(book: Book, state: State) -> frozenset[int]:
    """Give the instants at which a guard or start answers differently although no timer is due."""
    zone = zone_of(book, state.profile)
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
