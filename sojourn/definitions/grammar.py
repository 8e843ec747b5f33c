"""Says declaratively what may stand in a file; parser, JSON Schema and reference page all come from it.

A `Kind` reads a node and gives a parsed value, or None after noting a problem. Leaves keep their node,
so that whatever is checked later can point at the place. This module has the kinds that hold others;
`scalars` has those of one text, `parsed` the forms that come out. All can be imported from here.
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Any

from sojourn.core.nearest import did_you_mean
from sojourn.definitions.parsed import Entries, Fields, Items, Kind, Leaf, Schema
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping, Node, Scalar, kind_of
from sojourn.definitions.reader import Sequence as SequenceNode
from sojourn.definitions.scalars import Boolean, Choice, Expr, Integer, Name, Parsed, ScalarKind, Text

__all__ = [
    "Boolean",
    "ByShape",
    "ByWord",
    "Choice",
    "Entries",
    "Expr",
    "F",
    "Fields",
    "Integer",
    "Items",
    "Kind",
    "Leaf",
    "ListOf",
    "MapOf",
    "Name",
    "Parsed",
    "Record",
    "Ref",
    "ScalarKind",
    "Schema",
    "Text",
    "definitions",
    "described",
]


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of one kind; with ``or_one`` a single one may stand where a list of one would."""

    item: Kind
    least: int = 0
    most: int = 1000
    or_one: bool = False

    def parse(self, node: Node, problems: Problems) -> Items | None:
        """Give Items of all that parsed."""
        if not isinstance(node, SequenceNode):
            if not self.or_one:
                problems.add(node.place, f"{kind_of(node)} stands where {self.words()} must", "begin with `- `")
                return None
            one = self.item.parse(node, problems)
            return Items(() if one is None else (one,), node)
        if not self.least <= len(node.items) <= self.most:
            limits = f"at least {self.least}" if len(node.items) < self.least else f"at most {self.most:,}"
            problems.add(node.place, f"this list has {len(node.items)} entries", f"{limits} must stand here")
        parsed = (self.item.parse(item, problems) for item in node)
        return Items(tuple(item for item in parsed if item is not None), node)

    def schema(self) -> Schema:
        """See `Kind`."""
        items: Schema = {"type": "array", "items": self.item.schema(), "maxItems": self.most}
        if self.least:
            items["minItems"] = self.least
        return {"anyOf": [self.item.schema(), items]} if self.or_one else items

    def words(self) -> str:
        """See `Kind`."""
        return f"{self.item.words()}, or a list of them" if self.or_one else f"a list ({self.item.words()})"

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return (self.item,)


@dataclass(frozen=True)
class MapOf(Kind):
    """A group with free keys of one spelling and values of one kind."""

    key: Name
    value: Kind
    least: int = 0

    def parse(self, node: Node, problems: Problems) -> Entries | None:
        """Give Entries of all that parsed."""
        if not isinstance(node, Mapping):
            problems.add(node.place, f"{kind_of(node)} stands where {self.words()} must")
            return None
        if node.damaged:
            return None
        if len(node.entries) < self.least:
            problems.add(node.place, f"at least {self.least} entries must stand here")
        values: dict[str, Any] = {}
        keys: dict[str, Scalar] = {}
        for key, inner in node:
            good = self.key.parse(key, problems)
            value = self.value.parse(inner, problems)
            if good is not None and value is not None:
                values[key.text], keys[key.text] = value, key
        return Entries(values, keys, node)

    def schema(self) -> Schema:
        """See `Kind`."""
        schema: Schema = {
            "type": "object",
            "propertyNames": {"pattern": f"^{self.key.pattern}$"},
            "additionalProperties": self.value.schema(),
        }
        return {**schema, "minProperties": self.least} if self.least else schema

    def words(self) -> str:
        """See `Kind`."""
        return f"a group: {self.key.words()}, then {self.value.words()}"

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return (self.value,)


@dataclass(frozen=True)
class F:
    """One key of a record."""

    name: str
    kind: Kind
    about: str
    required: bool = False


@dataclass(frozen=True)
class Record(Kind):
    """A group with fixed keys. An unknown key is an error that names the nearest one."""

    name: str
    fields: tuple[F, ...]
    about: str = ""
    hints: MappingType[str, str] = field(default_factory=dict)  # keys people write by mistake -> what to do

    def parse(self, node: Node, problems: Problems) -> Fields | None:
        """Give Fields of all that parsed; what is missing or unknown is noted."""
        if not isinstance(node, Mapping):
            allowed = f"its keys: {', '.join(f.name for f in self.fields)}"
            problems.add(node.place, f"{kind_of(node)} stands where {self.words()} must", allowed)
            return None
        if node.damaged:
            return None
        kinds = {f.name: f.kind for f in self.fields}
        values: dict[str, Any] = {}
        for key, inner in node:
            kind = kinds.get(key.text)
            if kind is None:
                self._unknown(key, node, problems)
            elif (value := kind.parse(inner, problems)) is not None:
                values[key.text] = value
        for f in self.fields:
            if f.required and f.name not in node:
                problems.add(node.place, f"`{f.name}` is missing in {self.name}", f"{f.about}: {f.kind.words()}")
        return Fields(values, node)

    def _unknown(self, key: Scalar, node: Mapping, problems: Problems) -> None:
        names = [f.name for f in self.fields if f.name not in node]
        hint = self.hints.get(key.text) or did_you_mean(key.text, names)
        allowed = f"allowed here: {', '.join(names)}" if names else "no other key may stand here"
        problems.add(
            key.place,
            f"`{key.text[:60]}` is no key of {self.name}",
            f"{hint}; {allowed}" if hint else allowed,
        )

    def schema(self) -> Schema:
        """See `Kind`."""
        properties = {f.name: described(f.kind.schema(), f.about) for f in self.fields}
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if self.about:
            schema["description"] = self.about
        required = [f.name for f in self.fields if f.required]
        return {**schema, "required": required} if required else schema

    def words(self) -> str:
        """See `Kind`."""
        return self.name

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return [f.kind for f in self.fields]


@dataclass(frozen=True)
class ByWord(Kind):
    """One of several records, told by the one key that must stand in each (`send`, `wait`, ...)."""

    name: str
    records: MappingType[str, Record]

    def parse(self, node: Node, problems: Problems) -> Fields | None:
        """Give the Fields of the record whose word stands there."""
        if not isinstance(node, Mapping):
            problems.add(node.place, f"{kind_of(node)} stands where {self.name} must", f"one of: {self._listed()}")
            return None
        if node.damaged:
            return None
        found = [key for key, _ in node if key.text in self.records]
        if len(found) == 1:
            fields = self.records[found[0].text].parse(node, problems)
            return None if fields is None else Fields(fields.values, node, found[0].text)
        if found:
            both = " and ".join(f"`{key.text}`" for key in found)
            problems.add(found[1].place, f"{both} stand in {self.name}", "one of them only; make two of it")
        else:
            near = next((hint for key in node.names if (hint := did_you_mean(key, self.records))), "")
            message = f"{self.name} without a word that says what it does"
            problems.add(node.place, message, "; ".join(filter(None, (near, f"one of: {self._listed()}"))))
        return None

    def _listed(self) -> str:
        return ", ".join(self.records)

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"anyOf": [record.schema() for record in self.records.values()]}

    def words(self) -> str:
        """See `Kind`."""
        return self.name

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return tuple(self.records.values())


@dataclass(frozen=True)
class ByShape(Kind):
    """Another kind for a text, a list and a group."""

    about: str
    text: Kind | None = None
    items: Kind | None = None
    group: Kind | None = None

    def parse(self, node: Node, problems: Problems) -> Any:
        """Give what the kind of this shape gives."""
        kind = self.text if isinstance(node, Scalar) else self.group if isinstance(node, Mapping) else self.items
        if kind is None or (isinstance(node, Scalar) and node.empty):
            problems.add(node.place, f"{kind_of(node)} stands where {self.about} must")
            return None
        return kind.parse(node, problems)

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"anyOf": [kind.schema() for kind in self.inner()]}

    def words(self) -> str:
        """See `Kind`."""
        return self.about

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return [kind for kind in (self.text, self.items, self.group) if kind is not None]


@dataclass(frozen=True)
class Ref(Kind):
    """A kind that is defined once under a name: for recursion, and for a readable schema."""

    name: str
    to: Callable[[], Kind]

    def parse(self, node: Node, problems: Problems) -> Any:
        """Give what the named kind gives."""
        return self.to().parse(node, problems)

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"$ref": f"#/definitions/{self.name}"}

    def words(self) -> str:
        """See `Kind`."""
        return self.to().words()

    def inner(self) -> Sequence[Kind]:
        """See `Kind`."""
        return (self.to(),)


def described(schema: Schema, about: str) -> Schema:
    """Give a schema with a description; draft-07 ignores what stands beside a `$ref`, so that is wrapped."""
    if "$ref" in schema:
        return {"allOf": [schema], "description": about}
    return {**schema, "description": about}


def definitions(root: Kind) -> dict[str, Schema]:
    """Give the schemas of all named kinds that can be reached."""
    found: dict[str, Schema] = {}
    todo: list[Kind] = [root]
    while todo:
        kind = todo.pop()
        if isinstance(kind, Ref):
            if kind.name in found:
                continue
            found[kind.name] = kind.to().schema()
        todo.extend(kind.inner())
    return dict(sorted(found.items()))
