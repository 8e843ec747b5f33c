"""Reads schemas/profile.yaml: fields of the profile, their roles, projections and derived fields.

The engine knows no field by name; what plays which part in the rules stands under `roles`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sojourn.core.book import Derived, ProfileSchema, Projection, Roles
from sojourn.core.conditions import Scope
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import BOOL, INT, Type
from sojourn.definitions.changes import PROJECTION, compile_projection
from sojourn.definitions.derived import DERIVED, compile_derived, order_of_need
from sojourn.definitions.grammar import (
    ByShape,
    Choice,
    Entries,
    Expr,
    F,
    Fields,
    Integer,
    Items,
    Leaf,
    ListOf,
    MapOf,
    Name,
    Record,
    Text,
)
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.typetext import ANYTHING, FIELD_NAME, ITEM, item_type, type_of, wire_value

CONSENT: Final = "consent"  # the one field whose form the engine fixes (N12): purpose -> channel -> record


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field: its type (None: the consents, which no condition reads), its default in wire form."""

    type: Type | None
    default: Any = None


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """What schemas/profile.yaml says to the rules: the compiled schema, the id's field, what is personal."""

    schema: ProfileSchema
    id_field: str
    personal: frozenset[str]


def _type_word(text: str) -> Type | None:
    return None if text == CONSENT else type_of(text)


_ADDRESS: Final = Record(
    "an address",
    (
        F("address", FIELD_NAME, "the field that holds the address", required=True),
        F("valid", FIELD_NAME, "the field that says whether it works", required=True),
    ),
)
_DERIVED_HERE: Final = ByShape("an expression, or how it is derived", text=Expr("an expression"), group=DERIVED)
_FIELD: Final = Record(
    "a field of the profile",
    (
        F("type", Text(about="a type such as text, date? or list"), "type of the value", required=True),
        F("values", ListOf(Text(), least=1), "the closed list of an enum"),
        F("item", ITEM, "what a list, set or map holds, or the fields of an object"),
        F("default", ANYTHING, "what an absent value reads as"),
        F("derived", _DERIVED_HERE, "computed when read"),
        F("format", Choice(("zone",), "format"), "a further check of the value"),
        F("min", Integer(-(10**9), 10**9), "the least number"),
        F("max", Integer(-(10**9), 10**9), "the greatest number"),
        F("purposes", ListOf(FIELD_NAME, least=1), "purposes of consent"),
        F("channels", ListOf(FIELD_NAME, least=1), "channels of consent"),
        F("source", Text(), "who owns the value"),
        F("note", Text(), "what a reader should know"),
    ),
)
_ROLES: Final = Record(
    "the roles",
    (
        F("id", FIELD_NAME, "the customer's id", required=True),
        F("zone", FIELD_NAME, "the IANA zone (N2)", required=True),
        F("locale", FIELD_NAME, "the language of messages", required=True),
        F(
            "addresses",
            MapOf(Name("channel"), _ADDRESS, least=1),
            "where each channel reaches him",
            required=True,
        ),
        F("consent", FIELD_NAME, "the consents (N12)", required=True),
        F("do_not_contact", FIELD_NAME, "stops all but mandatory (N12)", required=True),
        F("deceased", FIELD_NAME, "stops all but mandatory (N20)", required=True),
        F("personalisation_opt_out", FIELD_NAME, "generic content only (Q13)", required=True),
        F("birth_date", FIELD_NAME, "a date (N23)", required=True),
        F("personal", ListOf(FIELD_NAME), "fields that identify a person", required=True),
    ),
)
PROFILE: Final = Record(
    "the profile",
    (
        F("fields", MapOf(FIELD_NAME, _FIELD, least=1), "the declared fields", required=True),
        F("roles", _ROLES, "which field plays which part in the rules", required=True),
        F("projections", MapOf(FIELD_NAME, PROJECTION), "what events do to the profile"),
        F("derived", MapOf(FIELD_NAME, DERIVED), "fields computed when they are read"),
    ),
)
_ROLE_TYPES: Final = {
    "id": "text", "zone": "text", "locale": "text", "do_not_contact": "bool", "deceased": "bool",
    "personalisation_opt_out": "bool", "birth_date": "date",
}  # fmt: skip


def read_profile(node: MappingNode, events: Mapping[str, Mapping[str, Type]], problems: Problems) -> ProfileFile | None:
    """Give the profile of a project, or None after noting why there is none.

    Args:
        node: The root of schemas/profile.yaml.
        events: Event type -> payload field -> type; projections name them.
        problems: Takes all mistakes of the file, not the first.
    """
    parsed: Fields | None = PROFILE.parse(node, problems)
    if parsed is None or parsed.get("fields") is None or parsed.get("roles") is None:
        return None
    fields = {name: field for name, one in parsed.get("fields").items() if (field := _field(one, problems))}
    derived_nodes = _derived_nodes(parsed, fields)
    types = _types(fields, derived_nodes)
    roles = _roles(parsed.get("roles"), fields, problems)
    scope = Scope(customer=types)
    derived = _derived(derived_nodes, types, scope, problems)
    projections = _projections(parsed.get("projections"), events, types, problems)
    defaults = {name: field.default for name, field in fields.items() if field.default is not None}
    if roles is None:
        return None
    schema = ProfileSchema(types, defaults, roles, projections, derived, _by_event(projections))
    personal = parsed.get("roles").get("personal")
    names = frozenset(leaf.value for leaf in personal) if personal is not None else frozenset()
    return ProfileFile(schema, parsed.get("roles").value("id", ""), names)


def _field(parsed: Fields, problems: Problems) -> Field | None:
    word: Leaf | None = parsed.get("type")
    if word is None:
        return None
    try:
        declared = _type_word(word.value)
    except ValueError as error:
        problems.add(word.place, str(error.args[0]), str(error.args[-1]))
        return None
    if declared is None:
        return Field(None)
    full = _whole_type(declared, parsed, problems)
    default = parsed.get("default")
    wire = None if default is None else wire_value(full, default, problems)
    return Field(full, wire)


def _texts(items: Items | None) -> tuple[str, ...]:
    return () if items is None else tuple(leaf.value for leaf in items)


def _whole_type(declared: Type, parsed: Fields, problems: Problems) -> Type:
    """Join `type`, `item` and `values`."""
    item, values = parsed.get("item"), parsed.get("values")
    if values is not None:
        if declared.kind != "text":
            problems.add(parsed.place("values"), "`values` stand beside a type that is no text", "delete them")
        else:
            declared = replace(declared, values=_texts(values))
    if item is None:
        if declared.kind in ("list", "set", "map") and declared.item is None:
            problems.add(parsed.at, f"a {declared.kind} without `item`", "say what it holds, as `item: text`")
        return declared
    held = item_type(item)
    if declared.kind == "object":
        return replace(declared, fields=held.fields)
    if declared.kind not in ("list", "set", "map"):
        problems.add(parsed.place("item"), "`item` stands beside a type that holds nothing", "delete it")
        return declared
    if declared.kind == "set" and held.is_collection:
        problems.add(parsed.place("item"), "a set holds plain values only", "make it a list, kept by a key")
        return declared
    return replace(declared, item=held)


def _derived_nodes(parsed: Fields, fields: Mapping[str, Field]) -> dict[str, Fields | Leaf]:
    """Give how each derived field is derived, wherever it is written."""
    here = {name: one.get("derived") for name, one in parsed.get("fields").items() if one.get("derived") is not None}
    section: Entries | None = parsed.get("derived")
    return here | (dict(section.items()) if section is not None else {})


def _types(fields: Mapping[str, Field], derived: Mapping[str, Fields | Leaf]) -> dict[str, Type]:
    types = {name: field.type for name, field in fields.items() if field.type is not None}
    for name, how in derived.items():
        if name not in types:
            types[name] = INT.optional() if isinstance(how, Fields) and "years_since" in how else BOOL
    return types


def _derived(
    nodes: Mapping[str, Fields | Leaf], types: Mapping[str, Type], scope: Scope, problems: Problems
) -> dict[str, Derived]:
    found: dict[str, Derived] = {}
    for name, how in nodes.items():
        compiled = compile_derived(types[name], how, scope, problems)
        if compiled is not None:
            found[name] = compiled
    order = order_of_need(found, {name: how.node.place for name, how in nodes.items()}, problems)
    return {name: found[name] for name in order}


def _roles(parsed: Fields, fields: Mapping[str, Field], problems: Problems) -> Roles | None:
    for role, leaf in parsed.values.items():
        for one in leaf if isinstance(leaf, Items) else [leaf] if isinstance(leaf, Leaf) else []:
            _check_role(one, _ROLE_TYPES.get(role), fields, problems)
    addresses: Entries | None = parsed.get("addresses")
    if addresses is None or any(parsed.get(name) is None for name in _ROLE_TYPES):
        return None
    for one in addresses.values.values():
        for key, kind in (("address", "text"), ("valid", "bool")):
            if one.get(key) is not None:
                _check_role(one.get(key), kind, fields, problems)
    return Roles(
        zone=parsed.value("zone"),
        locale=parsed.value("locale"),
        addresses={channel: one.value("address", "") for channel, one in addresses.items()},
        valid={channel: one.value("valid", "") for channel, one in addresses.items()},
        do_not_contact=parsed.value("do_not_contact"),
        deceased=parsed.value("deceased"),
        personalisation_opt_out=parsed.value("personalisation_opt_out"),
        birth_date=parsed.value("birth_date"),
    )


def _check_role(leaf: Leaf, kind: str | None, fields: Mapping[str, Field], problems: Problems) -> None:
    field = fields.get(leaf.value)
    if field is None:
        problems.add(leaf.place, f"the profile has no field `{leaf.value}`", did_you_mean(leaf.value, fields))
    elif kind is not None and (field.type is None or field.type.kind != kind):
        is_now = "the consents" if field.type is None else field.type.describe()
        problems.add(leaf.place, f"`{leaf.value}` is {is_now}", f"this role needs a field of type {kind}")


def _projections(
    parsed: Entries | None,
    events: Mapping[str, Mapping[str, Type]],
    types: Mapping[str, Type],
    problems: Problems,
) -> tuple[Projection, ...]:
    if parsed is None:
        return ()
    return tuple(
        compile_projection(name, parsed.keys[name].place, one, events, types, problems) for name, one in parsed.items()
    )


def _by_event(projections: tuple[Projection, ...]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, list[Any]] = {}
    for projection in projections:
        for event, changes in projection.on.items():
            found.setdefault(event, []).append((projection, changes))
    return {event: tuple(pairs) for event, pairs in found.items()}
