"""Projections of schemas/profile.yaml: what one event type does to one part of the profile (Q22a).

The form is closed: merge, consent, set, add, remove, change, put, withdraw (book.py, `Change`).
"""

from collections.abc import Mapping
from typing import Any, Final

from sojourn.core.book import Change, Projection
from sojourn.core.conditions import Scope
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import BOOL, TEXT, Type
from sojourn.definitions.expressions import condition, expression
from sojourn.definitions.grammar import (
    Boolean,
    ByShape,
    Choice,
    Entries,
    Expr,
    F,
    Fields,
    Items,
    Leaf,
    ListOf,
    MapOf,
    Name,
    Record,
    Text,
)
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.typetext import FIELD_NAME

EVENT_NAME: Final = Name(
    "event type", r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", "small letters with a point, as policy.issued"
)
_VALUE: Final = Expr("an expression")
_VALUES: Final = MapOf(FIELD_NAME, _VALUE)
_BARE: Final = Choice(("add", "remove"), "change that needs no values")
_CONSENT: Final = Record(
    "a consent",
    (
        F("purpose", _VALUE, "the purpose, or 'all'", required=True),
        F("channel", _VALUE, "the channel, or 'all'", required=True),
        F("granted", _VALUE, "true: granted, false: withdrawn", required=True),
        F("method", _VALUE, "how it was given"),
    ),
)
_WITHDRAW: Final = Record(
    "a withdrawal",
    (
        F("channel", Name("channel"), "the channel that the answer came by", required=True),
        F("words", ListOf(Text(), least=1), "the answers that withdraw (Q21)", required=True),
        F("reply", _VALUE, "the text of the answer", required=True),
        F("message", _VALUE, "the id of the message that it answers", required=True),
    ),
)
_GROUP: Final = Record(
    "a change of the profile",
    (
        F("if", Expr(), "the change is made only where this holds"),
        F("final", Boolean(), "raises the mark of the entity even when there is nothing to apply to (Q22a)"),
        F("do", _BARE, "add or remove the member named by `by`"),
        F("merge", FIELD_NAME, "the payload field that holds a partial profile"),
        F("consent", _CONSENT, "one record of consent (Q20)"),
        F("set", _VALUES, "fields and their new values"),
        F("add", _VALUES, "a new item of a list, or its replacement"),
        F("change", _VALUES, "new values of an item that is there; `item.` gives the old ones"),
        F("put", _VALUE, "the value of the key named by `by`"),
        F("withdraw", _WITHDRAW, "an answer that withdraws consent (Q21)"),
    ),
)
_CHANGE: Final = ByShape("add, remove, or a group that says what changes", text=_BARE, group=_GROUP)
PROJECTION: Final = Record(
    "a projection",
    (
        F("by", FIELD_NAME, "the payload field that is the key of the member"),
        F(
            "on",
            MapOf(EVENT_NAME, ListOf(_CHANGE, least=1, or_one=True), least=1),
            "event types",
            required=True,
        ),
    ),
)
_DEEDS: Final = ("do", "merge", "consent", "set", "add", "change", "put", "withdraw")
_KINDS: Final = {"add": ("set", "list"), "remove": ("set", "list"), "change": ("list",), "put": ("map",)}


class _Compiler:
    """Compiles the changes of one projection."""

    def __init__(self, name: str, place: Place, by: str | None, types: Mapping[str, Type], problems: Problems) -> None:
        self.name = name
        self.place = place
        self.by = by
        self.types = types
        self.problems = problems

    def change(self, parsed: Leaf | Fields, event: Mapping[str, Type]) -> Change | None:
        """Give the compiled change, or None after noting why not."""
        scope = Scope(event=event, customer=self.types)
        if isinstance(parsed, Leaf):
            return self._member(parsed.value, {}, None, parsed.place, event, scope, final=False)
        deeds = [deed for deed in _DEEDS if deed in parsed]
        if len(deeds) != 1:
            hint = f"one of: {', '.join(_DEEDS)}"
            said = " and ".join(f"`{deed}`" for deed in deeds) or "nothing"
            self.problems.add(parsed.at, f"{said} says what changes", hint)
            return None
        test = condition(parsed.get("if"), scope, self.problems)
        what, final = parsed.get(deeds[0]), bool(parsed.value("final", False))
        if what is None or ("if" in parsed and test is None):
            return None
        return self._deed(deeds[0], what, test, event, scope, final)

    def _deed(
        self, deed: str, what: Any, test: Any, event: Mapping[str, Type], scope: Scope, final: bool
    ) -> Change | None:
        match deed:
            case "do":
                return self._member(what.value, {}, test, what.place, event, scope, final=final)
            case "add" | "change":
                return self._member(deed, dict(what.items()), test, what.place, event, scope, final=final)
            case "put":
                return self._member("put", {"value": what}, test, what.place, event, scope, final=final)
            case "merge":
                if self._known(what, event):
                    return Change("merge", test, {"field": what.value}, final)
            case "set":
                return Change("set", test, self._compiled(dict(what.items()), self.types, what, scope), final)
            case "consent":
                expect = {"purpose": TEXT, "channel": TEXT, "granted": BOOL, "method": TEXT.optional()}
                args = {key: expression(leaf, scope, self.problems, expect[key]) for key, leaf in what.values.items()}
                return Change("consent", test, args, final)
            case "withdraw":
                return self._withdraw(what, test, scope, final)
        return None

    def _withdraw(self, what: Fields, test: Any, scope: Scope, final: bool) -> Change:
        words: Items | None = what.get("words")
        args: dict[str, Any] = {
            "channel": what.value("channel"),
            "words": tuple(leaf.value.upper() for leaf in words) if words is not None else (),
            "reply": expression(what.get("reply"), scope, self.problems, TEXT.optional()),
            "message": expression(what.get("message"), scope, self.problems, TEXT.optional()),
        }
        return Change("withdraw", test, args, final)

    def _member(
        self, do: str, values: Mapping[str, Leaf], test: Any, place: Place, event: Mapping[str, Type],
        scope: Scope, *, final: bool,
    ) -> Change | None:  # fmt: skip
        """Compile what happens to one member of the collection that bears the projection's name."""
        held = self.types.get(self.name)
        if held is None or held.kind not in _KINDS[do]:
            hint = f"name the projection after a field that is a {' or '.join(_KINDS[do])}"
            self.problems.add(place, f"`{do}` needs a collection, and `{self.name}` is none", hint)
            return None
        if self.by is None:
            self.problems.add(self.place, f"`{self.name}` does not say `by` which payload field its members are kept")
            return None
        if self.by not in event:
            hint = did_you_mean(self.by, event)
            self.problems.add(place, f"this event has no field `{self.by}`, which is the key of `{self.name}`", hint)
            return None
        if do == "put":
            value = expression(values["value"], scope, self.problems, held.item)
            return Change("put", test, {"value": value}, final)
        fields = held.item.fields if held.item is not None and held.item.fields is not None else {}
        item = Scope(event=scope.event, customer=scope.customer, item=fields) if do == "change" else scope
        args = self._compiled(values, fields, None, item)
        return Change(do, test, args, final or do == "remove")

    def _compiled(
        self, values: Mapping[str, Leaf], types: Mapping[str, Type], _: Entries | None, scope: Scope
    ) -> dict[str, Any]:
        """Compile each value as the type of the field that it goes to."""
        found: dict[str, Any] = {}
        for name, leaf in values.items():
            if name not in types:
                self.problems.add(leaf.place, f"there is no field `{name}`", did_you_mean(name, types))
            else:
                found[name] = expression(leaf, scope, self.problems, types[name].optional())
        return found

    def _known(self, leaf: Leaf, event: Mapping[str, Type]) -> bool:
        if leaf.value in event:
            return True
        self.problems.add(leaf.place, f"this event has no field `{leaf.value}`", did_you_mean(leaf.value, event))
        return False


def compile_projection(
    name: str,
    place: Place,
    parsed: Fields,
    events: Mapping[str, Mapping[str, Type]],
    types: Mapping[str, Type],
    problems: Problems,
) -> Projection:
    """Give a projection; what is wrong in it is noted and left out.

    Args:
        name: The projection, and the collection that `add`, `remove`, `change` and `put` speak of.
        place: Where the name stands.
        parsed: `by` and `on`.
        events: Event type -> payload field -> type.
        types: The fields of the profile.
        problems: Takes what is wrong.
    """
    compiler = _Compiler(name, place, parsed.value("by"), types, problems)
    on: dict[str, tuple[Change, ...]] = {}
    entries: Entries | None = parsed.get("on")
    if entries is None:
        return Projection(name, on, parsed.value("by"))
    for event, items in entries.items():
        if event not in events:
            problems.add(entries.keys[event].place, f"there is no event type `{event}`", did_you_mean(event, events))
            continue
        changes = (compiler.change(item, events[event]) for item in items)
        on[event] = tuple(change for change in changes if change is not None)
    return Projection(name, on, parsed.value("by"))
