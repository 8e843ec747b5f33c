"""Names: what `event.x`, `customer.x`, `x` and their like read, and what a wrong one probably meant."""

from collections.abc import Callable, Mapping
from typing import Final

from jinja2 import nodes

from sojourn.core.conditions.context import Context, Present
from sojourn.core.conditions.model import Key
from sojourn.core.conditions.parts import Part
from sojourn.core.conditions.words import FILTERS, FUNCTIONS, KEYWORDS, NAMES, ROOTS
from sojourn.core.nearest import did_you_mean, nearest
from sojourn.core.types import DATE, INSTANT, TEXT, Type

_WIRE: Final = frozenset({"facts", "customer", "before", "answer", "item"})  # the rest of a frame is typed
_OTHER_WORDS: Final = {
    "params": "param", "parameter": "param", "profile": "customer", "client": "customer", "payload": "event",
    "e": "event", "c": "customer", "p": "param",
}  # fmt: skip


def name(context: Context, node: nodes.Name, _present: Present) -> Part:
    """Check a bare name: today, now, a fact, a key field or a template variable's name (Q3)."""
    word, at = node.name, node.lineno
    if word == "today":
        context.reads.add(("today", ""))
        return Part(DATE, "local_date(f.now, f.zone)", False, at)
    if word == "now":
        context.reads.add(("now", ""))
        return Part(INSTANT, "f.now", False, at)
    found = context.scope.bare.get(word)
    if found is not None:
        root, type_ = found
        return _read(context, ("param" if root == "params" else root, word), type_, at, _present)
    if word in context.scope.facts:
        return _read(context, ("facts", word), context.scope.facts[word], at, _present)
    return _unknown(context, word, at)


def attribute(context: Context, node: nodes.Getattr, present: Present) -> Part:
    """Check `root.x`; a root is one of the declared ones, and nothing lies below a field."""
    path = _path(node)
    if path is None:
        return context.refuse(node.lineno, "a dot follows a value", "only the declared names have fields")
    at, words = path
    root, field = words[0], words[1]
    if root == "before":
        return _before(context, words, at, present)
    if root not in ROOTS:
        return _unknown_root(context, root, at)
    if len(words) > 2:
        return context.refuse(node.lineno, f"nothing lies below `{root}.{field}`", "fields have no fields")
    if root == "run":
        if field != "id":
            return context.refuse(node.lineno + 1, f"`run.{field}` does not exist", "only `run.id` does")
        context.reads.add(("run", "id"))
        return Part(TEXT, "f.run_id", False, at)
    return _field(context, root, field, at, present)


def _path(node: nodes.Expr) -> tuple[int, list[str]] | None:
    words: list[str] = []
    while isinstance(node, nodes.Getattr):
        words.append(node.attr)
        node = node.node
    if not isinstance(node, nodes.Name):
        return None
    return node.lineno, [node.name, *reversed(words)]


def _before(context: Context, words: list[str], at: int, present: Present) -> Part:
    if not context.scope.before:
        return context.refuse(at, "there is no value before the event here", "`before.` stands where an event is")
    if len(words) != 3 or words[1] != "customer":
        return context.refuse(at, "`before` knows the profile only", "write `before.customer.x`")
    return _field(context, "before", words[2], at, present)


def _field(context: Context, root: str, field: str, at: int, present: Present) -> Part:
    scope = context.scope
    known: Mapping[str, Mapping[str, Type] | None] = {
        "event": scope.event, "customer": scope.customer, "before": scope.customer, "param": scope.params,
        "answer": scope.answer, "item": scope.item,
    }  # fmt: skip
    fields = known[root]
    if fields is None:
        return context.refuse(at, *_no_root(root, field))
    if field in fields:
        return _read(context, (root, field), fields[field], at, present)
    label = "before.customer" if root == "before" else root
    hint = _exactly(context, field) or did_you_mean(field, fields, f"{label}.") or _elsewhere(context, field)
    return context.refuse(at + len(label) + 1, f"`{label}` has no field `{field}`", hint)


def _no_root(root: str, field: str) -> tuple[str, str]:
    if root == "event":
        return "there is no event here", f"declare a fact, `{field}: event.{field}`, and use `{field}`"
    if root == "answer":
        return "there is no answer here", "`answer.` stands in the `save` of a call only"
    return "there is no item here", "`item.` stands in projections over a list only"


def _read(context: Context, key: Key, type_: Type, at: int, present: Present) -> Part:
    root, field = key
    context.reads.add(key)
    context.roots.add(root)
    source = f"r_{root}.get({field!r})"
    if root in _WIRE:
        source = _decoded(context, type_, source)
    return Part(type_.required() if key in present else type_, source, True, at, key=key)


def _decoded(context: Context, type_: Type, source: str) -> str:
    if not _is_written_differently(type_):
        return source
    makers: dict[str, Callable[[str], str]] = {
        "decimal": "Decimal({})".format,
        "date": "date_from({})".format,
    }
    if type_.kind in makers:
        raw = Part(type_, source, True, 0)
        return context.emitter.lift([raw], makers[type_.kind])[0]
    return f"decode({context.emitter.constant(type_)}, {source})"


def _is_written_differently(type_: Type) -> bool:
    """Whether wire and typed form differ, here or anywhere below."""
    if type_.kind in ("decimal", "date"):
        return True
    below = [type_.item] if type_.item else list((type_.fields or {}).values())
    return any(_is_written_differently(held) for held in below)


def _unknown_root(context: Context, root: str, at: int) -> Part:
    if root in context.scope.facts or root in context.scope.bare or root in NAMES:
        return context.refuse(at, f"nothing lies below `{root}`", "only the declared names have fields")
    instead = _OTHER_WORDS.get(root)
    hint = f"did you mean `{instead}.`?" if instead else did_you_mean(root, ROOTS)
    return context.refuse(at, f"`{root}` is not known here", hint or "fields stand below event, customer and param")


def _unknown(context: Context, word: str, at: int) -> Part:
    if word in KEYWORDS:
        return context.refuse(at, f"`{word}` cannot stand here", "a value is missing")
    if word in ROOTS:
        return context.refuse(at, f"`{word}` alone is no value", f"name a field: `{ROOTS[word].form}`")
    if word in FUNCTIONS:
        return context.refuse(at, f"`{word}` needs its brackets", f"write `{FUNCTIONS[word].form}`")
    if word in FILTERS:
        return context.refuse(at, f"`{word}` is a filter", f"write `{FILTERS[word].form}`")
    return context.refuse(at, f"`{word}` is not known here", _exactly(context, word) or _elsewhere(context, word))


def _places(context: Context) -> tuple[tuple[str, Mapping[str, Type]], ...]:
    scope = context.scope
    return ("event", scope.event or {}), ("customer", scope.customer), ("param", scope.params)


def _exactly(context: Context, word: str) -> str:
    """Say where the name does exist: as a fact, or as a field of the event or profile, or as a parameter."""
    exact = [f"`{root}.{word}`" for root, fields in _places(context) if word in fields]
    if word in context.scope.facts or word in context.scope.bare:
        exact.insert(0, f"`{word}`")
    return f"did you mean {' or '.join(exact)}?" if exact else ""


def _elsewhere(context: Context, word: str) -> str:
    """Say where a name of nearly this spelling exists."""
    candidates = {known: known for known in [*context.scope.facts, *context.scope.bare, *NAMES]}
    for root, fields in reversed(_places(context)):
        candidates.update({known: f"{root}.{known}" for known in fields if known not in candidates})
    found = nearest(word, candidates)
    return f"did you mean `{candidates[found]}`?" if found else ""
