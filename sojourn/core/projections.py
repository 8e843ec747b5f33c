"""Projections: what an event does to the profile before any journey sees it (Q22a, Q20, Q21).

A projection applies an event of an entity only if its seq is higher than the highest applied from that
source; without seq, by ``occurred_at`` (equal applies). An event that has nothing to apply to raises
nothing, except the final ones.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sojourn.core.book import Book, Change, Projection
from sojourn.core.conditions import Expression, Frame
from sojourn.core.ids import class_of
from sojourn.core.model import Consent, Event, Mark, Profile
from sojourn.core.profile import Customer
from sojourn.core.types import encode

PURPOSES = ("marketing", "care")
CHANNELS = ("sms", "email")
_KEEP_MARKS = 400 * 86_400_000  # a mark older than this can only meet an event that is later still
_MANY_MARKS = 64
_BY_RECORD = (
    "consent",
    "withdraw",
)  # each record has its own instant: Q20 decides, not the projection's mark


def project(book: Book, profile: Profile, event: Event, now: int) -> Profile:
    """Give the profile after an event; the same object when the event says nothing to it."""
    for projection, changes in book.profile.by_event.get(event.type, ()):
        newer = _is_newer(profile, projection, event)
        for change in changes:
            if not newer and change.do not in _BY_RECORD:
                continue
            profile, touched = _apply(book, profile, projection, change, event, now)
            if touched or (change.final and _holds(book, profile, change, event, now)):
                profile = _raise_mark(profile, projection, event, now)
    return profile


def merge(book: Book, profile: Profile, partial: Mapping[str, Any], at: int) -> Profile:
    """Give the profile with a partial one laid over it (wire); a changed address becomes valid again (Q20)."""
    fields = dict(profile.fields)
    roles = book.profile.roles
    for name, value in partial.items():
        if name == "consent":
            continue
        for channel, address in roles.addresses.items():
            if name == address and fields.get(name) != value and roles.valid[channel] not in partial:
                fields.pop(roles.valid[channel], None)
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    consent = profile.consent
    for purpose, by_channel in (partial.get("consent") or {}).items():
        for channel, value in by_channel.items():
            consent = _record(consent, purpose, channel, _consent(value, at))
    return msgspec.structs.replace(profile, known=True, fields=fields, consent=consent)


def _consent(value: Any, at: int) -> Consent:
    if isinstance(value, Mapping):
        return Consent(bool(value.get("granted")), int(value.get("at", at)), value.get("method"))
    return Consent(bool(value), at)


def _record(
    consent: dict[str, dict[str, Consent]], purpose: str, channel: str, record: Consent
) -> dict[str, dict[str, Consent]]:
    """The greatest instant counts, on a tie the withdrawal (Q20)."""
    old = consent.get(purpose, {}).get(channel)
    if old is not None and (old.at > record.at or (old.at == record.at and not old.granted)):
        return consent
    return consent | {purpose: consent.get(purpose, {}) | {channel: record}}


def _mark_key(projection: Projection, event: Event) -> str:
    """An event that names no entity is about the customer."""
    if event.entity_id is None:
        return f"{projection.name}|customer|{event.customer}|{event.source}"
    return f"{projection.name}|{event.entity_type}|{event.entity_id}|{event.source}"


def _is_newer(profile: Profile, projection: Projection, event: Event) -> bool:
    mark = profile.marks.get(_mark_key(projection, event))
    if mark is None:
        return True
    if event.seq is not None:
        return mark.seq is None or event.seq > mark.seq
    return event.occurred >= mark.occurred


def _raise_mark(profile: Profile, projection: Projection, event: Event, now: int) -> Profile:
    key = _mark_key(projection, event)
    old = profile.marks.get(key)
    seq, occurred = event.seq, event.occurred
    if old is not None:
        occurred = max(occurred, old.occurred)
        seq = old.seq if seq is None else seq
    marks = profile.marks | {key: Mark(seq, occurred)}
    if len(marks) > _MANY_MARKS:
        marks = {name: mark for name, mark in marks.items() if mark.occurred > now - _KEEP_MARKS}
    return msgspec.structs.replace(profile, marks=marks)


def _frame(book: Book, profile: Profile, event: Event, now: int, item: Mapping[str, Any] | None = None) -> Frame:
    view = Customer(book, profile, now)
    return Frame(event=event.payload, customer=view, now=now, zone=view.zone, item=item, words=book.words)


def _holds(book: Book, profile: Profile, change: Change, event: Event, now: int) -> bool:
    return change.condition is None or change.condition(_frame(book, profile, event, now)) is True


def _apply(
    book: Book, profile: Profile, projection: Projection, change: Change, event: Event, now: int
) -> tuple[Profile, bool]:
    """Give the profile and whether the event had something to apply to."""
    if not _holds(book, profile, change, event, now):
        return profile, False
    match change.do:
        case "merge":
            return merge(book, profile, event.payload[change.args["field"]] or {}, event.occurred), True
        case "set":
            frame = _frame(book, profile, event, now)
            types = book.profile.types
            new = {name: encode(types[name], _value(arg, frame)) for name, arg in change.args.items()}
            return _with(profile, new), True
        case "consent":
            frame = _frame(book, profile, event, now)
            values = {name: _value(arg, frame) for name, arg in change.args.items()}
            record = Consent(bool(values["granted"]), event.occurred, values.get("method"))
            return _consents(profile, values["purpose"], values["channel"], record), True
        case "withdraw":
            return _withdraw(book, profile, change, event, now)
        case _:
            return _collection(book, profile, projection, change, event, now)


def _value(arg: Any, frame: Frame) -> Any:
    return arg(frame) if isinstance(arg, Expression) else arg


def _with(profile: Profile, new: Mapping[str, Any]) -> Profile:
    fields = dict(profile.fields)
    for name, value in new.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    return msgspec.structs.replace(profile, fields=fields)


def _consents(profile: Profile, purpose: str, channel: str, record: Consent) -> Profile:
    consent = profile.consent
    for one in PURPOSES if purpose == "all" else (purpose,):
        for way in CHANNELS if channel == "all" else (channel,):
            consent = _record(consent, one, way, record)
    return msgspec.structs.replace(profile, consent=consent)


def _withdraw(book: Book, profile: Profile, change: Change, event: Event, now: int) -> tuple[Profile, bool]:
    """An answer like STOP withdraws the purpose of the message that it answers; unknown: all (Q21)."""
    frame = _frame(book, profile, event, now)
    reply = str(_value(change.args["reply"], frame) or "").strip().upper()
    if reply not in change.args["words"]:
        return profile, False
    klass = class_of(str(_value(change.args["message"], frame) or ""))
    purpose = "all" if klass is None else book.rules.purposes.get(klass)
    if purpose is None:
        return profile, True
    record = Consent(False, event.occurred, "reply")
    return _consents(profile, purpose, change.args["channel"], record), True


def _collection(
    book: Book, profile: Profile, projection: Projection, change: Change, event: Event, now: int
) -> tuple[Profile, bool]:
    """Add, change, remove or put one member of a set, list or map that is kept by a key."""
    name, by = projection.name, projection.by
    assert by is not None
    member = event.payload.get(by)
    if member is None:
        return profile, False
    old = profile.fields.get(name)
    kind = book.profile.types[name].kind
    if kind == "set":
        members = set(old or ())
        had = member in members
        (members.add if change.do == "add" else members.discard)(member)
        return _with(profile, {name: sorted(members)}), change.do == "add" or had
    if kind == "map":
        item = book.profile.types[name].item
        assert item is not None
        value = encode(item, _value(change.args["value"], _frame(book, profile, event, now)))
        return _with(profile, {name: (old or {}) | {str(member): value}}), True
    return _list_member(book, profile, projection, change, event, now)


def _list_member(
    book: Book, profile: Profile, projection: Projection, change: Change, event: Event, now: int
) -> tuple[Profile, bool]:
    name, by = projection.name, projection.by
    assert by is not None
    items: list[dict[str, Any]] = list(profile.fields.get(name) or ())
    place = next((n for n, item in enumerate(items) if item.get(by) == event.payload[by]), None)
    if change.do != "add" and place is None:
        return profile, False
    if change.do == "remove" and place is not None:
        del items[place]
        return _with(profile, {name: items}), True
    item_type = book.profile.types[name].item
    assert item_type is not None
    assert item_type.fields is not None
    current = items[place] if place is not None and change.do == "change" else {by: event.payload[by]}
    frame = _frame(book, profile, event, now, current)
    new = {field: encode(item_type.fields[field], _value(arg, frame)) for field, arg in change.args.items()}
    if place is None:
        items.append(current | new)
    else:
        items[place] = current | new
    return _with(profile, {name: items}), True
