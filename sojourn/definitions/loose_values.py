"""Values of a record that nobody declared: what kind each is, and what the words of topics.yaml make of them. Pure.

A text is a str, a number an int or an exact Decimal, an instant a `Moment`, a day a date; list, dict, bool and None
are what JSON calls them. Every function raises `Unfit` where a value is of another kind, in words without the value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from sojourn.core import zones
from sojourn.core.types import Type
from sojourn.schema import END_OF_INSTANTS, FIRST_INSTANT, TEXT_LIMIT

WHOLE_DIGITS: Final = 18
FINE_DIGITS: Final = 12
_LARGEST: Final = 10**WHOLE_DIGITS
_EXACT: Final = Context(prec=40)


class Unfit(Exception):
    """A record does not give what the mapping wants; ``reason`` is one of the closed list of decode."""

    def __init__(self, words: str, reason: str = "wrong_type") -> None:
        self.words = words
        self.reason = reason
        super().__init__(words)


class Moment(msgspec.Struct, frozen=True, order=True):
    """An instant, so that it is not taken for a number: milliseconds since the epoch, of the years 1970 to 2100."""

    ms: int


class _Odd:
    """A number with more digits than anything here counts with; it may lie in a record, but nothing can use it."""


ODD: Final = _Odd()


def exact(text: str) -> Decimal | _Odd:
    """Give the number of a JSON text that is no whole one; for the reader of JSON. Never raises."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return ODD
    if not found:
        return Decimal(0)
    return found if -FINE_DIGITS <= found.adjusted() < WHOLE_DIGITS and len(found.as_tuple().digits) <= 30 else ODD


def kind_of(value: Any) -> str:
    """Say of which kind a value is: text, number, truth value, list, object, day, instant, nothing."""
    kind = _KINDS.get(type(value), "number with too many digits")
    return "number with too many digits" if kind == "number" and abs(value) >= _LARGEST else kind


_KINDS: Final = {
    str: "text", int: "number", Decimal: "number", bool: "truth value", list: "list", dict: "object", date: "day",
    Moment: "instant", type(None): "nothing",
}  # fmt: skip


def unfit(value: Any, wanted: str) -> Unfit:
    """Give what is raised for a value of another kind than is wanted."""
    return Unfit(f"{a(wanted)} is wanted, not {a(kind_of(value))}")


def a(noun: str) -> str:
    """Put the article before a noun that needs one."""
    if noun in ("nothing", "any"):
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def moment(ms: int) -> Moment:
    """Give an instant of the years 1970 to 2100."""
    if not FIRST_INSTANT <= ms < END_OF_INSTANTS:
        raise Unfit("an instant of the years 1970 to 2100 is wanted", "bad_time")
    return Moment(ms)


def number(value: Any) -> int | Decimal:
    """Give a value that is a number already."""
    if kind_of(value) != "number":
        raise unfit(value, "number")
    found: int | Decimal = value
    return found


_OPERATIONS: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply, "/": _EXACT.divide,
}  # fmt: skip


def compute(sign: str, left: Any, right: Any) -> int | Decimal | None:
    """Give the exact result of `+ - * /`; absent where an operand is, and for a division by zero."""
    if left is None or right is None:
        return None
    one, two = Decimal(number(left)), Decimal(number(right))
    if sign == "/" and not two:
        return None
    found = _OPERATIONS[sign](one, two)
    if found and found.adjusted() >= WHOLE_DIGITS:
        raise Unfit("the result has too many digits")
    rounded = found.quantize(Decimal(1).scaleb(-FINE_DIGITS), context=_EXACT)
    return int(rounded) if rounded == rounded.to_integral_value() else rounded.normalize(_EXACT)


def ordered(sign: str, left: Any, right: Any) -> bool | None:
    """Compare two numbers, days or instants; unknown where one is absent."""
    if left is None or right is None:
        return None
    kind = kind_of(left)
    if kind not in ("number", "day", "instant"):
        raise Unfit(f"{a(kind)} has no order")
    if kind_of(right) != kind:
        raise Unfit(f"{a(kind)} is compared with {a(kind_of(right))}")
    return _ORDERS[sign](left, right)


_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": lambda one, two: one < two, "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two, ">=": lambda one, two: one >= two,
}  # fmt: skip


def same(left: Any, right: Any) -> bool | None:
    """Tell whether two values of one kind are equal; unknown where one is absent."""
    if left is None or right is None:
        return None
    kind = kind_of(left)
    if kind in ("list", "object"):
        raise Unfit(f"{a(kind)} is compared with nothing")
    if kind_of(right) != kind:
        raise Unfit(f"{a(kind)} is compared with {a(kind_of(right))}")
    return bool(left == right)


def member(value: Any, held: Any) -> bool | None:
    """Tell whether a list holds a value; unknown where one of the two is absent."""
    if value is None or held is None:
        return None
    if type(held) is not list:
        raise unfit(held, "list")
    kind = kind_of(value)
    return any(kind_of(one) == kind and one == value for one in held)


def text(value: Any) -> str:
    """Give the text of a single value: digits, true or false, 2026-03-12, an instant in UTC."""
    kind = kind_of(value)
    if kind == "text":
        return str(value)
    if kind == "number":
        return format(Decimal(value), "f")
    if kind == "truth value":
        return "true" if value else "false"
    if kind == "day":
        return str(value.isoformat())
    if kind == "instant":
        return zones.iso(value.ms)
    raise unfit(value, "text")


_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{WHOLE_DIGITS}}}(\.[0-9]{{1,{FINE_DIGITS}}})?", re.ASCII)


def number_of(value: Any) -> int | Decimal:
    """Give the number that a text writes: digits, a minus before them, a point within."""
    if type(value) is not str:
        return number(value)
    if not _NUMBER.fullmatch(value):
        raise Unfit("a text of digits is wanted, as 12 or -0.75")
    return Decimal(value) if "." in value else int(value)


def ends(value: Any, count: int, *, last: bool) -> Any:
    """Give the first or the last characters of a text or items of a list."""
    if type(value) not in (str, list):
        raise unfit(value, "text")
    return value[-count:] if last else value[:count]


def length(value: Any) -> int:
    """Give how many characters or items there are."""
    if type(value) not in (str, list):
        raise unfit(value, "text")
    return len(value)


def join(value: Any, between: str) -> str:
    """Give the texts of a list in one; what is absent is left out."""
    if type(value) is not list:
        raise unfit(value, "list")
    found = between.join(text(one) for one in value if one is not None)
    if len(found) > TEXT_LIMIT:
        raise Unfit(f"the joined text has more than {TEXT_LIMIT} characters")
    return found


def day_reader(form: str) -> Callable[[Any], date] | None:
    """Give what reads days of a form such as ``DD.MM.YYYY``, or None where it is no form of a day."""
    pattern = re.escape(form)
    for word, group in (("YYYY", "(?P<y>[0-9]{4})"), ("MM", "(?P<m>[0-9]{2})"), ("DD", "(?P<d>[0-9]{2})")):
        if form.count(word) != 1:
            return None
        pattern = pattern.replace(word, group)
    reads = re.compile(pattern, re.ASCII)

    def read(value: Any) -> date:
        if type(value) is not str:
            raise unfit(value, "text")
        found = reads.fullmatch(value)
        if found is None:
            raise Unfit(f"a day as {form} is wanted")
        try:
            return date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError:
            raise Unfit("this day does not exist") from None

    return read


def local_day(value: Any, zone: str) -> date:
    """Give the day that an instant falls on in a zone."""
    if type(value) is not Moment:
        raise unfit(value, "instant")
    return zones.local_date(value.ms, zone)


def since_epoch(value: Any, unit: int) -> Moment:
    """Give the instant so many units of so many milliseconds after the beginning of 1970, UTC."""
    return moment(int(Decimal(number(value)) * unit))


_LOCAL: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?", re.ASCII
)


def local_instant(value: Any, zone: str) -> Moment:
    """Give the instant of a local date and time of a zone, ``2026-03-12 09:00:00``; a doubled hour is N4."""
    found = _LOCAL.fullmatch(value) if type(value) is str else None
    if found is None:
        raise Unfit("a local time as 2026-03-12 09:00:00 is wanted", "bad_time")
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4] or 0)
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        raise Unfit("this day does not exist", "bad_time") from None
    if hours > 23 or minutes > 59 or seconds > 59 or not 1970 <= day.year <= 2100:
        raise Unfit("this time does not exist, or lies outside the years 1970 to 2100", "bad_time")
    rest = (hours * 60 + minutes) * zones.MINUTE + seconds * 1000 + int((found[5] or "0").ljust(3, "0")[:3])
    return moment(zones.to_utc(zone, day, rest))


def as_wanted(wanted: Type, value: Any) -> Any:
    """Give a value as JSON writes one of a type of ours: digits for a text, an exact text for a decimal.

    Only what loses nothing is done here; whether the value is one of the type is judged when the event is decoded.
    """
    if value is None:
        return None
    kind = kind_of(value)
    if wanted.kind == "text" and kind in ("text", "number"):
        return _digits(value) if kind == "number" else value
    if wanted.kind in ("int", "decimal", "number") and kind == "number":
        return _AS_NUMBER[wanted.kind](value)
    if kind == _SAME_KIND.get(wanted.kind):
        return _inside(wanted, value) if wanted.is_collection else value
    if kind in ("day", "instant") and kind == _TEXTUAL.get(wanted.kind):
        return text(value)
    if kind == "text" and wanted.kind in ("decimal", "date", "instant"):
        return value
    raise unfit(value, _NAMES.get(wanted.kind, wanted.kind))


_SAME_KIND: Final = {"bool": "truth value", "list": "list", "set": "list", "object": "object", "map": "object"}
_TEXTUAL: Final = {"date": "day", "instant": "instant"}
_NAMES: Final = {
    "int": "number", "decimal": "number", "bool": "truth value", "date": "day", "set": "list", "map": "object",
}  # fmt: skip


def _digits(value: int | Decimal) -> str:
    if value != int(value):
        raise unfit(value, "text")
    return str(int(value))


def _whole(value: int | Decimal) -> int:
    if value != int(value):
        raise Unfit("a whole number is wanted, not a fraction")
    return int(value)


_AS_NUMBER: Final[Mapping[str, Callable[[Any], Any]]] = {"int": _whole, "decimal": text, "number": float}


def _inside(wanted: Type, value: Any) -> Any:
    if type(value) is list:
        item = wanted.item
        return value if item is None else [as_wanted(item, one) for one in value]
    fields = wanted.fields
    return value if fields is None else {n: as_wanted(fields[n], one) for n, one in value.items() if n in fields}
