"""Business time and days of the year: the official calendar of a place, as data (N23, N24, Q41).

The table comes from the project (schemas/calendar.yaml); nothing is computed by month arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sojourn.core.zones import HOUR, to_local, to_utc

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """Opening hours, holidays and make-up working days; festivals by year."""

    zone: str = "Asia/Shanghai"
    opens: int = 9 * HOUR
    closes: int = 18 * HOUR
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()  # working weekends
    official: frozenset[int] = frozenset()  # years with an official table
    festivals: Mapping[str, tuple[date, ...]] = field(default_factory=dict)

    def is_business_day(self, day: date) -> bool:
        """Tell whether offices work: a make-up weekend does, a holiday does not."""
        return day in self.workdays or (day.weekday() < 5 and day not in self.holidays)

    def next_business_day(self, day: date) -> date:
        """Give the first business day after a date."""
        day += ONE_DAY
        while not self.is_business_day(day):
            day += ONE_DAY
        return day

    def add_business_days(self, instant: int, days: int) -> int:
        """Give the same clock time on the n-th following business day, clamped into opening hours (Q41)."""
        day, rest = to_local(instant, self.zone)
        for _ in range(days):
            day = self.next_business_day(day)
        return to_utc(self.zone, day, min(max(rest, self.opens), self.closes))

    def add_business_ms(self, instant: int, span: int) -> int:
        """Give the instant after so many opening hours, counting only while offices are open (Q41)."""
        day, rest = to_local(instant, self.zone)
        if not self.is_business_day(day) or rest >= self.closes:
            day, rest = self.next_business_day(day), self.opens
        rest = max(rest, self.opens)
        while span > self.closes - rest:
            span -= self.closes - rest
            day, rest = self.next_business_day(day), self.opens
        return to_utc(self.zone, day, rest + span)

    def next_festival(self, name: str, first: date) -> date | None:
        """Give the first day of a festival on or after a date, as far as the table goes."""
        return next((day for day in self.festivals.get(name, ()) if day >= first), None)


def birthday(born: date, year: int) -> date:
    """Give the day of a birthday in a year: 29 February is 28 February in common years (N23)."""
    if (born.month, born.day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        return date(year, 2, 28)
    return date(year, born.month, born.day)


def next_birthday(born: date, first: date) -> date:
    """Give the first birthday on or after a date."""
    day = birthday(born, first.year)
    return day if day >= first else birthday(born, first.year + 1)
