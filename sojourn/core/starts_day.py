"""Starts on a day of the year: birthdays and festivals (N23, Q10, Q40).

For each journey the state holds the first local date that may still start it. The instant is computed from
the date in the customer's present zone, so a move re-arms it and can neither double nor lose it.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sojourn.core.book import Book, DayStart, Journey
from sojourn.core.calendar import Calendar, next_birthday
from sojourn.core.model import Memory, Profile
from sojourn.core.profile import Customer
from sojourn.core.turn import Turn, replace
from sojourn.core.zones import to_local, to_utc


class Occurrence(NamedTuple):
    """The next day that starts a journey: its local date, instant and keys (two festivals may fall together)."""

    day: date
    instant: int
    keys: tuple[tuple[Any, ...], ...]


class Coming(NamedTuple):
    """A journey that starts on a day of the year, with the next one."""

    journey: Journey
    start: DayStart
    day: Occurrence


_last: list[tuple[Book, Memory, Profile, tuple[Coming, ...]]] = []  # at most one, by identity: it is asked again


def coming_days(book: Book, memory: Memory, profile: Profile, now: int) -> tuple[Coming, ...]:
    """Give the next occurrence of each day start that is armed and in the table, as the customer is now."""
    if not memory.days:
        return ()
    for known_book, known_memory, known_profile, days in _last:
        if known_memory is memory and known_profile is profile and known_book is book:
            return days
    view, role = Customer(book, profile, now), book.profile.roles.birth_date
    found = tuple(
        Coming(journey, start, day)
        for journey, start in book.day_starts
        if (day := _next_day(book, memory, view[role], view.zone, journey, start)) is not None
    )
    _last[:] = [] if role in book.profile.derived else [(book, memory, profile, found)]  # derived: it hangs on now
    return found


def _next_day(
    book: Book, memory: Memory, born: str | None, zone: str, journey: Journey, start: DayStart
) -> Occurrence | None:
    first = memory.days.get(journey.id)
    if first is None:
        return None
    if start.kind == "birthday":
        found = None if born is None else _birthday(born, first, journey.key, zone, start.time)
    else:
        found = _festival(book.calendar, first, journey.key, zone, start.time)
    if found is None or found.instant >= memory.moved:
        return found
    return found._replace(instant=memory.moved)


@lru_cache(maxsize=8_192)
def _birthday(born: str, first: int, key: tuple[str, ...], zone: str, time: int) -> Occurrence:
    day = next_birthday(date.fromisoformat(born), date.fromordinal(first))
    return Occurrence(day, to_utc(zone, day, time), _keys(key, day, (None,)))


@lru_cache(maxsize=4096)
def _festival(calendar: Calendar, first: int, key: tuple[str, ...], zone: str, time: int) -> Occurrence | None:
    days = {name: calendar.next_festival(name, date.fromordinal(first)) for name in sorted(calendar.festivals)}
    day = min((day for day in days.values() if day is not None), default=None)
    if day is None:
        return None
    return Occurrence(day, to_utc(zone, day, time), _keys(key, day, [n for n, other in days.items() if other == day]))


def _keys(key: tuple[str, ...], day: date, names: Iterable[str | None]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple({"year": day.year, "festival_id": name}[field] for field in key) for name in names)


def arm_days(turn: Turn, *, known: bool = False, born: bool = False) -> None:
    """Arm day starts at or after now: all when the customer becomes known, birthdays when the date changes (Q10)."""
    if not turn.profile.known or not (known or born):
        return
    today, time = to_local(turn.now, turn.zone)
    days = dict(turn.memory.days)
    for journey, start in turn.book.day_starts:
        if known or start.kind == "birthday":
            days[journey.id] = (today if time <= start.time else today + timedelta(days=1)).toordinal()
    turn.memory = replace(turn.memory, days=days)


def arm_new_days(turn: Turn) -> None:
    """Arm day starts of journeys that a publication has brought; those armed stay as they are."""
    before = turn.memory.days
    arm_days(turn, known=True)
    turn.memory = replace(turn.memory, days=turn.memory.days | before)


def pass_day(turn: Turn, journey: Journey, day: date) -> None:
    """Note that a day has had its start, so that it does not start again whatever the zone does."""
    turn.memory = replace(turn.memory, days=turn.memory.days | {journey.id: day.toordinal() + 1})
