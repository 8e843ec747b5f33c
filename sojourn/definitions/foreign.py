"""A topic of someone else's: which of its records become which event of ours, and with which values. Pure.

What comes out is one envelope (requirements B2) as a JSON-plain dict; `sojourn.intake.decode` judges it like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

import msgspec

from sojourn.core.types import Type
from sojourn.definitions.cloudevents import as_envelope
from sojourn.definitions.loose import Loose, Record
from sojourn.definitions.loose_values import Moment, Unfit, as_wanted, kind_of, moment, text, unfit

Format = Literal["json", "cloudevents"]
Choice = Literal["ignore", "refuse"]


@dataclass(frozen=True, slots=True)
class ForeignEvent:
    """One event that records of a topic become.

    Attributes:
        type: The type of the event.
        test: Which records; None: all that are left.
        id: None: the identity of the record (source, epoch, partition, offset).
        entity: The type of the entity, its id and its number; None where the events are in no order of their own.
        fields: Types of the payload fields, by name.
        payload: An expression for each field, or one for the whole object.
    """

    type: str
    schema_version: int
    test: Loose | None
    id: Loose | None
    customer: Loose
    time: Loose | None
    source: Loose
    entity: tuple[str, Loose, Loose | None] | None
    trace: Loose | None
    fields: Mapping[str, Type]
    payload: Mapping[str, Loose] | Loose

    def takes(self, record: Record) -> bool:
        """Tell whether this is the event of a record; unknown is no.

        Raises:
            Unfit: The condition meets a value of a kind that it was not written for.
        """
        if self.test is None:
            return True
        found = _at("if", self.test, record)
        if found is not None and type(found) is not bool:
            raise unfit(found, "truth value")
        return found is True

    def envelope(self, record: Record, identity: str) -> dict[str, Any]:
        """Give the envelope of a record.

        Args:
            record: The record.
            identity: What stands for the id where the mapping names none.

        Raises:
            Unfit: A value that must be there is not, or is of another kind; the words name the field.
        """
        found: dict[str, Any] = {
            "event_id": identity if self.id is None else _needed("event_id", self.id, record, "no_id"),
            "type": self.type,
            "schema_version": self.schema_version,
            "occurred_at": self._time(record),
            "source": _needed("source", self.source, record, "missing_field"),
            "customer_id": _needed("customer_id", self.customer, record, "no_customer"),
            "payload": self._payload(record),
        }
        if self.entity is not None:
            kind, entity_id, seq = self.entity
            entity = {"type": kind, "id": _needed("entity.id", entity_id, record, "bad_entity")}
            number = None if seq is None else _field("entity.seq", Type("int"), seq, record)
            found["entity"] = entity if number is None else entity | {"seq": number}
        trace = None if self.trace is None else _field("trace_id", Type("text"), self.trace, record)
        return found if trace is None else found | {"trace_id": trace}

    def _time(self, record: Record) -> str:
        if self.time is None:
            return text(moment(record.timestamp))
        value = _at("occurred_at", self.time, record)
        if value is None:
            raise Unfit(f"occurred_at: nothing there, from `{self.time.text}`", "bad_time")
        if type(value) is Moment:
            return text(value)
        if type(value) is str:
            return value
        raise Unfit(f"occurred_at: a time is wanted, not {kind_of(value)}; see the filter `instant`", "bad_time")

    def _payload(self, record: Record) -> dict[str, Any]:
        if isinstance(self.payload, Loose):
            whole = _at("payload", self.payload, record)
            if type(whole) is not dict:
                raise Unfit(f"payload: {unfit(whole, 'object').words}")
            return {
                name: _wanted(f"payload.{name}", self.fields[name], one)
                for name, one in whole.items()
                if name in self.fields
            }
        found: dict[str, Any] = {}
        for name, written in self.payload.items():
            value = _field(f"payload.{name}", self.fields[name], written, record)
            if value is not None:
                found[name] = value
        return found


@dataclass(frozen=True, slots=True)
class ForeignTopic:
    """A topic of someone else's. No events: its CloudEvents are made for us, with our attributes, as over HTTP."""

    name: str
    format: Format
    events: tuple[ForeignEvent, ...]
    otherwise: Choice
    tombstones: Choice

    def envelope(self, record: Record, identity: str) -> dict[str, Any] | None:
        """Give the envelope of a record, or None where no event takes it.

        Raises:
            Unfit: See `ForeignEvent.envelope`.
        """
        if not self.events:
            return as_envelope(record.cloud, record.value)
        for one in self.events:
            if one.takes(record):
                return one.envelope(record, identity)
        return None


def _no_number(value: Any) -> NoReturn:
    raise Unfit("payload: a number has too many digits")


_encoder: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_no_number)


def as_json(value: Mapping[str, Any]) -> bytes:
    """Give the JSON of an envelope or a payload.

    Raises:
        Unfit: A number in it has too many digits.
    """
    try:
        return _encoder.encode(value)
    except OverflowError:
        raise Unfit("payload: a number has too many digits") from None


def _at(path: str, written: Loose, record: Record) -> Any:
    """Give what an expression gives; what is wrong with the record says for which field."""
    try:
        return written.run(record)
    except Unfit as error:
        raise Unfit(f"{path}: {error.words}, in `{written.text}`", error.reason) from None


def _wanted(path: str, wanted: Type, value: Any) -> Any:
    try:
        return as_wanted(wanted, value)
    except Unfit as error:
        raise Unfit(f"{path}: {error.words}", error.reason) from None


def _field(path: str, wanted: Type, written: Loose, record: Record) -> Any:
    return _wanted(path, wanted, _at(path, written, record))


def _needed(path: str, written: Loose, record: Record, absent: str) -> str:
    value = _field(path, Type("text"), written, record)
    if value is None:
        raise Unfit(f"{path}: nothing there, from `{written.text}`", absent)
    return str(value)
