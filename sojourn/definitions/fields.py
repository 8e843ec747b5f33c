"""The fields of the profile, as far as values from outside are checked against them.

Used for a line of customers and for the partial profile in an event. A value of a wrong type refuses the
whole input, so that a person sees it (Q4). Fields that nobody declared or that are derived are ignored.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from sojourn.core.types import (
    BOOL,
    COLLECTIONS,
    INSTANT,
    INT_LIMIT,
    SCALARS,
    TEXT,
    Type,
    encode,
    map_of,
    object_of,
    parse,
)
from sojourn.core.zones import is_zone
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.reader import plain, read_file
from sojourn.schema import FIRST_DAY, LAST_DAY, TEXT_LIMIT, instant_of

PROFILE_FILE: Final = "schemas/profile.yaml"
ITEM_LIMIT: Final = 1000
CONSENT_RECORD: Final = object_of({"granted": BOOL, "at": INSTANT.optional(), "method": TEXT.optional()})
CONSENT: Final = map_of(map_of(CONSENT_RECORD))
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class ValueRefused(ValueError):
    """A value is not of its type; says where and what is wanted, never the value (it may be personal)."""

    def __init__(self, path: str, wanted: str, reason: str = "wrong_type") -> None:
        self.path = path
        self.wanted = wanted
        self.reason = reason
        super().__init__(f"{path}: {wanted}")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field: its type and what else a value from outside must be."""

    name: str
    type: Type
    default: Any = None  # wire
    derived: bool = False
    zone: bool = False
    lenient: bool = False  # a text outside the closed list is read as the default (Q28)
    least: int | None = None
    most: int | None = None
    consent: tuple[tuple[str, ...], tuple[str, ...]] | None = None  # purposes, channels

    def read(self, value: Any) -> Any:
        """Give the wire form of a JSON-plain value; raises ValueRefused."""
        if self.consent is not None:
            return read_consent(value, *self.consent)
        if self.lenient and isinstance(value, str) and value not in (self.type.values or ()):
            return self.default
        wire = read_value(self.type, value, self.name)
        if self.zone and not is_zone(wire):
            raise ValueRefused(self.name, "the name of a time zone as Asia/Shanghai is wanted")
        if self.least is not None and self.most is not None and not self.least <= wire <= self.most:
            raise ValueRefused(self.name, f"a number from {self.least} to {self.most} is wanted")
        return wire


@dataclass(frozen=True, slots=True, eq=False)
class ProfileFields:
    """All fields of a profile; ``id_field`` holds the customer's id, ``addresses`` those of channels."""

    fields: Mapping[str, FieldSpec]
    id_field: str
    addresses: frozenset[str]
    digest: str

    @property
    def types(self) -> Mapping[str, Type]:
        """Give the types that conditions see."""
        return {name: one.type for name, one in self.fields.items()}

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Give the default of every field that has one, in wire form."""
        return {name: one.default for name, one in self.fields.items() if one.default is not None}

    def partial(self, values: Any) -> dict[str, Any]:
        """Give the wire form of the declared fields in a JSON-plain object; null stays None and clears.

        The id, derived fields and undeclared fields are left out. An empty address is none.

        Raises:
            ValueRefused: A value is not of its type.
        """
        if not isinstance(values, Mapping):
            raise ValueRefused("", "an object is wanted")
        wire: dict[str, Any] = {}
        for name, value in values.items():
            one = self.fields.get(name)
            if one is None or one.derived or name == self.id_field:
                continue
            if value is None or (value == "" and name in self.addresses):
                wire[name] = None
            else:
                wire[name] = one.read(value)
        return wire


def read_consent(value: Any, purposes: tuple[str, ...], channels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Give consents as purpose to channel to ``granted`` and, where known, ``at`` (ms) and ``method``.

    A record may be written as true or false. Purposes and channels that nobody declared are left out.

    Raises:
        ValueRefused: The value has another shape.
    """
    found: dict[str, dict[str, Any]] = {}
    for purpose, by_channel in _object(value, "consent").items():
        if purpose not in purposes or by_channel is None:
            continue
        records = _object(by_channel, f"consent.{purpose}")
        found[purpose] = {
            channel: _record(record, f"consent.{purpose}.{channel}")
            for channel, record in records.items()
            if channel in channels and record is not None
        }
    return found


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueRefused(path, "an object is wanted")
    return value


def _record(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"granted": value}
    record = read_value(CONSENT_RECORD, value, path)
    if "granted" not in record:
        raise ValueRefused(f"{path}.granted", "true or false is wanted", "missing_field")
    return {name: held for name, held in record.items() if held is not None}


def read_value(type: Type, value: Any, path: str) -> Any:
    """Give the wire form of a JSON-plain value of a type: strict, bounded, and never a guess.

    Raises:
        ValueRefused: The value is not of the type.
    """
    if value is None:
        if type.nullable:
            return None
        raise ValueRefused(path, f"{type.describe()} is wanted")
    return _READERS[type.kind](type, value, path)


def _wanted(type: Type, path: str) -> ValueRefused:
    return ValueRefused(path, f"{type.required().describe()} is wanted")


def _text(type: Type, value: Any, path: str) -> str:
    if not isinstance(value, str) or (type.values is not None and value not in type.values):
        raise _wanted(type, path)
    if len(value) > TEXT_LIMIT or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueRefused(path, f"a text of at most {TEXT_LIMIT} characters without control characters is wanted")
    return value


def _int(type: Type, value: Any, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INT_LIMIT:
        return value
    raise _wanted(type, path)


def _decimal(type: Type, value: Any, path: str) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise _wanted(type, path)
    return text


def _number(type: Type, value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -INT_LIMIT <= value <= INT_LIMIT:
        raise _wanted(type, path)
    return float(value)


def _bool(type: Type, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wanted(type, path)
    return value


def _date(type: Type, value: Any, path: str) -> str:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueRefused(path, "a day that exists as 2026-03-12 is wanted")
    return day.isoformat()


def _instant(type: Type, value: Any, path: str) -> int:
    try:
        if isinstance(value, str):
            return instant_of(value)
    except ValueError:
        pass
    raise ValueRefused(path, "a time as 2026-03-12T09:00:00+08:00 is wanted", "bad_time")


def _items(type: Type, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > ITEM_LIMIT:
        raise ValueRefused(path, f"a list of at most {ITEM_LIMIT} is wanted")
    if type.item is None:
        return value
    read = [read_value(type.item, held, f"{path}.{place}") for place, held in enumerate(value)]
    return sorted(set(read)) if type.kind == "set" else read


def _map(type: Type, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or len(value) > ITEM_LIMIT:
        raise ValueRefused(path, f"an object of at most {ITEM_LIMIT} is wanted")
    item = type.item
    return {_text(TEXT, key, path): held if item is None else read_value(item, held, f"{path}.{key[:60]}")
            for key, held in value.items()}  # fmt: skip


def _fields(type: Type, value: Any, path: str) -> dict[str, Any]:
    held = _object(value, path)
    if type.fields is None:
        return dict(held)
    for name, one in type.fields.items():
        if not one.nullable and name not in held and type is not CONSENT_RECORD:
            raise ValueRefused(f"{path}.{name}", f"{one.describe()} is wanted", "missing_field")
    return {name: read_value(one, held[name], f"{path}.{name}") for name, one in type.fields.items() if name in held}


_READERS: Final[Mapping[str, Callable[[Type, Any, str], Any]]] = {
    "text": _text, "int": _int, "decimal": _decimal, "number": _number, "bool": _bool, "date": _date,
    "instant": _instant, "list": _items, "set": _items, "map": _map, "object": _fields,
}  # fmt: skip


def load_profile_fields(project_dir: Path) -> ProfileFields:
    """Give the fields of a project's profile.

    Raises:
        DefinitionError: schemas/profile.yaml is missing or fields in it cannot be read; all problems at once.
    """
    problems = Problems()
    root = read_file(Path(project_dir) / PROFILE_FILE, PROFILE_FILE, problems)
    problems.stop_on_errors()
    assert root is not None
    found = profile_fields(root, problems)
    problems.stop_on_errors()
    return found


def profile_fields(root: MappingNode, problems: Problems) -> ProfileFields:
    """Do the same for a file that the reader has read; what is wrong goes to ``problems``."""
    document = plain(root)
    derived, roles = document.get("derived") or {}, document.get("roles") or {}
    group = root.get("fields")
    found: dict[str, FieldSpec] = {}
    for key, node in group if isinstance(group, MappingNode) else ():
        try:
            found[key.text] = _spec(key.text, plain(node), key.text in derived, key.text == roles.get("locale"))
        except KeyError as error:
            problems.add(key.place, f"field `{key.text}` does not say its {error}")
        except (ValueError, TypeError, AttributeError) as error:
            problems.add(key.place, f"field `{key.text}` cannot be read: {error}")
    addresses = frozenset(one["address"] for one in roles.get("addresses", {}).values())
    digest = hashlib.sha256(repr((document.get("fields"), sorted(derived), roles)).encode()).hexdigest()
    return ProfileFields(found, roles.get("id", "customer_id"), addresses, digest)


def _spec(name: str, said: Mapping[str, Any], derived: bool, lenient: bool) -> FieldSpec:
    if said["type"] == "consent":
        return FieldSpec(name, CONSENT, consent=(tuple(said["purposes"]), tuple(said["channels"])))
    declared = field_type(said)
    return FieldSpec(
        name=name,
        type=declared,
        default=_default(declared, said.get("default")),
        derived=derived or "derived" in said,
        zone=said.get("format") == "zone",
        lenient=lenient,
        least=int(said["min"]) if "min" in said else None,
        most=int(said["max"]) if "max" in said else None,
    )


def word_type(word: str) -> Type:
    """Give the type that a word means, `date` or `date?`; raises ValueError with what is allowed."""
    kind = word.removesuffix("?")
    if kind not in SCALARS and kind not in COLLECTIONS:
        raise ValueError(f"`{word}` is no type; allowed: {', '.join((*SCALARS, *COLLECTIONS))}")
    return Type(kind, nullable=word.endswith("?"))


def field_type(said: Mapping[str, Any]) -> Type:
    """Give the type of a field as it is declared: ``type``, ``values``, ``item``; raises ValueError."""
    kind, item, values = word_type(said["type"]), said.get("item"), said.get("values")
    if isinstance(item, Mapping):
        fields = {name: word_type(text) for name, text in item.items()}
        if kind.kind == "object":
            return replace(kind, fields=fields)
        return replace(kind, item=object_of(fields))
    if item is not None:
        return replace(kind, item=word_type(item))
    return kind if values is None else replace(kind, values=tuple(values))


def _default(type: Type, said: Any) -> Any:
    if said is None:
        return None
    return encode(type, parse(type, said)) if isinstance(said, str) else said
