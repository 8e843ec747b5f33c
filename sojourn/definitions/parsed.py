"""What the grammar gives for a file: values with the nodes they came from, and the base of all kinds.

- leaf kinds give `Leaf(value, node)`;
- `ListOf` gives `Items(values, node)`;
- `MapOf` gives `Entries(values, keys, node)`;
- `Record` gives `Fields(values, node)`; `fields.get("name")`, `fields.place("name")`.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any

from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.reader import Mapping, Node, Scalar

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parsed scalar: the value as the kind gives it, and the node it was written in."""

    value: Any
    node: Scalar

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.node.place


@dataclass(frozen=True, slots=True)
class Items:
    """A parsed list. What did not parse is not in it."""

    values: tuple[Any, ...]
    node: Node

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.node.place

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Entries:
    """A parsed mapping with free keys, in the order of the file."""

    values: MappingType[str, Any]
    keys: MappingType[str, Scalar]
    node: Mapping

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.node.place

    def items(self) -> Iterator[tuple[str, Any]]:
        """Give name and parsed value of each entry."""
        return iter(self.values.items())


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed mapping with fixed keys. ``word`` is the key that told the record of a `ByWord`."""

    values: MappingType[str, Any]
    node: Mapping
    word: str = ""

    @property
    def at(self) -> Place:
        """Where it begins."""
        return self.node.place

    def get(self, name: str) -> Any:
        """Give the parsed value of a key, or None when it does not stand there."""
        return self.values.get(name)

    def value(self, name: str, default: Any = None) -> Any:
        """Give the plain value of a leaf key, or the default."""
        leaf = self.values.get(name)
        return default if leaf is None else leaf.value

    def place(self, name: str) -> Place:
        """Give the place of a key's value, else of the whole record."""
        value = self.node.get(name)
        return value.place if value is not None else self.node.place

    def __contains__(self, name: str) -> bool:
        return name in self.node


class Kind:
    """What may stand at one place. Subclasses give the three faces: parser, schema, words."""

    def parse(self, node: Node, problems: Problems) -> Any:
        """Give the parsed form, or None after noting at least one problem."""
        raise NotImplementedError

    def schema(self) -> Schema:
        """Give the JSON Schema (draft-07); parts that stand in `definitions` are referred to."""
        raise NotImplementedError

    def words(self) -> str:
        """Say what stands here, as `a duration such as 3 days`."""
        raise NotImplementedError

    def inner(self) -> Sequence["Kind"]:
        """Give the kinds inside, for walks over the grammar."""
        return ()
