"""Compiles what stands on a message or a call beside its name: channels, values, class, validity."""

from collections.abc import Mapping
from typing import Any

from sojourn.core.book import Delivery, Duration, Value
from sojourn.core.conditions import Scope
from sojourn.core.nearest import did_you_mean
from sojourn.core.types import TEXT, Type, parse
from sojourn.definitions.calls import CallType
from sojourn.definitions.grammar import Fields, Items, Leaf
from sojourn.definitions.linking import Linker
from sojourn.definitions.vocabulary import LOCALES


def channels(linker: Linker, by: Leaf | Items | Fields | None) -> tuple[tuple[str, ...], ...]:
    """Give the messages of a step: each inner tuple is one, with the channels to choose from."""
    if by is None:
        return ()
    if isinstance(by, Leaf):
        return ((by.value,),)
    if isinstance(by, Fields):
        names = _once(linker, by.get("first_of"))
        return (names,) if names else ()
    return tuple((name,) for name in _once(linker, by))


def _once(linker: Linker, items: Items | None) -> tuple[str, ...]:
    names: list[str] = []
    for leaf in items or ():
        if leaf.value in names:
            linker.problems.add(leaf.place, f"`{leaf.value}` stands twice", "keep one")
        else:
            names.append(leaf.value)
    return tuple(names)


def delivery(linker: Linker, step: Fields, journey: Fields) -> Delivery:
    """Give how a message is sent: the step's word wins over the journey's, that over rules.yaml (Q6)."""
    klass = step.value("class") or journey.value("class", "service")
    validity = step.value("valid_for") or journey.value("valid_for")
    span: Duration | None = linker.context.valid_for.get(klass) if validity is None else validity.span
    on_cap = step.value("on_cap") or journey.value("on_cap") or ("drop" if linker.context.drop else "defer")
    priority = step.value("priority")
    urgent = step.value("urgent")
    return Delivery(
        klass=klass,
        priority=journey.value("priority", 0) if priority is None else priority,
        valid_for=span,
        urgent=journey.value("urgent", False) if urgent is None else urgent,
        drop=on_cap == "drop",
        catch_up=step.value("catch_up") or journey.value("catch_up") or linker.context.catch_up,
    )


def template_values(linker: Linker, step: Fields, scope: Scope, types: tuple[str, ...]) -> dict[str, Value]:
    """Give what stands under `with` of a send: texts, texts by locale (a mapping), or expressions."""
    found: dict[str, Value] = {}
    entries = step.get("with")
    for name, one in entries.items() if entries is not None else ():
        if isinstance(one, Fields):
            found[name] = {locale: one.value(key) for key, locale in LOCALES.items()}
        elif _is_expression(linker, one):
            compiled = linker.expression(one, scope, skip=1)
            linker.remember(compiled, types)
            if compiled is not None:
                found[name] = compiled
        else:
            found[name] = one.value
    return found


def arguments(
    linker: Linker, step: Fields, call: CallType | None, scope: Scope, types: tuple[str, ...]
) -> dict[str, Value]:
    """Give what stands under `with` of a call, typed as the call declares."""
    found: dict[str, Value] = {}
    entries = step.get("with")
    args: Mapping[str, Type] = call.args if call is not None else {}
    for name, one in entries.items() if entries is not None else ():
        if call is not None and name not in args:
            hint = did_you_mean(name, args) or f"it takes: {', '.join(args) or 'nothing'}"
            linker.problems.add(entries.keys[name].place, f"`{call.name}` takes no `{name}`", hint)
        elif isinstance(one, Fields):
            linker.problems.add(one.at, "a call has one language", "write one text, or `= expression`")
        elif (value := _argument(linker, one, args.get(name, TEXT), scope, types)) is not None:
            found[name] = value
    missing = [name for name, one in args.items() if not one.nullable and (entries is None or name not in entries.node)]
    if missing and call is not None:
        named = ", ".join(f"`{name}`" for name in missing)
        linker.problems.add(step.place("call"), f"`{call.name}` needs {named}", "give it under `with`")
    return found


def _argument(linker: Linker, leaf: Leaf, type: Type, scope: Scope, types: tuple[str, ...]) -> Any:
    if _is_expression(linker, leaf):
        compiled = linker.expression(leaf, scope, type, skip=1)
        linker.remember(compiled, types)
        return compiled
    try:
        return parse(type, leaf.node.text)
    except ValueError as error:
        linker.problems.add(leaf.place, str(error))
        return None


def _is_expression(linker: Linker, leaf: Leaf) -> bool:
    """`= amount` is an expression; `=amount` would look like one and be sent as it stands."""
    text = leaf.node.text
    if text.startswith("=") and not text.startswith("= "):
        hint = f"write `= {text.lstrip('=').strip()}` for an expression"
        linker.problems.add(leaf.place, "a text begins with `=`", hint)
        return False
    return text.startswith("= ")
