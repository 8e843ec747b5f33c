"""Compiles `start`, `key` and `again`: who enters, as what, and when anew (N1, N11, N19, N23, Q7, Q10, Q11)."""

from dataclasses import dataclass
from typing import Final

from sojourn.core.book import (
    Again,
    BecomesStart,
    DayStart,
    EventStart,
    PatternStart,
    SilenceStart,
    Start,
)
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import INT, TEXT, Type
from sojourn.definitions.grammar import Fields, Items, Leaf
from sojourn.definitions.linking import UNKNOWN, Linker
from sojourn.definitions.vocabulary import DAYS

DAY_KEYS: Final[dict[str, dict[str, Type]]] = {
    "birthday": {"year": INT},
    "festival": {"festival_id": TEXT, "year": INT},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """How a journey is entered; ``types`` are the event types at hand when a run starts, maybe none."""

    starts: tuple[Start, ...]
    key: tuple[str, ...]
    types: tuple[str, ...]
    entity: str | None


def read_entry(linker: Linker, journey: Fields) -> Entry:
    """Give the starts and the key; fills `linker.keys`, so that conditions can name key fields."""
    parsed: Items | None = journey.get("start")
    entries = list(parsed) if parsed is not None else []
    kind = _kind(linker, entries)
    day = next((name for one in entries if (name := _day(one))), None)
    key = _key_names(linker, journey, day)
    if kind == "event" and day is None:
        return _event_entry(linker, journey, entries, key)
    if not entries:
        return Entry((), key, UNKNOWN, None)
    one = entries[0]
    if kind == "event":
        return _day_entry(linker, journey, one, day or "", key)
    if kind == "silent":
        return _silence_entry(linker, journey, one, key)
    if kind == "times":
        return _pattern_entry(linker, journey, one, key)
    if key:
        hint = "write `key: []`: one run for each customer"
        linker.problems.add(journey.place("key"), "a change of the profile carries no key fields", hint)
    condition = linker.condition(one.get("becomes"), linker.scope())
    return Entry((BecomesStart(condition),) if condition is not None else (), (), (), None)


def read_again(journey: Fields) -> Again:
    """Give when a run may start anew."""
    parsed: Leaf | Fields | None = journey.get("again")
    if isinstance(parsed, Fields):
        after = parsed.value("after")
        per_customer = parsed.value("per", "key") == "customer"
        return Again("after", after, per_customer) if after is not None else Again("never")
    return Again("never" if parsed is None or parsed.value == "never" else "exit")


def _kind(linker: Linker, entries: list[Fields]) -> str:
    kinds = ["event" if one.word == "when" else one.word for one in entries]
    for one, kind in zip(entries, kinds, strict=True):
        if len(entries) > 1 and (kind != "event" or _day(one)):
            hint = "only event starts may stand in a list; make another journey of this one"
            linker.problems.add(one.at, "this start stands beside others", hint)
    return kinds[0] if kinds else "event"


def _day(one: Fields) -> str | None:
    """Give birthday or festival where that stands in the place of an event."""
    when: Items | None = one.get("when")
    names = [item.value for item in when or () if isinstance(item, Leaf) and item.value in DAYS]
    return names[0] if names else None


def _key_names(linker: Linker, journey: Fields, day: str | None) -> tuple[str, ...]:
    parsed: Items | None = journey.get("key")
    names: list[str] = []
    for leaf in parsed or ():
        if leaf.value == "customer_id":
            hint = "delete it: runs are always counted per customer (Q50)"
            linker.problems.add(leaf.place, "`customer_id` stands in the key", hint)
        elif leaf.value in names:
            linker.problems.add(leaf.place, f"`{leaf.value}` stands twice in the key", "keep one")
        else:
            names.append(leaf.value)
    if day is not None and parsed is not None and sorted(names) != sorted(DAY_KEYS[day]):
        hint = f"write `key: [{', '.join(DAY_KEYS[day])}]` (Q10)"
        linker.problems.add(journey.place("key"), f"a {day} run has another key", hint)
    return tuple(DAY_KEYS[day]) if day is not None and not names else tuple(names)


def _keys_from(linker: Linker, journey: Fields, key: tuple[str, ...], types: tuple[str, ...]) -> None:
    """Take the types of key fields from the events that carry them; each must carry all (N11, Q31)."""
    parsed: Items | None = journey.get("key")
    fields = linker.fields_of(types) if types != UNKNOWN else {}
    for leaf in parsed or ():
        name = leaf.value
        if name not in key:
            continue
        if types == UNKNOWN:
            linker.broken.add(name)
        elif name not in fields:
            which = " and ".join(f"`{one}`" for one in types)
            message = f"{which} {'carry' if len(types) > 1 else 'carries'} no `{name}`"
            linker.problems.add(leaf.place, message, did_you_mean(name, fields) or "a key field comes with the start")
            linker.broken.add(name)
        elif fields[name].is_collection:
            linker.problems.add(leaf.place, f"`{name}` is {fields[name].describe()}", "a key is made of single values")
            linker.broken.add(name)
        else:
            linker.keys[name] = fields[name].required()


def _event_entry(linker: Linker, journey: Fields, entries: list[Fields], key: tuple[str, ...]) -> Entry:
    starts = []
    misspelt = False
    names: list[str] = []
    for one in entries:  # once without conditions: they may name key fields, which come from all starts
        for item in one.get("when") or ():
            names += [leaf.value for leaf in ([item] if isinstance(item, Leaf) else item.get("when") or ())]
    known = tuple(dict.fromkeys(name for name in names if name in linker.context.events))
    misspelt = len(known) < len(set(names)) or not names
    types = UNKNOWN if misspelt else known
    _keys_from(linker, journey, key, types)
    for one in entries:
        if "at" in one:
            linker.problems.add(
                one.place("at"), "`at` stands on an event start", "only birthday and festival have a time"
            )
        starts.append(EventStart(linker.matches(one.get("when"), one.get("if"))))
    entities = {linker.context.events[name].entity for name in known}
    return Entry(tuple(starts), key, types, entities.pop() if len(entities) == 1 else None)


def _day_entry(linker: Linker, journey: Fields, one: Fields, day: str, key: tuple[str, ...]) -> Entry:
    when: Items = one.get("when")
    if len(when) != 1:
        linker.problems.add(when.place, f"`{day}` stands beside an event", "a day starts a journey alone")
    linker.keys.update(DAY_KEYS[day])
    time = one.value("at")
    if "at" not in one:
        linker.problems.add(one.at, f"`at` is missing in a {day} start", "the local time, as `at: 09:00`")
    condition = linker.condition(one.get("if"), linker.scope())
    order = tuple(DAY_KEYS[day]) if sorted(key) != sorted(DAY_KEYS[day]) else key
    return Entry((DayStart(day, time or 0, condition),), order, (), None)


def _silence_entry(linker: Linker, journey: Fields, one: Fields, key: tuple[str, ...]) -> Entry:
    leaf = one.get("silent")
    name = linker.event(leaf) if leaf is not None else None
    by = _by(linker, journey, one, key, (name,) if name else UNKNOWN)
    condition = linker.condition(one.get("if"), linker.scope())
    span = one.value("for")
    if name is None or span is None:
        return Entry((), key, (), None)
    return Entry((SilenceStart(name, span, by, condition),), key, (), None)


def _pattern_entry(linker: Linker, journey: Fields, one: Fields, key: tuple[str, ...]) -> Entry:
    leaf, other = one.get("of"), one.get("and_no")
    name = linker.event(leaf) if leaf is not None else None
    negative = linker.event(other) if other is not None else None
    types = (name,) if name else UNKNOWN
    by = _by(linker, journey, one, key, types)
    if negative is not None and by and by not in linker.context.events[negative].fields:
        hint = "both event types need the field of `by`"
        linker.problems.add(one.place("and_no"), f"`{negative}` carries no `{by}`", hint)
    condition = linker.condition(one.get("if"), linker.scope(types))
    times, span = one.value("times"), one.value("within")
    if name is None or times is None or span is None:
        return Entry((), key, types, None)
    start = PatternStart(times, name, span, by, negative, condition)
    return Entry((start,), key, types, linker.context.events[name].entity)


def _by(linker: Linker, journey: Fields, one: Fields, key: tuple[str, ...], types: tuple[str, ...]) -> str:
    """Give the field that is counted by; it is the key, for a run starts for one value of it."""
    by: str = one.value("by", "")
    if by and key != (by,) and journey.get("key") is not None:
        hint = f"write `key: [{by}]`: a run starts for one value of it"
        linker.problems.add(journey.place("key"), f"the key is not `{by}`, by which the start counts", hint)
    if not by:
        return by
    if types == UNKNOWN:
        linker.broken.add(by)
        return by
    fields = linker.fields_of(types)
    if by in fields:
        linker.keys[by] = fields[by].required()
    else:
        hint = did_you_mean(by, fields) or f"its fields: {', '.join(fields)}"
        linker.problems.add(one.place("by"), f"`{types[0]}` carries no `{by}`", hint)
        linker.broken.add(by)
    return by
