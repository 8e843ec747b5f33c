"""Spans of time and points of the calendar as people write them (language.md, "The words").

`20 minutes` and `36 hours` are elapsed time; `3 days`, `2 weeks`, `1 month`, `2 years` are calendar
time in the customer's zone; `2 business days` and `4 business hours` follow the business calendar. ISO 8601
is refused: one way to say each thing.
Every reader here raises ValueError(message, hint).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sojourn.core.book import At, Duration, Expire
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import DATE, parse
from sojourn.core.zones import DAY, HOUR, MINUTE
from sojourn.definitions.grammar import Parsed

_UNITS: Final[dict[str, dict[str, int]]] = {
    "second": {"ms": 1000},
    "minute": {"ms": MINUTE},
    "hour": {"ms": HOUR},
    "day": {"days": 1},
    "week": {"days": 7},
    "month": {"months": 1},
    "year": {"months": 12},
    "business day": {"business_days": 1},
    "business hour": {"business_ms": HOUR},
}
_MOST: Final = {
    "ms": 3650 * DAY,
    "days": 3650,
    "months": 120,
    "business_days": 1000,
    "business_ms": 8000 * HOUR,
}
UNITS: Final = tuple(f"{unit}s" for unit in _UNITS)
_DURATION: Final = re.compile(r"([0-9]{1,6}) +([a-z]+(?: +[a-z]+)?)", re.ASCII)
_ISO: Final = re.compile(r"[+-]?P(?=[0-9T])[0-9YMWDTHS.]+", re.ASCII | re.IGNORECASE)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_NAME: Final = r"[a-z][a-z0-9_]{0,63}"
_UNIT_PATTERN: Final = r"(seconds?|minutes?|hours?|days?|weeks?|months?|years?|business (day|hour)s?)"
_CLOCK_PATTERN: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN_PATTERN: Final = f"[1-9][0-9]{{0,5}} {_UNIT_PATTERN}"
_DAYS_PATTERN: Final = r"[1-9][0-9]{0,5} (days?|weeks?|months?|years?)"

_ISO_UNITS: Final = {
    "Y": "years", "M": "months", "W": "weeks", "D": "days", "TH": "hours", "TM": "minutes", "TS": "seconds",
}  # fmt: skip


def parse_duration(text: str) -> Duration:
    """Give the span of time that a text means: a count and a unit."""
    if _ISO.fullmatch(text):
        raise ValueError(f"`{text[:60]}` is ISO 8601, which is not a second way", f"write it as {_plain(text)}")
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text[:60]}` is no duration", "write a count and a unit, as 3 days or 36 hours")
    count, unit = int(match[1]), " ".join(match[2].split())
    known = unit if unit in _UNITS else unit.removesuffix("s")
    if known not in _UNITS:
        near = did_you_mean(unit, UNITS)
        raise ValueError(f"`{unit}` is no unit of time", "; ".join(filter(None, (near, _units_hint()))))
    if count == 0:
        raise ValueError("a duration of nothing stands here", "delete the key, or write at least 1")
    if match[1].startswith("0"):
        raise ValueError(f"`{match[1]}` begins with a 0", f"write {count} {unit}")
    ((part, one),) = _UNITS[known].items()
    if count * one > _MOST[part]:
        raise ValueError(f"`{text[:60]}` is longer than the engine plans ahead", "at most ten years")
    return Duration(**{part: count * one}, text=f"{count} {known}{'' if count == 1 else 's'}")


def _units_hint() -> str:
    return f"allowed: {', '.join(UNITS)}"


def _plain(text: str) -> str:
    match = re.fullmatch(r"[+-]?(P([0-9]+)([YMWD])|PT([0-9]+)([HMS]))", text.upper())
    if match is None:
        return "a count and a unit, such as 3 days"
    if match[2]:
        return f"{match[2]} {_ISO_UNITS[match[3]]}"
    return f"{match[4]} {_ISO_UNITS['T' + match[5]]}"


def parse_exact(text: str) -> int:
    """Give exact milliseconds, a day being 24 hours: for the windows of patterns (Q11)."""
    span = parse_duration(text)
    if span.months or span.business_days or span.business_ms:
        raise ValueError(f"`{text}` has no exact length", "write it in hours, days or weeks")
    return span.ms + span.days * DAY


def parse_time(text: str) -> int:
    """Give a time of day in milliseconds: `09:00`."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        short = re.fullmatch(r"([0-9]):([0-5][0-9])", text, re.ASCII)
        hint = f"write 0{text}" if short else "write it as 09:00, from 00:00 to 23:59"
        raise ValueError(f"`{text[:60]}` is no time of day", hint)
    return int(match[1]) * HOUR + int(match[2]) * MINUTE


def _calendar(text: str) -> Duration:
    """Give a span of calendar days or months; elapsed and business time cannot hang on a date."""
    span = parse_duration(text)
    if not span.days and not span.months:
        raise ValueError(f"`{text}` cannot be counted from a date", "allowed: days, weeks, months, years")
    return span


def parse_at(text: str) -> At:
    """Give a local time on a date: `due_date 09:00`, `3 days before due_date 09:00`."""
    head, _, clock = text.rpartition(" ")
    if re.search(r"[+-]?P[0-9T]", text):
        raise ValueError(f"`{text[:60]}` is ISO 8601, which is not a second way", _AT_HINT)
    if not head:
        raise ValueError(f"`{text[:60]}` is no local time on a date", _AT_HINT)
    time = parse_time(clock)
    words = head.split()
    if len(words) == 1:
        return At(_fact(words[0]), time, text=text)
    if len(words) != 4 or words[2] not in ("before", "after"):
        near = did_you_mean(words[2], ("before", "after")) if len(words) == 4 else ""
        raise ValueError(f"`{text[:60]}` is no local time on a date", "; ".join(filter(None, (near, _AT_HINT))))
    span, sign = _calendar(f"{words[0]} {words[1]}"), -1 if words[2] == "before" else 1
    return At(_fact(words[3]), time, sign * span.days, sign * span.months, text)


_AT_HINT: Final = "write it as `due_date 09:00` or `3 days before due_date 09:00`"


def _fact(word: str) -> str:
    if not re.fullmatch(_NAME, word, re.ASCII):
        raise ValueError(f"`{word[:60]}` is no name of a fact", "name a fact that is a date")
    return word


def parse_moment(text: str) -> At:
    """Give the end of a wait: `2 days later 10:00`, or a local time on a date as `parse_at`."""
    match = re.fullmatch(r"(\S+ +\S+) +later +(\S+)", text)
    if match is None:
        if "later" in text.split():
            raise ValueError(f"`{text[:60]}` is no moment", "write it as `2 days later 10:00`")
        return parse_at(text)
    span = _calendar(match[1])
    return At(None, parse_time(match[2]), span.days, span.months, text)


def parse_expire(text: str) -> Expire:
    """Give the day after which nothing matters: `75 days after due_date`, `120 days after start` (Q39)."""
    match = re.fullmatch(r"(.+?) +after +(\S+)", text)
    if match is None:
        raise ValueError(f"`{text[:60]}` is no end", "write it as `75 days after due_date` or `30 days after start`")
    if match[2] == "start":
        return Expire(parse_duration(match[1]))
    return Expire(_calendar(match[1]), _fact(match[2]))


def parse_rest(text: str) -> Duration:
    """Give how long other classes rest after the end of a run: `14 days after end` (N20)."""
    match = re.fullmatch(r"(.+?) +after +end", text)
    if match is None:
        raise ValueError(f"`{text[:60]}` is no end of a pause", "write it as `14 days after end`")
    return parse_duration(match[1])


def parse_finish(text: str) -> str:
    """Give the step whose end is the natural end of the run: `after handbook`."""
    match = re.fullmatch(rf"after +({_NAME})", text, re.ASCII)
    if match is None:
        raise ValueError(f"`{text[:60]}` names no natural end", "write it as `after` and the id of a step")
    return match[1]


_PER: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY}


def parse_limit(text: str) -> tuple[int, int]:
    """Give how fast a bulk send may drain, as (count, milliseconds): `2000 per hour`."""
    match = re.fullmatch(r"([1-9][0-9]{0,8}) +per +([a-z]+)", text, re.ASCII)
    if match is None or match[2] not in _PER:
        raise ValueError(f"`{text[:60]}` is no limit", "write it as `2000 per hour`; minute, hour or day")
    return int(match[1]), _PER[match[2]]


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a message may wait to be handed over; None: until the end of the local day."""

    span: Duration | None


def parse_validity(text: str) -> Validity:
    """Give the validity of a message: a duration, or `same day` (N6)."""
    return Validity(None) if text == "same day" else Validity(parse_duration(text))


def _parse_date(text: str) -> Any:
    return parse(DATE, text)


DURATION: Final = Parsed(parse_duration, "a duration such as 3 days", f"^{_SPAN_PATTERN}$")
EXACT: Final = Parsed(parse_exact, "an exact duration such as 7 days", f"^{_SPAN_PATTERN}$")
TIME_OF_DAY: Final = Parsed(parse_time, "a time of day such as 09:00", f"^{_CLOCK_PATTERN}$")
AT: Final = Parsed(
    parse_at,
    "a local time on a date, such as 3 days before due_date 09:00",
    f"^({_DAYS_PATTERN} (before|after) )?{_NAME} {_CLOCK_PATTERN}$",
)
MOMENT: Final = Parsed(
    parse_moment,
    "a moment such as 2 days later 10:00",
    f"^({_DAYS_PATTERN} later|({_DAYS_PATTERN} (before|after) )?{_NAME}) {_CLOCK_PATTERN}$",
)
EXPIRE: Final = Parsed(parse_expire, "an end such as 75 days after due_date", f"^{_SPAN_PATTERN} after {_NAME}$")
REST: Final = Parsed(parse_rest, "an end such as 14 days after end", f"^{_SPAN_PATTERN} after end$")
FINISH: Final = Parsed(parse_finish, "`after` and the id of a step", f"^after {_NAME}$")
LIMIT: Final = Parsed(parse_limit, "a limit such as 2000 per hour", r"^[1-9][0-9]{0,8} per (minute|hour|day)$")
VALIDITY: Final = Parsed(parse_validity, "a duration such as 2 days, or `same day`", f"^({_SPAN_PATTERN}|same day)$")
DAY_OF_YEAR: Final = Parsed(_parse_date, "a date such as 2026-12-31", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
