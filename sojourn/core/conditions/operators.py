"""Comparisons, membership and arithmetic: which types meet, and how."""

from dataclasses import replace
from typing import Final

from jinja2 import nodes

from sojourn.core.conditions.context import Context, Present
from sojourn.core.conditions.parts import NOTHING, NUMERIC, SPANS, Part, meet_numbers
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import BOOL, DATE, DECIMAL, INSTANT, INT, NUMBER, TEXT, Type

_SYMBOLS: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_ORDERED: Final = NUMERIC | {"date", "instant"}


def compare(context: Context, node: nodes.Compare, present: Present) -> Part:
    """Check one comparison or membership test; the result is unknown where an operand is absent."""
    left = context.visit(node.expr, present)
    rights = [context.visit(operand.expr, present) for operand in node.ops]
    if len(rights) != 1:
        return context.refuse(rights[1].offset, "two comparisons in a row", "write `a < b and b < c`")
    right, symbol = rights[0], _SYMBOLS[node.ops[0].op]
    if left.broken or right.broken:
        return context.broken_at(left.offset)
    if NOTHING in (left.type, right.type):
        word = "is none" if symbol == "==" else "is not none"
        at = right.offset if right.type == NOTHING else left.offset
        return context.refuse(at, "nothing compares with `none`", f"write `x {word}`")
    left, right = context.need(left), context.need(right)
    if symbol in ("in", "not in"):
        return _membership(context, left, right, symbol)
    if symbol not in ("==", "!=") and _ORDERED.isdisjoint({left.type.kind, right.type.kind}):
        return context.refuse(left.offset, f"{left.type.describe()} has no order", "compare with == or !=, or use `in`")
    pair = _align(context, left, right)
    if pair is None:
        return context.broken_at(left.offset)
    source, maybe = context.emitter.lift(pair, lambda a, b: f"{a} {symbol} {b}")
    return Part(BOOL, source, maybe, left.offset)


def _align(context: Context, left: Part, right: Part) -> tuple[Part, Part] | None:
    """Give both operands in one representation, or report why they cannot meet."""
    one, two = left.type.kind, right.type.kind
    if one in NUMERIC and two in NUMERIC:
        meeting = meet_numbers(left, right)
        if meeting is None:
            _report_inexact(context, left)
            return None
        return _to_number(context, left, meeting), _to_number(context, right, meeting)
    if one != two or one in SPANS:
        context.refuse(left.offset, *_no_meeting(left, right))
        return None
    if left.type.is_collection:
        context.refuse(left.offset, "collections are not compared with each other", "use `in` or `| length`")
        return None
    return (left, right) if _values_can_meet(context, left, right) else None


def _to_number(context: Context, part: Part, meeting: Type) -> Part:
    # Python compares and computes int with float and int with Decimal as it should; only an exact
    # literal that meets a binary number has to become one.
    if meeting.kind == "number" and part.type.kind == "decimal":
        return context.emitter.coerce(part, NUMBER)
    return part


def _report_inexact(context: Context, left: Part) -> None:
    context.refuse(left.offset, "an exact decimal meets an inexact number", "declare both fields with the same type")


def _no_meeting(left: Part, right: Part) -> tuple[str, str]:
    kinds = {left.type.kind, right.type.kind}
    hint = ""
    if kinds == {"date", "instant"}:
        hint = "`today` is a date, `now` an instant"
    elif "text" in kinds and kinds & NUMERIC:
        hint = "a number is written without quotes"
    elif kinds & {"list", "set", "map"}:
        hint = "use `in` or `| length`"
    return f"{left.type.describe()} cannot be compared with {right.type.describe()}", hint


def _values_can_meet(context: Context, left: Part, right: Part) -> bool:
    """Refuse a text that is not in the closed list it is compared with, and lists without a common value."""
    for part, other in ((left, right), (right, left)):
        if part.literal and other.type.values is not None and part.value not in other.type.values:
            listed = ", ".join(f"`{value}`" for value in other.type.values)
            hint = did_you_mean(part.value, other.type.values) or f"it is one of {listed}"
            context.refuse(part.offset, f"`{part.value}` is not a value of this field", hint)
            return False
    one, two = left.type.values, right.type.values
    if one is not None and two is not None and set(one).isdisjoint(two):
        context.refuse(left.offset, "these two have no value in common, so they are never equal")
        return False
    return True


def _membership(context: Context, left: Part, right: Part, symbol: str) -> Part:
    if right.literal and right.type.kind == "list":
        return _in_literal(context, left, right, symbol)
    held = TEXT if right.type.kind == "map" else right.type.item
    if right.type.kind not in ("list", "set", "map") or held is None:
        hint = "write `in ['...', '...']`" if right.literal or right.type.kind == "text" else ""
        return context.refuse(right.offset, f"`{symbol}` looks into a list, not into {right.type.describe()}", hint)
    pair = _align(context, left, Part(held.required(), "None", True, right.offset))
    if pair is None:
        return context.broken_at(left.offset)
    source, maybe = context.emitter.lift([pair[0], right], lambda a, b: f"{a} {symbol} {b}")
    return Part(BOOL, source, maybe, left.offset)


def _in_literal(context: Context, left: Part, right: Part, symbol: str) -> Part:
    if not right.value:
        return context.refuse(right.offset, "nothing is in an empty list")
    values = []
    for item in right.value:
        pair = _align(context, left, item)
        if pair is None:
            return context.broken_at(left.offset)
        left, aligned = pair
        values.append(aligned.value)
    members = context.emitter.constant(frozenset(values))
    source, maybe = context.emitter.lift([left], lambda a: f"{a} {symbol} {members}")
    return Part(BOOL, source, maybe, left.offset)


def arithmetic(context: Context, node: nodes.BinExpr, present: Present) -> Part:
    """Check + - * /: numbers with numbers, dates and instants with days() and months(), date - date."""
    left, right = context.visit(node.left, present), context.visit(node.right, present)
    symbol = node.operator
    if left.broken or right.broken:
        return context.broken_at(left.offset)
    left, right = context.need(left), context.need(right)
    context.computes = True
    if left.type.kind in SPANS and right.type.kind not in SPANS and symbol == "+":
        left, right = right, left
    if right.type.kind in SPANS and left.type.kind in ("date", "instant") and symbol in "+-":
        return _shift(context, left, right, symbol)
    if left.type.kind in NUMERIC and right.type.kind in NUMERIC:
        return _numbers(context, left, right, symbol)
    if left.type.kind == right.type.kind == "date" and symbol == "-":
        source, maybe = context.emitter.lift([left, right], lambda a, b: f"({a} - {b}).days")
        return Part(INT, source, maybe, left.offset)
    return context.refuse(left.offset, *_no_arithmetic(left, right, symbol))


def _shift(context: Context, base: Part, span: Part, symbol: str) -> Part:
    sign = "-" if symbol == "-" else ""
    function = f"{base.type.kind}_{span.type.kind}"
    zone = ", f.zone" if base.type.kind == "instant" else ""
    source, _ = context.emitter.lift([base, span], lambda day, count: f"{function}({day}, {sign}{count}{zone})")
    return Part(DATE if base.type.kind == "date" else INSTANT, source, True, base.offset)


def _numbers(context: Context, left: Part, right: Part, symbol: str) -> Part:
    meeting = meet_numbers(left, right)
    if meeting is None:
        _report_inexact(context, left)
        return context.broken_at(left.offset)
    left, right = _to_number(context, left, meeting), _to_number(context, right, meeting)
    if symbol == "/":
        return _division(context, left, right, meeting)
    source, maybe = context.emitter.lift([left, right], lambda a, b: f"{a} {symbol} {b}")
    return Part(Type(meeting.kind), source, maybe, left.offset)


def _division(context: Context, left: Part, right: Part, meeting: Type) -> Part:
    if right.literal and right.value == 0:
        return context.refuse(right.offset, "a division by zero")
    function = "divide_number" if meeting.kind == "number" else "divide_exact"
    source, _ = context.emitter.lift([left, right], lambda a, b: f"{function}({a}, {b})")
    result = NUMBER if meeting.kind == "number" else DECIMAL
    return Part(result if right.literal else result.optional(), source, True, left.offset)


def _no_arithmetic(left: Part, right: Part, symbol: str) -> tuple[str, str]:
    kinds = (left.type.kind, right.type.kind)
    hint = ""
    if "text" in kinds:
        hint = "texts are joined in a template"
    elif {"date", "instant"} & set(kinds) and {"int", "decimal"} & set(kinds):
        hint = "write `days(3)` or `months(3)`"
    elif kinds == ("instant", "instant"):
        hint = "compare with `now - days(3)`"
    elif set(kinds) <= SPANS:
        hint = "add one after the other to a date"
    return f"{left.type.describe()} {symbol} {right.type.describe()} has no meaning", hint


def negate(context: Context, node: nodes.Neg, present: Present) -> Part:
    """Check unary minus; the minus of a written number belongs to the number."""
    part = context.visit(node.node, present)
    if part.broken:
        return part
    part = context.need(part)
    if part.type.kind not in NUMERIC:
        return context.refuse(node.lineno, f"`-` before {part.type.describe()} has no meaning")
    if part.literal:
        value = -part.value
        return replace(part, value=value, source=context.emitter.constant(value), offset=node.lineno)
    source, maybe = context.emitter.lift([part], lambda a: f"-{a}")
    return Part(part.type, source, maybe, node.lineno)
