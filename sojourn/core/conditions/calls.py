"""Functions and filters: the allow-list, their arguments and what they give."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from jinja2 import nodes

from sojourn.core.conditions.context import Context, Present
from sojourn.core.conditions.parts import NOTHING, Part, unite
from sojourn.core.conditions.words import FILTERS, FUNCTIONS, MAX_SPAN
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import BOOL, INT, TEXT, Type, list_of

MAX_TAKEN: Final = 1_000


def call(context: Context, node: nodes.Call, present: Present) -> Part:
    """Check a call of one of the functions; nothing else can be called."""
    if not isinstance(node.node, nodes.Name):
        return context.refuse(node.lineno, "only the functions of the language can be called", _listed(FUNCTIONS))
    name, at = node.node.name, node.node.lineno
    if name not in FUNCTIONS:
        hint = f"write `{FILTERS[name].form}`" if name in FILTERS else did_you_mean(name, FUNCTIONS)
        return context.refuse(at, f"there is no function `{name}`", hint or _listed(FUNCTIONS))
    if len(node.args) != 1 or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return context.refuse(at, f"`{name}` takes one value", f"write `{FUNCTIONS[name].form}`")
    if name == "sent":
        return _sent(context, node.args[0], at)
    argument = context.visit(node.args[0], present)
    if argument.broken:
        return argument
    argument = context.need(argument)
    return _years_since(context, argument, at) if name == "years_since" else _span(context, name, argument, at)


def _sent(context: Context, node: nodes.Expr, at: int) -> Part:
    step = _literal_text(context, node, "sent")
    if step is None:
        return context.broken_at(at)
    if step not in context.scope.steps:
        hint = did_you_mean(step, context.scope.steps) or "name the id of a step of this journey"
        return context.refuse(node.lineno, f"there is no step `{step}`", hint)
    context.reads.add(("sent", step))
    return Part(BOOL, f"({step!r} in f.sent)", False, at)


def _years_since(context: Context, argument: Part, at: int) -> Part:
    if argument.type.kind != "date":
        return context.refuse(argument.offset, f"`years_since` takes a date, not {argument.type.describe()}")
    context.reads.add(("today", ""))
    source, maybe = context.emitter.lift([argument], lambda day: f"years_since({day}, local_date(f.now, f.zone))")
    return Part(INT, source, maybe, at)


def _span(context: Context, name: str, argument: Part, at: int) -> Part:
    if argument.type.kind != "int":
        return context.refuse(argument.offset, f"`{name}` takes a whole number, not {argument.type.describe()}")
    if argument.literal and abs(argument.value) > MAX_SPAN[name]:
        return context.refuse(argument.offset, f"more than {MAX_SPAN[name]:,} {name}", "a hundred years is the most")
    return Part(Type(name), argument.source, argument.maybe, at)


def filtered(context: Context, node: nodes.Filter, present: Present) -> Part:
    """Check a filter; one that is given an absent value gives an absent value, but for `default`."""
    name, at = node.name, node.lineno
    if node.node is None:
        return context.refuse(at, "a filter needs a value before it")
    value = context.visit(node.node, present)
    if name not in FILTERS:
        return context.refuse(at, f"there is no filter `{name}`", did_you_mean(name, FILTERS) or _listed(FILTERS))
    wanted = 0 if name in ("length", "lower", "upper") else 1
    if len(node.args) != wanted or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return context.refuse(at, f"`{name}` takes {('nothing', 'one value')[wanted]}", f"write `{FILTERS[name].form}`")
    if name == "default":
        return _default(context, value, context.visit(node.args[0], present), at)
    if value.broken:
        return value
    part = _FILTERS[name](context, name, value, node)
    return part if part.broken or not value.type.nullable else _optional(part)


def _optional(part: Part) -> Part:
    return Part(part.type.optional(), part.source, True, part.offset)


def _default(context: Context, value: Part, other: Part, at: int) -> Part:
    if value.broken or other.broken:
        return context.broken_at(at)
    if NOTHING in (value.type, other.type):
        return context.refuse(at, "`default` with `none` changes nothing", "give a value")
    present = Part(
        value.type.required(), value.source, value.maybe, value.offset, value.key, value.literal, value.value
    )
    type_ = unite(present, other)
    if type_ is None:
        given = f"{value.type.required().describe()}, and the default is {other.type.describe()}"
        return context.refuse(other.offset, f"the value is {given}", "both must be of one type")
    first, second = context.emitter.coerce(present, type_), context.emitter.coerce(other, type_)
    if not first.maybe:
        return Part(type_, first.source, False, value.offset)
    kept = context.emitter.temporary()
    source = f"({second.source} if ({kept} := {first.source}) is None else {kept})"
    return Part(type_, source, second.maybe, value.offset)


def _length(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    if not (value.type.is_collection or value.type.kind == "text"):
        return _unfit(context, name, value, node)
    source, maybe = context.emitter.lift([value], "len({})".format)
    return Part(INT, source, maybe, value.offset)


def _case(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    if value.type.kind != "text":
        return _unfit(context, name, value, node)
    source, maybe = context.emitter.lift([value], lambda text: f"{text}.{name}()")
    return Part(TEXT, source, maybe, value.offset)


def _ends(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    if value.type.kind not in ("text", "list", "set"):
        return _unfit(context, name, value, node)
    count = node.args[0].value if isinstance(node.args[0], nodes.Const) else None
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_TAKEN:
        return context.refuse(node.args[0].lineno, f"`{name}` takes a number from 1 to {MAX_TAKEN:,}, written out")
    part = f"[-{count}:]" if name == "last" else f"[:{count}]"
    source, maybe = context.emitter.lift([value], lambda held: f"{held}{part}")
    type_ = TEXT if value.type.kind == "text" else Type("list", item=value.type.item)
    return Part(type_, source, maybe, value.offset)


def _join(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    if value.type.kind not in ("list", "set") or (value.type.item and value.type.item.kind != "text"):
        return _unfit(context, name, value, node)
    between = _literal_text(context, node.args[0], name)
    if between is None:
        return context.broken_at(node.lineno)
    source, maybe = context.emitter.lift([value], lambda held: f"join_texts({between!r}, {held})")
    return Part(TEXT, source, maybe, value.offset)


def _glossary(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    table = _literal_text(context, node.args[0], name)
    if table is None:
        return context.broken_at(node.lineno)
    if table not in context.scope.glossary:
        hint = did_you_mean(table, context.scope.glossary) or _listed(context.scope.glossary)
        return context.refuse(node.args[0].lineno, f"the glossary has no table `{table}`", hint)
    many = value.type.kind in ("list", "set")
    coded = value.type.item if many else value.type
    if coded is None or coded.kind != "text":
        return _unfit(context, name, value, node)
    codes = (value.value,) if value.literal and not many else coded.values
    if not _codes_exist(context, table, codes, value):
        return context.broken_at(node.lineno)
    context.reads.add(("glossary", table))
    function = "glossary_each" if many else "glossary"
    source, _ = context.emitter.lift([value], lambda code: f"{function}(f, {table!r}, {code})")
    type_ = list_of(TEXT) if many else TEXT
    return Part(type_ if codes is not None else type_.optional(), source, True, value.offset)


def _codes_exist(context: Context, table: str, codes: Collection[str] | None, value: Part) -> bool:
    """Every code of a closed list needs its text; an open text may be unknown, so its text may be absent."""
    known = context.scope.glossary[table]
    missing = [code for code in codes or () if code not in known]
    for code in missing:
        hint = did_you_mean(code, known) or f"add it to the table `{table}`"
        context.refuse(value.offset, f"the table `{table}` has no `{code}`", hint)
    return not missing


_FILTERS: Final[Mapping[str, Callable[[Context, str, Part, nodes.Filter], Part]]] = {
    "length": _length, "lower": _case, "upper": _case, "last": _ends, "first": _ends, "join": _join,
    "glossary": _glossary,
}  # fmt: skip


def _unfit(context: Context, name: str, value: Part, node: nodes.Filter) -> Part:
    return context.refuse(node.lineno, f"`{name}` cannot be applied to {value.type.describe()}", FILTERS[name].form)


def _literal_text(context: Context, node: nodes.Expr, name: str) -> str | None:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return node.value
    context.refuse(node.lineno, f"`{name}` takes a text that is written out", "put it in quotes")
    return None


def _listed(names: Collection[str]) -> str:
    return "there are " + ", ".join(sorted(names)) if names else ""
