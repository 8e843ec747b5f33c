"""The AsyncAPI 3 document of a project's topics, and the JSON Schema (draft-07) of each topic.

Written from what runs: the event types of the catalogue for the topics that come in, the structs of
``sojourn.outputs`` for those that go out. A test holds the page in docs/reference equal to it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sojourn.definitions.catalogue import Catalogue, EventType
from sojourn.outputs import TOPICS, VERSION, Topic
from sojourn.schema import ID_LIMIT

Schema = dict[str, Any]

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_HERE: Final = "#/definitions/"
_COMPONENTS: Final = "#/components/schemas/"
_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": ID_LIMIT}
_TRACE: Final[Schema] = {"type": ["string", "null"], "maxLength": ID_LIMIT}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_ENTITY: Final[Schema] = {
    "type": ["object", "null"],
    "description": "What seq counts: a later event of the same entity has a greater one.",
    "properties": {"type": _TEXT, "id": _TEXT, "seq": {"type": ["integer", "null"], "minimum": 1}},
    "required": ["type", "id"],
}


def asyncapi(catalogue: Catalogue, version: str) -> dict[str, Any]:
    """Give the document: a channel for each topic, a message for each type, all schemas under components."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic, types in _inputs(catalogue).items():
        about = "Events of " + ", ".join(sorted({one.source for one in types})) + "."
        names = [one.name for one in types]
        channels[topic] = _channel(topic, about, names)
        operations[f"receive.{topic}"] = _operation("receive", topic, about, names)
        messages |= {one.name: _message(one.name, one.note) for one in types}
    for out in TOPICS:
        channels[out.name] = _channel(out.name, out.about, [out.kind])
        operations[f"send.{out.name}"] = _operation("send", out.name, out.about, [out.kind])
        messages[out.kind] = _message(out.kind, out.about)
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Topics of a Sojourn project",
            "version": version,
            "description": "Events that the engine reads, and what it tells. The record key is the customer id.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _schemas(catalogue)},
    }
    moved: dict[str, Any] = _moved(document, _COMPONENTS)
    return moved


def topic_schemas(catalogue: Catalogue) -> dict[str, Schema]:
    """Give for each topic the JSON Schema (draft-07) of the value of a record."""
    schemas = _schemas(catalogue)
    topics = {topic: [one.name for one in types] for topic, types in _inputs(catalogue).items()}
    topics |= {out.name: [out.kind] for out in TOPICS}
    return {topic: _standing_alone(topic, names, schemas) for topic, names in sorted(topics.items())}


# ---- the parts of the document


def _inputs(catalogue: Catalogue) -> dict[str, list[EventType]]:
    named: dict[str, list[EventType]] = {topic: [] for topic in catalogue.topics}
    for _, one in sorted(catalogue.types.items()):
        named[one.topic].append(one)
    return named


def _channel(topic: str, about: str, names: list[str]) -> dict[str, Any]:
    return {
        "address": topic,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, topic: str, about: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": about,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
    }


def _message(name: str, about: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "summary": about or name,
        "contentType": "application/json",
        "payload": {"$ref": _HERE + name},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "The customer id."}, "bindingVersion": "0.5.0"}
        },
    }


# ---- schemas


def _schemas(catalogue: Catalogue) -> dict[str, Schema]:
    """Give all schemas by name; references among them begin with ``#/definitions/``."""
    schemas: dict[str, Schema] = {}
    for name, one in sorted(catalogue.types.items()):
        payload = _apart(one.model.model_json_schema(ref_template=_HERE + "{model}"))
        schemas |= payload.pop("$defs", {})
        schemas[name] = _envelope(name, one.note, one.versions, comes_in=True)
        schemas[f"{name}.payload"] = payload | {"title": f"{name}.payload", "description": one.note or name}
    shapes, parts = msgspec.json.schema_components([out.shape for out in TOPICS], ref_template=_HERE + "{name}")
    for out, shape in zip(TOPICS, shapes, strict=True):
        schemas[out.kind] = _envelope(out.kind, out.about, (VERSION,), comes_in=False)
        schemas[f"{out.kind}.payload"] = _payload(out, parts[shape["$ref"].removeprefix(_HERE)])
    return schemas


def _payload(out: Topic, part: Mapping[str, Any]) -> Schema:
    """An output payload has every field in every record."""
    fields = {name: {word: said for word, said in one.items() if word != "default"} for name, one in _fields(part)}
    return {**part, "title": f"{out.kind}.payload", "properties": fields, "required": list(fields)}


def _fields(part: Mapping[str, Any]) -> list[tuple[str, Schema]]:
    return list(part["properties"].items())


def _envelope(name: str, about: str, versions: tuple[int, ...], *, comes_in: bool) -> Schema:
    required = ["event_id", "type", "occurred_at", "source", "customer_id", "payload"]
    fields: Schema = {
        "event_id": {**_TEXT, "description": "The same id is the same event, however often it comes."},
        "type": {"const": name},
        "schema_version": {"type": "integer", "enum": list(versions)},
        "occurred_at": _TIME,
        "source": _TEXT if comes_in else {"const": "sojourn"},
        "customer_id": _TEXT if comes_in else {"type": ["string", "null"]},
        "payload": {"$ref": f"{_HERE}{name}.payload"},
        "trace_id": _TRACE,
    }
    if comes_in:
        fields["schema_version"]["default"] = 1
        fields["entity"] = _ENTITY
    else:
        required = list(fields)
    return {"title": name, "description": about or name, "type": "object", "properties": fields, "required": required}


def _standing_alone(topic: str, names: list[str], schemas: Mapping[str, Schema]) -> Schema:
    needed: dict[str, Schema] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = schemas[name]
            waiting += [ref.removeprefix(_HERE) for ref in _refs(schemas[name])]
    one_of = [{"$ref": _HERE + name} for name in names]
    return {"$schema": _DRAFT, "title": topic, "oneOf": one_of, "definitions": dict(sorted(needed.items()))}


def _apart(value: Any) -> Any:
    """Give the same with each reference alone in its object: draft-07 ignores what stands beside one."""
    if isinstance(value, list):
        return [_apart(one) for one in value]
    if not isinstance(value, dict):
        return value
    rest = {name: _apart(one) for name, one in value.items() if name != "$ref"}
    if not isinstance(value.get("$ref"), str):
        return rest if "$ref" not in value else rest | {"$ref": _apart(value["$ref"])}
    return {"allOf": [{"$ref": value["$ref"]}], **rest} if rest else value


def _refs(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for one in value.values() for ref in _refs(one)]
    return [ref for one in value for ref in _refs(one)] if isinstance(value, list) else []


def _moved(value: Any, to: str) -> Any:
    """Give the same with references that point to where the schemas stand in the document."""
    if isinstance(value, dict):
        return {name: _moved(one, to) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, to) for one in value]
    return to + value.removeprefix(_HERE) if isinstance(value, str) and value.startswith(_HERE) else value
