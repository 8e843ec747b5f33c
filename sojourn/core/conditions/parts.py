"""Checked pieces of a condition, how their types meet, and the Python source that they become.

A part says two things about absence. ``type.nullable`` is what the author must handle (Q1). ``maybe`` is
whether None can come out at run time all the same, since even a required field may be missing in a
profile; the source then asks before it computes, so that None goes in and None comes out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from sojourn.core.conditions.model import Key
from sojourn.core.types import DECIMAL, NUMBER, TEXT, Type, enum_of

NOTHING: Final = Type("none")  # the literal `none`
BROKEN: Final = Type("broken")  # already reported; says nothing more
SPANS: Final = frozenset({"days", "months"})
NUMERIC: Final = frozenset({"int", "decimal", "number"})
_NO_KEYS: Final[frozenset[Key]] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """A checked piece: its static type, its source, and what is known to be present by it.

    Attributes:
        source: Python built from the checked tree only.
        maybe: Whether it may give None at run time.
        offset: Where it begins in the text.
        key: What it reads, when it is a plain read; guards speak of keys.
        literal: Whether it is written out in the text; `value` is then its value.
        when_true, when_false: Keys that are present where this is true, where it is false.
    """

    type: Type
    source: str
    maybe: bool
    offset: int
    key: Key | None = None
    literal: bool = False
    value: Any = None
    when_true: frozenset[Key] = _NO_KEYS
    when_false: frozenset[Key] = _NO_KEYS

    @property
    def broken(self) -> bool:
        """Whether a problem of this part was reported already."""
        return self.type.kind == "broken"


def broken(offset: int) -> Part:
    """Give the part that stands for something refused."""
    return Part(BROKEN, "None", True, offset)


@dataclass(slots=True)
class Emitter:
    """Builds the source: names for constants and for values that are used twice."""

    constants: dict[str, Any] = field(default_factory=dict)
    temporaries: int = 0

    def constant(self, value: Any) -> str:
        """Give source for a value: written out where Python has a literal for it, else a bound name."""
        if isinstance(value, str | bool | int | None):
            return f"({value!r})" if isinstance(value, int) and value < 0 else repr(value)
        name = f"K{len(self.constants)}"
        self.constants[name] = value
        return name

    def temporary(self) -> str:
        """Give a fresh local name."""
        self.temporaries += 1
        return f"t{self.temporaries}"

    def lift(self, parts: Sequence[Part], build: Callable[..., str]) -> tuple[str, bool]:
        """Give source that is None when a part is None and else what `build` makes of their sources."""
        checks: list[str] = []
        names: list[str] = []
        for part in parts:
            if part.maybe:
                name = self.temporary()
                checks.append(f"({name} := {part.source}) is None")
                names.append(name)
            else:
                names.append(part.source)
        if not checks:
            return f"({build(*names)})", False
        return f"(None if {' or '.join(checks)} else {build(*names)})", True

    def coerce(self, part: Part, target: Type) -> Part:
        """Give the part in the representation of another numeric type, which the caller knows to fit."""
        kind, wanted = part.type.kind, target.kind
        if kind == wanted or kind not in NUMERIC or wanted not in NUMERIC:
            return part
        if part.literal:
            value = Decimal(part.value) if wanted == "decimal" else float(part.value)
            return replace(
                part,
                type=DECIMAL if wanted == "decimal" else NUMBER,
                value=value,
                source=self.constant(value),
            )
        call = "Decimal" if wanted == "decimal" else "float"
        source, maybe = self.lift([part], lambda value: f"{call}({value})")
        return replace(part, type=replace(target, nullable=part.type.nullable), source=source, maybe=maybe)


def meet_numbers(left: Part, right: Part) -> Type | None:
    """Give the type in which two numeric parts meet; None for an exact decimal with a binary number."""
    kinds = {left.type.kind, right.type.kind}
    if kinds == {"decimal", "number"}:
        exact = left if left.type.kind == "decimal" else right
        return NUMBER if exact.literal else None
    if "number" in kinds:
        return NUMBER
    return DECIMAL if "decimal" in kinds else left.type.required()


def unite(left: Part, right: Part) -> Type | None:
    """Give the type of "either this or that", or None when no type holds both."""
    first, second = left.type, right.type
    if first == NOTHING or second == NOTHING:
        other = second if first == NOTHING else first
        return other.optional()
    found = _unite_required(left, right)
    return found.optional() if found and (first.nullable or second.nullable) else found


def _unite_required(left: Part, right: Part) -> Type | None:
    first, second = left.type.required(), right.type.required()
    if first.kind in NUMERIC and second.kind in NUMERIC:
        return meet_numbers(left, right)
    if first.kind == second.kind == "text":
        one, two = _closed(left), _closed(right)
        return TEXT if one is None or two is None else enum_of(tuple(dict.fromkeys(one + two)))
    if first == second:
        return first
    if first.kind in ("list", "set") and second.kind in ("list", "set"):
        if first.item is None or second.item is None:
            return second if first.item is None else first
        items = unite(_held(left, first.item), _held(right, second.item))
        return Type("list", item=items) if items else None
    return None


def _held(part: Part, item: Type) -> Part:
    return Part(item, "None", True, part.offset)


def _closed(part: Part) -> tuple[str, ...] | None:
    if part.literal:
        return (part.value,)
    return part.type.values


def fits(part: Part, target: Type) -> bool:
    """Tell whether the value may stand where the target type is expected (absence is not looked at)."""
    given = part.type
    if given.kind in NUMERIC and target.kind in NUMERIC:
        exact = (given.kind, target.kind) in {("int", "decimal"), ("int", "number")}
        return (
            given.kind == target.kind or exact or (part.literal and (given.kind, target.kind) == ("decimal", "number"))
        )
    if given.kind == target.kind == "text":
        values = _closed(part)
        return target.values is None or (values is not None and set(values) <= set(target.values))
    if given.kind in ("list", "set") and target.kind in ("list", "set"):
        if given.item is None or target.item is None:
            return True
        return given.item.kind == target.item.kind and fits(_held(part, given.item), target.item)
    return given.kind == target.kind and (
        given.required() == target.required() or (target.item is None and target.fields is None)
    )
