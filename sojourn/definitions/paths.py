"""Who can reach each send, and under which conditions: the list that `sojourn check --reach` prints.

A condition belongs to a step when every way to the step leads through it. So a step behind a choose whose
branches join again does not depend on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sojourn.core.book import (
    At,
    BecomesStart,
    CallNode,
    ChooseNode,
    DayStart,
    Duration,
    EventStart,
    ExperimentNode,
    Journey,
    Match,
    Node,
    PatternStart,
    SendNode,
    SilenceStart,
    Start,
    WaitForNode,
)
from sojourn.core.conditions import Expression
from sojourn.definitions.project import Project


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one step to the next; ``says`` is the condition under which it is taken, or empty."""

    source: str
    target: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """One send step: what starts its journey, what leads to it, what must hold when it goes out.

    Attributes:
        starts: What lets a customer in; one of them is enough.
        body: When the part of the journey that it stands in runs; empty for the flow.
        conditions: All of these hold on every way to the step.
        guards: What is judged when it goes out, beside quiet hours and cap.
    """

    journey: str
    step: str
    ref: str
    template: str
    by: tuple[tuple[str, ...], ...]
    klass: str
    starts: tuple[str, ...]
    body: str
    conditions: tuple[str, ...]
    guards: tuple[str, ...]


def reach(project: Project) -> list[Reach]:
    """Give every send step of a project in the order of journeys and of their files."""
    found: list[Reach] = []
    for name in sorted(project.journeys):
        journey = project.journeys[name].journey
        entries = entries_of(journey)
        starts = tuple(_start(start) for start in journey.starts)
        for ref in sorted(journey.nodes, key=lambda ref: journey.order.get(ref, 0)):
            node = journey.nodes[ref]
            if isinstance(node, SendNode):
                found.append(_reach(project, journey, node, starts, entries))
    return found


def _reach(
    project: Project, journey: Journey, node: SendNode, starts: tuple[str, ...], entries: Mapping[str, tuple[str, str]]
) -> Reach:
    entry, body = entries.get(node.body, (node.ref, ""))
    if node.body == "schedule":
        entry, body = node.ref, _touch(journey, node.ref)
    conditions = _conditions(journey, entry, node.ref)
    own = () if node.condition is None else (node.condition.text,)
    return Reach(
        journey=journey.id,
        step=node.id,
        ref=node.ref,
        template=node.template,
        by=node.by,
        klass=node.delivery.klass,
        starts=starts,
        body=body,
        conditions=(*conditions, *own),
        guards=tuple(_guards(project, journey, node)),
    )


def _guards(project: Project, journey: Journey, node: SendNode) -> Iterator[str]:
    klass = node.delivery.klass
    purpose = project.rules.purposes.get(klass)
    if purpose is not None:
        yield f"consent to {purpose}"
    if klass == "mandatory":
        return
    if journey.personalised:
        yield "no opt-out of personalisation"
    for condition in (*journey.not_while, *node.not_while):
        yield f"not while {condition.text}"
    for pause in project.rules.pauses:
        if klass in pause.classes:
            yield f"not while {pause.condition.text}"
    if journey.control is not None:
        yield f"not in the control group ({journey.control[1]} %)"


def entries_of(journey: Journey) -> dict[str, tuple[str, str]]:
    """Give for each body its first step and when it runs."""
    found: dict[str, tuple[str, str]] = {}
    if journey.flow is not None:
        found["flow"] = (journey.flow, "")
    for reaction in journey.reactions:
        if reaction.entry is not None:
            found[reaction.id] = (reaction.entry, f"while the run lives, at {_events(reaction.events)}")
    for spec in journey.deadlines:
        if spec.entry is not None:
            said = f"{_span(spec.after)} after the last {_events(spec.since)}"
            found[f"deadline.{spec.id}"] = (spec.entry, said)
    for ending in journey.endings:
        if ending.entry is not None:
            kind = "the goal" if ending.goal else f"the exit {ending.reason}"
            when = _events(ending.events) if ending.becomes is None else f"{ending.becomes.text} becomes true"
            found[ending.id] = (ending.entry, f"at {kind}: {when}")
    return found


def edges_of(nodes: Mapping[str, Node]) -> list[Edge]:
    """Give all ways between the steps of a journey."""
    return [edge for ref, node in nodes.items() for edge in _edges(ref, node)]


def _edges(ref: str, node: Node) -> Iterator[Edge]:
    if isinstance(node, ChooseNode):
        tests = [condition.text for condition, _ in node.branches]
        for number, (condition, target) in enumerate(node.branches):
            yield from _edge(ref, target or node.next, " and ".join([*_denied(tests[:number]), condition.text]))
        yield from _edge(ref, node.otherwise or node.next, " and ".join(_denied(tests)))
    elif isinstance(node, ExperimentNode):
        for name, _, target in node.arms:
            yield from _edge(ref, target or node.next, f"arm {name} of {node.name}")
    elif isinstance(node, WaitForNode):
        limit = f" within {_span(node.within)}" if node.within else f" until {_at(node.until)}" if node.until else ""
        yield from _edge(ref, node.then or node.next, f"{_events(node.events)} comes{limit}")
        yield from _edge(ref, node.otherwise or node.next, f"no {_events(node.events)}{limit}")
    elif isinstance(node, CallNode) and node.otherwise is not None:
        yield from _edge(ref, node.next, f"{node.name} answers within {_span(node.within)}")
        yield from _edge(ref, node.otherwise, f"{node.name} does not answer within {_span(node.within)}")
    else:
        yield from _edge(ref, node.next, "")


def _edge(source: str, target: str | None, says: str) -> Iterator[Edge]:
    if target is not None:
        yield Edge(source, target, says)


def _denied(tests: Iterable[str]) -> list[str]:
    return [f"not ({test})" for test in tests]


def _conditions(journey: Journey, entry: str, ref: str) -> list[str]:
    """Give what every way from an entry to a step says, nearest to the entry first."""
    edges = edges_of(journey.nodes)
    told = [edge for edge in edges if edge.says and not _leads(edges, entry, ref, without=edge)]
    told.sort(key=lambda edge: journey.order.get(edge.source, 0))
    return [edge.says for edge in told]


def _leads(edges: list[Edge], entry: str, ref: str, without: Edge) -> bool:
    seen, todo = {entry}, [entry]
    while todo:
        here = todo.pop()
        if here == ref:
            return True
        for edge in edges:
            if edge.source == here and edge is not without and edge.target not in seen:
                seen.add(edge.target)
                todo.append(edge.target)
    return False


def _start(start: Start) -> str:
    match start:
        case EventStart():
            return _events(start.events)
        case DayStart():
            return start.kind + _if(start.condition)
        case SilenceStart():
            return f"no {start.event} for {_span(start.span)} by {start.by}" + _if(start.condition)
        case PatternStart():
            none = f" and no {start.negative}" if start.negative else ""
            said = f"{start.times} times {start.event} by {start.by}{none}"
            return said + _if(start.condition)
        case BecomesStart():
            return f"{start.condition.text} becomes true"


def _events(events: tuple[Match, ...]) -> str:
    return " or ".join(one.type + _if(one.condition) for one in events)


def _if(condition: Expression | None) -> str:
    return f" if {condition.text}" if condition is not None else ""


def _touch(journey: Journey, ref: str) -> str:
    touch = next((one for one in journey.schedule if one.ref == ref), None)
    return "" if touch is None else f"at {_at(touch.at)}"


def _span(span: Duration) -> str:
    return span.text


def _at(at: At) -> str:
    return at.text
