"""The sentence for a row of the log, with the values that the row holds (console.md, "Can be read out"). Pure."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Literal

from sojourn.core.book import Rules
from sojourn.core.model import Row
from sojourn.core.vocabulary import REASONS, STATUSES, WORDS
from sojourn.core.zones import to_local

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

_PART = re.compile(r"\[([^\]|]*)(?:\|([^\]]*))?\]")
_SO = re.compile("，所以|, so ")  # what follows from a cause is said by the sentence around it
_VALUE = re.compile(r"\{(\w+)\}")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MINUTE: Final = 60_000


def fill(sentence: str, values: Mapping[str, str]) -> str:
    """Fill a sentence of the vocabulary: a part in brackets goes, or gives way, when it lacks a value."""

    def part(found: re.Match[str]) -> str:
        known = all(values.get(name) for name in _VALUE.findall(found[1]))
        return found[1] if known else found[2] or ""

    return _VALUE.sub(lambda found: values.get(found[1], ""), _PART.sub(part, sentence))


def whole(sentence: str) -> str:
    """Give a sentence with all its parts and without the marks: the form in which documents show it."""
    return _PART.sub(lambda found: found[1], sentence)


def status_word(status: str, language: Language) -> str:
    """Give the word for a status."""
    return getattr(STATUSES[status], language)  # type: ignore[no-any-return]


def word(name: str, language: Language) -> str:
    """Give the word for a closed value, or the value itself."""
    pair = WORDS.get(name)
    return name if pair is None else pair[LANGUAGES.index(language)]


def reason_sentence(row: Row, language: Language, zone: str, rules: Rules | None = None) -> str:
    """Give the sentence for the reason of a row; empty when it has none.

    Args:
        row: The row.
        language: Of the sentence.
        zone: In which dates and times are said: the customer's, or the reader's.
        rules: For the hours and the cap that it names; without them it says the same less exactly.
    """
    if row.reason is None:
        return ""
    if row.reason not in REASONS:
        return row.reason
    sentence: str = getattr(REASONS[row.reason], language)
    return fill(sentence, _values(row, language, zone, rules))


def date_text(day: date, language: Language) -> str:
    """Write a date as it is said: 3月8日, 8 March."""
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"


def instant_words(instant: int, language: Language, zone: str) -> str:
    """Write date and time of an instant as they are said in a zone: 3月8日 09:00, 8 March 09:00."""
    day, time = to_local(instant, zone)
    return f"{date_text(day, language)} {clock_text(time)}"


def clock_text(time: int) -> str:
    """Write a time of day (ms since midnight) as 09:00."""
    minutes = time // _MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _values(row: Row, language: Language, zone: str, rules: Rules | None) -> dict[str, str]:
    detail = row.detail
    values = {
        "channel": word(row.channel, language) if row.channel else "",
        "purpose": word(str(detail.get("purpose", "")), language),
        "address": word(f"address.{row.channel}", language) if row.channel in ("sms", "email") else "",
        "provider": word(f"provider.{row.channel}", language) if row.channel in ("sms", "email", "call") else "",
        "field": _fields(detail),
        "detail": _said(detail),
        "next": _next(row, language, zone),
        "reason": _cause(detail, language),
    }
    until = row.next_at if row.status in ("held", "deferred") else None
    if until is not None:
        values["time"] = instant_words(until, language, zone)
    if row.reason == "expired" and isinstance(detail.get("valid_until"), int):
        values["date"] = date_text(to_local(detail["valid_until"], zone)[0], language)
    if rules is not None:
        values |= {"from": clock_text(rules.quiet_from), "to": clock_text(rules.quiet_to)}
        if rules.cap_day != 1 or rules.cap_week != 3:
            values |= {"per_day": str(rules.cap_day), "per_week": str(rules.cap_week)}
    return values


def _fields(detail: Mapping[str, Any]) -> str:
    """Names of what was missing; the names are the project's own words."""
    missing = detail.get("missing", detail.get("variable", ""))
    return ", ".join(map(str, missing)) if isinstance(missing, list | tuple) else str(missing or "")


def _said(detail: Mapping[str, Any]) -> str:
    """What the provider answered, cut short."""
    parts = [str(detail[name]) for name in ("code", "status", "provider_text", "text") if detail.get(name)]
    return " ".join(parts)[:80].rstrip("。. ")


def _next(row: Row, language: Language, zone: str) -> str:
    if row.status == "deferred" and row.next_at is not None:
        when = instant_words(row.next_at, language, zone)
        return f"{when} 再看" if language == "zh" else f"we look again on {when}"
    return "这条不再发" if language == "zh" else "this one will not be sent"


def _cause(detail: Mapping[str, Any], language: Language) -> str:
    """The cause of a journey that did not begin, as a clause without its full stop (Q8)."""
    cause = detail.get("cause")
    if not isinstance(cause, str) or cause not in REASONS:
        return ""
    return _SO.split(fill(getattr(REASONS[cause], language), {}))[0].rstrip("。.")
