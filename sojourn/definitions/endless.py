"""Finds runs that could live for ever (Q39)."""

from collections.abc import Iterator

from sojourn.definitions.grammar import Fields
from sojourn.definitions.linking import Linker
from sojourn.definitions.outline import SCHEDULE, Outline, Step
from sojourn.definitions.problems import Place

_HINT = "say when nothing matters any more: `expire: 120 days after start`, or after a date (Q39)"


def check_end(linker: Linker, fields: Fields, found: Outline) -> None:
    """Note when nothing bounds the life of a run: `expire` does, or `finish` after a touch that must come."""
    if "expire" in fields:
        _check_expire(linker, fields)
    if "finish" in fields:
        _check_finish(linker, fields, found)
    if "expire" not in fields and "finish" not in fields:
        for place, why in _endless(linker, fields, found):
            linker.problems.add(place, f"a run could live for ever: {why}", _HINT)


def _check_expire(linker: Linker, fields: Fields) -> None:
    expire = fields.value("expire")
    if expire is None or expire.fact is None:
        return
    linker.date_fact(expire.fact, fields.place("expire"))
    if _may_be_absent(linker, expire.fact):
        message = f"a run could live for ever: `{expire.fact}` may never be set"
        linker.problems.add(fields.place("expire"), message, "count from the start: `expire: 120 days after start`")


def _check_finish(linker: Linker, fields: Fields, found: Outline) -> None:
    name = fields.value("finish")
    if name is None:
        return
    touches = {step.id: step for step in found.bodies.get(SCHEDULE, [])}
    if name not in touches:
        allowed = f"touches of the schedule: {', '.join(touches) or 'none'}"
        linker.problems.add(fields.place("finish"), f"`{name}` is no touch of the schedule", allowed)
        return
    at = touches[name].fields.value("at")
    if "expire" not in fields and at is not None and _may_be_absent(linker, at.fact):
        message = f"a run could live for ever: `{at.fact}`, on which `{name}` hangs, may never be set"
        linker.problems.add(fields.place("finish"), message, _HINT)


def _endless(linker: Linker, fields: Fields, found: Outline) -> Iterator[tuple[Place, str]]:
    for word, why in (("react", "it waits for events to react to"), ("deadlines", "its deadlines watch on")):
        node = fields.node.key(word)
        if node is not None:
            yield node.place, why
            return
    for step in found.steps:
        if step.word == "wait_for" and _has_no_end(linker, step):
            yield step.place, "this wait has no end"


def _has_no_end(linker: Linker, step: Step) -> bool:
    until = step.fields.value("until")
    if until is not None:
        return until.fact is not None and _may_be_absent(linker, until.fact)
    return "within" not in step.fields


def _may_be_absent(linker: Linker, fact: str) -> bool:
    known = {**linker.keys, **linker.facts}
    return fact in known and known[fact].nullable
