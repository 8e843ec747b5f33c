"""Compiles the tree of a journey file to the frozen Journey of the book, all mistakes at once."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sojourn.core.book import (
    DeadlineSpec,
    Ending,
    Journey,
    PauseSpec,
    Reaction,
    ScheduledTouch,
    SendNode,
)
from sojourn.definitions.bodies import BodyCompiler, Under
from sojourn.definitions.endless import check_end
from sojourn.definitions.entry import read_again, read_entry
from sojourn.definitions.facts import read_facts, read_params
from sojourn.definitions.grammar import Fields
from sojourn.definitions.journey import JourneyTree
from sojourn.definitions.linking import Compiled, Context, Linker, types_of
from sojourn.definitions.outline import SCHEDULE, Outline, outline
from sojourn.definitions.problems import Place, Problems
from sojourn.definitions.reach import event_types_of, look_ahead
from sojourn.definitions.reader import plain
from sojourn.definitions.vocabulary import LOCALES

_WAITS = frozenset({"wait", "wait_until", "wait_for"})


def compile_journey(tree: JourneyTree, context: Context, problems: Problems) -> Compiled | None:
    """Give the compiled journey, or None after noting every mistake in it.

    Args:
        tree: As `parse_journey` gave it; mistakes of form are noted there.
        context: What the project offers.
        problems: Takes errors, and notes such as `both ways of this wait go on below`.
    """
    before = len(problems.errors)
    fields = tree.fields
    linker = Linker(context, problems)
    found = outline(fields, problems)
    linker.steps = found.send_ids()
    read_params(linker, fields.get("params"))
    entry = read_entry(linker, fields)
    facts = read_facts(linker, fields.get("facts"), entry.types)
    body = BodyCompiler(linker, fields)
    parts = _Parts(linker, fields, found, body)
    reactions, deadlines, endings = parts.reactions(), parts.deadlines(), parts.endings()
    flow = body.compile(found.bodies.get("flow", []), Under())
    schedule = parts.schedule()
    not_while = linker.conditions(fields.get("not_while"), linker.scope())
    check_end(linker, fields, found)
    if not found.steps and not {"flow", "schedule", "react", "deadlines"} & set(fields.node.names):
        problems.add(fields.at, "this journey sends nothing", "give it a `flow` or a `schedule`")
    if len(problems.errors) > before or not tree.sound:
        return None
    nodes = look_ahead(body.nodes)
    waits = event_types_of(nodes.values())
    early = waits | _types(reactions) | _deadline_types(deadlines)
    journey = Journey(
        id=fields.value("journey"),
        version=1,
        digest=_digest(fields, found),
        name={locale: fields.get("name").value(key) for key, locale in LOCALES.items()},
        stage=fields.value("stage"),
        klass=fields.value("class"),
        priority=fields.value("priority"),
        key=entry.key,
        starts=entry.starts,
        again=read_again(fields),
        facts=facts,
        params={name: one.value if one.texts is None else dict(one.texts) for name, one in linker.parameters.items()},
        nodes=nodes,
        flow=flow,
        schedule=schedule,
        reactions=reactions,
        deadlines=deadlines,
        endings=endings,
        expire=fields.value("expire"),
        finish=fields.value("finish"),
        pauses=_pause(fields.get("pause")),
        not_while=not_while,
        personalised=fields.value("personalised", False),
        control=_control(fields),
        limit=fields.value("limit"),
        start_entity=entry.entity,
        reads={name: frozenset(read) for name, read in sorted(linker.reads.items())},
        listens=early | _types(endings),
        early=early,
        channels=frozenset(
            channel for node in nodes.values() if isinstance(node, SendNode) for one in node.by for channel in one
        ),
        promises=tuple(leaf.value for leaf in fields.get("promises") or ()),
        order={step.ref: step.number for step in found.steps},
        fact_types={**linker.keys, **linker.facts},
    )
    return Compiled(
        journey=journey,
        scopes=body.scopes,
        event_types=body.event_types,
        places={step.ref: step.place for step in found.steps},
        promises=tuple(fields.get("promises") or ()),
        parameters=linker.parameters,
        names=_names(fields, found),
    )


class _Parts:
    """Compiles reactions, deadlines, goals, exits and the schedule."""

    def __init__(self, linker: Linker, fields: Fields, found: Outline, body: BodyCompiler) -> None:
        self.linker = linker
        self.fields = fields
        self.found = found
        self.body = body

    def reactions(self) -> tuple[Reaction, ...]:
        return tuple(self._reaction(n, one) for n, one in enumerate(self.fields.get("react") or ()))

    def _reaction(self, n: int, one: Fields) -> Reaction:
        name = f"react.{n}"
        linker = self.linker
        events = linker.matches(one.get("when"), one.get("if"))
        types = types_of(events)
        if "set" not in one and "do" not in one:
            linker.problems.add(one.at, "this reaction does nothing", "give it `set` or `do`")
        sets = linker.sets(one.get("set"), linker.scope(types, before=True), types)
        entry = self.body.compile(self.found.bodies.get(name, []), Under(types))
        waits = any(step.body == name and step.word in _WAITS for step in self.found.steps)
        if "parallel" in one and not waits:
            hint = "delete it: steps without a wait run side by side anyway (Q33)"
            linker.problems.add(one.place("parallel"), "`parallel` stands where nothing waits", hint)
        return Reaction(name, events, sets, entry, one.value("once", False), one.value("parallel", False), waits)

    def deadlines(self) -> tuple[DeadlineSpec, ...]:
        seen: dict[str, Place] = {}
        specs = []
        for one in self.fields.get("deadlines") or ():
            name = one.value("id", "")
            if name and name in seen:
                hint = f"the first is on line {seen[name].line}"
                self.linker.problems.add(one.place("id"), f"two deadlines have the id `{name}`", hint)
                continue
            seen[name] = one.place("id")
            specs.append(self._deadline(name, one))
        return tuple(spec for spec in specs if spec is not None)

    def _deadline(self, name: str, one: Fields) -> DeadlineSpec | None:
        rest: Fields | None = one.get("rest")
        after = one.value("after")
        since, stop = (self.linker.matches(one.get(word)) for word in ("since", "stop"))
        rest_from, rest_until = (
            self.linker.matches(rest.get(word)) if rest is not None else () for word in ("from", "until")
        )
        entry = self.body.compile(self.found.bodies.get(f"deadline.{name}", []), Under())
        if after is None:
            return None
        at_most = one.value("at_most")
        return DeadlineSpec(name, after, since, stop, rest_from, rest_until, at_most, entry)

    def endings(self) -> tuple[Ending, ...]:
        goals = [self._ending(f"goal.{n}", one, True) for n, one in enumerate(self.fields.get("goal") or ())]
        exits = [self._ending(f"exit.{n}", one, False) for n, one in enumerate(self.fields.get("exit") or ())]
        return (*goals, *exits)

    def _ending(self, name: str, one: Fields, goal: bool) -> Ending:
        events = self.linker.matches(one.get("when"), one.get("if")) if one.word == "when" else ()
        becomes = self.linker.condition(one.get("becomes"), self.linker.scope())
        types = types_of(events) if one.word == "when" else ()
        entry = self.body.compile(self.found.bodies.get(name, []), Under(types))
        return Ending(name, goal, one.value("because", "goal"), events, becomes, entry)

    def schedule(self) -> tuple[ScheduledTouch, ...]:
        touches = []
        for step in self.found.bodies.get(SCHEDULE, []):
            self.body.touch(step)
            if (at := step.fields.value("at")) is not None:
                touches.append(ScheduledTouch(step.id, step.ref, at))
        return tuple(touches)


def _types(parts: Iterable[Reaction | Ending]) -> frozenset[str]:
    return frozenset(match.type for part in parts for match in part.events)


def _deadline_types(specs: Iterable[DeadlineSpec]) -> frozenset[str]:
    groups = [group for spec in specs for group in (spec.since, spec.stop, spec.rest_from, spec.rest_until)]
    return frozenset(match.type for group in groups for match in group)


def _pause(fields: Fields | None) -> PauseSpec | None:
    if fields is None:
        return None
    return PauseSpec(tuple(leaf.value for leaf in fields.get("classes")), fields.value("until"))


def _control(fields: Fields) -> tuple[str, int] | None:
    control: Fields | None = fields.get("control")
    if control is None:
        return None
    return control.value("name", fields.value("journey")), control.value("percent")


def _names(fields: Fields, found: Outline) -> tuple[tuple[str, str, Place], ...]:
    names = [("journey", fields.value("journey"), fields.place("journey"))]
    control = _control(fields)
    if control is not None:
        names.append(("control group", control[0], fields.place("control")))
    names += [
        ("experiment", step.fields.value("experiment"), step.fields.place("experiment"))
        for step in found.steps
        if step.word == "experiment"
    ]
    return tuple(names)


def cross_check(journeys: Iterable[Compiled], problems: Problems) -> None:
    """Note names that two journeys of a project share: of journeys, control groups and experiments (Q14)."""
    seen: dict[tuple[str, str], Place] = {}
    for compiled in journeys:
        for kind, name, place in compiled.names:
            first = seen.setdefault((kind, name), place)
            if first is not place:
                hint = f"the first is in {first.file}, line {first.line}; names are the only ones in a project"
                problems.add(place, f"two have the name `{name}`: {kind}", hint)


def _digest(fields: Fields, found: Outline) -> str:
    """Give a hash of the content; comments, quotes, layout and the order of keys do not count (Q43)."""
    content: Any = {"content": plain(fields.node), "steps": [(step.body, step.ref) for step in found.steps]}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
