"""Reads schemas/calendar.yaml: opening hours, holidays, make-up working days, festivals (N23, N24, Q41)."""

from datetime import date, timedelta
from typing import Final

from sojourn.core.calendar import Calendar
from sojourn.core.types import DATE, parse
from sojourn.core.zones import is_zone
from sojourn.definitions.durations import TIME_OF_DAY
from sojourn.definitions.grammar import (
    Boolean,
    Entries,
    F,
    Fields,
    ListOf,
    MapOf,
    Name,
    Parsed,
    Record,
    Text,
)
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.reader import Mapping as MappingNode

_DATE: Final = Parsed(lambda text: parse(DATE, text), "a date as 2026-10-01")
_YEAR: Final = Name("year", r"20[0-9]{2}", "four digits, as 2026")
_CLOSED: Final = Record(
    "a holiday",
    (
        F("name", Name("holiday"), "which holiday", required=True),
        F("from", _DATE, "the first day", required=True),
        F("to", _DATE, "the last day", required=True),
    ),
)
_ONE_YEAR: Final = Record(
    "a year",
    (
        F("official", Boolean(), "whether the official notice is entered", required=True),
        F("source", Text(), "the notice", required=True),
        F("closed", ListOf(_CLOSED), "days on which nothing is open", required=True),
        F("working", ListOf(_DATE), "weekends that are worked to make up", required=True),
    ),
)
CALENDAR: Final = Record(
    "the calendar",
    (
        F("zone", Text(), "zone of the opening hours", required=True),
        F("opens", TIME_OF_DAY, "opening time", required=True),
        F("closes", TIME_OF_DAY, "closing time", required=True),
        F("years", MapOf(_YEAR, _ONE_YEAR), "the table of each year", required=True),
        F("festivals", MapOf(Name("festival"), ListOf(_DATE, least=1)), "dates of festivals (Q10)"),
    ),
)


def read_calendar(node: MappingNode, problems: Problems) -> Calendar | None:
    """Give the calendar of a project, or None after noting why there is none."""
    before = len(problems.errors)
    parsed: Fields | None = CALENDAR.parse(node, problems)
    if parsed is None or len(problems.errors) > before:
        return None
    if not is_zone(parsed.value("zone")):
        problems.add(parsed.place("zone"), f"`{parsed.value('zone')}` is no time zone", "as Asia/Shanghai")
    if parsed.value("opens") >= parsed.value("closes"):
        problems.add(parsed.place("closes"), "offices close before they open", "`closes` must be later than `opens`")
    holidays: set[date] = set()
    working: set[date] = set()
    for name, year in parsed.get("years").items():
        _closed(int(name), year, holidays, problems)
        _working(int(name), year, holidays, working, problems)
    return Calendar(
        zone=parsed.value("zone"),
        opens=parsed.value("opens"),
        closes=parsed.value("closes"),
        holidays=frozenset(holidays),
        workdays=frozenset(working),
        official=frozenset(int(name) for name, year in parsed.get("years").items() if year.value("official")),
        festivals=_festivals(parsed.get("festivals"), problems),
    )


def _closed(year: int, parsed: Fields, holidays: set[date], problems: Problems) -> None:
    for one in parsed.get("closed"):
        first, last = one.value("from"), one.value("to")
        if first > last or (last - first).days > 31:
            problems.add(one.place("to"), "this holiday ends before it begins, or lasts over a month", "check both")
            continue
        _in_year(first, year, one.place("from"), problems)
        holidays.update(first + timedelta(days=n) for n in range((last - first).days + 1))


def _working(year: int, parsed: Fields, holidays: set[date], working: set[date], problems: Problems) -> None:
    for leaf in parsed.get("working"):
        _in_year(leaf.value, year, leaf.place, problems)
        if leaf.value in holidays:
            problems.add(leaf.place, f"{leaf.value} is a holiday and a working day", "delete one of the two")
        if leaf.value.weekday() < 5:
            problems.add(leaf.place, f"{leaf.value} is no weekend", "only weekends are worked to make up")
        working.add(leaf.value)


def _in_year(day: date, year: int, place: Place, problems: Problems) -> None:
    if day.year != year:
        problems.add(place, f"{day} does not lie in {year}", "put it under its own year")


def _festivals(parsed: Entries | None, problems: Problems) -> dict[str, tuple[date, ...]]:
    found: dict[str, tuple[date, ...]] = {}
    for name, items in parsed.items() if parsed is not None else ():
        days = [leaf.value for leaf in items]
        if days != sorted(set(days)):
            problems.add(items.place, f"the dates of `{name}` are not in order", "earliest first, none twice")
        found[name] = tuple(sorted(set(days)))
    return found
