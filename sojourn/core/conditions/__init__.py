"""The language of conditions: one line of Jinja2 expression syntax, checked, typed, compiled once.

    scope = Scope(event={"installment_no": INT}, customer={"tier": TEXT})
    condition = compile_condition("event.installment_no >= 2", scope)
    condition(Frame(event={"installment_no": 3}))    # True

The way of a text: `reader` cuts tokens and lets Jinja2's parser build the tree; `checker` walks it by an
allow-list, checks names, types and absence (Q1), and builds Python source of what it has checked; the
source is executed once, here. Nothing of an unchecked text is ever executed.
"""

from collections.abc import Callable
from typing import Any

from sojourn.core.conditions import runtime
from sojourn.core.conditions.checker import Checker
from sojourn.core.conditions.context import NONE_PRESENT
from sojourn.core.conditions.logic import as_condition
from sojourn.core.conditions.model import EMPTY, ConditionError, Expression, Frame, Problem, Scope
from sojourn.core.conditions.parts import NOTHING, SPANS, Part, fits
from sojourn.core.conditions.reader import read, too_deep
from sojourn.core.conditions.words import FILTERS, FUNCTIONS, NAMES, RESERVED, ROOTS, Word
from sojourn.core.types import Type, decode

__all__ = [
    "FILTERS", "FUNCTIONS", "NAMES", "RESERVED", "ROOTS", "ConditionError", "Expression", "Frame", "Problem",
    "Scope", "Word", "compile_condition", "compile_expression",
]  # fmt: skip


def compile_condition(text: str, scope: Scope) -> Expression:
    """Give a compiled condition: a call answers True, False or None, which is unknown (Q1).

    A collection may stand as a condition: true when not empty.

    Raises:
        ConditionError: The text is refused; its `problems` are all that were found.
    """
    checker = Checker(text, scope)
    part = as_condition(checker, checker.visit(read(text), NONE_PRESENT))
    return _compiled(checker, part)


def compile_expression(text: str, scope: Scope, expect: Type | None = None) -> Expression:
    """Give a compiled expression; a call gives a typed value, or None where it is absent.

    Args:
        text: As the author wrote it.
        scope: What it may name.
        expect: The type that is wanted; a value that may be absent is refused where the type does not
            allow it. None: any value will do, and `type` of the result says which it is.

    Raises:
        ConditionError: The text is refused; its `problems` are all that were found.
    """
    checker = Checker(text, scope)
    part = checker.visit(read(text), NONE_PRESENT)
    if not part.broken:
        part = _expected(checker, part, expect)
    return _compiled(checker, part)


def _expected(checker: Checker, part: Part, expect: Type | None) -> Part:
    if part.type.kind in SPANS:
        return checker.refuse(part.offset, f"`{part.type.kind}()` alone is no value", "add it to a date or an instant")
    if part.type == NOTHING:
        if expect is not None and expect.nullable:
            return Part(expect, part.source, True, part.offset)
        return checker.refuse(part.offset, "`none` alone is no value here", "leave it out, or give a value")
    if expect is None:
        return part
    if expect.kind == "bool" and part.type.is_collection:
        return as_condition(checker, part)
    if not expect.nullable:
        part = checker.need(part)
    if not fits(part, expect):
        wanted = expect.required().describe()
        return checker.refuse(part.offset, f"this is {part.type.describe()}, but {wanted} is wanted")
    return checker.emitter.coerce(part, expect)


def _compiled(checker: Checker, part: Part) -> Expression:
    if checker.problems:
        raise ConditionError(checker.text, checker.problems)
    try:
        run = _function(checker, part)
    except (SyntaxError, RecursionError, MemoryError):  # Python's own limit of nesting
        raise ConditionError(checker.text, [too_deep(0)]) from None
    return Expression(checker.text, part.type, frozenset(checker.reads), run)


def _function(checker: Checker, part: Part) -> Callable[[Frame], Any]:
    """Execute the source that was built from the checked tree, with nothing of Python in reach."""
    lines = ["def condition(f):"]
    for root in sorted(checker.roots):
        attribute = "params" if root == "param" else root
        lines += [f"    if (r_{root} := f.{attribute}) is None: r_{root} = EMPTY"]
    if checker.computes:
        # Overflow of what was computed: the value is unknown, like every other that is not there.
        lines += [
            "    try:",
            f"        return {part.source}",
            "    except ArithmeticError:",
            "        return None",
        ]
    else:
        lines.append(f"    return {part.source}")
    builtins = {"bool": bool, "len": len, "float": float, "ArithmeticError": ArithmeticError}
    namespace: dict[str, Any] = {
        "__builtins__": builtins, "EMPTY": EMPTY, "decode": decode,
        **runtime.NAMESPACE, **checker.emitter.constants,
    }  # fmt: skip
    exec(compile("\n".join(lines), "<condition>", "exec"), namespace)  # noqa: S102
    function: Callable[[Frame], Any] = namespace["condition"]
    return function
