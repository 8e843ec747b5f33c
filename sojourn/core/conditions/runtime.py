"""What compiled conditions call: arithmetic that gives None where there is no answer, and never fails.

A value that is absent, a date out of the calendar's years and a division by zero all are "unknown" (Q1).
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sojourn.core import zones
from sojourn.core.conditions.model import Frame


def date_days(day: date, days: int) -> date | None:
    """Give the date so many days later, or None outside the years 1 to 9999."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def date_months(day: date, months: int) -> date | None:
    """Give the date so many months later, clamped to the month's end (N3); None outside 1 to 9999."""
    try:
        return zones.shift_months(day, months)
    except (ValueError, OverflowError):
        return None


def instant_days(instant: int, days: int, zone: str) -> int | None:
    """Give the same wall clock so many days later (N3, N4); None outside the calendar's years."""
    try:
        return zones.add_days(zone, instant, days)
    except (ValueError, OverflowError, OSError):
        return None


def instant_months(instant: int, months: int, zone: str) -> int | None:
    """Give the same wall clock so many months later (N3, N4); None outside the calendar's years."""
    try:
        return zones.add_months(zone, instant, months)
    except (ValueError, OverflowError, OSError):
        return None


def years_since(day: date, today: date) -> int:
    """Give the full years from a date to today; who was born on 29 Feb turns on 28 Feb (N23)."""
    years = today.year - day.year
    return years if zones.shift_months(day, 12 * years) <= today else years - 1


def divide_exact(value: int | Decimal, by: int | Decimal) -> Decimal | None:
    """Divide as decimals; None for a division by zero."""
    return None if by == 0 else Decimal(value) / by


def divide_number(value: float, by: float) -> float | None:
    """Divide as binary numbers; None for a division by zero."""
    return None if by == 0 else value / by


def glossary(frame: Frame, table: str, code: str) -> str | None:
    """Give the text of a code in the frame's locale, or None when the glossary has none."""
    return frame.words.get(table, {}).get(code, {}).get(frame.locale)


def glossary_each(frame: Frame, table: str, codes: list[str]) -> list[str] | None:
    """Give the texts of codes in the frame's locale, or None when one of them has none."""
    texts = [glossary(frame, table, code) for code in codes]
    return None if None in texts else [text for text in texts if text is not None]


def join_texts(between: str, texts: list[str | None]) -> str:
    """Give the texts in one, with `between` between them; an absent text is left out."""
    return between.join([text for text in texts if text is not None])


NAMESPACE: dict[str, Any] = {
    "Decimal": Decimal,
    "date_from": date.fromisoformat,
    "local_date": zones.local_date,
    "date_days": date_days,
    "date_months": date_months,
    "instant_days": instant_days,
    "instant_months": instant_months,
    "years_since": years_since,
    "divide_exact": divide_exact,
    "divide_number": divide_number,
    "glossary": glossary,
    "glossary_each": glossary_each,
    "join_texts": join_texts,
}
