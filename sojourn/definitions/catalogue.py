"""The catalogue: every event type that a project declares, with types, examples and a strict reader.

The types stand in ``schemas/events.py`` of a project folder. Each folder is loaded under a module name of its
own, made from its content, so a publication and the project in force stand side by side (Q43).
"""

import hashlib
import re
import sys
import threading
import traceback
import types as python_types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sojourn.core.nearest import did_you_mean
from sojourn.core.types import (
    BOOL,
    DATE,
    DECIMAL,
    INSTANT,
    INT,
    NUMBER,
    TEXT,
    Type,
    enum_of,
    list_of,
    object_of,
)
from sojourn.definitions.fields import ProfileFields, ValueRefused, load_profile_fields
from sojourn.errors import ConfigurationError
from sojourn.schema import BAD_TIME, Event, Kind, Part, examples_of

EVENTS_FILE = Path("schemas") / "events.py"
OWN_PREFIX = "sojourn."
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
# Several threads load projects at once (releases, doctor): a module that is half run must not be taken for whole.
_LOADING = threading.RLock()
_SCALARS: Mapping[Any, Type] = {str: TEXT, int: INT, float: NUMBER, bool: BOOL, date: DATE, Decimal: DECIMAL}


class CatalogueError(ConfigurationError):
    """The event types of a project cannot be read; ``file`` and ``line`` say where."""

    def __init__(self, what: str, *, file: str, line: int = 1, next_step: str = "", **data: object) -> None:
        self.file = file
        self.line = line
        super().__init__(what, next_step=next_step, file=file, line=line, **data)


class PayloadError(ValueError):
    """A payload is not of its type: ``reason`` of the closed list of decode, ``detail`` without any value."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True, slots=True, eq=False)
class EventType:
    """One event type: what a condition may name, what a test gets for fields left out, and its reader.

    Attributes:
        name: As in the envelope, ``policy.issued``.
        entity: What ``entity.seq`` counts.
        topic: Kafka topic on which it is published.
        source: Who publishes it.
        core: It belongs to the core slice.
        versions: Schema versions that are read.
        fields: Types of the payload fields; nullable where a field may be absent.
        examples: An example of every field, JSON-plain; None where a field is best left out.
        note: For people.
    """

    name: str
    entity: str
    topic: str
    source: str
    core: bool
    versions: tuple[int, ...]
    fields: Mapping[str, Type]
    examples: Mapping[str, Any]
    note: str
    model: type[Event]
    profile: ProfileFields
    nested: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Give the typed payload of JSON bytes; fields that nobody declared are left out (Q4).

        Raises:
            PayloadError: A field is missing or not of its type.
        """
        try:
            read = self.model.__pydantic_validator__.validate_json(payload)
        except ValidationError as error:
            raise _payload_error(error) from None
        return self._typed(read)

    def decode_object(self, payload: Any) -> dict[str, Any]:
        """Do the same for a JSON-plain value, as a test of a journey gives it."""
        import msgspec

        return self.decode(msgspec.json.encode(payload))

    def json_schema(self) -> dict[str, Any]:
        """Give the JSON Schema of the payload."""
        schema = self.model.model_json_schema(mode="validation")
        return schema | {"title": self.name, "description": self.note or schema.get("description", "")}

    def _typed(self, read: Event) -> dict[str, Any]:
        values = read.__dict__
        for name in self.nested:
            values[name] = _plain(values[name])
        for name in self.partial:
            try:
                values[name] = self.profile.partial(values[name])
            except ValueRefused as error:
                raise PayloadError(error.reason, f"payload.{name}.{error.path}: {error.wanted}") from None
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """All event types of one project folder, and the fields of its profile.

    ``digest`` changes with any change of content.
    """

    types: Mapping[str, EventType]
    profile: ProfileFields
    digest: str
    _fields: Mapping[str, Mapping[str, Type]] = field(default_factory=dict)

    def get(self, name: str) -> EventType | None:
        """Give the type of that name, or None."""
        return self.types.get(name)

    @property
    def fields(self) -> Mapping[str, Mapping[str, Type]]:
        """Give the payload types of every event type: name to field to Type."""
        return self._fields

    @property
    def topics(self) -> tuple[str, ...]:
        """Give the topics on which events are published, sorted."""
        return tuple(sorted({one.topic for one in self.types.values()}))

    def hint(self, name: str) -> str:
        """Give ``did you mean `x`?`` for a name that no type has, or an empty text."""
        return did_you_mean(name, self.types)

    def envelope_schema(self) -> dict[str, Any]:
        """Give the JSON Schema of a whole event, with one payload for each type."""
        text = {"type": "string", "minLength": 1, "maxLength": 200}
        entity = {
            "type": ["object", "null"],
            "properties": {"type": text, "id": text, "seq": {"type": ["integer", "null"], "minimum": 1}},
            "required": ["type", "id"],
        }
        payloads = [
            {
                "if": {"properties": {"type": {"const": name}}},
                "then": {"properties": {"payload": one.json_schema()}},
            }
            for name, one in sorted(self.types.items())
        ]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "event",
            "type": "object",
            "properties": {
                "event_id": text,
                "type": {"enum": sorted(self.types)},
                "schema_version": {"type": "integer", "minimum": 1, "default": 1},
                "occurred_at": {"type": "string", "format": "date-time"},
                "source": text,
                "customer_id": text,
                "entity": entity,
                "payload": {"type": "object"},
                "trace_id": {"type": ["string", "null"], "maxLength": 200},
            },
            "required": ["event_id", "type", "occurred_at", "source", "customer_id", "payload"],
            "allOf": payloads,
        }


def load_catalogue(project_dir: Path) -> Catalogue:
    """Give the catalogue of a project folder: schemas/events.py and the fields of schemas/profile.yaml.

    Raises:
        CatalogueError: A file is missing, cannot be run, or declares something twice or without an example.
        ConfigurationError: The profile cannot be read.
    """
    path = Path(project_dir).resolve() / EVENTS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CatalogueError(
            "The event types of the project cannot be read",
            file=str(EVENTS_FILE),
            next_step="Give --project a folder that has schemas/events.py",
            problem=error.strerror,
        ) from error
    profile = load_profile_fields(project_dir)
    with _LOADING:
        module = _load(path, content)
    found: dict[str, EventType] = {}
    for model in _models(module):
        one = _event_type(model, profile)
        if one.name in found:
            raise _wrong(model, f"`{one.name}` is declared twice")
        found[one.name] = one
    digest = hashlib.sha256(content + profile.digest.encode()).hexdigest()
    return Catalogue(found, profile, digest, {name: one.fields for name, one in found.items()})


class _Fresh(SourceFileLoader):
    """Compiles the source each time: a cached .pyc goes by second and size, and writes into the project."""

    def get_code(self, fullname: str) -> python_types.CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _load(path: Path, content: bytes) -> python_types.ModuleType:
    mark = hashlib.sha256(str(path).encode() + b"\0" + content).hexdigest()[:16]
    name = f"sojourn_project_{mark}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = spec_from_loader(name, _Fresh(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise CatalogueError(
            f"The event types cannot be loaded: {type(error).__name__}: {error}",
            file=str(EVENTS_FILE),
            line=_line_of(error, path),
            next_step="Mend that line; `sojourn check` shows all other problems",
        ) from error
    return module


def _line_of(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else None) or 1


def _models(module: python_types.ModuleType) -> list[type[Event]]:
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, Event)
        and one.__module__ == module.__name__
        and one.declaration__ is not None
    ]


def _wrong(model: type[Part], what: str, next_step: str = "") -> CatalogueError:
    import inspect

    line = inspect.getsourcelines(model)[1]
    return CatalogueError(what, file=str(EVENTS_FILE), line=line, next_step=next_step, declared_by=model.__name__)


def _event_type(model: type[Event], profile: ProfileFields) -> EventType:
    said = model.declaration__
    assert said is not None
    if not _NAME.fullmatch(said.type) or said.type.startswith(OWN_PREFIX):
        raise _wrong(model, f"`{said.type}` is no name of an event type", "Write it as `policy.issued`")
    for word in ("entity", "topic", "source"):
        if not getattr(said, word):
            raise _wrong(model, f"`{said.type}` does not say its {word}", f'Add {word}="..." to the class')
    examples = examples_of(model)
    missing = [name for name in model.model_fields if name not in examples]
    if missing:
        raise _wrong(
            model,
            f"`{said.type}` has fields without an example: {', '.join(missing)}",
            "Write `= example(...)`, `= optional(...)` or `= defaulted(...)`",
        )
    hints = typing.get_type_hints(model, include_extras=True)
    fields = {name: _type_of(hints[name], model, name) for name in model.model_fields}
    one = EventType(
        name=said.type,
        entity=said.entity,
        topic=said.topic,
        source=said.source,
        core=said.core,
        versions=said.versions,
        fields=fields,
        examples=examples,
        note=said.note or (model.__doc__ or "").strip(),
        model=model,
        profile=profile,
        nested=tuple(name for name in model.model_fields if _holds_part(hints[name])),
        partial=tuple(name for name in model.model_fields if _kind_of(hints[name]) == "profile"),
    )
    _check_examples(one)
    return one


def _check_examples(one: EventType) -> None:
    try:
        one.decode_object(one.examples)
    except PayloadError as error:
        raise _wrong(one.model, f"The examples of `{one.name}` are not valid: {error}") from error


def _kind_of(hint: Any) -> str | None:
    return next((meta.name for meta in typing.get_args(hint)[1:] if isinstance(meta, Kind)), None)


def _holds_part(hint: Any) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, Part)
    return any(_holds_part(one) for one in typing.get_args(hint) if one is not hint)


def _type_of(hint: Any, model: type[Part], name: str) -> Type:
    """Read the type of the language off an annotation."""
    origin = typing.get_origin(hint)
    args = typing.get_args(hint)
    if origin is typing.Annotated:
        kind = _kind_of(hint)
        if kind == "profile":
            return Type("object")
        return INSTANT if kind == "instant" else _type_of(args[0], model, name)
    if origin in (typing.Union, python_types.UnionType):
        rest = [one for one in args if one is not type(None)]
        if len(rest) == 1 and len(args) == 2:
            return _type_of(rest[0], model, name).optional()
    elif origin is typing.Literal and all(isinstance(one, str) for one in args):
        return enum_of(args)
    elif origin is list:
        return list_of(_type_of(args[0], model, name))
    elif isinstance(hint, type) and issubclass(hint, Part):
        hints = typing.get_type_hints(hint, include_extras=True)
        return object_of({part: _type_of(hints[part], hint, part) for part in hint.model_fields})
    elif hint in _SCALARS:
        return _SCALARS[hint]
    raise _wrong(
        model,
        f"The type of `{name}` is not one of the language",
        "Use what sojourn.schema offers: Text, Id, Whole, Number, Money, Day, Instant, bool, Literal, Part",
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return {name: _plain(held) for name, held in value.__dict__.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else value


_REASONS: Mapping[str, str] = {"missing": "missing_field", BAD_TIME: BAD_TIME}


def _payload_error(error: ValidationError) -> PayloadError:
    """Say the first problem in words that hold no value of the payload."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part)[:60] for part in ("payload", *first["loc"]))
    if first["type"] == "json_invalid":
        if "number out of range" in first["msg"]:
            return PayloadError("wrong_type", "payload: a number has too many digits")
        reason = "too_deep" if "recursion" in first["msg"] else "bad_json"
        return PayloadError(reason, "payload: the text is not JSON that can be read")
    return PayloadError(_REASONS.get(first["type"], "wrong_type"), f"{path}: {first['msg'][:200]}")
