"""Days and hours of the synthetic year: holidays, opening days, and at what hour people do things (W15, W16)."""

from bisect import bisect
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from random import Random
from typing import Final

from sojourn.core.zones import DAY, HOUR, to_utc

SHANGHAI: Final = "Asia/Shanghai"
FIRST: Final = date(2026, 1, 1).toordinal()
LAST: Final = date(2026, 12, 31).toordinal()
LENGTH: Final = LAST - FIRST + 1
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SHANGHAI_EAST: Final = 8 * HOUR  # no summer time there since 1991


def _span(month: int, first: int, last: int) -> range:
    start = date(2026, month, 1).toordinal() - 1
    return range(start + first, start + last + 1)


_LONG: Final = (_span(2, 15, 23), _span(5, 1, 5), _span(10, 1, 7))
_SHORT: Final = (_span(1, 1, 3), _span(4, 4, 6), _span(6, 19, 21), _span(9, 25, 27))
_HOLIDAYS: Final = frozenset(day for span in (*_LONG, *_SHORT) for day in span)
_WORKING: Final = frozenset(
    date(2026, month, day).toordinal() for month, day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))
)
_AFTER_LONG: Final = frozenset(day for span in _LONG for day in range(span.stop, span.stop + 7))


def is_closed(day: int) -> bool:
    """Tell whether offices rest on a day (ordinal): holidays, and weekends that are not worked."""
    return day in _HOLIDAYS or (day not in _WORKING and date.fromordinal(day).weekday() >= 5)


def at(day: int, time: int, zone: str = SHANGHAI) -> int:
    """Give the instant (ms) of a local date (ordinal) and time of day (ms)."""
    if zone == SHANGHAI:
        return (day - _EPOCH) * DAY + time - _SHANGHAI_EAST
    return to_utc(zone, date.fromordinal(day), time)


def iso_day(day: int) -> str:
    """Write a date (ordinal) as ``2026-03-12``."""
    return date.fromordinal(day).isoformat()


class Table:
    """Draws a place of a list of weights, fast."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._sums = list(accumulate(weights))

    def draw(self, rng: Random) -> int:
        """Give an index, as often as its weight says."""
        return bisect(self._sums, rng.random() * self._sums[-1])


_HOURS: Final = ((0, 6), (6, 9), (9, 12), (12, 14), (14, 18), (18, 22), (22, 24))
_BY_HOUR: Final = Table((2, 9, 30, 14, 27, 16, 2))
_CLAIM_DAYS: Final = Table([1.3 if FIRST + n in _AFTER_LONG else 1.0 for n in range(LENGTH)])


def hour(rng: Random) -> int:
    """Give a time of day (ms) at which customers do things (W16)."""
    begin, end = _HOURS[_BY_HOUR.draw(rng)]
    return begin * HOUR + int(rng.random() * (end - begin) * HOUR)


def any_day(rng: Random) -> int:
    """Give a day of the year (ordinal), all alike."""
    return FIRST + int(rng.random() * LENGTH)


def open_day(rng: Random, day: int, fewer: float) -> int:
    """Give a day on or after one: a closed day is passed over with the given probability (W15)."""
    while is_closed(day) and rng.random() < fewer:
        day += 1
    return day


def claim_day(rng: Random) -> int:
    """Give a day of the year; the weeks after long holidays have more claims (W9)."""
    return FIRST + _CLAIM_DAYS.draw(rng)


def poisson(rng: Random, rate: float) -> int:
    """Give how often something of a small rate happens."""
    count, left = 0, rng.expovariate(1.0)
    while left < rate:
        count += 1
        left += rng.expovariate(1.0)
    return count


def batch_time(rng: Random) -> int:
    """Give a time of day at which batch files arrive: 02:00-05:00 Shanghai, 30% in the first ten minutes (W16)."""
    if rng.random() < 0.3:
        return 2 * HOUR + int(rng.random() * HOUR / 6)
    return 2 * HOUR + int(rng.random() * 3 * HOUR)
