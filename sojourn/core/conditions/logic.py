"""and, or, not, `is none` and if-else: three-valued (Q1), and what their guards prove to be present."""

from jinja2 import nodes

from sojourn.core.conditions.context import Context, Present
from sojourn.core.conditions.parts import NUMERIC, Part, unite
from sojourn.core.types import BOOL


def as_condition(context: Context, part: Part) -> Part:
    """Give a part that may stand as a condition: true or false, or a collection (true: not empty).

    An absent collection counts as empty; every other kind is refused.
    """
    if part.broken:
        return part
    if part.type.is_collection:
        known = frozenset({part.key}) if part.key else frozenset()
        return Part(BOOL, f"bool({part.source})", False, part.offset, when_true=known)
    if part.type.kind == "bool":
        return context.need(part)
    hint = "compare it, as in `... == 'done'`" if part.type.kind == "text" else "compare it"
    if part.type.kind in NUMERIC:
        hint = "compare it, as in `... > 0`"
    return context.refuse(part.offset, f"{part.type.describe()} is not a condition", hint)


def both(context: Context, node: nodes.And, present: Present) -> Part:
    """Check `and`: the right side is asked only where the left is not false."""
    left = as_condition(context, context.visit(node.left, present))
    right = as_condition(context, context.visit(node.right, present | left.when_true))
    source, maybe = _join(context, left, right, stop=False)
    return Part(
        BOOL, source, maybe, left.offset,
        when_true=left.when_true | right.when_true, when_false=left.when_false & right.when_false,
    )  # fmt: skip


def either(context: Context, node: nodes.Or, present: Present) -> Part:
    """Check `or`: the right side is asked only where the left is not true."""
    left = as_condition(context, context.visit(node.left, present))
    right = as_condition(context, context.visit(node.right, present | left.when_false))
    source, maybe = _join(context, left, right, stop=True)
    return Part(
        BOOL, source, maybe, left.offset,
        when_true=left.when_true & right.when_true, when_false=left.when_false | right.when_false,
    )  # fmt: skip


def _join(context: Context, left: Part, right: Part, *, stop: bool) -> tuple[str, bool]:
    """Give source of `and` (stop: False) or `or` (stop: True) by the strong three-valued tables."""
    if not left.maybe:
        return f"({left.source} {'or' if stop else 'and'} {right.source})", right.maybe
    one = context.emitter.temporary()
    if not right.maybe:
        # Unknown with the stopping value gives it, with the other value stays unknown.
        rest = f"({stop} if {right.source} is {stop} else {one})"
        return f"({stop} if ({one} := {left.source}) is {stop} else {rest})", True
    two = context.emitter.temporary()
    known = f"(None if {one} is None else {two})"
    rest = f"({stop} if ({two} := {right.source}) is {stop} else {known})"
    return f"({stop} if ({one} := {left.source}) is {stop} else {rest})", True


def invert(context: Context, node: nodes.Not, present: Present) -> Part:
    """Check `not`; unknown stays unknown."""
    part = as_condition(context, context.visit(node.node, present))
    if part.broken:
        return part
    source, maybe = context.emitter.lift([part], "not {}".format)
    return Part(BOOL, source, maybe, node.lineno, when_true=part.when_false, when_false=part.when_true)


def test(context: Context, node: nodes.Test, present: Present) -> Part:
    """Check `is none`, the only test; it is never unknown, and it is what guards are made of."""
    part = context.visit(node.node, present)
    if node.name != "none":
        return context.refuse(
            node.lineno, f"there is no test `is {node.name}`", "write `is none`, `is not none`, or =="
        )
    if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return context.refuse(node.lineno, "`is none` takes nothing")
    if part.broken:
        return part
    known = frozenset({part.key}) if part.key else frozenset()
    return Part(BOOL, f"({part.source} is None)", False, part.offset, when_false=known)


def choice(context: Context, node: nodes.CondExpr, present: Present) -> Part:
    """Check `a if c else b`; an unknown condition gives an absent value."""
    asked = as_condition(context, context.visit(node.test, present))
    first = context.visit(node.expr1, present | asked.when_true)
    if node.expr2 is None:
        return context.refuse(first.offset, "`if` without `else`", "write `a if c else b`")
    second = context.visit(node.expr2, present | asked.when_false)
    if asked.broken or first.broken or second.broken:
        return context.broken_at(first.offset)
    type_ = unite(first, second)
    if type_ is None:
        given = f"{first.type.describe()} or {second.type.describe()}"
        return context.refuse(second.offset, f"this is {given}", "both must be of one type")
    first, second = context.emitter.coerce(first, type_), context.emitter.coerce(second, type_)
    chosen, unknown = context.emitter.lift([asked], lambda truth: f"({first.source} if {truth} else {second.source})")
    return Part(type_, chosen, unknown or first.maybe or second.maybe, first.offset)
