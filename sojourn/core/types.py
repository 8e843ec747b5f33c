"""The types of the language, and how a value of each is written down (Q4: types first).

A value has two forms. *Typed* is what conditions compute with: str, int, Decimal, float, bool, date,
int milliseconds for an instant, list, dict. *Wire* is what states and events store, plain enough for
JSON: a decimal is a str, a date is ``YYYY-MM-DD``, a set is a sorted list, the rest stays as it is.
An absent value is None in both. ``encode`` and ``decode`` are exact inverses.

A set is a sorted list without doubles in both forms, so equal sets are written the same way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

SCALARS: Final = ("text", "int", "decimal", "number", "bool", "date", "instant")
COLLECTIONS: Final = ("list", "set", "map", "object")
INT_LIMIT: Final = 10**15
_PLAIN: Final = frozenset({"text", "int", "number", "bool", "instant"})
_NOUNS: Final = {
    "text": ("a text", "texts"),
    "int": ("a whole number", "whole numbers"),
    "decimal": ("an exact decimal", "exact decimals"),
    "number": ("a number", "numbers"),
    "bool": ("true or false", "truth values"),
    "date": ("a date", "dates"),
    "instant": ("an instant", "instants"),
    "object": ("an object", "objects"),
}


@dataclass(frozen=True, slots=True)
class Type:
    """What a value may be; equal types are interchangeable.

    Attributes:
        kind: One of ``SCALARS`` or ``COLLECTIONS``.
        nullable: The value may be absent (Q1).
        item: What a list, set or map holds; the keys of a map are texts.
        fields: What an object holds, by name; None means any JSON-plain object.
        values: The closed list of an enum, which is a text.
    """

    kind: str
    nullable: bool = False
    item: "Type | None" = None
    fields: "Mapping[str, Type] | None" = None
    values: tuple[str, ...] | None = None

    def optional(self) -> "Type":
        """Give the same type, which may be absent."""
        return self if self.nullable else replace(self, nullable=True)

    def required(self) -> "Type":
        """Give the same type, which is always present."""
        return replace(self, nullable=False) if self.nullable else self

    def describe(self) -> str:
        """Say the type in words, for error messages: ``a date that may be absent``."""
        return self._noun() + (" that may be absent" if self.nullable else "")

    @property
    def is_collection(self) -> bool:
        """Whether the value holds others; such a value may stand as a condition (true: not empty)."""
        return self.kind in COLLECTIONS

    def _noun(self, many: bool = False) -> str:
        if self.values is not None:
            return ("texts of " if many else "one of ") + ", ".join(f"`{value}`" for value in self.values)
        if self.kind in ("list", "set", "map"):
            held = self.item._noun(many=True) if self.item else "values"
            return f"{self.kind}s of {held}" if many else f"a {self.kind} of {held}"
        one, several = _NOUNS.get(self.kind, (self.kind, self.kind))
        return several if many else one

    def __hash__(self) -> int:
        """Hash by content; ``fields`` is a mapping, so its items stand for it."""
        fields = None if self.fields is None else frozenset(self.fields.items())
        return hash((self.kind, self.nullable, self.item, fields, self.values))


TEXT: Final = Type("text")
INT: Final = Type("int")
DECIMAL: Final = Type("decimal")
NUMBER: Final = Type("number")
BOOL: Final = Type("bool")
DATE: Final = Type("date")
INSTANT: Final = Type("instant")


def list_of(item: Type) -> Type:
    """Give the type of a list, in order, of such items."""
    return Type("list", item=item)


def set_of(item: Type) -> Type:
    """Give the type of a set of such items: sorted, none twice."""
    return Type("set", item=item)


def map_of(item: Type) -> Type:
    """Give the type of a mapping from texts to such items."""
    return Type("map", item=item)


def object_of(fields: Mapping[str, Type]) -> Type:
    """Give the type of an object with these fields."""
    return Type("object", fields=dict(fields))


def enum_of(values: tuple[str, ...] | list[str]) -> Type:
    """Give the type of a text out of a closed list."""
    return Type("text", values=tuple(values))


def encode(type: Type, typed: Any) -> Any:
    """Give the wire form of a typed value; None stays None.

    Raises:
        ValueError, TypeError, AttributeError: The value is not of the type (a caller's mistake).
    """
    kind = type.kind
    if typed is None or kind in _PLAIN:
        return typed
    if kind == "decimal":
        return str(typed)
    if kind == "date":
        return typed.isoformat()
    if kind == "object":
        return typed if type.fields is None else _fields(encode, type.fields, typed)
    item = type.item
    if kind == "map":
        return dict(typed) if item is None else {key: encode(item, held) for key, held in typed.items()}
    if kind == "set":
        return sorted(set(typed)) if item is None else [encode(item, held) for held in sorted(set(typed))]
    return list(typed) if item is None else [encode(item, held) for held in typed]


def decode(type: Type, wire: Any) -> Any:
    """Give the typed value of a wire form; None stays None.

    Raises:
        ValueError, TypeError, ArithmeticError: The stored form is not of the type.
    """
    kind = type.kind
    if wire is None or kind in _PLAIN:
        return wire
    if kind == "decimal":
        return Decimal(wire)
    if kind == "date":
        return date.fromisoformat(wire)
    if kind == "object":
        return wire if type.fields is None else _fields(decode, type.fields, wire)
    item = type.item
    if kind == "map":
        return dict(wire) if item is None else {key: decode(item, held) for key, held in wire.items()}
    return list(wire) if item is None else [decode(item, held) for held in wire]


def _fields(one: Any, fields: Mapping[str, Type], value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one(fields[name], held) for name, held in value.items() if name in fields}


_INT = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def parse(type: Type, text: str) -> Any:
    """Give the typed value of the text of one YAML scalar (language.md, principle 5: no traps).

    ``none`` is an absent value where the type allows one. Booleans are ``true`` and ``false``, dates
    ``2026-03-12``, instants ``2026-03-12T09:00:00+08:00``, decimals ``3600.00``.

    Raises:
        ValueError: The text is no such value; the message says what is allowed.
    """
    if type.nullable and text == "none":
        return None
    if type.is_collection:
        raise ValueError(f"`{text[:60]}` is one value, but {type.required().describe()} stands here")
    if type.kind == "text":
        return _parse_text(type, text)
    typed = _parse_scalar(type.kind, text)
    if typed is None:
        raise ValueError(f"`{text[:60]}` is not {type.required().describe()}; {_ALLOWED[type.kind]}")
    return typed


_ALLOWED: Final = {
    "int": "write digits only, at most 10**15, as 12",
    "decimal": "write digits with a point, as 3600.00",
    "number": "write digits with a point, as 0.75",
    "bool": "write true or false",
    "date": "write a day that exists as 2026-03-12",
    "instant": "write date, time and offset as 2026-03-12T09:00:00+08:00, with a day that exists",
}


def _parse_text(type: Type, text: str) -> str:
    if type.values is not None and text not in type.values:
        raise ValueError(f"`{text[:60]}` is not {type.required().describe()}")
    return text


def _parse_scalar(kind: str, text: str) -> Any:
    if kind == "bool":
        return {"true": True, "false": False}.get(text)
    if kind == "int":
        return int(text) if _INT.fullmatch(text) and abs(int(text)) <= INT_LIMIT else None
    if kind in ("decimal", "number"):
        if not _DECIMAL.fullmatch(text):
            return None
        return Decimal(text) if kind == "decimal" else float(text)
    try:
        if kind == "date":
            return date.fromisoformat(text) if _DATE.fullmatch(text) else None
        moment = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
        return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
