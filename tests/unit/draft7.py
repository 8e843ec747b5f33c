"""A small judge of JSON Schema draft-07, for tests: it knows the words that our schema uses and no other.

A word that it does not know is an error, so a schema cannot pass by words that nobody judges.
"""

import re
from collections.abc import Callable
from typing import Any

from sojourn.definitions.reader import Mapping, Node, Scalar

_SILENT = {"$schema", "title", "description", "definitions"}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether a value fits a schema."""
    return _fits(schema, value, schema)


def _fits(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        return _fits(root["definitions"][name], value, root)
    return all(_word(word, said, value, schema, root) for word, said in schema.items() if word not in _SILENT)


def _word(word: str, said: Any, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if word == "type":
        return any(_TYPES[one](value) for one in ([said] if isinstance(said, str) else said))
    if word == "anyOf":
        return any(_fits(one, value, root) for one in said)
    if word == "allOf":
        return all(_fits(one, value, root) for one in said)
    if word == "enum":
        return value in said
    if word in ("pattern", "minLength", "maxLength"):
        return not isinstance(value, str) or _text(word, said, value)
    if word in ("minimum", "maximum"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return not is_number or (value >= said if word == "minimum" else value <= said)
    if word in ("items", "minItems", "maxItems"):
        return not isinstance(value, list) or _items(word, said, value, root)
    if word in ("properties", "required", "additionalProperties", "propertyNames", "minProperties"):
        return not isinstance(value, dict) or _object(word, said, value, schema, root)
    raise AssertionError(f"the schema says `{word}`, which nobody judges")


def _text(word: str, said: Any, value: str) -> bool:
    if word == "pattern":
        return re.search(said, value) is not None
    return bool(len(value) >= said if word == "minLength" else len(value) <= said)


def _items(word: str, said: Any, value: list[Any], root: dict[str, Any]) -> bool:
    if word == "items":
        return all(_fits(said, item, root) for item in value)
    return bool(len(value) >= said if word == "minItems" else len(value) <= said)


def _object(word: str, said: Any, value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if word == "properties":
        return all(_fits(said[name], inner, root) for name, inner in value.items() if name in said)
    if word == "required":
        return all(name in value for name in said)
    if word == "minProperties":
        return bool(len(value) >= said)
    if word == "propertyNames":
        return all(_fits(said, name, root) for name in value)
    rest = [inner for name, inner in value.items() if name not in schema.get("properties", {})]
    return not rest if said is False else all(_fits(said, inner, root) for inner in rest)


def as_core(node: Node) -> Any:
    """Give what an editor sees: a node by the core schema of YAML 1.2."""
    if isinstance(node, Mapping):
        return {key.text: as_core(value) for key, value in node}
    if not isinstance(node, Scalar):
        return [as_core(item) for item in node]
    text = node.text
    if node.quoted:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text
