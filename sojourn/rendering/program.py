"""Turns a checked template into a function that cannot run away: bounded loops, bounded output, no way out.

What was checked is what runs: the tree that :mod:`analyse` allowed is the tree that is compiled, each
printed expression wrapped in the format of its kind and each loop in a counter. The sandbox of Jinja2
stands behind it as a second wall.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, nodes, pass_context
from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import TemplateSyntaxError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sojourn.rendering import formats
from sojourn.rendering.analyse import Analysis, analyse
from sojourn.rendering.formats import LOCALES, WrongValue
from sojourn.rendering.problems import Problem

MAX_OUTPUT = 1_000_000  # octets of UTF-8 in one part
MAX_STEPS = 20_000  # turns of all loops of one rendering together
MAX_SOURCE = 4_000_000
_OCTETS_A_STEP = 100
_LONE_TAG = re.compile(r"^[ \t]*(\{%[^\n]*?%\})[ \t]*\n", re.MULTILINE)


class TooMuch(Exception):
    """A rendering went over its budget of loop turns or output."""


class Budget:
    """Counts the work of one rendering; the limit hangs on counts and not on time, so a replay agrees."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Takes so many steps, TooMuch when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch(f"its loops turned more than {MAX_STEPS:,} times")


Program = Callable[[Mapping[str, Any]], str]


def parse(
    source: str, file: str, kinds: Mapping[str, str], locale: str, *, html: bool
) -> tuple[nodes.Template | None, Analysis]:
    """Gives the tree of a source and what the walk found; the tree is None when it is no template at all."""
    if len(source) > MAX_SOURCE:
        return None, _refused(Problem(file, 1, 1, f"longer than {MAX_SOURCE:,} characters"))
    try:
        tree = _environment(locale, html).parse(source, name=file)
        return tree, analyse(tree, source, file, kinds, html=html)
    except TemplateSyntaxError as error:
        hint = "allowed: if, for" if "unknown tag" in (error.message or "") else ""
        return None, _refused(Problem(file, error.lineno, 1, error.message or "not a template", hint))
    except (RecursionError, ValueError, OverflowError) as error:
        return None, _refused(Problem(file, 1, 1, f"cannot be read: {type(error).__name__}", "nest less deeply"))


def _refused(problem: Problem) -> Analysis:
    return Analysis(problems=[problem])


def build(source: str, file: str, kinds: Mapping[str, str], locale: str, *, html: bool) -> Program:
    """Compiles a source that `parse` found nothing wrong in; ValueError when there is something."""
    # A tag alone on its line leaves no empty line; a tag at the end of a sentence keeps its line end.
    tree, found = parse(_LONE_TAG.sub(r"\1", source), file, kinds, locale, html=html)
    if tree is None or found.problems:
        raise ValueError("; ".join(map(str, found.problems)))
    for output, index, kind in found.outputs:
        child = output.nodes[index]
        output.nodes[index] = nodes.Filter(child, f"_{kind}", [], [], None, None, lineno=child.lineno)
    for loop in found.loops:
        loop.iter = _counted(loop.iter)
    tree.set_environment(environment := _environment(locale, html))
    code = environment.compile(tree, name=file)
    return _program(JinjaTemplate.from_code(environment, code, {}))


def _counted(node: nodes.Node) -> nodes.Expr:
    if isinstance(node, nodes.Call):
        node = nodes.Filter(
            nodes.Tuple(node.args, "load", lineno=node.lineno),
            "_range",
            [],
            [],
            None,
            None,
            lineno=node.lineno,
        )
    return nodes.Filter(node, "_each", [], [], None, None, lineno=node.lineno)


def _program(template: JinjaTemplate) -> Program:
    render, context = template.root_render_func, template.new_context

    def run(values: Mapping[str, Any]) -> str:
        parts, length = [], 0
        for part in render(context(dict(values))):
            length += len(part)
            if length > MAX_OUTPUT:
                raise TooMuch(f"it is longer than {MAX_OUTPUT:,} octets")
            parts.append(part)
        result = "".join(parts)
        if 4 * length > MAX_OUTPUT and len(result.encode()) > MAX_OUTPUT:
            raise TooMuch(f"it is longer than {MAX_OUTPUT:,} octets")
        return result

    return run


@pass_context
def _each(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget: Budget = context["_budget"]
    for item in items:
        budget.spend(1)
        yield item


def _costly(work: Callable[..., str]) -> Callable[..., str]:
    @pass_context
    def charged(context: Context, value: Any, *arguments: Any) -> str:
        result = work(value, *arguments)
        context["_budget"].spend(len(result) // _OCTETS_A_STEP)
        return result

    return charged


def _range(bounds: tuple[int, ...]) -> range:
    if len(bounds) == 3 and bounds[2] == 0:
        raise WrongValue("the step of a range must not be 0")
    return range(*bounds)


def _present(value: object) -> bool:
    return value is not None and not isinstance(value, Undefined)


def _default(value: Any, instead: Any) -> Any:
    return instead if isinstance(value, Undefined) or formats.is_blank(value) else value


def _datetime(locale: str) -> Callable[[Context, object], str]:
    write = LOCALES[locale].datetime

    @pass_context
    def shown(context: Context, value: object) -> str:
        return write(value, context["_zone"])

    return shown


@lru_cache(maxsize=16)
def _environment(locale: str, html: bool) -> ImmutableSandboxedEnvironment:
    """One environment a locale and escaping; nothing in it but what is listed here."""
    form = LOCALES[locale]
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html, cache_size=0)
    environment.globals = {}
    environment.filters = {
        "default": _default,
        "upper": _costly(str.upper),
        "lower": _costly(str.lower),
        "length": len,
        "join": _costly(lambda items, between: between.join(items)),
        "_each": _each,
        "_range": _range,
        "_text": formats.text,
        "_url": formats.url,
        "_money": formats.money,
        "_int": formats.whole,
        "_date": form.date,
        "_datetime": _datetime(locale),
        "_list": form.list,
    }
    environment.tests = {"none": lambda value: not _present(value), "defined": _present}
    return environment
