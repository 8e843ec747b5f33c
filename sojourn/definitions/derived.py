"""Derived fields of the profile: an expression, choices, any item of a list, or full years since a date."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sojourn.core.book import Derived
from sojourn.core.conditions import Expression, Scope
from sojourn.core.types import BOOL, Type
from sojourn.definitions.expressions import condition, expression
from sojourn.definitions.grammar import Expr, F, Fields, Leaf, ListOf, Record
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.reader import Scalar
from sojourn.definitions.typetext import FIELD_NAME

_BRANCH: Final = Record(
    "a branch",
    (
        F("if", Expr(), "when it is taken"),
        F("value", Expr("an expression"), "what the field is then"),
        F("otherwise", Expr("an expression"), "what the field is when no branch is taken"),
    ),
)
DERIVED: Final = Record(
    "a derived field",
    (
        F("value", Expr("an expression"), "the value"),
        F("choose", ListOf(_BRANCH, least=1), "the first branch whose condition holds gives the value"),
        F("any", FIELD_NAME, "a list of the profile: true when one item fulfils `if`"),
        F("if", Expr(), "the condition over `item.`"),
        F("years_since", FIELD_NAME, "a date field: full years from it to today"),
    ),
)


def compile_derived(type: Type, how: Fields | Leaf, scope: Scope, problems: Problems) -> Derived | None:
    """Give the compiled field, or None after noting why not.

    Args:
        type: What the field is declared to be.
        how: The parsed form: a bare expression, or one of `value`, `choose`, `any` with `if`, `years_since`.
        scope: The fields of the profile.
        problems: Takes what is wrong.
    """
    if isinstance(how, Leaf):
        return Derived(type, otherwise=expression(how, scope, problems, type.optional()))
    ways = [way for way in ("value", "choose", "any", "years_since") if way in how]
    if len(ways) != 1:
        hint = "one of: value, choose, any (with if), years_since"
        problems.add(how.at, f"{len(ways)} ways to derive stand here" if ways else "no way to derive stands here", hint)
        return None
    if how.get(ways[0]) is None:
        return None
    if ways[0] == "value":
        return Derived(type, otherwise=expression(how.get("value"), scope, problems, type.optional()))
    if ways[0] == "choose":
        return _choose(type, how, scope, problems)
    if ways[0] == "any":
        return _any(type, how, scope, problems)
    return _years_since(type, how.get("years_since"), scope, problems)


def _choose(type: Type, how: Fields, scope: Scope, problems: Problems) -> Derived:
    branches: list[tuple[Expression, Any]] = []
    otherwise: Expression | None = None
    rows = list(how.get("choose"))
    for number, row in enumerate(rows):
        if "otherwise" in row:
            otherwise = expression(row.get("otherwise"), scope, problems, type.optional())
            if "if" in row or "value" in row or number != len(rows) - 1:
                problems.add(row.at, "`otherwise` stands alone, and last", "move it to the end")
            continue
        test, value = condition(row.get("if"), scope, problems), row.get("value")
        compiled = expression(value, scope, problems, type.optional())
        if row.get("if") is None or value is None:
            problems.add(row.at, "a branch needs `if` and `value`", "or it is the last one: `otherwise: ...`")
        elif test is not None and compiled is not None:
            branches.append((test, compiled))
    if "otherwise" not in rows[-1] and not type.nullable:
        problems.add(
            how.place("choose"),
            "no branch may hold",
            "end with `- {otherwise: ...}`, or let the type end in `?`",
        )
    return Derived(type, tuple(branches), otherwise)


def _any(type: Type, how: Fields, scope: Scope, problems: Problems) -> Derived | None:
    over = scope.customer.get(how.value("any"))
    if over is None or over.kind != "list" or over.item is None or over.item.fields is None:
        problems.add(how.place("any"), f"`{how.value('any')}` is no list of objects of the profile")
        return None
    if type.kind != BOOL.kind:
        problems.add(how.at, f"`any` gives true or false, but the field is {type.describe()}", "make its type bool")
    if how.get("if") is None:
        problems.add(how.at, "`any` needs a condition", "as `if: item.status == 'active'`")
    test = condition(how.get("if"), replace(scope, item=over.item.fields), problems)
    return Derived(BOOL, any_of=how.value("any"), any_if=test, otherwise=False)


def _years_since(type: Type, field: Leaf, scope: Scope, problems: Problems) -> Derived | None:
    over = scope.customer.get(field.value)
    if over is None or over.kind != "date":
        problems.add(field.place, f"`{field.value}` is no date of the profile", "name a field of type date")
        return None
    date = f"customer.{field.value}"
    text = f"years_since({date}) if {date} is not none else none" if over.nullable else f"years_since({date})"
    written = Scalar(text, False, field.place, field.node.source, 0, 0)
    return Derived(type, otherwise=expression(Leaf(text, written), scope, problems, type.optional()))


def order_of_need(found: Mapping[str, Derived], places: Mapping[str, Place], problems: Problems) -> list[str]:
    """Give the derived fields, each behind those that it reads; a ring is an error that names it."""
    needs = {name: sorted(_reads(derived) & set(found)) for name, derived in found.items()}
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in path:
            ring = " -> ".join([*path[path.index(name) :], name])
            problems.add(places[name], f"derived fields read each other in a ring: {ring}", "break it")
            return
        path.append(name)
        for need in needs[name]:
            visit(need)
        path.pop()
        order.append(name)

    for name in found:
        visit(name)
    return order


def _reads(derived: Derived) -> set[str]:
    parts = [*(part for branch in derived.branches for part in branch), derived.otherwise, derived.any_if]
    keys = {key for part in parts if isinstance(part, Expression) for key in part.reads}
    names = {name for root, name in keys if root == "customer"}
    return names | ({derived.any_of} if derived.any_of else set())
