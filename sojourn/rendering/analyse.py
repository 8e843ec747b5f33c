"""Walks a template before it is ever run: refuses what is not allowed, and proves what it needs (Q2).

The language of templates is a small part of Jinja2: text, `{{ variable }}` with a few filters, `if`,
`for` over a list (or `range`, which a budget bounds at run time), comparisons. No attribute, no call, no
macro, no include, no assignment: nothing that could reach beyond the values given. Every expression has a
kind (text, money, date ...), so that a wrong use is found here and not in front of a customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jinja2 import nodes

from sojourn.rendering.catalogue import Need
from sojourn.rendering.formats import KINDS
from sojourn.rendering.problems import Problem, suggest

FILTERS: Mapping[str, str] = {
    "default": "another value where this one is absent: {{ advisor_name | default('your advisor') }}",
    "upper": "a text in capitals",
    "lower": "a text in small letters",
    "length": "how many items a list has, or characters a text",
    "join": "the items of a list with a text between them: {{ docs_needed | join(' / ') }}",
}
TESTS = ("defined", "none")
LOOP_ATTRIBUTES: Mapping[str, str] = {"index": "int", "first": "bool", "last": "bool", "length": "int"}
MAX_DEPTH = 40
MAX_INT = 10**15
_NUMBERS = frozenset({"int", "money"})
_NAMES: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Getattr: "an attribute (x.y)",
    nodes.Getitem: "an item (x[y])",
    nodes.Concat: "~",
    nodes.Pow: "**",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Div: "/",
    nodes.Dict: "a dictionary",
    nodes.Slice: "a slice",
    nodes.Pos: "unary +",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "from",
}
Guards = frozenset[str]
NOTHING: Guards = frozenset()


@dataclass(slots=True)
class Analysis:
    """What the walk found: needs by variable, printed expressions with their kinds, loops, problems."""

    needs: dict[str, Need] = field(default_factory=dict)
    outputs: list[tuple[nodes.Output, int, str]] = field(default_factory=list)
    loops: list[nodes.For] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def analyse(tree: nodes.Template, source: str, file: str, kinds: Mapping[str, str], *, html: bool) -> Analysis:
    """Gives what a parsed template does and needs; never raises for what a person wrote.

    `kinds` maps each declared variable to its kind. A use is guarded inside `{% if x %}` (also through
    and, or, not, `is defined`, `is not none`) and through `default`; anywhere else it is required.
    """
    walk = _Walk(source.split("\n"), file, kinds, html)
    walk.body(tree.body, NOTHING, 0)
    return walk.result


class _Walk:
    def __init__(self, lines: list[str], file: str, kinds: Mapping[str, str], html: bool) -> None:
        self.lines, self.file, self.kinds, self.html = lines, file, kinds, html
        self.result = Analysis()
        self.local: dict[str, str] = {}
        self.in_loop = False

    # ---- statements

    def body(self, statements: Iterable[nodes.Node], guards: Guards, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.result.problems.append(Problem(self.file, 1, 1, f"blocks are nested deeper than {MAX_DEPTH}"))
            return
        for statement in statements:
            if isinstance(statement, nodes.Output):
                self.output(statement, guards)
            elif isinstance(statement, nodes.If):
                self.choice(statement, guards, depth)
            elif isinstance(statement, nodes.For):
                self.loop(statement, guards, depth)
            else:
                self.refuse(statement, f"the tag {_name(statement)!r} is not allowed", "allowed: if, for")

    def output(self, node: nodes.Output, guards: Guards) -> None:
        before = ""
        for index, child in enumerate(node.nodes):
            if isinstance(child, nodes.TemplateData):
                before = child.data
                continue
            kind = self.expression(child, guards, 0)
            if kind is not None and kind in KINDS:
                self.result.outputs.append((node, index, kind))
            elif kind is not None:
                self.refuse(child, f"{kind} cannot be printed", "print " + ", ".join(KINDS))
            if self.html and kind is not None:
                self.attribute(child, before, kind)
            before = ""

    def attribute(self, node: nodes.Node, before: str, kind: str) -> None:
        """An address in an attribute must be a url variable, and attributes must be quoted."""
        tag = before.rpartition("<")[2]
        if ">" in tag or tag == before:
            return
        if re.search(r"=\s*$", tag):
            self.refuse(node, "an attribute must be quoted", 'write href="{{ ... }}"')
        elif re.search(r"\b(href|src)\s*=\s*[\"'][^\"']*$", tag) and kind != "url":
            self.refuse(node, f"an address must be a variable of kind url, not {kind}", "declare a link")

    def choice(self, node: nodes.If, guards: Guards, depth: int) -> None:
        yes, no = self.truth(node.test, guards, 0)
        self.body(node.body, guards | yes, depth + 1)
        for other in node.elif_:
            guards |= no
            yes, no = self.truth(other.test, guards, 0)
            self.body(other.body, guards | yes, depth + 1)
        self.body(node.else_, guards | no, depth + 1)

    def loop(self, node: nodes.For, guards: Guards, depth: int) -> None:
        if not isinstance(node.target, nodes.Name) or node.recursive:
            self.refuse(node, "a loop has one plain name", "{% for item in a_list %}")
            return
        name, item = node.target.name, self.iterated(node.iter, guards)
        if name in self.kinds or name in self.local or name == "loop" or name.startswith("_"):
            self.refuse(node, f"the loop's name {name!r} is taken", "choose another name")
        self.result.loops.append(node)
        outer, self.in_loop = self.in_loop, True
        self.local[name] = item or "text"
        yes: Guards = self.truth(node.test, guards, 0)[0] if node.test is not None else NOTHING
        self.body(node.body, guards | yes, depth + 1)
        del self.local[name]
        self.in_loop = outer
        self.body(node.else_, guards, depth + 1)

    def iterated(self, node: nodes.Node, guards: Guards) -> str | None:
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
            plain = not node.kwargs and node.dyn_args is None and node.dyn_kwargs is None
            numbers = [self.expression(argument, guards, 0) for argument in node.args]
            if not plain or not 1 <= len(numbers) <= 3 or any(kind not in ("int", None) for kind in numbers):
                self.refuse(node, "range takes one to three whole numbers")
            return "int"
        kind = self.expression(node, guards, 0)
        if kind not in ("list", None):
            self.refuse(node, f"a loop goes over a list, not over {kind}")
        return "text"

    # ---- conditions

    def truth(self, node: nodes.Node, guards: Guards, depth: int) -> tuple[Guards, Guards]:
        """What is surely present when the condition holds, and when it does not."""
        if isinstance(node, nodes.Name):
            self.use(node, guards, guarded=True)
            return frozenset({node.name}), NOTHING
        if isinstance(node, nodes.Not) and depth < MAX_DEPTH:
            yes, no = self.truth(node.node, guards, depth + 1)
            return no, yes
        if isinstance(node, nodes.And) and depth < MAX_DEPTH:
            left, right = self.pair(node, guards, depth, when=True)
            return left[0] | right[0], left[1] & right[1]
        if isinstance(node, nodes.Or) and depth < MAX_DEPTH:
            left, right = self.pair(node, guards, depth, when=False)
            return left[0] & right[0], left[1] | right[1]
        if isinstance(node, nodes.Test):
            return self.test(node, guards)
        self.expression(node, guards, depth + 1)
        return NOTHING, NOTHING

    def pair(
        self, node: nodes.BinExpr, guards: Guards, depth: int, *, when: bool
    ) -> tuple[tuple[Guards, Guards], tuple[Guards, Guards]]:
        left = self.truth(node.left, guards, depth + 1)
        return left, self.truth(node.right, guards | left[0 if when else 1], depth + 1)

    def test(self, node: nodes.Test, guards: Guards) -> tuple[Guards, Guards]:
        if node.name not in TESTS:
            self.refuse(node, f"the test {node.name!r} is not allowed", suggest(node.name, TESTS))
        elif not isinstance(node.node, nodes.Name) or node.args:
            self.refuse(node, f"'is {node.name}' asks a variable")
        else:
            self.use(node.node, guards, guarded=True)
            present = frozenset({node.node.name})
            return (present, NOTHING) if node.name == "defined" else (NOTHING, present)
        return NOTHING, NOTHING

    # ---- expressions: each gives its kind, None when it was refused

    def expression(self, node: nodes.Node, guards: Guards, depth: int) -> str | None:
        if depth > MAX_DEPTH:
            return self.refuse(node, f"the expression is nested deeper than {MAX_DEPTH}")
        if isinstance(node, nodes.Name):
            return self.use(node, guards)
        if isinstance(node, nodes.Const):
            return self.constant(node)
        if isinstance(node, nodes.Filter):
            return self.filtered(node, guards, depth + 1)
        if isinstance(node, nodes.Compare):
            return self.compare(node, guards, depth + 1)
        if isinstance(node, nodes.CondExpr):
            return self.conditional(node, guards, depth + 1)
        if isinstance(node, nodes.And | nodes.Or | nodes.Not | nodes.Test):
            self.truth(node, guards, depth + 1)
            return "bool"
        if isinstance(node, nodes.Add | nodes.Sub | nodes.Mul):
            return self.arithmetic(node, guards, depth + 1)
        if isinstance(node, nodes.Neg):
            kind = self.expression(node.node, guards, depth + 1)
            return kind if kind in _NUMBERS or kind is None else self.refuse(node, f"minus needs a number, not {kind}")
        if isinstance(node, nodes.List | nodes.Tuple):
            return self.literal_list(node, guards, depth + 1)
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
            return self.loop_attribute(node)
        return self.refuse(node, f"{_name(node)} is not allowed in a template")

    def use(self, node: nodes.Name, guards: Guards, *, guarded: bool = False) -> str | None:
        name = node.name
        if name in self.local:
            return self.local[name]
        kind = self.kinds.get(name)
        if kind is None:
            return self.refuse(node, f"unknown variable {name!r}", suggest(name, [*self.kinds, *self.local]))
        if not guarded and name not in guards:
            self.result.needs[name] = "required"
        else:
            self.result.needs.setdefault(name, "guarded")
        return kind

    def constant(self, node: nodes.Const) -> str | None:
        value = node.value
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, str):
            return "text"
        if isinstance(value, int) and abs(value) <= MAX_INT:
            return "int"
        return self.refuse(node, "a literal is a text, a whole number up to 10**15, true or false")

    def filtered(self, node: nodes.Filter, guards: Guards, depth: int) -> str | None:
        name, inner = node.name, node.node
        if name not in FILTERS:
            return self.refuse(node, f"unknown filter {name!r}", suggest(name, FILTERS))
        if inner is None or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            return self.refuse(node, f"the filter {name!r} takes plain arguments only")
        wanted = 1 if name in ("default", "join") else 0
        if len(node.args) != wanted:
            return self.refuse(node, f"the filter {name!r} takes {wanted} argument(s)")
        if name == "default" and isinstance(inner, nodes.Name):
            kind = self.use(inner, guards, guarded=True)
        else:
            kind = self.expression(inner, guards, depth)
        arguments = [self.expression(argument, guards, depth) for argument in node.args]
        return self.filter_kind(node, name, kind, arguments)

    def filter_kind(self, node: nodes.Filter, name: str, kind: str | None, arguments: list[str | None]) -> str | None:
        if kind is None or None in arguments:
            return None
        if name == "default":
            same = kind == arguments[0] or {kind, arguments[0]} <= _NUMBERS
            return kind if same else self.refuse(node, f"default gives {arguments[0]} where {kind} stands")
        takes, gives = {
            "upper": (("text",), "text"),
            "lower": (("text",), "text"),
            "length": (("text", "list"), "int"),
            "join": (("list",), "text"),
        }[name]
        if kind not in takes or arguments not in ([], ["text"]):
            return self.refuse(node, f"the filter {name!r} takes {' or '.join(takes)}, not {kind}")
        return gives

    def compare(self, node: nodes.Compare, guards: Guards, depth: int) -> str | None:
        left = self.expression(node.expr, guards, depth)
        for operand in node.ops:
            right = self.expression(operand.expr, guards, depth)
            if left is None or right is None:
                return None
            if operand.op in ("in", "notin"):
                fits = (left, right) in (("text", "list"), ("text", "text"), ("int", "list of int"))
            else:
                fits = left == right or {left, right} <= _NUMBERS
            if not fits:
                return self.refuse(node, f"{left} cannot be compared with {right}")
            left = right
        return "bool"

    def conditional(self, node: nodes.CondExpr, guards: Guards, depth: int) -> str | None:
        if node.expr2 is None:
            return self.refuse(node, "a choice needs 'else'", "{{ a if b else c }}")
        yes, no = self.truth(node.test, guards, depth)
        first = self.expression(node.expr1, guards | yes, depth)
        second = self.expression(node.expr2, guards | no, depth)
        if first is None or second is None:
            return None
        return first if first == second else self.refuse(node, f"both sides must be of one kind: {first}, {second}")

    def arithmetic(self, node: nodes.BinExpr, guards: Guards, depth: int) -> str | None:
        sides = {self.expression(node.left, guards, depth), self.expression(node.right, guards, depth)}
        if None in sides:
            return None
        if not sides <= _NUMBERS:
            return self.refuse(node, f"{node.operator} needs numbers, not {' and '.join(sorted(map(str, sides)))}")
        return "money" if "money" in sides else "int"

    def literal_list(self, node: nodes.List | nodes.Tuple, guards: Guards, depth: int) -> str | None:
        kinds = {self.expression(item, guards, depth) for item in node.items}
        if kinds == {"text"}:
            return "list"
        return "list of int" if kinds == {"int"} else self.refuse(node, "a list holds texts, or whole numbers")

    def loop_attribute(self, node: nodes.Getattr) -> str | None:
        if self.in_loop and node.attr in LOOP_ATTRIBUTES:
            return LOOP_ATTRIBUTES[node.attr]
        return self.refuse(node, f"loop.{node.attr} is not known here", suggest(node.attr, LOOP_ATTRIBUTES))

    def refuse(self, node: nodes.Node, message: str, hint: str = "") -> str | None:
        """Notes the problem; gives None, the kind of what was refused."""
        line = getattr(node, "lineno", 1) or 1
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        self.result.problems.append(Problem(self.file, line, _column(node, text), message, hint))
        return None


def _name(node: nodes.Node) -> str:
    return _NAMES.get(type(node), type(node).__name__.lower())


def _column(node: nodes.Node, line: str) -> int:
    """Jinja2 knows lines only: the column is that of the word, looked for inside the tags of the line."""
    word = getattr(node, "name", None) or getattr(node, "attr", None)
    for tag in re.finditer(r"\{[{%].*?(?:[}%]\}|$)", line):
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", tag[0]) if isinstance(word, str) else None
        if found:
            return tag.start() + found.start() + 1
    opening = re.search(r"\{[{%]", line)
    return opening.start() + 1 if opening else 1
