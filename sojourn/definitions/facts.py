"""Compiles `facts` and `params`: what a run remembers, and in which order it is computed (N15, Q3)."""

from typing import Final

from sojourn.core.book import Fact
from sojourn.core.conditions import RESERVED, Expression
from sojourn.core.types import Type
from sojourn.definitions.grammar import Entries, Fields, Leaf
from sojourn.definitions.linking import Linker, bare_names
from sojourn.definitions.parameters import parameter_of

_TAKEN: Final = RESERVED | {"start", "end", "customer_id"}


def read_params(linker: Linker, entries: Entries | None) -> None:
    """Take the journey's own parameters; one of the project's keeps its type."""
    for name, fields in entries.items() if entries is not None else ():
        own = parameter_of(fields, linker.problems)
        if own is None:
            continue
        outer = linker.context.params.get(name)
        if outer is not None and outer.type != own.type:
            place = fields.place("type")
            wanted = outer.type.describe()
            linker.problems.add(place, f"the project's `{name}` is {wanted}", "give it the same type")
        linker.parameters[name] = own


def read_facts(linker: Linker, entries: Entries | None, types: tuple[str, ...]) -> tuple[Fact, ...]:
    """Give the facts, captured ones first, then derived ones in order of need.

    Args:
        linker: Its `keys` are known; its `facts` and `derived` are filled here.
        entries: What stands under `facts`.
        types: Event types that may start the journey; empty where no event does.
    """
    if entries is None:
        return ()
    values = {name: _value(one) for name, one in entries.items() if _may_be_called(linker, entries, name)}
    needs = {name: _needs(leaf, set(values)) for name, leaf in values.items()}
    base = [name for name in values if not needs[name]]
    order = _in_order(linker, entries, needs)
    facts = [_captured(linker, name, entries.values[name], values[name], types) for name in base]
    facts += [_derived(linker, name, entries.values[name], values[name], types) for name in order]
    return tuple(fact for fact in facts if fact is not None)


def _value(one: Leaf | Fields) -> Leaf | None:
    if isinstance(one, Leaf):
        return one
    found: Leaf | None = one.get("value")
    return found


def _may_be_called(linker: Linker, entries: Entries, name: str) -> bool:
    place = entries.keys[name].place
    if name in _TAKEN:
        linker.problems.add(place, f"`{name}` is a word of the language", "give the fact another name")
    elif name in linker.keys:
        linker.problems.add(place, f"`{name}` is known already: it belongs to the key", "delete this fact")
    else:
        return True
    return False


def _needs(leaf: Leaf | None, names: set[str]) -> set[str]:
    return bare_names(leaf.node.text) & names if leaf is not None else set()


def _in_order(linker: Linker, entries: Entries, needs: dict[str, set[str]]) -> list[str]:
    """Give derived facts so that each stands behind what it needs; rings are noted and left out."""
    order: list[str] = []
    broken: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in order or name in broken or not needs[name]:
            return
        if name in path:
            ring = path[path.index(name) :]
            text = " -> ".join([*ring, name])
            place = entries.keys[ring[0]].place
            linker.problems.add(place, f"these facts need each other: {text}", "take one from the event or the profile")
            broken.update(ring)
            return
        for other in sorted(needs[name]):
            visit(other, (*path, name))
        if name not in broken:
            order.append(name)

    for name in needs:
        visit(name, ())
    linker.broken |= broken
    return [name for name in order if name not in broken]


def _declared(linker: Linker, name: str, one: Leaf | Fields, value: Leaf | None) -> Type | None:
    """Give the declared type, optional where nothing is captured; None: taken from the expression."""
    if isinstance(one, Leaf):
        return None
    declared: Type | None = one.value("type")
    if declared is None:
        if value is None:
            linker.problems.add(
                one.at, f"the fact `{name}` has neither type nor value", "write `type: date`, or a value"
            )
        return None
    if declared.kind == "object":
        linker.problems.add(
            one.place("type"), "a fact holds one value or a list", "keep its parts in facts of their own"
        )
    optional = value is None or one.value("optional", False)
    return declared.optional() if optional else declared


def _captured(linker: Linker, name: str, one: Leaf | Fields, value: Leaf | None, types: tuple[str, ...]) -> Fact | None:
    declared = _declared(linker, name, one, value)
    expression = None
    if value is not None:
        scope = linker.scope(types, before=True, facts=linker.keys)
        expression = linker.expression(value, scope, declared)
    found = declared or (expression.type if expression is not None else None)
    if found is None:
        linker.broken.add(name)
        return None
    if isinstance(one, Fields) and one.value("optional", False):
        found = found.optional()
    linker.facts[name] = found
    return Fact(name, found, expression)


def _derived(linker: Linker, name: str, one: Leaf | Fields, value: Leaf | None, types: tuple[str, ...]) -> Fact | None:
    """Compile a fact that follows others. Where one of those is absent it is absent, too, without a guard."""
    assert value is not None
    declared = _declared(linker, name, one, value)
    known = {**linker.keys, **linker.facts}
    present = {fact: found.required() for fact, found in known.items()}
    scope = linker.scope(types, facts=present)
    expression = linker.expression(value, scope, declared)
    if expression is None:
        linker.broken.add(name)
        return None
    _refuse_mixture(linker, name, value, expression)
    absent = any(root == "facts" and known[fact].nullable for root, fact in expression.reads)
    found = declared or expression.type
    found = found.optional() if absent or expression.type.nullable else found
    linker.facts[name] = found
    linker.derived.add(name)
    return Fact(name, found, expression, derived=True)


def _refuse_mixture(linker: Linker, name: str, value: Leaf, expression: Expression) -> None:
    """A derived fact is computed anew when facts change; what is gone by then must be captured first."""
    for root, field in sorted(expression.reads):
        if root in ("event", "customer", "before"):
            text = f"{root}.{field}"
            hint = f"capture it first in a fact of its own, `my_{field}: {text}`, and use that here"
        elif root in ("today", "now"):
            text, hint = root, f"capture it first in a fact of its own, `started: {root}`, and use that here"
        else:
            continue
        place = value.node.place_at(max(0, value.node.text.find(text)))
        linker.problems.add(place, f"`{name}` mixes `{text}` with facts that may change", hint)
