"""What a condition may name, what it is given at run time, and what it becomes when it is compiled."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sojourn.core.types import Type
from sojourn.errors import SojournError

Key = tuple[str, str]
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


def _empty() -> Mapping[str, Any]:
    return EMPTY


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The names that a condition may use at one place, with their static types.

    Attributes:
        event: Fields of the event being handled (`event.x`); None where there is no event.
        customer: Fields of the profile (`customer.x`).
        before: Whether `before.customer.x` may stand here.
        facts: Facts and key fields of the run, by their bare name.
        params: Parameters (`param.x`).
        answer: Fields of a call's answer (`answer.x`), in its `save` only.
        item: Fields of an item of a list of the profile (`item.x`), in projections only.
        bare: Further bare names, for template variables: name -> (root, type), the root being event,
            facts or params.
        steps: Ids that `sent('step')` may name.
        glossary: Tables of the filter `glossary`, each with the codes that have a text.
    """

    event: Mapping[str, Type] | None = None
    customer: Mapping[str, Type] = field(default_factory=_empty)
    before: bool = False
    facts: Mapping[str, Type] = field(default_factory=_empty)
    params: Mapping[str, Type] = field(default_factory=_empty)
    answer: Mapping[str, Type] | None = None
    item: Mapping[str, Type] | None = None
    bare: Mapping[str, tuple[str, Type]] = field(default_factory=_empty)
    steps: frozenset[str] = frozenset()
    glossary: Mapping[str, Collection[str]] = field(default_factory=_empty)


class Frame:
    """The values that an expression is called with; mutable, so that one frame serves many expressions.

    `event` and `params` hold typed values; `facts`, `customer`, `before`, `answer` and `item` hold the wire
    form. Each needs nothing but `get`. A name that is missing is an absent value, never an error.
    `now` is an instant (ms), `zone` the customer's zone, `sent` the ids of steps that were sent,
    `words` the glossary: table -> code -> locale -> text.
    """

    __slots__ = (
        "answer", "before", "customer", "event", "facts", "item", "locale", "now", "params", "run_id",
        "sent", "words", "zone",
    )  # fmt: skip

    def __init__(
        self,
        *,
        event: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] = EMPTY,
        customer: Mapping[str, Any] | None = EMPTY,
        before: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] = EMPTY,
        answer: Mapping[str, Any] | None = None,
        item: Mapping[str, Any] | None = None,
        now: int = 0,
        zone: str = "UTC",
        run_id: str = "",
        sent: Collection[str] = (),
        locale: str = "",
        words: Mapping[str, Mapping[str, Mapping[str, str]]] = EMPTY,
    ) -> None:
        self.event = event
        self.facts = facts
        self.customer = customer
        self.before = before
        self.params = params
        self.answer = answer
        self.item = item
        self.now = now
        self.zone = zone
        self.run_id = run_id
        self.sent = sent
        self.locale = locale
        self.words = words


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked and compiled expression; calling it never fails because a value is absent.

    Attributes:
        text: As it was written.
        type: The static type of what a call gives.
        reads: What the result depends on: ('event', x), ('customer', x), ('before', x), ('facts', x),
            ('param', x), ('answer', x), ('item', x), ('today', ''), ('now', ''), ('run', 'id'),
            ('sent', step), ('glossary', table).
        run: The function itself, for those who count nanoseconds.
    """

    text: str
    type: Type
    reads: frozenset[Key]
    run: Callable[[Frame], Any] = field(repr=False, compare=False)

    def __call__(self, frame: Frame) -> Any:
        """Give the typed value, or None when it is absent or, for a condition, unknown (Q1)."""
        return self.run(frame)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a condition: where it stands (offset in the text), what it is, what would be right."""

    offset: int
    message: str
    hint: str = ""


class ConditionError(SojournError):
    """A condition was refused; `problems` holds every mistake found in it, in the order of the text."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = sorted(set(problems), key=lambda problem: (problem.offset, problem.message))
        said = "; ".join(
            f"at {problem.offset + 1}: {problem.message}" + (f" ({problem.hint})" if problem.hint else "")
            for problem in self.problems
        )
        super().__init__(f"the condition `{text[:200]}` is refused: {said}", next_step="Correct the condition")

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Survives a trip between processes with its problems."""
        return ConditionError, (self.text, self.problems)
