"""From bytes to an event, or to a reason why not: pure, bounded, and no bytes whatsoever raise (Q4).

What is refused goes to the dead letters with its reason and the raw bytes; the detail names fields and
what is wanted there, never a value, because a value may be personal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from sojourn.core.model import Event
from sojourn.definitions.catalogue import Catalogue, PayloadError
from sojourn.definitions.fields import ValueRefused
from sojourn.schema import ID_LIMIT, WHOLE_LIMIT, instant_at

Reason = Literal[
    "bad_json",
    "not_utf8",
    "too_large",
    "too_deep",
    "unknown_type",
    "missing_field",
    "wrong_type",
    "bad_time",
    "no_id",
    "no_customer",
    "bad_id",
    "bad_entity",
    "unmapped",
]

#: Why an event can be refused: the closed list, each with a sentence for people.
REASONS: Final[Mapping[Reason, str]] = {
    "bad_json": "the text is not JSON",
    "not_utf8": "the bytes are not UTF-8",
    "too_large": "more than 256 KiB",
    "too_deep": "more than 64 levels of nesting",
    "unknown_type": "no event type of this name and version is declared",
    "missing_field": "a required field is missing",
    "wrong_type": "a field holds a value that is not of its type",
    "bad_time": "a time has no offset, does not exist, or lies outside 1970 to 2100",
    "no_id": "event_id is missing or empty",
    "no_customer": "customer_id is missing or empty",
    "bad_id": "an id is longer than 200 characters or holds control characters",
    "bad_entity": "entity has no type or id, or its seq is not a whole number from 1",
    "unmapped": "a record of a foreign topic that none of the events of topics.yaml takes",
}
SIZE_LIMIT: Final = 256 * 1024
DEPTH_LIMIT: Final = 64


class Refused(msgspec.Struct, frozen=True):
    """Why an input was not taken: a reason of ``REASONS`` and a detail that holds no value of the input."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """One line of customers: the customer's id and the fields that were given, in wire form."""

    customer: str
    fields: Mapping[str, Any]


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Entity(msgspec.Struct):
    type: str
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1, le=WHOLE_LIMIT)] | None = None


class _Envelope(msgspec.Struct):
    event_id: str
    type: str
    occurred_at: _Moment
    source: str
    customer_id: str
    payload: msgspec.Raw
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=WHOLE_LIMIT)] = 1
    entity: _Entity | None = None
    trace_id: str | None = None


class _Recorded(_Envelope):
    arrives_at: _Moment | None = None


_TYPE_LIKE: Final = re.compile(r"[A-Za-z](?:[A-Za-z_.:/-]|[0-9](?![0-9]{4}))*")
_live = msgspec.json.Decoder(_Envelope)
_recorded = msgspec.json.Decoder(_Recorded)
_any = msgspec.json.Decoder()


def decode(raw: bytes, catalogue: Catalogue, arrival: int) -> Event | Refused:
    """Give the event in the bytes of one envelope (requirements B2), or the reason why there is none.

    Args:
        raw: One JSON object; ``arrives_at`` in it is ignored.
        catalogue: The event types that are known.
        arrival: When it arrived, ms.
    """
    try:
        return _event(_open(raw, _live), catalogue, arrival)
    except _Stop as stop:
        return stop.refused


def decode_recorded(raw: bytes, catalogue: Catalogue) -> Event | Refused:
    """Do the same for a line of recorded events, whose ``arrives_at`` counts (default: occurred_at).

    Only simulate reads it; see interfaces.md, "Replaying events on a virtual clock".
    """
    try:
        envelope = _open(raw, _recorded)
        arrives = envelope.arrives_at
        arrival = _instant(envelope.occurred_at if arrives is None else arrives, "arrives_at")
        return _event(envelope, catalogue, arrival)
    except _Stop as stop:
        return stop.refused


def decode_customer(source: bytes | Mapping[str, Any], catalogue: Catalogue) -> Known | Refused:
    """Give a customer's profile from one line of customers, checked against the fields of the profile.

    Args:
        source: The bytes of one JSON object, or the object.
        catalogue: Its ``profile`` says what fields there are. Undeclared and derived ones are left out.
    """
    profile = catalogue.profile
    try:
        values = _plain(source) if isinstance(source, bytes) else source
        if not isinstance(values, Mapping):
            return Refused("wrong_type", "an object is wanted")
        customer = _id(values.get(profile.id_field), profile.id_field, "no_customer")
        return Known(customer, {profile.id_field: customer} | profile.partial(values))
    except ValueRefused as error:
        return Refused(as_reason(error.reason), str(error))
    except _Stop as stop:
        return stop.refused


def unreadable(raw: bytes) -> Refused | None:
    """Say why bytes cannot be read at all: too large, not UTF-8 or nested too deep; None where they can."""
    try:
        _bound(raw)
    except _Stop as stop:
        return stop.refused
    return None


class _Stop(Exception):
    """Carries the refusal up to the public functions; never leaves this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.refused = Refused(reason, detail)
        super().__init__(reason)


_REASON_OF: Final[Mapping[str, Reason]] = {one: one for one in REASONS}


def as_reason(word: str) -> Reason:
    """Give a word as a reason of ``REASONS``; any other is ``wrong_type``."""
    return _REASON_OF.get(word, "wrong_type")


def _open(raw: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
    _bound(raw)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _envelope_problem(str(error)) from None
    except (msgspec.DecodeError, ValueError):
        raise _Stop("bad_json", REASONS["bad_json"]) from None
    except RecursionError:
        raise _Stop("too_deep", REASONS["too_deep"]) from None


def _plain(raw: bytes) -> Any:
    return _open(raw, _any)


def _bound(raw: bytes) -> None:
    """Refuse what is too large, not UTF-8 or too deep before anything reads it."""
    if len(raw) > SIZE_LIMIT:
        raise _Stop("too_large", f"{len(raw)} bytes, at most {SIZE_LIMIT}")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise _Stop("not_utf8", f"byte {error.start}") from None
    if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT and _depth(raw) > DEPTH_LIMIT:
        raise _Stop("too_deep", REASONS["too_deep"])


_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for char in _STRING.sub(b"", raw).translate(None, _NO_BRACKET):
        if char in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


_PATH = re.compile(r" - at `\$\.?([^`]*)`")
_FIELD = re.compile(r"(?:missing required field|contains unknown field) `([^`]*)`")
_OF_FIELD: Final[Mapping[str, Reason]] = {
    "occurred_at": "bad_time",
    "arrives_at": "bad_time",
    "entity": "bad_entity",
}


def _envelope_problem(said: str) -> _Stop:
    """Translate what the JSON reader says about the envelope; its words hold no value."""
    at = _PATH.search(said)
    path = at.group(1) if at else ""
    missing = _FIELD.search(said)
    if missing:
        path = f"{path}.{missing.group(1)}" if path else missing.group(1)
    top = path.partition(".")[0]
    detail = f"{path}: {_PATH.sub('', said)}" if path else said
    if top == "entity":
        return _Stop("bad_entity", detail)
    if (missing or "got `null`" in said) and top in ("event_id", "customer_id"):
        return _Stop("no_id" if top == "event_id" else "no_customer", detail)
    if missing:
        return _Stop("missing_field", detail)
    return _Stop(_OF_FIELD.get(top, "wrong_type"), detail)


def _event(envelope: _Envelope, catalogue: Catalogue, arrival: int) -> Event:
    kind = catalogue.types.get(envelope.type)
    if kind is None:
        raise _Stop("unknown_type", f"type: {_shown(envelope.type)} {catalogue.hint(envelope.type)}".strip())
    version = envelope.schema_version
    if version not in kind.versions:
        raise _Stop("unknown_type", f"schema_version: {kind.name} is known in {kind.versions}, not in {version}")
    event_id = _id(envelope.event_id, "event_id", "no_id")
    customer = _id(envelope.customer_id, "customer_id", "no_customer")
    source = _id(envelope.source, "source", "missing_field")
    trace_id = envelope.trace_id
    if trace_id is not None:
        trace_id = _id(trace_id, "trace_id", "bad_id")
    entity_type = entity_id = seq = None
    entity = envelope.entity
    if entity is not None:
        entity_type = _id(entity.type, "entity.type", "bad_entity")
        entity_id = _id(entity.id, "entity.id", "bad_entity")
        seq = entity.seq
    occurred = _instant(envelope.occurred_at, "occurred_at")
    try:
        payload = kind.decode(bytes(envelope.payload))
    except PayloadError as error:
        raise _Stop(as_reason(error.reason), error.detail) from None
    for name in kind.partial:
        payload[name][catalogue.profile.id_field] = customer
    return Event(
        id=event_id,
        type=kind.name,
        customer=customer,
        occurred=occurred,
        arrival=arrival,
        source=source,
        entity_type=entity_type,
        entity_id=entity_id,
        seq=seq,
        payload=payload,
        trace_id=trace_id,
        schema_version=version,
    )


def _id(value: Any, path: str, empty: Reason) -> str:
    if value is None or value == "":
        raise _Stop(empty, f"{path}: a text is wanted")
    if not isinstance(value, str):
        raise _Stop("wrong_type", f"{path}: a text is wanted")
    if len(value) > ID_LIMIT or not value.isprintable():
        raise _Stop("bad_id", f"{path}: at most {ID_LIMIT} characters, none of them a control character")
    return value


def _instant(moment: datetime, path: str) -> int:
    try:
        return instant_at(moment)
    except ValueError as error:
        raise _Stop("bad_time", f"{path}: {error}") from None


def _shown(name: str) -> str:
    """Show a type that can be one; other text may be a person's, in the wrong field."""
    return f"`{name[:60]}`" if _TYPE_LIKE.fullmatch(name) else "no name of a type"
