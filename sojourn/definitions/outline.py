"""Finds all steps of a journey in the order of the file and gives each its id and its ref (Q50)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sojourn.definitions.grammar import Entries, Fields, Items
from sojourn.definitions.problems import Place, Problems

SCHEDULE: Final = "schedule"
_EXCLUSIVE: Final = frozenset({"choose", "experiment", "wait_for"})  # a run takes one of their branches


@dataclass(eq=False, slots=True)
class Step:
    """One step in its place. ``blocks`` are the lists of steps inside: `then`, `otherwise`, branches, arms."""

    fields: Fields
    body: str
    number: int
    path: tuple[tuple[int, str, bool], ...]  # of enclosing steps: number, block, whether blocks exclude each other
    id: str = ""
    ref: str = ""
    blocks: dict[str, "list[Step]"] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The word that says what it does: `send`, `wait_for`."""
        return self.fields.word

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.fields.at


@dataclass(slots=True)
class Outline:
    """All steps of a journey: by body, and flat in the order of the file."""

    bodies: dict[str, list[Step]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def send_ids(self) -> frozenset[str]:
        """Give the ids that `sent('...')` may name."""
        return frozenset(step.id for step in self.steps if step.word == "send")


def outline(journey: Fields, problems: Problems) -> Outline:
    """Give the outline of a journey; missing and doubled ids are noted."""
    found = Outline()
    for key in journey.node.names:
        value = journey.get(key)
        for body, steps in _bodies(key, value):
            found.bodies[body] = _walk(found, steps, body, ())
    _name(found, problems)
    return found


def _bodies(key: str, value: object) -> Iterator[tuple[str, Items]]:
    if not isinstance(value, Items):
        return
    if key in ("flow", SCHEDULE):
        yield key, value
    elif key in ("react", "goal", "exit", "deadlines"):
        for n, entry in enumerate(value):
            name = f"deadline.{entry.value('id')}" if key == "deadlines" else f"{key}.{n}"
            if entry.get("do") is not None:
                yield name, entry.get("do")


def _walk(found: Outline, items: Items, body: str, path: tuple[tuple[int, str, bool], ...]) -> list[Step]:
    steps = []
    for fields in items:
        step = Step(fields, body, len(found.steps), path)
        found.steps.append(step)
        steps.append(step)
        for label, inner in _blocks(fields):
            below = (*path, (step.number, label, fields.word in _EXCLUSIVE))
            step.blocks[label] = _walk(found, inner, body, below)
    return steps


def _blocks(fields: Fields) -> Iterator[tuple[str, Items]]:
    """Give the lists of steps inside a step, in the order of the file."""
    for key in fields.node.names:
        value = fields.get(key)
        if key in ("then", "otherwise") and isinstance(value, Items):
            yield key, value
        elif key == "choose" and isinstance(value, Items):
            for n, branch in enumerate(value):
                inner = branch.get("do") if branch.word == "if" else branch.get("otherwise")
                if inner is not None:
                    yield str(n), inner
        elif key == "arms" and isinstance(value, Entries):
            for name, arm in value.items():
                if arm.get("do") is not None:
                    yield name, arm.get("do")


def _name(found: Outline, problems: Problems) -> None:
    unnamed: Counter[str] = Counter()
    for step in found.steps:
        step.id = step.fields.value("id", "")
        if not step.id:  # a send without id is noted by the grammar; it needs some name to go on
            unnamed[step.word] += 1
            step.id = f"{step.word}_{unnamed[step.word]}"
    groups: dict[str, list[Step]] = {}
    for step in found.steps:
        groups.setdefault(step.id, []).append(step)
    for name, steps in groups.items():
        for n, step in enumerate(steps, start=1):
            step.ref = name if len(steps) == 1 else f"{name}~{n}"
            first = next((other for other in steps[: n - 1] if not _exclude(other, step)), None)
            if first is not None:
                hint = f"the first is on line {first.place.line}; one id may repeat only in branches of one choice"
                problems.add(step.fields.place("id"), f"two steps have the id `{name}`", hint)


def _exclude(one: Step, other: Step) -> bool:
    """Whether a run can never come to both: they stand in different branches of one choice."""
    if one.body != other.body:
        return False
    blocks = {number: label for number, label, exclusive in one.path if exclusive}
    return any(blocks.get(number, label) != label for number, label, exclusive in other.path if exclusive)
