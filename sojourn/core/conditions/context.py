"""What the parts of the checker share: the scope, the problems found so far, what was read, the source."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Final

from jinja2 import nodes

from sojourn.core.conditions.model import Key, Problem, Scope
from sojourn.core.conditions.parts import Emitter, Part, broken

Present = frozenset[Key]
NONE_PRESENT: Final[Present] = frozenset()


class Context(ABC):
    """One check of one condition. ``present`` is what the guards around a node prove to be there (Q1)."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.emitter = Emitter()
        self.problems: list[Problem] = []
        self.reads: set[Key] = set()
        self.roots: set[str] = set()  # mappings of the frame that the source uses
        self.computes = False  # whether the source has arithmetic that may overflow

    @abstractmethod
    def visit(self, node: nodes.Node, present: Present) -> Part:
        """Check a node and give its part; a refused one is reported and comes back broken."""

    def refuse(self, offset: int, message: str, hint: str = "") -> Part:
        """Report a problem and give a part that causes no further ones."""
        self.problems.append(Problem(offset, message, hint))
        return broken(offset)

    def broken_at(self, offset: int) -> Part:
        """Give the part that stands for something reported already."""
        return broken(offset)

    def need(self, part: Part) -> Part:
        """Give the part as one that is present, reporting it when it may be absent (Q1)."""
        if not part.type.nullable:
            return part
        name = shown(part.key) if part.key else "this value"
        hint = "write `... | default(...)`"
        if part.key:
            hint = f"write `{name} is not none and ...`, or `{name} | default(...)`"
        self.refuse(part.offset, f"{name} may be absent" if part.key is None else f"`{name}` may be absent", hint)
        return replace(part, type=part.type.required())


def shown(key: Key) -> str:
    """Give a read as it is written in a condition."""
    root, name = key
    if root == "facts":
        return name
    return f"before.customer.{name}" if root == "before" else f"{root}.{name}"
