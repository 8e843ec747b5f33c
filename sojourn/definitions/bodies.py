"""Compiles the steps of each body into nodes that know where it goes on (N10, N21, Q24a, Q35)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from sojourn.core.book import (
    CallNode,
    ChooseNode,
    Duration,
    EndNode,
    ExperimentNode,
    Node,
    SendNode,
    SetNode,
    WaitForNode,
    WaitNode,
)
from sojourn.core.conditions import Scope
from sojourn.core.nearest import did_you_mean
from sojourn.definitions.grammar import Fields
from sojourn.definitions.linking import Linker, types_of
from sojourn.definitions.outline import Step
from sojourn.definitions.values import arguments, channels, delivery, template_values


@dataclass(frozen=True, slots=True)
class Under:
    """What holds for the steps of a block: event types in scope, and waits in whose `otherwise` they stand."""

    types: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


class BodyCompiler:
    """Compiles bodies of one journey; `nodes`, `scopes` and `event_types` grow with each."""

    def __init__(self, linker: Linker, journey: Fields) -> None:
        self.linker = linker
        self.journey = journey
        self.nodes: dict[str, Node] = {}
        self.scopes: dict[str, Scope] = {}
        self.event_types: dict[str, tuple[str, ...]] = {}

    def compile(self, steps: list[Step], under: Under) -> str | None:
        """Compile a whole body and give the ref of its first step."""
        return self._block(steps, None, under)

    def touch(self, step: Step) -> None:
        """Compile a touch of the schedule; nothing comes behind it."""
        at = step.fields.value("at")
        if at is not None:
            self.linker.date_fact(at.fact, step.fields.place("at"))
        self.nodes[step.ref] = _COMPILERS[step.word](self, step, None, Under())

    def _block(self, steps: list[Step], after: str | None, under: Under) -> str | None:
        """Compile steps that stand one behind the other; ``after``: where it goes on below."""
        for n, step in enumerate(steps):
            following = steps[n + 1].ref if n + 1 < len(steps) else after
            node = _COMPILERS[step.word](self, step, following, under)
            self.nodes[step.ref] = node
            if not goes_on(step) and n + 1 < len(steps):
                line = step.place.line
                hint = f"every way ends in the step on line {line}; delete what stands below, or one `end`"
                self.linker.problems.add(steps[n + 1].place, "this step is never reached", hint)
            if under.types and changes_event(step):
                under = replace(under, types=())
        return steps[0].ref if steps else after

    def common(self, step: Step, following: str | None, under: Under) -> dict[str, Any]:
        """Give the arguments that all nodes take."""
        return {
            "ref": step.ref,
            "id": step.id,
            "next": following,
            "body": step.body,
            "otherwise_of": under.waits,
        }

    def inner(self, step: Step, label: str, following: str | None, under: Under) -> str | None:
        """Compile a block inside a step and give its first ref; None where there is none."""
        steps = step.blocks.get(label)
        return self._block(steps, following, under) if steps else None

    def condition(self, step: Step, under: Under) -> Any:
        """Compile the `if` of a step."""
        found = self.linker.condition(step.fields.get("if"), self.linker.scope(under.types))
        self.linker.remember(found, under.types)
        return found


def _send(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    linker, fields = body.linker, step.fields
    template = fields.value("send", "")
    if template and template not in linker.context.templates:
        hint = did_you_mean(template, linker.context.templates) or "templates are in the folder templates/"
        linker.problems.add(fields.place("send"), f"there is no template `{template}`", hint)
    scope = linker.scope(under.types)
    body.scopes[step.ref], body.event_types[step.ref] = scope, under.types
    return SendNode(
        **body.common(step, following, under),
        template=template,
        by=channels(linker, fields.get("by")),
        delivery=delivery(linker, fields, body.journey),
        condition=body.condition(step, under),
        not_while=linker.conditions(fields.get("not_while"), linker.scope()),
        values=template_values(linker, fields, scope, under.types),
    )


def _call(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    linker, fields = body.linker, step.fields
    name = fields.value("call", "")
    call = linker.context.calls.get(name)
    if name and call is None:
        hint = did_you_mean(name, linker.context.calls) or "calls are declared in schemas/calls.yaml"
        linker.problems.add(fields.place("call"), f"there is no call `{name}`", hint)
    scope = linker.scope(under.types)
    answer = call.answer if call is not None else {}
    save = linker.sets(fields.get("save"), linker.scope(under.types, answer=answer), under.types)
    if "save" not in fields and ("within" in fields or "otherwise" in fields):
        word = "within" if "within" in fields else "otherwise"
        linker.problems.add(
            fields.place(word), f"`{word}` stands on a call that saves nothing", "add `save`, or delete it"
        )
    return CallNode(
        **body.common(step, following, under),
        name=name,
        arguments=arguments(linker, fields, call, scope, under.types),
        touch=fields.value("touch", False),
        delivery=delivery(linker, fields, body.journey),
        condition=body.condition(step, under),
        save=save,
        within=fields.value("within") or Duration(ms=600_000, text="10 minutes"),
        otherwise=body.inner(step, "otherwise", following, under),
        example=dict(call.example) if call is not None else {},
    )


def _wait(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    return WaitNode(**body.common(step, following, under), duration=step.fields.value("wait"))


def _wait_until(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    until = step.fields.value("wait_until")
    if until is not None and until.fact is not None:
        body.linker.date_fact(until.fact, step.fields.place("wait_until"))
    return WaitNode(**body.common(step, following, under), until=until)


def _wait_for(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    linker, fields = body.linker, step.fields
    events = linker.matches(fields.get("wait_for"), fields.get("if"), before=False)
    within, until = fields.value("within"), fields.value("until")
    if "within" in fields and "until" in fields:
        linker.problems.add(fields.place("until"), "`within` and `until` stand on one wait", "keep one")
    if until is not None and until.fact is not None:
        linker.date_fact(until.fact, fields.place("until"))
    if "otherwise" in fields and "within" not in fields and "until" not in fields:
        hint = "say how long it waits: `within: 3 days`"
        linker.problems.add(fields.place("otherwise"), "this `otherwise` is never reached", hint)
    _tell_both(body, step, following)
    return WaitForNode(
        **body.common(step, following, under),
        events=events,
        within=within,
        until=until,
        then=body.inner(step, "then", following, replace(under, types=types_of(events))),
        otherwise=body.inner(step, "otherwise", following, replace(under, waits=(*under.waits, step.ref))),
    )


def _tell_both(body: BodyCompiler, step: Step, following: str | None) -> None:
    """Say that both ways go on below, where a reader might think that `otherwise` stands alone (N10)."""
    ways = [label for label in ("then", "otherwise") if label in step.blocks]
    if following is None or not ways or not all(_flows(step.blocks[label]) for label in ways):
        return
    message = f"both ways of this wait go on below, with `{following.partition('~')[0]}`"
    body.linker.problems.add(step.place, message, "write `end: reason` where a way shall end", "note")


def _choose(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    branches = []
    otherwise = None
    parsed = step.fields.get("choose") or ()
    for n, branch in enumerate(parsed):
        first = body.inner(step, str(n), following, under)
        if branch.word == "otherwise":
            otherwise = first
            if n + 1 < len(parsed):
                body.linker.problems.add(branch.at, "branches below `otherwise` are never reached", "put it last")
            continue
        condition = body.linker.condition(branch.get("if"), body.linker.scope(under.types))
        body.linker.remember(condition, under.types)
        if condition is not None:
            branches.append((condition, first))
    return ChooseNode(**body.common(step, following, under), branches=tuple(branches), otherwise=otherwise)


def _experiment(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    arms: list[tuple[str, int, str | None]] = []
    total = 0
    entries = step.fields.get("arms")
    for name, arm in entries.items() if entries is not None else ():
        total += arm.value("percent", 0)
        arms.append((name, total, body.inner(step, name, following, under)))
    if entries is not None and total != 100 and all(arm.get("percent") for _, arm in entries.items()):
        message = f"the arms have {total} percent of the customers"
        body.linker.problems.add(entries.place, message, "their percents give 100 together")
    return ExperimentNode(
        **body.common(step, following, under),
        name=step.fields.value("experiment", ""),
        arms=tuple(arms),
        metric=step.fields.value("metric"),
        guardrail=step.fields.value("guardrail"),
    )


def _set(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    facts = body.linker.sets(step.fields.get("set"), body.linker.scope(under.types), under.types)
    return SetNode(**body.common(step, following, under), facts=facts)


def _end(body: BodyCompiler, step: Step, following: str | None, under: Under) -> Node:
    return EndNode(**body.common(step, following, under), reason=step.fields.value("end", ""))


_COMPILERS: Final[dict[str, Callable[[BodyCompiler, Step, str | None, Under], Node]]] = {
    "send": _send,
    "call": _call,
    "wait": _wait,
    "wait_until": _wait_until,
    "wait_for": _wait_for,
    "choose": _choose,
    "experiment": _experiment,
    "set": _set,
    "end": _end,
}


# ---- where it goes


def _flows(steps: list[Step]) -> bool:
    return all(goes_on(step) for step in steps)


def goes_on(step: Step) -> bool:
    """Whether a run can come to what stands below a step."""
    if step.word == "end":
        return False
    if step.word == "choose":
        parsed = step.fields.get("choose") or ()
        whole = any(branch.word == "otherwise" for branch in parsed)
        return not whole or any(_flows(steps) for steps in step.blocks.values())
    if step.word == "experiment":
        entries = step.fields.get("arms")
        return entries is None or any(
            _flows(step.blocks[name]) if name in step.blocks else True for name, _ in entries.items()
        )
    if step.word == "wait_for":
        timed = "within" in step.fields or "until" in step.fields
        ways = [("then", True), ("otherwise", timed)]
        return any(_flows(step.blocks.get(label, [])) for label, open_ in ways if open_)
    return True


def changes_event(step: Step) -> bool:
    """Whether steps below may run under another event: one that a `then` took and went on with (N10)."""
    for label, steps in step.blocks.items():
        if not _flows(steps):
            continue
        if step.word == "wait_for" and label == "then":
            return True
        if any(changes_event(inner) for inner in steps):
            return True
    return False
