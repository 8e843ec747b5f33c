"""Writes a value the way its reader expects it: money, dates, times and lists by locale (B5).

Every function refuses a value of another type with :class:`WrongValue`; none ever gives "None" or a blank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sojourn.core.zones import to_local

# A variable's kind, and the type of value that it takes.
KINDS: Mapping[str, str] = {
    "text": "a text",
    "money": "an amount in yuan, with two decimals",
    "date": "a calendar date",
    "datetime": "an instant, shown in the customer's zone",
    "int": "a whole number",
    "url": "an address that starts with https:// or http://",
    "list": "a list of texts",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class WrongValue(Exception):
    """A value does not fit the kind of its variable; the message names kinds, never the value."""


def money(value: object) -> str:
    """`6,800.00`: yuan with two decimals and thousands, half cents to even."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise WrongValue(f"money must be a decimal, not {type(value).__name__}")
    amount = Decimal(value)
    if not amount.is_finite() or amount.adjusted() > 15:
        raise WrongValue("money must be finite and below 10**16")
    return f"{amount:,.2f}"


def whole(value: object) -> str:
    """`12800`: digits only, as the reference writes counts."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**15:
        raise WrongValue(f"int must be a whole number below 10**15, not {type(value).__name__}")
    return str(value)


def text(value: object) -> str:
    """The text itself; a blank one is refused, since a sentence with a hole misleads."""
    if not isinstance(value, str):
        raise WrongValue(f"text must be a text, not {type(value).__name__}")
    if not value.strip():
        raise WrongValue("text must not be blank")
    return value


def url(value: object) -> str:
    """The address itself; anything but http and https is refused (a `javascript:` link is an attack)."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or not value.isprintable():
        raise WrongValue("url must start with https:// or http:// and hold no control character")
    if " " in value:
        raise WrongValue("url must not hold a space")
    return value


@dataclass(frozen=True, slots=True)
class LocaleFormat:
    """How one locale writes dates, times and lists."""

    day: Callable[[date], str]
    join: str

    def date(self, value: object) -> str:
        """`2026年3月31日` or `31 Mar 2026`."""
        if not isinstance(value, date) or isinstance(value, datetime):
            raise WrongValue(f"date must be a date, not {type(value).__name__}")
        return self.day(value)

    def datetime(self, value: object, zone: str) -> str:
        """The local date and `18:00` of an instant in ms, in the customer's zone (N2)."""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 253_402_300_800_000:
            raise WrongValue(f"datetime must be an instant in ms, not {type(value).__name__}")
        day, rest = to_local(value, zone)
        minutes = rest // 60_000
        return f"{self.day(day)} {minutes // 60:02d}:{minutes % 60:02d}"

    def list(self, value: object) -> str:
        """The items with the separator of the locale."""
        if not isinstance(value, list | tuple) or not value:
            raise WrongValue("list must be a list with at least one item")
        return self.join.join(map(text, value))


def _chinese(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _english(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


LOCALES: Mapping[str, LocaleFormat] = {
    "zh-CN": LocaleFormat(_chinese, "、"),
    "en": LocaleFormat(_english, ", "),
}


def is_blank(value: object) -> bool:
    """Tells whether a value would leave a hole: absent, a blank text, an empty list, not a number."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | tuple):
        return not value or all(is_blank(item) for item in value)
    return isinstance(value, float) and math.isnan(value)
