"""What the parts of a compiler of one journey share: what the project offers, scopes, notes of what was read."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sojourn.core.book import Duration, Journey, Match
from sojourn.core.conditions import ConditionError, Expression, Scope, compile_condition, compile_expression
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import Type
from sojourn.definitions.calls import CallType
from sojourn.definitions.grammar import Items, Leaf
from sojourn.definitions.parameters import Parameter
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.reader import Scalar


class EventShape(Protocol):
    """What a journey must know of an event type; `catalogue.EventType` is one."""

    @property
    def entity(self) -> str:
        """The kind of entity that its events speak of."""
        ...

    @property
    def fields(self) -> Mapping[str, Type]:
        """The fields of the payload."""
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the project offers to its journeys.

    Attributes:
        events: Event types by name.
        customer: Fields of the profile.
        params: Parameters of the project.
        templates: Names of all templates.
        calls: Calls by name.
        glossary: Tables, each with its codes.
        valid_for: The validity of a message by class (N6).
        catch_up: How late a touch of the schedule may be when its date comes (N5).
        drop: Whether a full cap drops touches instead of deferring them (N13).
    """

    events: Mapping[str, EventShape]
    customer: Mapping[str, Type]
    params: Mapping[str, Parameter] = field(default_factory=dict)
    templates: Collection[str] = ()
    calls: Mapping[str, CallType] = field(default_factory=dict)
    glossary: Mapping[str, Collection[str]] = field(default_factory=dict)
    valid_for: Mapping[str, Duration] = field(default_factory=dict)
    catch_up: Duration = field(default_factory=Duration)
    drop: bool = False


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A compiled journey and what linking its templates needs (Q2).

    Attributes:
        journey: The journey, version 1.
        scopes: For each send step by ref: what may be named there.
        event_types: For each send step by ref: the types of the event in scope, empty where there is none.
        places: For each step by ref: where it stands.
        promises: The sentences under `promises`, with their places.
        parameters: Parameters of the project and the journey's own, which win.
        names: Names that must be the only ones in a project: (`journey`, `control`, `experiment`), name, place.
    """

    journey: Journey
    scopes: Mapping[str, Scope]
    event_types: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Place]
    promises: tuple[Leaf, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    names: tuple[tuple[str, str, Place], ...] = ()


UNKNOWN: Final = ("?",)  # instead of event types, where a misspelt one was noted already


class _Blind(Scope):
    """A scope whose event is not known, because its name is misspelt; what reads it is not judged."""


class Linker:
    """Knows what may be named at each place of one journey, and notes what is wrong and what is read."""

    def __init__(self, context: Context, problems: Problems) -> None:
        self.context = context
        self.problems = problems
        self.keys: dict[str, Type] = {}
        self.facts: dict[str, Type] = {}
        self.derived: set[str] = set()
        self.broken: set[str] = set()  # facts whose mistake is noted: what reads them is not judged
        self.parameters: dict[str, Parameter] = dict(context.params)
        self.steps: frozenset[str] = frozenset()
        self.reads: dict[str, set[str]] = {}
        self._events: dict[tuple[str, ...], dict[str, Type]] = {}

    # ---- scopes

    def scope(
        self,
        types: tuple[str, ...] = (),
        *,
        before: bool = False,
        answer: Mapping[str, Type] | None = None,
        facts: Mapping[str, Type] | None = None,
        customer: bool = True,
    ) -> Scope:
        """Give what may be named where an event of one of these types is at hand (none: no event)."""
        kind = _Blind if types == UNKNOWN else Scope
        return kind(
            event=self.fields_of(types) if types else None,
            customer=self.context.customer if customer else {},
            before=before,
            facts={**self.keys, **self.facts} if facts is None else facts,
            params={name: one.type for name, one in self.parameters.items() if one.texts is None},
            answer=answer,
            steps=self.steps,
            glossary=self.context.glossary,
        )

    def fields_of(self, types: tuple[str, ...]) -> dict[str, Type]:
        """Give the fields that all these event types have with the same type."""
        found = self._events.get(types)
        if found is None:
            shapes = [self.context.events[name].fields for name in types if name in self.context.events]
            found = dict(shapes[0]) if shapes else {}
            for fields in shapes[1:]:
                found = {
                    name: one.optional() if fields[name].nullable else one
                    for name, one in found.items()
                    if name in fields and fields[name].required() == one.required()
                }
            self._events[types] = found
        return found

    # ---- names

    def event(self, leaf: Leaf) -> str | None:
        """Give the name of an event type that exists; a misspelt one is noted with the nearest."""
        name: str = leaf.value
        if name in self.context.events:
            return name
        hint = did_you_mean(name, self.context.events) or "event types are declared in schemas/events.py"
        self.problems.add(leaf.place, f"there is no event type `{name}`", hint)
        return None

    def date_fact(self, name: str, place: Place) -> None:
        """Note when a name is no fact that holds a date."""
        known = {**self.keys, **self.facts}
        if name in self.broken:
            return
        if name not in known:
            dates = [fact for fact, one in known.items() if one.kind == "date"]
            hint = did_you_mean(name, dates) or f"facts that are dates: {', '.join(dates) or 'none'}"
            self.problems.add(place, f"there is no fact `{name}`", hint)
        elif known[name].kind != "date":
            described = known[name].required().describe()
            self.problems.add(place, f"`{name}` is {described}, but a date must stand here")

    # ---- conditions and expressions

    def condition(self, leaf: Leaf | None, scope: Scope) -> Expression | None:
        """Give a compiled condition, or None after noting every mistake in it (or where none stands)."""
        if leaf is None or self._cannot_judge(leaf, scope):
            return None
        try:
            return compile_condition(leaf.node.text, scope)
        except ConditionError as error:
            self._note(error, leaf.node, 0)
            return None

    def conditions(self, leaves: Items | None, scope: Scope) -> tuple[Expression, ...]:
        """Give the compiled conditions of a list; those with a mistake are noted and left out."""
        found = (self.condition(leaf, scope) for leaf in leaves or ())
        return tuple(condition for condition in found if condition is not None)

    def expression(self, leaf: Leaf, scope: Scope, expect: Type | None = None, skip: int = 0) -> Expression | None:
        """Give a compiled expression, or None after noting every mistake; ``skip``: characters before it."""
        if self._cannot_judge(leaf, scope):
            return None
        try:
            return compile_expression(leaf.node.text[skip:], scope, expect)
        except ConditionError as error:
            self._note(error, leaf.node, skip)
            return None

    def _cannot_judge(self, leaf: Leaf, scope: Scope) -> bool:
        text = leaf.node.text
        return (isinstance(scope, _Blind) and "event." in text) or bool(bare_names(text) & self.broken)

    def _note(self, error: ConditionError, node: Scalar, skip: int) -> None:
        for problem in error.problems:
            self.problems.add(node.place_at(problem.offset + skip), problem.message, problem.hint)

    def remember(self, expression: Expression | None, types: tuple[str, ...]) -> None:
        """Take note of the event fields that a later step reads (they are kept for it)."""
        if expression is None:
            return
        for root, name in expression.reads:
            if root == "event":
                for type_name in types:
                    self.reads.setdefault(type_name, set()).add(name)

    # ---- events

    def matches(self, events: Items | None, shared: Leaf | None = None, *, before: bool = True) -> tuple[Match, ...]:
        """Give what `when: ...` means, with the `if` beside it, in the order of the file.

        An `if` beside several events names only fields that all of them have. ``before``: whether the profile
        before the event is known when the condition is judged.
        """
        found: list[tuple[str, bool, Expression | None]] = []  # name, whether the shared `if` is its own, condition
        for item in events or ():
            leaves = [item] if isinstance(item, Leaf) else item.get("when") or ()
            names = tuple(dict.fromkeys(name for leaf in leaves if (name := self.event(leaf))))
            if isinstance(item, Leaf) or "if" not in item:
                found += [(name, True, None) for name in names]
                continue
            if shared is not None:
                hint = "keep the one at the event and repeat the other there with `and`"
                self.problems.add(item.place("if"), "two conditions stand for one event", hint)
            condition = self.condition(item.get("if"), self.scope(names or UNKNOWN, before=before))
            found += [(name, False, condition) for name in names]
        plain = tuple(dict.fromkeys(name for name, is_plain, _ in found if is_plain))
        common = self.condition(shared, self.scope(plain or UNKNOWN, before=before))
        matches = (Match(name, common if is_plain else condition) for name, is_plain, condition in found)
        return tuple(dict.fromkeys(matches))

    # ---- sets

    def sets(self, entries: Any, scope: Scope, types: tuple[str, ...] = ()) -> dict[str, Expression]:
        """Give the compiled `set` (or `save`); only facts with a value of their own can be set."""
        found: dict[str, Expression] = {}
        for name, leaf in entries.items() if entries is not None else ():
            place = entries.keys[name].place
            if not self._may_set(name, place):
                continue
            compiled = self.expression(leaf, scope, self.facts[name])
            self.remember(compiled, types)
            if compiled is not None:
                found[name] = compiled
        return found

    def _may_set(self, name: str, place: Place) -> bool:
        if name in self.keys:
            self.problems.add(place, f"`{name}` belongs to the key and never changes", "declare a fact of its own")
        elif name in self.derived:
            hint = "set the facts that it is derived from; it follows"
            self.problems.add(place, f"`{name}` is derived and cannot be set", hint)
        elif name in self.broken:
            return False
        elif name not in self.facts:
            hint = did_you_mean(name, self.facts) or f"declare it: `facts: {{{name}: {{type: ...}}}}`"
            self.problems.add(place, f"there is no fact `{name}`", hint)
        else:
            return True
        return False


def types_of(matches: Iterable[Match]) -> tuple[str, ...]:
    """Give the event types of matches, each once; UNKNOWN where all were misspelt."""
    return tuple(dict.fromkeys(match.type for match in matches)) or UNKNOWN


_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_BARE: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\s*\()")


def bare_names(text: str) -> set[str]:
    """Give the names in an expression that stand alone: neither behind a dot nor before a bracket."""
    return set(_BARE.findall(_STRING.sub("''", text)))
