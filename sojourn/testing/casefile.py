"""Reads the tests of a journey: ``journeys/NAME.test.yaml`` (language.md, "Tests that marketing writes").

Every plain text is typed by the event's or the profile's declaration. What a test leaves out gets the example of
the schema; a customer gets an address for every channel. All mistakes of a file are told at once, with their place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from typing import Any, Final

from sojourn.core.nearest import did_you_mean
from sojourn.core.types import Type
from sojourn.core.zones import DAY, is_zone, to_utc
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.project import Project
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.reader import Node, Scalar, Sequence, kind_of

TOP: Final = ("customer", "journeys", "tests")
TEST: Final = ("it", "customer", "given", "until", "expect", "expect_not_sent")
ENVELOPE: Final = ("at", "event", "id", "seq", "happened", "source", "entity")
_ADDRESSES: Final = {"sms": "+8613800000000", "email": "customer@example.com"}
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2}(?::\d{2})?))?", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "none": None}


@dataclass(frozen=True, slots=True)
class Line:
    """One given event: its instant, its envelope JSON-plain, and where it stands."""

    at: int
    envelope: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Case:
    """One test: a customer, what happens to him, and what must come of it. ``not_sent`` None: not compared."""

    name: str
    place: Place
    zone: str
    customer: Mapping[str, Any]
    given: tuple[Line, ...]
    until: int
    expect: tuple[str, ...]
    not_sent: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All tests of one file; ``journeys`` are the ones that take part."""

    file: str
    journeys: frozenset[str]
    cases: tuple[Case, ...]


def read_cases(root: MappingNode, file: str, journey: str, project: Project, problems: Problems) -> CaseFile:
    """Give the tests of a file; a test with a mistake is left out and told.

    Args:
        root: The file as read.
        file: Its name as the reader knows it.
        journey: The journey that it belongs to, from its name.
        project: What is declared.
        problems: Takes what is wrong.
    """
    return _Reader(file, journey, project, problems).read(root)


class _Wrong(Exception):
    """A mistake at a place; never leaves this module."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        self.place, self.message, self.hint = place, message, hint
        super().__init__(message)


class _Reader:
    def __init__(self, file: str, journey: str, project: Project, problems: Problems) -> None:
        self.file, self.journey, self.project, self.problems = file, journey, project, problems
        self.roles = project.profile.roles
        self.fields = project.catalogue.profile.fields

    def read(self, root: MappingNode) -> CaseFile:
        names = frozenset({self.journey})
        cases: list[Case] = []
        try:
            self._known(root, TOP)
            names |= self._journeys(root)
            common = root.get("customer")
            tests = root.get("tests")
            if not isinstance(tests, Sequence) or not tests.items:
                raise _Wrong(root.place, "`tests` is a list of tests", "begin with `tests:` and `- it: what it does`")
            for node in tests:
                self._case(node, common, cases)
        except _Wrong as wrong:
            self.problems.add(wrong.place, wrong.message, wrong.hint)
        return CaseFile(self.file, names, tuple(cases))

    def _case(self, node: Node, common: Node | None, cases: list[Case]) -> None:
        try:
            cases.append(self._read_case(node, common))
        except _Wrong as wrong:
            self.problems.add(wrong.place, wrong.message, wrong.hint)

    def _read_case(self, node: Node, common: Node | None) -> Case:
        test = self._mapping(node, "a test")
        self._known(test, TEST)
        name = self._text(test, "it")
        customer = self._customer(common, test.get("customer"))
        zone = str(customer.get(self.roles.zone) or self.project.rules.default_zone)
        if not is_zone(zone):
            raise _Wrong(test.place, f"there is no time zone `{zone}`", "write it as Asia/Shanghai")
        given = self._given(test, zone, str(customer[self.project.catalogue.profile.id_field]))
        until = self._until(test, zone)
        if until < given[-1].at:
            raise _Wrong(test.place, "the test ends before its last event", "give `until` a later day")
        return Case(
            name=name,
            place=test.place,
            zone=zone,
            customer=customer,
            given=given,
            until=until,
            expect=self._lines(test, "expect") or (),
            not_sent=self._lines(test, "expect_not_sent"),
        )

    # ---- parts

    def _journeys(self, root: MappingNode) -> frozenset[str]:
        node = root.get("journeys")
        if node is None:
            return frozenset()
        if not isinstance(node, Sequence):
            raise _Wrong(node.place, "`journeys` is a list of journeys")
        for item in node:
            if not isinstance(item, Scalar) or item.text not in self.project.journeys:
                text = item.text if isinstance(item, Scalar) else ""
                hint = did_you_mean(text, self.project.journeys)
                raise _Wrong(item.place, f"there is no journey `{text}`", hint)
        return frozenset(item.text for item in node if isinstance(item, Scalar))

    def _customer(self, *parts: Node | None) -> dict[str, Any]:
        """Give the profile: defaults, then what the file says, then what the test says."""
        id_field = self.project.catalogue.profile.id_field
        values: dict[str, Any] = {id_field: "C1", self.roles.zone: self.project.rules.default_zone}
        for name, field in self.fields.items():
            needed = field.default is None and not field.type.nullable and not field.derived
            if needed and field.type.kind == "text" and field.type.values is None and name != id_field:
                values[name] = name
        values |= {field: _ADDRESSES[channel] for channel, field in self.roles.addresses.items()}
        for part in parts:
            if part is None:
                continue
            for key, node in self._mapping(part, "the customer"):
                name = id_field if key.text == "id" else key.text
                if name not in self.fields:
                    raise _Wrong(key.place, f"the profile has no field `{name}`", did_you_mean(name, self.fields))
                if self.fields[name].derived:
                    raise _Wrong(key.place, f"`{name}` is computed", "set the fields that it is computed from")
                values[name] = _typed(self.fields[name].type, node)
        return values

    def _given(self, test: MappingNode, zone: str, customer: str) -> tuple[Line, ...]:
        node = test.get("given")
        if not isinstance(node, Sequence) or not node.items:
            raise _Wrong(test.place, "`given` is a list of events", "- {at: 2026-03-08 20:00, event: payment.received}")
        lines = tuple(self._line(item, number, zone, customer) for number, item in enumerate(node, 1))
        for before, after in pairwise(lines):
            if after.at < before.at:
                raise _Wrong(
                    after.place, "the events are not in the order of their arrival", "`happened` may be earlier"
                )
        return lines

    def _line(self, node: Node, number: int, zone: str, customer: str) -> Line:
        line = self._mapping(node, "an event")
        kind = self.project.catalogue.types.get(self._text(line, "event"))
        if kind is None:
            name = line.get("event")
            text = self._text(line, "event")
            raise _Wrong(name.place if name else line.place, f"there is no event `{text}`",
                         did_you_mean(text, self.project.catalogue.types))  # fmt: skip
        payload = {name: value for name, value in kind.examples.items() if value is not None}
        for key, value in line:
            if key.text in ENVELOPE:
                continue
            if key.text not in kind.fields:
                names = (*kind.fields, *ENVELOPE)
                hint = did_you_mean(key.text, names) or f"it has {', '.join(kind.fields)}"
                raise _Wrong(key.place, f"`{kind.name}` has no field `{key.text}`", hint)
            partial = key.text in kind.partial
            payload[key.text] = self._partial(value) if partial else _typed(kind.fields[key.text], value)
        at = self._instant(line, "at", zone)
        envelope: dict[str, Any] = {
            "event_id": self._maybe(line, "id") or f"event {number}",
            "type": kind.name,
            "occurred_at": self._instant(line, "happened", zone) if "happened" in line else at,
            "source": self._maybe(line, "source") or kind.source,
            "customer_id": customer,
            "payload": payload,
            "trace_id": f"line {number}",
        }
        seq = self._maybe(line, "seq")
        if seq is not None:
            if not seq.isdecimal():
                raise _Wrong(line.place, "`seq` is a whole number from 1")
            entity = self._maybe(line, "entity") or self._entity(kind.entity, payload, customer)
            envelope["entity"] = {"type": kind.entity, "id": entity, "seq": int(seq)}
        return Line(at, envelope, line.place)

    def _entity(self, entity: str, payload: Mapping[str, Any], customer: str) -> str:
        """Name what a seq counts: the field ENTITY_id, else the key of the journey, else the customer."""
        own = payload.get(f"{entity}_id")
        if own is not None:
            return str(own)
        key = self.project.journeys[self.journey].journey.key
        return "#".join(str(payload[name]) for name in key if name in payload) or customer

    def _partial(self, node: Node) -> dict[str, Any]:
        """Give a part of a profile inside an event."""
        values: dict[str, Any] = {}
        for key, value in self._mapping(node, "a part of the profile"):
            field = self.fields.get(key.text)
            if field is None:
                hint = did_you_mean(key.text, self.fields)
                raise _Wrong(key.place, f"the profile has no field `{key.text}`", hint)
            values[key.text] = _typed(field.type, value)
        return values

    def _until(self, test: MappingNode, zone: str) -> int:
        """Give the last instant: a day counts to its end."""
        text = self._text(test, "until")
        instant = self._instant(test, "until", zone)
        return instant if " " in text else instant + DAY - 1

    def _lines(self, test: MappingNode, name: str) -> tuple[str, ...] | None:
        node = test.get(name)
        if node is None:
            if name == "expect":
                raise _Wrong(test.place, "a test says what it expects", "write `expect: []` where nothing is sent")
            return None
        if not isinstance(node, Sequence):
            raise _Wrong(node.place, f"`{name}` is a list of lines", "- 2026-03-05 09:00  sms  renewal_t7")
        lines: list[str] = []
        for item in node:
            if not isinstance(item, Scalar):
                raise _Wrong(item.place, "a line is a text", "- 2026-03-05 09:00  sms  renewal_t7")
            lines.append(" ".join(item.text.split()))
        return tuple(lines)

    # ---- values

    def _instant(self, node: MappingNode, name: str, zone: str) -> int:
        value = node.get(name)
        text = self._text(node, name)
        found = _TIME.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            day, clock = date.fromisoformat(found[1]), time.fromisoformat(found[2] or "00:00")
        except ValueError:
            place = value.place if value is not None else node.place
            raise _Wrong(place, f"`{text}` is no local time", "write 2026-03-08 20:00") from None
        return to_utc(zone, day, ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1000)

    def _mapping(self, node: Node, what: str) -> MappingNode:
        if not isinstance(node, MappingNode):
            raise _Wrong(node.place, f"{what} is a group of keys, and here stands {kind_of(node)}")
        return node

    def _known(self, node: MappingNode, names: tuple[str, ...]) -> None:
        for key, _ in node:
            if key.text not in names:
                hint = did_you_mean(key.text, names) or f"known are {', '.join(names)}"
                raise _Wrong(key.place, f"there is no word `{key.text}` here", hint)

    def _text(self, node: MappingNode, name: str) -> str:
        text = self._maybe(node, name)
        if text is None:
            raise _Wrong(node.place, f"`{name}` is missing")
        return text

    def _maybe(self, node: MappingNode, name: str) -> str | None:
        value = node.get(name)
        if value is None:
            return None
        if not isinstance(value, Scalar):
            raise _Wrong(value.place, f"`{name}` is a text")
        return value.text


def _typed(kind: Type, node: Node) -> Any:
    """Give a value as JSON has it: numbers and truth values by the declared type, all else as written."""
    if isinstance(node, MappingNode):
        held = kind.fields or {}
        return {key.text: _typed(held.get(key.text) or kind.item or _FREE, value) for key, value in node}
    if isinstance(node, Sequence):
        return [_typed(kind.item or _FREE, item) for item in node]
    text = node.text
    if node.empty or (text == "none" and not node.quoted):
        return None
    try:
        if kind.kind == "int":
            return int(text)
        if kind.kind == "number":
            return float(text)
    except ValueError:
        raise _Wrong(node.place, f"`{text}` is not {kind.describe()}") from None
    if kind.kind == "bool" or kind.kind in ("object", "map") or kind is _FREE:
        return _WORDS.get(text, text) if not node.quoted else text
    return text


_FREE: Final = Type("object")
