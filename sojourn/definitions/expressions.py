"""Compiles the conditions and expressions of a file; what is wrong gets its place in the file.

`sojourn.core.conditions` knows offsets in a text, the reader knows where that text stands. This joins them.
"""

from sojourn.core.conditions import ConditionError, Expression, Scope, compile_condition, compile_expression
from sojourn.core.types import Type
from sojourn.definitions.grammar import Leaf
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Scalar


def condition(leaf: Leaf | None, scope: Scope, problems: Problems) -> Expression | None:
    """Give the compiled condition, or None after noting every mistake in it (or when nothing was written)."""
    if leaf is None:
        return None
    try:
        return compile_condition(leaf.node.text, scope)
    except ConditionError as error:
        _note(error, leaf.node, problems)
        return None


def expression(leaf: Leaf | None, scope: Scope, problems: Problems, expect: Type | None = None) -> Expression | None:
    """Give the compiled expression of an expected type, or None after noting every mistake in it."""
    if leaf is None:
        return None
    try:
        return compile_expression(leaf.node.text, scope, expect)
    except ConditionError as error:
        _note(error, leaf.node, problems)
        return None


def _note(error: ConditionError, node: Scalar, problems: Problems) -> None:
    for problem in error.problems:
        problems.add(node.place_at(problem.offset), problem.message, problem.hint)
