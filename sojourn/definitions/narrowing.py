"""What is known for sure at a send step beyond the declared types, so that required variables are proved (Q2).

A touch that hangs on a date fires only when that fact is there. A fact derived from it is there then, too. The
festival of a run is one of the calendar's.
"""

from collections.abc import Collection
from dataclasses import replace

from sojourn.core.book import DayStart, Journey
from sojourn.core.conditions import ConditionError, Scope, compile_expression
from sojourn.core.types import Type, enum_of
from sojourn.definitions.linking import Compiled

FESTIVAL_KEY = "festival_id"  # given by the engine to runs that begin on a festival (Q10)


def narrowed(compiled: Compiled, ref: str, festivals: Collection[str]) -> Scope:
    """Give the scope of a send step with the types as they are when the step is reached."""
    journey, scope = compiled.journey, compiled.scopes[ref]
    facts = dict(scope.facts)
    if festivals and _on_festivals(journey) and FESTIVAL_KEY in facts:
        facts[FESTIVAL_KEY] = enum_of(sorted(festivals))
    anchor = next((touch.at.fact for touch in journey.schedule if touch.ref == ref), None)
    if anchor is not None and anchor in facts:
        facts[anchor] = facts[anchor].required()
        _follow(journey, replace(scope, facts=facts), facts)
    return replace(scope, facts=facts)


def _on_festivals(journey: Journey) -> bool:
    return any(isinstance(start, DayStart) and start.kind == "festival" for start in journey.starts)


def _follow(journey: Journey, scope: Scope, facts: dict[str, Type]) -> None:
    """Let derived facts that are there whenever their own facts are count as present; `facts` is in order of need."""
    for fact in journey.facts:
        if not fact.derived or fact.value is None or not facts[fact.name].nullable:
            continue
        try:
            found = compile_expression(fact.value.text, replace(scope, event=None, facts=facts))
        except ConditionError:
            continue  # it holds only with what the step does not have; then nothing more is known of it
        if not found.type.nullable:
            facts[fact.name] = facts[fact.name].required()
