"""Types as files of a project write them: `text`, `date?`, `list of text`, a group of fields for an object."""

from typing import Any, Final

from sojourn.core.nearest import did_you_mean
from sojourn.core.types import COLLECTIONS, SCALARS, Type, encode, object_of, parse
from sojourn.definitions.grammar import ByShape, Entries, Kind, Leaf, MapOf, Name, Parsed, Schema
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping, Node, Scalar, kind_of
from sojourn.definitions.reader import Sequence as SequenceNode

_WORDS: Final = {"timestamp": "instant", "object": "object"} | {kind: kind for kind in (*SCALARS, *COLLECTIONS)}


def type_of(text: str) -> Type:
    """Give the type that a text means: a word, `?` for may-be-absent, `list of`, `set of`, `map of`.

    Raises:
        ValueError: No such type; the arguments are the message and a hint with the nearest one.
    """
    word = text.strip()
    nullable = word.endswith("?")
    word = word.removesuffix("?").strip()
    head, of, rest = word.partition(" of ")
    if of and head in ("list", "set", "map"):
        return Type(head, nullable=nullable, item=type_of(rest))
    if word not in _WORDS:
        allowed = f"allowed: {', '.join(sorted(_WORDS))}, with `?` where it may be absent"
        near = did_you_mean(word, _WORDS)
        raise ValueError(f"`{text[:60]}` is no type", f"{near} {allowed}".strip())
    return Type(_WORDS[word], nullable=nullable)


TYPE: Final = Parsed(type_of, "a type such as text, date? or list of text")
FIELD_NAME: Final = Name("field")
ITEM: Final = ByShape("a type, or the fields of an object", text=TYPE, group=MapOf(FIELD_NAME, TYPE))


def item_type(parsed: Leaf | Entries) -> Type:
    """Give the type that `item` declares: a plain one, or an object with typed fields."""
    if isinstance(parsed, Leaf):
        declared: Type = parsed.value
        return declared
    return object_of({name: leaf.value for name, leaf in parsed.items()})


class Anything(Kind):
    """Whatever stands there, as a node; the caller knows by another key what it must be."""

    def parse(self, node: Node, problems: Problems) -> Node | None:
        """Give the node; nothing at all is refused."""
        if isinstance(node, Scalar) and node.empty:
            problems.add(node.place, "nothing stands where a value must", "write one, or delete the key")
            return None
        return node

    def schema(self) -> Schema:
        """Anything goes."""
        return {}

    def words(self) -> str:
        """See `Kind`."""
        return "a value of the declared type"


ANYTHING: Final = Anything()


def typed_value(type: Type, node: Node, problems: Problems) -> Any:
    """Give the typed value that a node writes down; None after noting what is wrong (or for `none`)."""
    if type.kind in ("list", "set") and isinstance(node, SequenceNode):
        item = type.item or Type("text")
        values = [typed_value(item, one, problems) for one in node]
        return sorted({*values}) if type.kind == "set" and None not in values else values
    if type.kind in ("map", "object") and isinstance(node, Mapping):
        return _group(type, node, problems)
    if not isinstance(node, Scalar):
        problems.add(node.place, f"{kind_of(node)} stands where {type.describe()} must")
        return None
    try:
        return parse(type, node.text)
    except ValueError as error:
        problems.add(node.place, str(error))
        return None


def _group(type: Type, node: Mapping, problems: Problems) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node:
        held = type.item if type.kind == "map" else (type.fields or {}).get(key.text)
        if held is None and type.fields is not None:
            problems.add(
                key.place,
                f"`{key.text[:60]}` is no field of this object",
                did_you_mean(key.text, type.fields),
            )
        else:
            found[key.text] = typed_value(held or Type("text"), value, problems)
    return found


def wire_value(type: Type, node: Node, problems: Problems) -> Any:
    """Give the wire form of the value that a node writes down; None after noting what is wrong."""
    before = len(problems)
    value = typed_value(type, node, problems)
    return encode(type, value) if len(problems) == before else None
