"""What no test of a journey has reached: steps, branches and reasons."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sojourn.core.book import Book, CallNode, ChooseNode, EndNode, ExperimentNode, Journey, Node, SendNode, WaitForNode
from sojourn.core.model import Note, Row
from sojourn.definitions.reach import next_refs


@dataclass(frozen=True, slots=True)
class Coverage:
    """Names that no test reached, and of how many; a branch or step that cannot be seen from outside is left out."""

    steps: tuple[str, ...]
    of_steps: int
    branches: tuple[str, ...]
    of_branches: int
    reasons: tuple[str, ...]
    of_reasons: int

    @property
    def text(self) -> str:
        """One line for people."""
        parts = []
        for name, missed, count in (
            ("steps", self.steps, self.of_steps),
            ("branches", self.branches, self.of_branches),
            ("reasons", self.reasons, self.of_reasons),
        ):
            if count:
                left = f", not {', '.join(missed)}" if missed else ""
                parts.append(f"{count - len(missed)} of {count} {name}{left}")
        return "reached " + "; ".join(parts)


def cover(journey: Journey, book: Book, rows: Iterable[Row], notes: Iterable[Note]) -> Coverage:
    """Compare what the tests reached with what the journey holds."""
    mine = [row for row in rows if row.journey == journey.id]
    seen = {row.step for row in mine if row.step}
    ended = {note.cause for note in notes if note.kind == "ended" and note.journey == journey.id}
    steps = list(dict.fromkeys(one.id for one in journey.nodes.values() if isinstance(one, SendNode | CallNode)))
    branches = [(name, inside) for name, inside in _branches(journey.nodes) if inside]
    missed = [name for name, inside in branches if not any(_reached(one, seen, ended) for one in inside)]
    reasons = possible_reasons(journey, book)
    given = {row.reason for row in mine} | {str(row.detail.get("cause", "")) for row in mine}
    return Coverage(
        steps=tuple(one for one in steps if one not in seen),
        of_steps=len(steps),
        branches=tuple(missed),
        of_branches=len(branches),
        reasons=tuple(one for one in reasons if one not in given),
        of_reasons=len(reasons),
    )


def possible_reasons(journey: Journey, book: Book) -> list[str]:
    """Give the reasons by which messages of a journey are held back, as far as its own text leads to them."""
    rules = book.rules
    sends = [one for one in journey.nodes.values() if isinstance(one, SendNode)]
    classes = {one.delivery.klass for one in sends}
    quiet = any(set(sum(one.by, ())) & rules.quiet_channels and not one.delivery.urgent for one in sends)
    waits = any(isinstance(one, WaitForNode) for one in journey.nodes.values())
    found = {
        "no_consent": bool(classes & set(rules.purposes)),
        "do_not_contact": bool(classes - {"mandatory"}),
        "not_while": bool(journey.not_while) or any(one.not_while for one in sends),
        "paused_complaint": any(classes & one.classes for one in rules.pauses),
        "control_group": journey.control is not None,
        "personalisation_opt_out": journey.personalised,
        "quiet_hours": quiet,
        "frequency_cap": bool(classes & rules.cap_classes),
        "journey_ended": quiet and bool(journey.endings),
        "superseded": quiet and (waits or bool(journey.deadlines) or _moves(journey)),
        "skipped_past": bool(journey.schedule),
    }
    return [name for name, possible in found.items() if possible]


def _moves(journey: Journey) -> bool:
    dates = {touch.at.fact for touch in journey.schedule}
    return any(set(reaction.sets) & dates for reaction in journey.reactions)


def _branches(nodes: Mapping[str, Node]) -> Iterator[tuple[str, list[Node]]]:
    """Give each branch with the steps that stand in it alone, as far as rows or ends show them."""
    for node in nodes.values():
        ways = _ways(node)
        after = _below(nodes, node.next)
        for name, ref in ways:
            others = set[str]().union(*(_below(nodes, other) for _, other in ways if other != ref), after)
            own = _below(nodes, ref) - others
            inside = [nodes[one] for one in own if isinstance(nodes[one], SendNode | CallNode | EndNode)]
            yield f"{node.id}:{name}", inside


def _ways(node: Node) -> list[tuple[str, str | None]]:
    if isinstance(node, ChooseNode):
        ways = [(f"if {condition.text}", ref) for condition, ref in node.branches]
        return [*ways, ("otherwise", node.otherwise)]
    if isinstance(node, ExperimentNode):
        return [(name, ref) for name, _, ref in node.arms]
    if isinstance(node, WaitForNode):
        return [("then", node.then), ("otherwise", node.otherwise)]
    return []


def _below(nodes: Mapping[str, Node], ref: str | None) -> set[str]:
    found: set[str] = set()
    todo = [ref]
    while todo:
        here = todo.pop()
        if here is not None and here not in found:
            found.add(here)
            todo.extend(next_refs(nodes[here]))
    return found


def _reached(node: Node, seen: set[str], ended: Iterable[str | None]) -> bool:
    return node.reason in ended if isinstance(node, EndNode) else node.id in seen
