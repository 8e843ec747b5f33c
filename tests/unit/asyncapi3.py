"""A small judge of AsyncAPI 3.0 documents and of draft-07 schemas, for tests: it knows the words that ours use.

A word that it does not know is a problem, so a document cannot pass by words that nobody judges.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_ROOT = {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
_CHANNEL = {"address", "description", "messages", "bindings"}
_OPERATION = {"action", "summary", "channel", "messages"}
_MESSAGE = {"name", "title", "summary", "contentType", "payload", "bindings"}
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ANNOTATIONS = {"$schema", "title", "description", "definitions", "default", "examples", "format"}
_JUDGED = {
    "type", "const", "enum", "anyOf", "allOf", "oneOf", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "items", "minItems", "maxItems", "properties", "required", "additionalProperties", "$ref",
}  # fmt: skip
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}


def problems(document: Mapping[str, Any]) -> list[str]:
    """Give what is wrong with a document, in words; an empty list for a good one."""
    found = _words("document", document, _ROOT)
    if document.get("asyncapi") != "3.0.0":
        found.append("document: asyncapi is not 3.0.0")
    found += [f"info: no {word}" for word in ("title", "version") if not document["info"].get(word)]
    for name, channel in document["channels"].items():
        found += _words(f"channel {name}", channel, _CHANNEL)
        found += [f"channel {name}: {key}" for key in channel["messages"] if not _NAME.fullmatch(key)]
    for name, operation in document["operations"].items():
        found += _operation(name, operation, document)
    for name, message in document["components"]["messages"].items():
        found += _words(f"message {name}", message, _MESSAGE)
    for group in document["components"].values():
        found += [f"components: {name}" for name in group if not _NAME.fullmatch(name)]
    for name, schema in document["components"]["schemas"].items():
        found += schema_problems(schema, f"schema {name}")
    return found + [f"nothing stands at {ref}" for ref in refs(document) if resolve(document, ref) is None]


def schema_problems(schema: Any, where: str) -> list[str]:
    """Give what in a schema is no draft-07 that we judge."""
    found = [f"{where}: {word}" for word in schema if word not in _ANNOTATIONS | _JUDGED]
    if "$ref" in schema and len(schema) > 1:
        found.append(f"{where}: words beside a $ref are ignored")
    for word in ("anyOf", "allOf", "oneOf"):
        for inner in schema.get(word, ()):
            found += schema_problems(inner, f"{where}.{word}")
    for group in ("properties", "definitions"):
        for name, inner in schema.get(group, {}).items():
            found += schema_problems(inner, f"{where}.{name}")
    if isinstance(schema.get("items"), dict):
        found += schema_problems(schema["items"], f"{where}[]")
    return found


def refs(value: Any) -> list[str]:
    """Give all references of a document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for one in value.values() for ref in refs(one)]
    return [ref for one in value for ref in refs(one)] if isinstance(value, list) else []


def resolve(document: Any, ref: str) -> Any:
    """Give what a local reference points to, or None."""
    for part in ref.removeprefix("#/").split("/"):
        if not isinstance(document, dict) or part not in document:
            return None
        document = document[part]
    return document


def fits(schema: Any, value: Any, root: Any) -> bool:
    """Tell whether a value fits a draft-07 schema; ``root`` is what its references begin at."""
    if "$ref" in schema:
        return fits(resolve(root, schema["$ref"]), value, root)
    return all(_word(word, said, value, schema, root) for word, said in schema.items() if word not in _ANNOTATIONS)


def _words(where: str, part: Mapping[str, Any], known: set[str]) -> list[str]:
    return [f"{where}: {word}" for word in part if word not in known]


def _operation(name: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    found = _words(f"operation {name}", operation, _OPERATION)
    if operation["action"] not in ("send", "receive"):
        found.append(f"operation {name}: action")
    channel = operation["channel"]["$ref"]
    # The rule that is easily broken: an operation names messages of its channel, not of the components.
    found += [
        f"operation {name}: {one['$ref']}"
        for one in operation["messages"]
        if not one["$ref"].startswith(f"{channel}/messages/")
    ]
    return found if resolve(document, channel) else [*found, f"operation {name}: no channel"]


def _word(word: str, said: Any, value: Any, schema: Any, root: Any) -> bool:
    if word == "type":
        return any(_TYPES[one](value) for one in ([said] if isinstance(said, str) else said))
    if word in ("anyOf", "allOf", "oneOf"):
        how = [fits(one, value, root) for one in said]
        return sum(how) == 1 if word == "oneOf" else any(how) if word == "anyOf" else all(how)
    if word in ("const", "enum"):
        return bool(value == said if word == "const" else value in said)
    if isinstance(value, str) and word in ("pattern", "minLength", "maxLength"):
        return _text(word, said, value)
    if isinstance(value, int | float) and word in ("minimum", "maximum"):
        return bool(value >= said if word == "minimum" else value <= said)
    if isinstance(value, list) and word in ("items", "minItems", "maxItems"):
        return _list(word, said, value, root)
    return not isinstance(value, dict) or _object(word, said, value, schema, root)


def _text(word: str, said: Any, value: str) -> bool:
    if word == "pattern":
        return re.search(said, value) is not None
    return bool(len(value) >= said if word == "minLength" else len(value) <= said)


def _list(word: str, said: Any, value: list[Any], root: Any) -> bool:
    if word == "items":
        return all(fits(said, one, root) for one in value)
    return bool(len(value) >= said if word == "minItems" else len(value) <= said)


def _object(word: str, said: Any, value: dict[str, Any], schema: Any, root: Any) -> bool:
    if word == "properties":
        return all(fits(said[name], inner, root) for name, inner in value.items() if name in said)
    if word == "required":
        return all(name in value for name in said)
    if word == "additionalProperties" and isinstance(said, dict):
        return all(fits(said, inner, root) for name, inner in value.items() if name not in schema["properties"])
    return True
