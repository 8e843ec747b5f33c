"""Reads topics.yaml: how the records of someone else's topics become events of ours.

Everything that can be known before a record comes is judged here: names, required fields, kinds, codes, and the
examples, each of which must become the event that it says.
"""

from collections.abc import Mapping
from typing import Final

from sojourn.core.conditions import ConditionError
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import Type
from sojourn.definitions.catalogue import Catalogue, EventType
from sojourn.definitions.changes import EVENT_NAME
from sojourn.definitions.foreign import ForeignEvent, ForeignTopic
from sojourn.definitions.grammar import (
    ByShape,
    Choice,
    Entries,
    Expr,
    F,
    Fields,
    Integer,
    Leaf,
    ListOf,
    MapOf,
    Name,
    Record,
    Text,
)
from sojourn.definitions.loose import Codes, Loose, compile_loose, constant
from sojourn.definitions.loose_values import a
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.topics_examples import EXAMPLE, try_examples
from sojourn.definitions.typetext import FIELD_NAME
from sojourn.schema import WHOLE_LIMIT

FILE: Final = "topics.yaml"
_VALUE: Final = Expr("an expression over the record")
_IF: Final = Expr("a condition over the record")
_SOURCE: Final = Text(200, "a text, or `= ` and an expression")
_WHAT: Final = Choice(("ignore", "refuse"), "answer")
_ENTITY: Final = Record(
    "an entity",
    (
        F("id", _VALUE, "which one; its type is that of the event", required=True),
        F("seq", _VALUE, "a whole number that grows with each event of it, so that late ones are seen (N8)"),
    ),
)
_EVENT: Final = Record(
    "an event",
    (
        F("if", _IF, "which records become this event; without it, all that are left"),
        F("event", EVENT_NAME, "the type that it becomes", required=True),
        F("id", _VALUE, "the id of the event, as `id` of the topic"),
        F("customer", _VALUE, "the customer's id, as `customer` of the topic"),
        F("time", _VALUE, "when it happened, as `time` of the topic"),
        F("source", _SOURCE, "who says so, as `source` of the topic"),
        F("entity", _ENTITY, "what the event happened to, where its events are numbered"),
        F("trace", _VALUE, "the id of a trace"),
        F("schema_version", Integer(1, WHOLE_LIMIT), "of the event's schema; the lowest that is read, if not said"),
        F(
            "payload",
            ByShape("an expression for each field, or one for the whole", text=_VALUE, group=MapOf(FIELD_NAME, _VALUE)),
            "the fields of the event",
            required=True,
        ),
    ),
    hints={"type": "the type of the event stands under `event`", "when": "the condition stands under `if`"},
)
_TOPIC: Final = Record(
    "a topic",
    (
        F("format", Choice(("json", "cloudevents"), "format"), "how its records are written", required=True),
        F("id", _VALUE, "the id of an event; without it, the place of the record, or the `id` of a CloudEvent"),
        F("customer", _VALUE, "the customer's id; of CloudEvents, `customerid` or `subject` if not said"),
        F("time", _VALUE, "when it happened; if not said, the `time` of a CloudEvent or the record's timestamp"),
        F("source", _SOURCE, "who says so; of CloudEvents, their `source` if not said"),
        F("events", ListOf(_EVENT, least=1, most=200), "what its records become: the first whose `if` holds"),
        F("otherwise", _WHAT, "what becomes of a record that none of the events takes: nothing, or a dead letter"),
        F("tombstones", _WHAT, "what becomes of a record without a value; `refuse` if not said"),
        F("examples", ListOf(EXAMPLE, most=100), "records that `sojourn check` tries"),
        F("note", Text(), "what a reader should know"),
    ),
    hints={"event": "a list of events stands under `events`", "payload": "the payload stands in each of the `events`"},
)
_TOPIC_NAME: Final = Name("topic", r"[A-Za-z0-9._-]{1,249}", "as Kafka writes it: letters, digits, `.`, `_`, `-`")
_CODES: Final = MapOf(Name("code", r"[^\x00-\x1f\x7f]{1,100}", "at most 100 characters"), Text(200), least=1)
TOPICS: Final = Record(
    "topics.yaml",
    (
        F("codes", MapOf(Name("table"), _CODES), "tables: their code, then our word for it"),
        F("topics", MapOf(_TOPIC_NAME, _TOPIC, least=1), "the topics of others", required=True),
    ),
)
_CLOUD: Final[Mapping[str, str]] = {
    "id": "cloud.id",
    "customer": "cloud.customerid | default(cloud.subject)",
    "time": "cloud.time | default(timestamp | text)",
    "source": "cloud.source",
    "trace": "cloud.traceid",
}


def read_topics(node: MappingNode, catalogue: Catalogue, problems: Problems) -> dict[str, ForeignTopic]:
    """Give the foreign topics that could be read; everything that is wrong is noted."""
    parsed: Fields | None = TOPICS.parse(node, problems)
    if parsed is None:
        return {}
    tables: Entries | None = parsed.get("codes")
    codes = {
        name: {code: leaf.value for code, leaf in table.items()}
        for name, table in (tables.items() if tables is not None else ())
    }
    topics: Entries | None = parsed.get("topics")
    found: dict[str, ForeignTopic] = {}
    for name, one in topics.items() if topics is not None else ():
        if name in catalogue.topics:
            hint = "its records are our envelope already; a CloudEvent over HTTP needs no mapping"
            problems.add(one.at, f"`{name}` is a topic of our own event types", hint)
        if (topic := _Topic(name, one, catalogue, codes, problems).read()) is not None:
            found[name] = topic
            try_examples(topic, one.get("examples") or (), catalogue, problems)
    return found


class _Topic:
    """Compiles one topic."""

    def __init__(self, name: str, parsed: Fields, catalogue: Catalogue, codes: Codes, problems: Problems) -> None:
        self.name = name
        self.parsed = parsed
        self.catalogue = catalogue
        self.codes = codes
        self.problems = problems
        self.cloud = parsed.value("format") == "cloudevents"
        self.shared = {
            word: self.compiled(parsed.get(word), word, source=word == "source")
            for word in ("id", "customer", "time", "source")
        }

    def read(self) -> ForeignTopic | None:
        """Give the topic, or None after noting why there is none."""
        before = len(self.problems.errors)
        written = self.parsed.get("events") or ()
        if "events" not in self.parsed and not self.cloud:
            self.problems.add(self.parsed.at, "`events` is missing in a topic", "say what its records become")
        events = [found for one in written if (found := self.event(one)) is not None]
        self.order()
        if "format" not in self.parsed or len(self.problems.errors) > before:
            return None
        return ForeignTopic(
            self.name,
            self.parsed.value("format"),
            tuple(events),
            self.parsed.value("otherwise", "refuse"),
            self.parsed.value("tombstones", "refuse"),
        )

    def order(self) -> None:
        """Each event must be reachable, and a record that none takes must have been thought of."""
        written = list(self.parsed.get("events") or ())
        for one in written[:-1]:
            if "if" not in one:
                self.problems.add(one.at, "this event takes every record, so those below get none", "give it an `if`")
        if written and "if" in written[-1] and "otherwise" not in self.parsed:
            hint = "otherwise: ignore, or otherwise: refuse"
            self.problems.add(self.parsed.at, "a record that none of the events takes is not thought of", hint)
        if (not written or "if" not in written[-1]) and "otherwise" in self.parsed:
            message = "no record is left for `otherwise`"
            self.problems.add(self.parsed.place("otherwise"), message, "delete it, or give the last event an `if`")

    def event(self, parsed: Fields) -> ForeignEvent | None:
        """Give one event, or None after noting why there is none."""
        name = parsed.value("event")
        kind = self.catalogue.get(name) if name is not None else None
        if kind is None:
            if name is not None:
                hint = self.catalogue.hint(name) or "declare it in schemas/events.py"
                self.problems.add(parsed.place("event"), f"there is no event type `{name}`", hint)
            return None
        test = self.compiled(parsed.get("if"), "if", "truth value")
        customer, source = self.part(parsed, "customer"), self.part(parsed, "source")
        for word, found in (("customer", customer), ("source", source)):
            if found is None and word not in parsed and word not in self.parsed:
                self.problems.add(parsed.at, f"`{word}` is missing", f"write `{word}` here or for the whole topic")
        payload = self.payload(parsed, kind)
        if customer is None or source is None or payload is None:
            return None
        return ForeignEvent(
            type=kind.name,
            schema_version=self.version(parsed, kind),
            test=test,
            id=self.part(parsed, "id"),
            customer=customer,
            time=self.part(parsed, "time"),
            source=source,
            entity=self.entity(parsed.get("entity"), kind),
            trace=self.part(parsed, "trace"),
            fields=kind.fields,
            payload=payload,
        )

    def part(self, parsed: Fields, word: str) -> Loose | None:
        """Give what stands in the event, else in the topic, else what a CloudEvent says."""
        if word in parsed:
            return self.compiled(parsed.get(word), word, source=word == "source")
        if word in self.parsed:
            return self.shared.get(word)
        return compile_loose(_CLOUD[word], {}, cloud=True) if self.cloud else None

    def compiled(self, leaf: Leaf | None, word: str, *kinds: str, source: bool = False) -> Loose | None:
        """Give a compiled expression, or None after noting every mistake in it (or when nothing was written)."""
        if leaf is None:
            return None
        text = leaf.node.text
        offset = 0
        if source:
            if not text.startswith("="):
                return constant(leaf.value)
            offset = len(text) - len(text[1:].lstrip())
        try:
            found = compile_loose(text[offset:], self.codes, cloud=self.cloud)
        except ConditionError as error:
            for problem in error.problems:
                self.problems.add(leaf.node.place_at(problem.offset + offset), problem.message, problem.hint)
            return None
        wanted = kinds or _KINDS.get(word, ("text", "number"))
        if found.kind not in ("any", *wanted):
            self.problems.add(leaf.place, f"`{word}` is {a(found.kind)} here", f"{a(wanted[0])} is wanted")
            return None
        return found

    def entity(self, parsed: Fields | None, kind: EventType) -> tuple[str, Loose, Loose | None] | None:
        """Give the entity of an event; its type is what the catalogue says."""
        found = None if parsed is None else self.compiled(parsed.get("id"), "id")
        if parsed is None or found is None:
            return None
        return kind.entity, found, self.compiled(parsed.get("seq"), "seq", "number")

    def version(self, parsed: Fields, kind: EventType) -> int:
        """Give the version of the schema, which the catalogue must read."""
        version: int = parsed.value("schema_version", min(kind.versions))
        if version not in kind.versions:
            known = ", ".join(str(one) for one in kind.versions)
            self.problems.add(parsed.place("schema_version"), f"`{kind.name}` has no version {version}", f"has {known}")
        return version

    def payload(self, parsed: Fields, kind: EventType) -> Mapping[str, Loose] | Loose | None:
        """Give the expressions of the payload; each field exists, and none that is required is left out."""
        written = parsed.get("payload")
        if written is None or isinstance(written, Leaf):
            return self.compiled(written, "payload", "object")
        found: dict[str, Loose] = {}
        for name, leaf in written.items():
            if name not in kind.fields:
                hint = did_you_mean(name, kind.fields) or f"it has {', '.join(kind.fields) or 'no fields'}"
                self.problems.add(written.keys[name].place, f"`{kind.name}` has no field `{name}`", hint)
            elif (one := self.compiled(leaf, name, *_kinds_for(kind.fields[name]))) is not None:
                found[name] = one
                self.codes_fit(leaf, one, kind.fields[name])
        for name, declared in kind.model.model_fields.items():
            if declared.is_required() and name not in written.node:
                said = f"`{name}` is missing, which `{kind.name}` requires"
                self.problems.add(written.place, said, f"it is {kind.fields[name].describe()}")
        return found

    def codes_fit(self, leaf: Leaf, found: Loose, wanted: Type) -> None:
        """Every text that is known before a record comes must be one of a closed list."""
        for text in sorted((found.texts or frozenset()) - frozenset(wanted.values or found.texts or ())):
            hint = did_you_mean(text, wanted.values or ()) or wanted.required().describe()
            self.problems.add(leaf.place, f"`{text}` is no value of this field", hint)


_KINDS: Final[Mapping[str, tuple[str, ...]]] = {"time": ("instant", "text"), "if": ("truth value",)}
_BY_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "number"), "int": ("number",), "decimal": ("number", "text"), "number": ("number",),
    "bool": ("truth value",), "date": ("day", "text"), "instant": ("instant", "text"), "list": ("list",),
    "set": ("list",), "object": ("object",), "map": ("object",),
}  # fmt: skip


def _kinds_for(wanted: Type) -> tuple[str, ...]:
    kinds = _BY_TYPE[wanted.kind]
    return (*kinds, "nothing") if wanted.nullable else kinds
