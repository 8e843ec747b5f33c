"""The check of a condition: an allow-list of nodes, types, absence (Q1), and the source of the function.

One function for each kind of node that the language has; every other kind is refused. Each checks first
and then builds source out of what it has checked; nothing of the author's text but names that are
declared and literals goes into the source, and those as Python literals or bound constants.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from jinja2 import nodes

from sojourn.core.conditions import calls, logic, names, operators
from sojourn.core.conditions.context import Context, Present
from sojourn.core.conditions.parts import NOTHING, Part, broken, unite
from sojourn.core.conditions.reader import too_deep
from sojourn.core.conditions.words import MAX_LIST, MAX_NESTING
from sojourn.core.types import BOOL, DECIMAL, INT, TEXT, Type, enum_of, list_of


class Checker(Context):
    """Checks one condition; see `visit`."""

    depth = 0

    def visit(self, node: nodes.Node, present: Present) -> Part:
        """Check a node and give its part; what is refused is reported and comes back broken."""
        rule = _RULES.get(type(node))
        if rule is None:
            word = _REFUSED.get(type(node), "this")
            return self.refuse(node.lineno, f"{word} is no part of the language")
        if self.depth >= MAX_NESTING:
            self.problems.append(too_deep(node.lineno))
            return broken(node.lineno)
        self.depth += 1
        try:
            return rule(self, node, present)
        finally:
            self.depth -= 1


_LITERALS: Final[Mapping[type, Type]] = {
    bool: BOOL,
    int: INT,
    Decimal: DECIMAL,
    str: TEXT,
    type(None): NOTHING,
}


def _literal(context: Context, node: nodes.Const, _present: Present) -> Part:
    value = node.value
    type_ = _LITERALS.get(type(value))
    if type_ is None:
        return context.refuse(node.lineno, "this is no value of the language")
    source, absent = context.emitter.constant(value), value is None
    return Part(type_, source, absent, node.lineno, literal=not absent, value=value)


def _list(context: Context, node: nodes.List | nodes.Tuple, present: Present) -> Part:
    """Check a list of literals; texts make a closed list, so that misspelt members are found."""
    if len(node.items) > MAX_LIST:
        return context.refuse(node.lineno, f"the list has more than {MAX_LIST} items")
    items = [context.visit(item, present) for item in node.items]
    for item in items:
        if not item.broken and not (item.literal and item.type.kind != "list"):
            return context.refuse(item.offset, "a list holds values that are written out")
    if any(item.broken for item in items):
        return context.broken_at(node.lineno)
    held = items[0] if items else None
    for item in items[1:]:
        met = unite(held, item) if held else None
        if met is None:
            return context.refuse(item.offset, "a list holds values of one type")
        held = Part(met, "None", True, item.offset, literal=False)
    if held is None:
        return Part(Type("list"), "[]", False, node.lineno, literal=True, value=())
    type_ = enum_of([str(item.value) for item in items]) if held.type.kind == "text" else held.type
    members = [context.emitter.coerce(item, type_) for item in items]
    source = f"[{', '.join(item.source for item in members)}]"
    return Part(list_of(type_), source, False, node.lineno, literal=True, value=tuple(items))


_RULES: Final[Mapping[type[nodes.Node], Callable[[Context, Any, Present], Part]]] = {
    nodes.Const: _literal,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Name: names.name,
    nodes.Getattr: names.attribute,
    nodes.And: logic.both,
    nodes.Or: logic.either,
    nodes.Not: logic.invert,
    nodes.Test: logic.test,
    nodes.CondExpr: logic.choice,
    nodes.Compare: operators.compare,
    nodes.Add: operators.arithmetic,
    nodes.Sub: operators.arithmetic,
    nodes.Mul: operators.arithmetic,
    nodes.Div: operators.arithmetic,
    nodes.Neg: operators.negate,
    nodes.Call: calls.call,
    nodes.Filter: calls.filtered,
}
_REFUSED: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Getitem: "a value in square brackets",
    nodes.Pos: "`+` before a value",
}
