"""The names and filters of expressions in topics.yaml, each with its meaning; the reference page is held to this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sojourn.core.conditions import Word
from sojourn.core.nearest import did_you_mean
from sojourn.core.zones import is_zone
from sojourn.definitions import loose_values as values

Work = Callable[[Any], Any]
Made = tuple[Work, frozenset[str] | None]
_MOST_TAKEN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its word, how many values it takes, the kinds it is for, what it gives, and what makes it."""

    word: Word
    takes: int
    of: tuple[str, ...]
    gives: str
    make: Callable[[Any, Mapping[str, Mapping[str, str]]], Made]


NAMES: Final = {
    "value": Word("value.x", "the value of the record; of a CloudEvent, its data", "value.customer.number"),
    "key": Word("key", "the key of the record, as a text", "key | upper"),
    "headers": Word("headers['x']", "a header of the record, as a text", "headers['system']"),
    "timestamp": Word("timestamp", "the instant of the record", "timestamp | date('Asia/Shanghai')"),
    "cloud": Word("cloud.x", "an attribute of a CloudEvent, by its name", "cloud.subject"),
}


def _plain(work: Work) -> Callable[[Any, Any], Made]:
    return lambda argument, codes: (work, None)


def _on_text(change: Callable[[str], str]) -> Callable[[Any, Any], Made]:
    def work(value: Any) -> str:
        if type(value) is not str:
            raise values.unfit(value, "text")
        return change(value)

    return _plain(work)


def _ends(last: bool) -> Callable[[Any, Any], Made]:
    def make(count: Any, codes: Any) -> Made:
        if type(count) is not int or not 1 <= count <= _MOST_TAKEN:
            raise ValueError(f"a number from 1 to {_MOST_TAKEN:,} is wanted")
        return (lambda value: values.ends(value, count, last=last)), None

    return make


def _join(between: Any, codes: Any) -> Made:
    if type(between) is not str:
        raise ValueError("`join` takes a text", "put it in quotes")
    return (lambda value: values.join(value, between)), None


def _date(form: Any, codes: Any) -> Made:
    reader = values.day_reader(form) if type(form) is str else None
    if reader is not None:
        return reader, None
    if type(form) is not str or not is_zone(form):
        raise ValueError("this is neither a form of a day nor a time zone", "write 'DD.MM.YYYY' or 'Asia/Shanghai'")
    return (lambda value: values.local_day(value, form)), None


def _instant(form: Any, codes: Any) -> Made:
    unit = {"seconds": 1000, "milliseconds": 1}.get(form)
    if unit is not None:
        return (lambda value: values.since_epoch(value, unit)), None
    if type(form) is not str or not is_zone(form):
        raise ValueError("this is neither a unit nor a time zone", "write 'seconds', 'milliseconds' or 'Asia/Shanghai'")
    return (lambda value: values.local_instant(value, form)), None


def _code(table: Any, codes: Mapping[str, Mapping[str, str]]) -> Made:
    if table not in codes:
        hint = did_you_mean(str(table), codes) or f"there are {', '.join(codes) or 'none'}; declare it under `codes`"
        raise ValueError(f"there is no table `{table}`", hint)
    known = codes[table]
    return (lambda value: known.get(values.text(value))), frozenset(known.values())


def _never(argument: Any, codes: Any) -> Made:
    raise AssertionError("`default` is compiled where both of its values are")


FILTERS: Final[Mapping[str, Filter]] = {
    "default": Filter(
        Word("x | default(y)", "y where x is absent", "value.channel | default('web')"), 1, ("any",), "", _never
    ),
    "text": Filter(
        Word("x | text", "a number, truth value, day or instant as a text", "value.branch | text"),
        0, ("text", "number", "truth value", "day", "instant"), "text", _plain(values.text),
    ),
    "number": Filter(
        Word("x | number", "the number that a text of digits writes, exactly", "value.amount | number"),
        0, ("text", "number"), "number", _plain(values.number_of),
    ),
    "date": Filter(
        Word(
            "x | date('DD.MM.YYYY')", "the day that a text writes in this form; for an instant: its day in the zone",
            "value.due | date('YYYYMMDD')",
        ),
        1, ("text", "instant"), "day", _date,
    ),
    "instant": Filter(
        Word(
            "x | instant('seconds')",
            "the instant that a number of `seconds` or `milliseconds` since 1970 means, or a local time of a zone",
            "value.booked_at | instant('Asia/Shanghai')",
        ),
        1, ("number", "text"), "instant", _instant,
    ),
    "code": Filter(
        Word(
            "x | code('table')", "our word for their code; absent for a code that the table lacks",
            "value.rc | code('reason')",
        ),
        1, ("text", "number", "truth value"), "text", _code,
    ),
    "lower": Filter(Word("x | lower", "in small letters", "key | lower"), 0, ("text",), "text", _on_text(str.lower)),
    "upper": Filter(Word("x | upper", "in capitals", "key | upper"), 0, ("text",), "text", _on_text(str.upper)),
    "trim": Filter(
        Word("x | trim", "without blanks at both ends", "value.name | trim"), 0, ("text",), "text", _on_text(str.strip)
    ),
    "first": Filter(
        Word("x | first(n)", "the first n characters or items", "value.ref | first(8)"),
        1, ("text", "list"), "", _ends(False),
    ),
    "last": Filter(
        Word("x | last(n)", "the last n characters or items", "value.ref | last(4)"),
        1, ("text", "list"), "", _ends(True),
    ),
    "length": Filter(
        Word("x | length", "how many characters or items", "value.lines | length > 0"),
        0, ("text", "list"), "number", _plain(values.length),
    ),
    "join": Filter(
        Word("x | join(text)", "the texts of a list in one", "[value.branch, value.no] | join('-')"),
        1, ("list",), "text", _join,
    ),
}  # fmt: skip
