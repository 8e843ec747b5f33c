"""Reads schemas/calls.yaml: the calls to other systems, what goes out and what may come back (B2, Q26)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sojourn.core.nearest import did_you_mean
from sojourn.core.types import Type
from sojourn.definitions.grammar import (
    ByShape,
    Entries,
    F,
    Fields,
    Leaf,
    ListOf,
    MapOf,
    Name,
    Record,
    Text,
)
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.typetext import ANYTHING, FIELD_NAME, TYPE, typed_value

CALL_NAME: Final = Name("call", r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", "small letters, as advisor.task")


@dataclass(frozen=True, slots=True)
class CallType:
    """One call: its owner, the types of its arguments and of its answer, and an example answer (typed)."""

    name: str
    owner: str
    args: Mapping[str, Type]
    answer: Mapping[str, Type] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


_TYPED: Final = Record(
    "an argument",
    (
        F("type", TYPE, "its type", required=True),
        F("values", ListOf(Text(), least=1), "the closed list of values"),
        F("note", Text(), "what a reader should know"),
    ),
)
_ARGUMENT: Final = ByShape("a type, or a group with type and values", text=TYPE, group=_TYPED)
CALL: Final = Record(
    "a call",
    (
        F("owner", Text(), "who answers for the work", required=True),
        F("note", Text(), "what it does"),
        F("args", MapOf(FIELD_NAME, _ARGUMENT), "what a journey may pass", required=True),
        F("answer", MapOf(FIELD_NAME, _ARGUMENT), "what the system may answer"),
        F("example", MapOf(FIELD_NAME, ANYTHING), "the answer in simulate and in tests"),
    ),
)
CALLS: Final = MapOf(CALL_NAME, CALL)


def read_calls(node: MappingNode, problems: Problems) -> dict[str, CallType]:
    """Give all calls of a project that could be read; examples are checked against the answer's types."""
    parsed: Entries | None = CALLS.parse(node, problems)
    return {name: _call(name, one, problems) for name, one in (parsed.items() if parsed is not None else ())}


def _call(name: str, parsed: Fields, problems: Problems) -> CallType:
    answer = _types(parsed.get("answer"), problems)
    example: dict[str, Any] = {}
    entries: Entries | None = parsed.get("example")
    for key, node in entries.items() if entries is not None else ():
        if key not in answer:
            problems.add(node.place, f"the answer has no field `{key}`", did_you_mean(key, answer))
        else:
            example[key] = typed_value(answer[key], node, problems)
    for key, declared in answer.items():
        if key not in example and not declared.nullable:
            problems.add(parsed.place("example"), f"the example answer of `{name}` lacks `{key}`", "add it")
    args = _types(parsed.get("args"), problems)
    return CallType(name, parsed.value("owner", ""), args, answer, example, parsed.value("note", ""))


def _types(entries: Entries | None, problems: Problems) -> dict[str, Type]:
    found: dict[str, Type] = {}
    for key, one in entries.items() if entries is not None else ():
        if isinstance(one, Leaf):
            found[key] = one.value
        elif one.get("type") is not None:
            declared: Type = one.value("type")
            values = one.get("values")
            if values is not None and declared.kind != "text":
                problems.add(one.place("values"), "`values` stand beside a type that is no text", "delete them")
            elif values is not None:
                declared = replace(declared, values=tuple(leaf.value for leaf in values))
            found[key] = declared
    return found
