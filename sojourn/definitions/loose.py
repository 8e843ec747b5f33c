"""Expressions over a record that nobody declared, for topics.yaml: the syntax of conditions, judged as it runs.

The text is read by the reader of the language of conditions, so it has the same tokens and limits. Each node of its
tree that is on the list below becomes one closure; no source is built and nothing is executed. Kinds that are known
before a record comes (a key is a text, a comparison a truth value) are checked at load.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import nodes

from sojourn.core.conditions import ConditionError, Problem
from sojourn.core.conditions.reader import read, too_deep
from sojourn.core.conditions.words import MAX_LIST, MAX_NESTING
from sojourn.core.nearest import did_you_mean
from sojourn.definitions import loose_values as values
from sojourn.definitions.loose_values import Moment, Unfit, kind_of, unfit
from sojourn.definitions.loose_words import FILTERS, NAMES, Filter

Codes = Mapping[str, Mapping[str, str]]
Run = Callable[["Record"], Any]


class Record:
    """What expressions read of one record; key and headers are decoded when they are asked for."""

    __slots__ = ("_headers", "_key", "cloud", "timestamp", "value")

    def __init__(
        self,
        value: Any,
        key: bytes | None,
        headers: Mapping[str, bytes],
        timestamp: int,
        cloud: Mapping[str, Any] | None = None,
    ) -> None:
        self.value = value
        self.timestamp = timestamp
        self.cloud: Mapping[str, Any] = cloud or {}
        self._key = key
        self._headers = headers

    @property
    def key(self) -> str | None:
        """The key as a text; absent where there is none."""
        return None if self._key is None else _text(self._key, "the key")

    def header(self, name: str) -> str | None:
        """Give a header as a text; absent where there is none."""
        raw = self._headers.get(name)
        return None if raw is None else _text(raw, f"the header `{name}`")


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unfit(f"{what} is not UTF-8", "not_utf8") from None


@dataclass(frozen=True, slots=True)
class Loose:
    """A checked expression over a record.

    Attributes:
        text: As it was written.
        kind: What it gives, where that is known before a record comes; `any` where it is not.
        texts: The texts that it can give, where they are known.
        run: Gives the value, None where it is absent; raises Unfit.
    """

    text: str
    kind: str
    texts: frozenset[str] | None
    run: Run = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    run: Run
    at: int
    texts: frozenset[str] | None = None
    broken: bool = False


def compile_loose(text: str, codes: Codes, *, cloud: bool = False) -> Loose:
    """Give the compiled expression.

    Args:
        text: As the author wrote it.
        codes: The tables that `code` may name.
        cloud: Whether `cloud.` may stand in it.

    Raises:
        ConditionError: The text is refused; its `problems` are all that were found.
    """
    checker = _Checker(codes, cloud)
    part = checker.visit(read(text))
    if checker.problems:
        raise ConditionError(text, checker.problems)
    return Loose(text, part.kind, part.texts, part.run)


def constant(text: str) -> Loose:
    """Give the expression that always is this text."""
    return Loose(repr(text), "text", frozenset({text}), lambda record: text)


class _Checker:
    def __init__(self, codes: Codes, cloud: bool) -> None:
        self.codes = codes
        self.names = {name: word for name, word in NAMES.items() if cloud or name != "cloud"}
        self.problems: list[Problem] = []
        self.depth = 0

    def visit(self, node: nodes.Node) -> _Part:
        rule = _RULES.get(type(node))
        if rule is None:
            return self.refuse(node.lineno, "this is no part of the language of topics.yaml")
        if self.depth >= MAX_NESTING:
            self.problems.append(too_deep(node.lineno))
            return _Part("any", _absent, node.lineno, broken=True)
        self.depth += 1
        try:
            return rule(self, node)
        finally:
            self.depth -= 1

    def refuse(self, at: int, message: str, hint: str = "") -> _Part:
        self.problems.append(Problem(at, message, hint))
        return _Part("any", _absent, at, broken=True)

    def want(self, part: _Part, *kinds: str) -> _Part:
        """Refuse a part that is known to be of another kind."""
        if part.broken or part.kind in ("any", *kinds):
            return part
        if part.kind == "nothing":
            return self.refuse(part.at, "`none` has no meaning here", "write `x is none`")
        return self.refuse(part.at, f"this is {values.a(part.kind)}, but {values.a(kinds[0])} is wanted")


def _absent(record: Record) -> None:
    return None


def _literal(checker: _Checker, node: nodes.Const) -> _Part:
    value = node.value
    if kind_of(value) == "number with too many digits":
        return checker.refuse(node.lineno, "this is no value of the language")
    texts = frozenset({value}) if isinstance(value, str) else None
    return _Part(kind_of(value), lambda record: value, node.lineno, texts)


def _name(checker: _Checker, node: nodes.Name) -> _Part:
    if node.name not in checker.names:
        known = ", ".join(checker.names)
        hint = did_you_mean(node.name, checker.names) or f"there are {known}; a text is written \"'{node.name}'\""
        return checker.refuse(node.lineno, f"there is no `{node.name}`", hint)
    if node.name in ("headers", "cloud"):
        hint = f"write `{checker.names[node.name].form}`"
        return checker.refuse(node.lineno, f"`{node.name}` alone is no value", hint)
    kind, run = _BARE[node.name]
    return _Part(kind, run, node.lineno)


_BARE: Final[Mapping[str, tuple[str, Run]]] = {
    "value": ("any", lambda record: record.value),
    "key": ("text", lambda record: record.key),
    "timestamp": ("instant", lambda record: values.moment(record.timestamp)),
}


def _step(checker: _Checker, node: nodes.Getattr | nodes.Getitem) -> _Part:
    """Check one step of a path: a name after a point, a text or a number in brackets."""
    if isinstance(node, nodes.Getattr):
        to: Any = node.attr
    elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
        to = node.arg.value
    else:
        return checker.refuse(node.lineno, "a text or a number that is written out stands in brackets")
    root = node.node.name if isinstance(node.node, nodes.Name) else ""
    if root in ("headers", "cloud") and root in checker.names and isinstance(to, str):
        return _of_root(root, to, node.lineno)
    inner = checker.want(checker.visit(node.node), "object", "list")
    return _Part("any", _index(inner.run, to) if isinstance(to, int) else _get(inner.run, to), node.lineno)


def _of_root(root: str, name: str, at: int) -> _Part:
    if root == "headers":
        return _Part("text", lambda record: record.header(name), at)
    return _Part("any", lambda record: record.cloud.get(name), at)


def _get(inner: Run, name: str) -> Run:
    def run(record: Record) -> Any:
        held = inner(record)
        if held is None:
            return None
        if type(held) is not dict:
            raise unfit(held, "object")
        return held.get(name)

    return run


def _index(inner: Run, index: int) -> Run:
    def run(record: Record) -> Any:
        held = inner(record)
        if held is None:
            return None
        if type(held) is not list:
            raise unfit(held, "list")
        return held[index] if index < len(held) else None

    return run


def _list(checker: _Checker, node: nodes.List | nodes.Tuple) -> _Part:
    if len(node.items) > MAX_LIST:
        return checker.refuse(node.lineno, f"the list has more than {MAX_LIST} items")
    runs = [checker.visit(item).run for item in node.items]
    return _Part("list", lambda record: [run(record) for run in runs], node.lineno)


def _truth(checker: _Checker, node: nodes.Node) -> tuple[_Part, Run]:
    part = checker.want(checker.visit(node), "truth value")

    def run(record: Record) -> bool | None:
        found = part.run(record)
        if found is not None and type(found) is not bool:
            raise unfit(found, "truth value")
        return found

    return part, run


def _both(checker: _Checker, node: nodes.And | nodes.Or) -> _Part:
    """Check `and` or `or`: the value that decides wins, and otherwise what is unknown."""
    decides = isinstance(node, nodes.Or)
    (left, one), (_, two) = _truth(checker, node.left), _truth(checker, node.right)

    def run(record: Record) -> bool | None:
        first: bool | None = one(record)
        if first is decides:
            return decides
        second: bool | None = two(record)
        return second if second is decides or first is not None else None

    return _Part("truth value", run, left.at)


def _invert(checker: _Checker, node: nodes.Not) -> _Part:
    _, inner = _truth(checker, node.node)

    def run(record: Record) -> bool | None:
        found: bool | None = inner(record)
        return None if found is None else not found

    return _Part("truth value", run, node.lineno)


def _test(checker: _Checker, node: nodes.Test) -> _Part:
    if node.name != "none":
        return checker.refuse(node.lineno, f"there is no test `{node.name}`", "write `is none` or `is not none`")
    inner = checker.visit(node.node).run
    return _Part("truth value", lambda record: inner(record) is None, node.lineno)


def _choice(checker: _Checker, node: nodes.CondExpr) -> _Part:
    _, test = _truth(checker, node.test)
    one = checker.visit(node.expr1)
    two = checker.visit(node.expr2) if node.expr2 is not None else _Part("nothing", _absent, node.lineno)
    run_one, run_two = one.run, two.run
    return _meet(one, two, lambda record: run_one(record) if test(record) is True else run_two(record), node.lineno)


def _meet(one: _Part, two: _Part, run: Run, at: int) -> _Part:
    """Give the part that is either of two; what is absent adds nothing to what is known."""
    rest = [part for part in (one, two) if part.kind != "nothing"]
    kinds = {part.kind for part in rest}
    known = [part.texts for part in rest if part.texts is not None]
    texts = frozenset().union(*known) if rest and len(known) == len(rest) else None
    return _Part(kinds.pop() if len(kinds) == 1 else "any", run, at, texts)


_SIGNS: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in",
}  # fmt: skip


def _compare(checker: _Checker, node: nodes.Compare) -> _Part:
    left, rights = checker.visit(node.expr), [checker.visit(one.expr) for one in node.ops]
    if len(rights) != 1:
        return checker.refuse(rights[1].at, "two comparisons in a row", "write `a < b and b < c`")
    right, sign = rights[0], _SIGNS[node.ops[0].op]
    if left.broken or right.broken:
        return left if left.broken else right
    if "nothing" in (left.kind, right.kind):
        return checker.refuse(left.at, "nothing compares with `none`", "write `x is none` or `x is not none`")
    if sign in ("in", "not in"):
        checker.want(right, "list")
        test: Callable[[Any, Any], bool | None] = values.member
    elif sign in ("==", "!="):
        checker.want(right, *((left.kind,) if left.kind != "any" else (right.kind,)))
        test = values.same
    else:
        for part in (left, right):
            checker.want(part, "number", "day", "instant")
        test = lambda one, two: values.ordered(sign, one, two)  # noqa: E731
    return _Part("truth value", _tested(test, left.run, right.run, sign in ("!=", "not in")), left.at)


def _tested(test: Callable[[Any, Any], bool | None], left: Run, right: Run, inverse: bool) -> Run:
    def run(record: Record) -> bool | None:
        found = test(left(record), right(record))
        return not found if inverse and found is not None else found

    return run


_ARITHMETIC: Final[Mapping[type[nodes.Node], str]] = {nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/"}


def _arithmetic(checker: _Checker, node: nodes.BinExpr) -> _Part:
    sign = _ARITHMETIC[type(node)]
    left = checker.want(checker.visit(node.left), "number")
    right = checker.want(checker.visit(node.right), "number")
    one, two = left.run, right.run
    return _Part("number", lambda record: values.compute(sign, one(record), two(record)), left.at)


def _negate(checker: _Checker, node: nodes.Neg) -> _Part:
    inner = checker.want(checker.visit(node.node), "number").run
    return _Part("number", lambda record: values.compute("-", 0, inner(record)), node.lineno)


def _call(checker: _Checker, node: nodes.Call) -> _Part:
    name = node.node.name if isinstance(node.node, nodes.Name) else ""
    hint = f"write `{FILTERS[name].word.form}`" if name in FILTERS else f"there are the filters {', '.join(FILTERS)}"
    return checker.refuse(node.lineno, "nothing can be called here", hint)


def _filter(checker: _Checker, node: nodes.Filter) -> _Part:
    found = FILTERS.get(node.name)
    if node.node is None or found is None:
        hint = did_you_mean(node.name, FILTERS) or f"there are {', '.join(FILTERS)}"
        return checker.refuse(node.lineno, f"there is no filter `{node.name}`", hint)
    part = checker.visit(node.node)
    if len(node.args) != found.takes or node.kwargs or node.dyn_args or node.dyn_kwargs:
        takes = ("nothing", "one value")[found.takes]
        return checker.refuse(node.lineno, f"`{node.name}` takes {takes}", f"write `{found.word.form}`")
    if node.name == "default":
        other = checker.visit(node.args[0])
        one, two = part.run, other.run
        return _meet(part, other, lambda record: two(record) if (held := one(record)) is None else held, part.at)
    return _applied(checker, node, found, checker.want(part, *found.of))


def _applied(checker: _Checker, node: nodes.Filter, found: Filter, part: _Part) -> _Part:
    argument: Any = None
    if found.takes:
        written = node.args[0]
        argument = written.value if isinstance(written, nodes.Const) else None
        if type(argument) not in (str, int):
            return checker.refuse(written.lineno, f"`{node.name}` takes a value that is written out")
    try:
        work, texts = found.make(argument, checker.codes)
    except ValueError as error:
        message, hint = (*error.args, "")[:2]
        return checker.refuse(node.args[0].lineno, str(message), str(hint))
    inner = part.run
    run: Run = lambda record: None if (held := inner(record)) is None else work(held)  # noqa: E731
    return _Part(found.gives or part.kind, run, part.at, texts)


_RULES: Final[Mapping[type[nodes.Node], Callable[[_Checker, Any], _Part]]] = {
    nodes.Const: _literal, nodes.List: _list, nodes.Tuple: _list, nodes.Name: _name, nodes.Getattr: _step,
    nodes.Getitem: _step, nodes.And: _both, nodes.Or: _both, nodes.Not: _invert, nodes.Test: _test,
    nodes.CondExpr: _choice, nodes.Compare: _compare, nodes.Add: _arithmetic, nodes.Sub: _arithmetic,
    nodes.Mul: _arithmetic, nodes.Div: _arithmetic, nodes.Neg: _negate, nodes.Call: _call, nodes.Filter: _filter,
}  # fmt: skip

__all__ = ["Codes", "Loose", "Moment", "Record", "Unfit", "compile_loose", "constant"]
