"""What a project imports to declare its event types: one class, one type, one place.

    from sojourn.schema import Day, Event, Id, Money, example, optional

    class PremiumDue(Event, type="premium.due", entity="policy", topic="cj.premium.v1", source="Billing"):
        policy_id: Id = example("P-1001")
        due_date: Day = example("2026-03-12")
        amount_cny: Money = example("3600.00")
        note: Text | None = optional()

Values are checked strictly (``"3"`` is not 3), fields that nobody declared are ignored and stay in the raw
record. Every field has an example, because tests of journeys leave fields out (language.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

TEXT_LIMIT: Final = 4096
ID_LIMIT: Final = 200
WHOLE_LIMIT: Final = 10**15
FIRST_DAY: Final = date(1850, 1, 1)
LAST_DAY: Final = date(2200, 12, 31)
FIRST_INSTANT: Final = 0
END_OF_INSTANTS: Final = 4_133_980_800_000  # 2101-01-01T00:00:00Z
BAD_TIME: Final = "bad_time"

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = timedelta(milliseconds=1)
_MONEY = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,2})?", re.ASCII)
_CENT = Decimal("0.01")
_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """Marks an annotation whose type in the language cannot be read off the Python type."""

    name: str


PARTIAL_PROFILE: Final = Kind("profile")
INSTANT_KIND: Final = Kind("instant")


def instant_of(text: str) -> int:
    """Give the milliseconds since the epoch of an RFC 3339 time with an offset, of the years 1970 to 2100.

    Raises:
        ValueError: The text is no such time, has no offset, or lies outside those years.
    """
    if not _SHAPE.match(text):
        raise ValueError("write it as 2026-03-12T09:00:00+08:00 or with Z")
    return instant_at(msgspec.convert(text, _MOMENT))


def instant_at(moment: datetime) -> int:
    """Give the milliseconds since the epoch of an aware time.

    Raises:
        ValueError: The time lies outside the years 1970 to 2100.
    """
    instant = (moment - _EPOCH) // _MILLISECOND
    if not FIRST_INSTANT <= instant < END_OF_INSTANTS:
        raise ValueError("the year must lie between 1970 and 2100")
    return instant


def _read_instant(value: Any) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("instant_type", "a time as 2026-03-12T09:00:00+08:00 is wanted")
    try:
        return instant_of(value)
    except ValueError:
        raise PydanticCustomError(BAD_TIME, "not a time with an offset of the years 1970 to 2100") from None


def money_of(value: Any) -> Decimal:
    """Give an amount with exactly two digits, from a text (``"3600.00"``) or a number.

    Raises:
        ValueError: The value is no amount, or has more than two digits behind the point or 15 before it.
    """
    text = value if isinstance(value, str) else _number_text(value)
    if not _MONEY.fullmatch(text):
        raise ValueError("write an amount as 3600.00, with at most two digits behind the point")
    return Decimal(text).quantize(_CENT)


def _number_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE_LIMIT:
        return str(int(value))
    return str(value) if abs(value) < WHOLE_LIMIT else ""


def _read_money(value: Any) -> Decimal:
    try:
        return money_of(value)
    except ValueError:
        raise PydanticCustomError("money", "an amount with at most two decimals is wanted") from None


Text = Annotated[str, Field(max_length=TEXT_LIMIT, pattern=r"^[^\x00]*$")]
Id = Annotated[str, Field(min_length=1, max_length=ID_LIMIT, pattern=r"^[^\x00-\x1f\x7f]+$")]
Whole = Annotated[int, Field(ge=-WHOLE_LIMIT, le=WHOLE_LIMIT)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Money = Annotated[
    Decimal,
    BeforeValidator(_read_money),
    WithJsonSchema({"type": ["string", "number"], "pattern": rf"^{_MONEY.pattern}$"}),
]
Instant = Annotated[
    int,
    BeforeValidator(_read_instant),
    INSTANT_KIND,
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Texts = Annotated[list[Text], Field(max_length=500)]
# A partial profile is checked against the fields of schemas/profile.yaml when the event is decoded.
PartialProfile = Annotated[dict[str, Any], PARTIAL_PROFILE]


def example(value: Any) -> Any:
    """Declare a required field; the example is what a test of a journey gets when it leaves the field out."""
    return Field(examples=[value])


def optional(value: Any = None) -> Any:
    """Declare a field that may be absent or null; a test that leaves it out gets the example."""
    return Field(default=None, examples=[value])


def defaulted(value: Any) -> Any:
    """Declare a field that may be absent and then has this value, so conditions need no guard (Q1)."""
    return Field(default=value, examples=[value])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a type of events declares beside its payload."""

    type: str
    entity: str
    topic: str
    source: str
    core: bool
    versions: tuple[int, ...]
    note: str


class Part(BaseModel):
    """An object inside a payload, checked as strictly as the payload itself."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


class Event(Part):
    """The payload of one event type; subclass it once for each type and say the rest as class keywords.

    Keywords: ``type`` (``policy.issued``), ``entity`` (what ``entity.seq`` counts), ``topic``, ``source``
    (who publishes it), ``core`` (part of the core slice), ``versions`` (of the schema, that this class
    reads), ``note``.
    """

    declaration__: ClassVar[Declaration | None] = None

    def __init_subclass__(
        cls,
        *,
        type: str = "",
        entity: str = "",
        topic: str = "",
        source: str = "",
        core: bool = False,
        versions: tuple[int, ...] = (1,),
        note: str = "",
        **settings: Any,
    ) -> None:
        """Keep the declaration; a class without ``type`` is a base for others."""
        super().__init_subclass__(**settings)
        cls.declaration__ = Declaration(type, entity, topic, source, core, versions, note) if type else None


def examples_of(model: type[Part]) -> Mapping[str, Any]:
    """Give the example of every field that declares one, JSON-plain, in the order of the class."""
    found = {name: field.examples for name, field in model.model_fields.items()}
    return {name: values[0] for name, values in found.items() if values}
