"""Reads the promises of a compiled journey; each mistake gets its place in the file."""

from collections.abc import Mapping

from sojourn.core.book import EndNode, EventStart, Start
from sojourn.core.conditions import Scope
from sojourn.core.types import Type
from sojourn.definitions.linking import Compiled, Context
from sojourn.definitions.problems import Problems
from sojourn.definitions.promise_forms import Promise
from sojourn.definitions.promise_words import Names
from sojourn.definitions.promises import parse_promise


def read_promises(compiled: Compiled, context: Context, problems: Problems) -> tuple[Promise, ...]:
    """Give the promises of a journey that are sentences of the language, in the order of the file."""
    if not compiled.promises:
        return ()
    names = names_of(compiled, context)
    found: list[Promise] = []
    for leaf in compiled.promises:
        promise, findings = parse_promise(leaf.node.text, names)
        for one in findings:
            problems.add(leaf.node.place_at(one.offset), one.message, one.hint)
        if promise is not None:
            found.append(promise)
    return tuple(found)


def names_of(compiled: Compiled, context: Context) -> Names:
    """Give the names that promises of a journey may use."""
    journey = compiled.journey
    events = {name: shape.fields for name, shape in context.events.items()}
    state = Scope(
        customer=context.customer,
        facts=journey.fact_types,
        params={name: one.type for name, one in compiled.parameters.items() if one.texts is None},
        glossary=context.glossary,
    )
    ends = {node.reason for node in journey.nodes.values() if isinstance(node, EndNode)}
    return Names(
        templates=frozenset(context.templates),
        steps=frozenset(node.id for node in journey.nodes.values()),
        calls=frozenset(context.calls),
        events=events,
        facts=journey.fact_types,
        reasons=frozenset(ends | {ending.reason for ending in journey.endings}),
        state_scope=state,
        start_scope=Scope(
            event=_start_fields(journey.starts, events),
            customer=state.customer,
            facts=state.facts,
            params=state.params,
            glossary=state.glossary,
        ),
    )


def _start_fields(starts: tuple[Start, ...], events: Mapping[str, Mapping[str, Type]]) -> dict[str, Type] | None:
    """Give the fields that every starting event has with one type; None where no event starts the journey."""
    types = [match.type for start in starts if isinstance(start, EventStart) for match in start.events]
    if not types:
        return None
    first, *others = (events[name] for name in types)
    return {
        name: declared for name, declared in first.items() if all(fields.get(name) == declared for fields in others)
    }
