"""The book: everything published, compiled and frozen, with the indexes that decisions need.

Definitions build it; the heart only reads it. It knows no YAML and no text of a template, but what each
template needs (design.md, "Publication"). Durations of the three kinds of language.md live here, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sojourn.core.calendar import Calendar
from sojourn.core.conditions import Expression
from sojourn.core.types import Type
from sojourn.core.zones import add_days, add_months, shift_months, to_utc

Value = Expression | Any  # what stands under `with:`: an expression or a constant


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time: elapsed milliseconds, calendar days and months, or business time (N3, N24)."""

    ms: int = 0
    days: int = 0
    months: int = 0
    business_days: int = 0
    business_ms: int = 0
    text: str = ""

    def after(self, instant: int, zone: str, calendar: Calendar) -> int:
        """Give the instant so much later; calendar parts keep the wall clock of the zone."""
        if self.business_days:
            return calendar.add_business_days(instant, self.business_days)
        if self.business_ms:
            return calendar.add_business_ms(instant, self.business_ms)
        if self.months:
            instant = add_months(zone, instant, self.months)
        if self.days:
            instant = add_days(zone, instant, self.days)
        return instant + self.ms


@dataclass(frozen=True, slots=True)
class At:
    """A local time on a date: `3 days before due_date 09:00`, or `2 days later 10:00` (fact is None)."""

    fact: str | None
    time: int
    days: int = 0
    months: int = 0
    text: str = ""

    def day(self, anchor: date) -> date:
        """Apply the offset to the anchor DATE (N3)."""
        return shift_months(anchor, self.months) + timedelta(days=self.days)

    def instant(self, anchor: date, zone: str) -> int:
        """Give the instant for an anchor date in a zone (N3, N4)."""
        return to_utc(zone, self.day(anchor), self.time)

    def instant_of(self, anchor: str, zone: str) -> int:
        """Give the same for an anchor date in wire form; asked again and again for each touch that is pending."""
        return _instant_of(anchor, self.months, self.days, self.time, zone)


@lru_cache(maxsize=8_192)
def _instant_of(anchor: str, months: int, days: int, time: int, zone: str) -> int:
    return At(None, time, days, months).instant(date.fromisoformat(anchor), zone)


@dataclass(frozen=True, slots=True)
class Match:
    """An event type with an optional condition: `{when, if}`."""

    type: str
    condition: Expression | None = None


# ---- steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step in its place. ``ref`` is unique in the journey, ``id`` is what people and rows see (Q50)."""

    ref: str
    id: str
    next: str | None = None
    body: str = "flow"
    otherwise_of: tuple[str, ...] = ()  # refs of waits in whose `otherwise` this step stands (Q24a)
    ahead: frozenset[str] = frozenset()  # event types that a wait from here on may take (N10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a message is sent: overridable on a touch (N5-N7, N13, N14)."""

    klass: str
    priority: int
    valid_for: Duration | None  # None: the end of that local day
    urgent: bool = False
    drop: bool = False
    catch_up: Duration = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNode(Node):
    """Send a template by channels; each inner tuple is one message, more than one channel is first_of."""

    template: str
    by: tuple[tuple[str, ...], ...]
    delivery: Delivery
    condition: Expression | None = None
    not_while: tuple[Expression, ...] = ()  # of this message alone, beside the journey's
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNode(Node):
    """Call another system (Q26)."""

    name: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    touch: bool = False
    delivery: Delivery
    condition: Expression | None = None
    save: Mapping[str, Expression] = field(default_factory=dict)  # fact -> expression over `answer.`
    within: Duration = Duration(ms=600_000)
    otherwise: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNode(Node):
    """Wait for a duration or until a local time."""

    duration: Duration | None = None
    until: At | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForNode(Node):
    """Wait for an event, at most so long; both ways continue below unless they end (N10, Q35)."""

    events: tuple[Match, ...]
    within: Duration | None = None
    until: At | None = None
    then: str | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseNode(Node):
    """Take the first branch whose condition holds."""

    branches: tuple[tuple[Expression, str | None], ...]
    otherwise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentNode(Node):
    """Take an arm by the hash of the customer (N18, Q14); ``arms``: name, cumulative percentage, first ref."""

    name: str
    arms: tuple[tuple[str, int, str | None], ...]
    metric: str | None = None
    guardrail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNode(Node):
    """Set facts."""

    facts: Mapping[str, Expression]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndNode(Node):
    """End the run with a reason."""

    reason: str


# ---- parts of a journey


@dataclass(frozen=True, slots=True)
class EventStart:
    """Start at an event (Q7)."""

    events: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class DayStart:
    """Start on a birthday or a festival at a local time (N23, Q10)."""

    kind: str  # birthday, festival
    time: int
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class SilenceStart:
    """Start when a kind of event has not come for a while."""

    event: str
    span: Duration
    by: str
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class PatternStart:
    """Start at the n-th event of a kind within a window, with none of another kind in it (Q11)."""

    times: int
    event: str
    span: int  # exact milliseconds
    by: str
    negative: str | None = None
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class BecomesStart:
    """Start when a condition over the profile becomes true."""

    condition: Expression


Start = EventStart | DayStart | SilenceStart | PatternStart | BecomesStart


@dataclass(frozen=True, slots=True)
class Again:
    """When a run may start anew (N19): ``never``, ``after exit``, or after a cool-down."""

    kind: str  # never, exit, after
    after: Duration = Duration()
    per_customer: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that the run remembers: captured at the start, derived from facts (follows them), or set later."""

    name: str
    type: Type
    value: Expression | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledTouch:
    """A touch that hangs on a date; ``ref`` names its SendNode or CallNode, whose condition is the `if`."""

    id: str
    ref: str
    at: At


@dataclass(frozen=True, slots=True)
class Reaction:
    """While the run is alive, an event does something (Q9, Q32, Q33)."""

    id: str  # react.N in document order
    events: tuple[Match, ...]
    sets: Mapping[str, Expression] = field(default_factory=dict)
    entry: str | None = None
    once: bool = False
    parallel: bool = False
    waits: bool = False  # the body holds a wait: a new event replaces the unfinished copy


@dataclass(frozen=True, slots=True)
class DeadlineSpec:
    """A resettable timer with an owner (Q34)."""

    id: str
    after: Duration
    since: tuple[Match, ...]
    stop: tuple[Match, ...] = ()
    rest_from: tuple[Match, ...] = ()
    rest_until: tuple[Match, ...] = ()
    at_most: int | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A goal or an exit: by an event or by a change of the profile (``becomes``)."""

    id: str  # goal.N, exit.N
    goal: bool
    reason: str
    events: tuple[Match, ...] = ()
    becomes: Expression | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Expire:
    """The day after which nothing matters: after a date fact (end of that local day) or after the start (Q39)."""

    span: Duration
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class PauseSpec:
    """Other classes of this customer rest while the run lives and so long after its end (N20)."""

    classes: tuple[str, ...]
    span: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One version of one journey, compiled."""

    id: str
    version: int
    digest: str  # of its content; a change counts the version up (Q43)
    name: Mapping[str, str]
    stage: str
    klass: str
    priority: int
    key: tuple[str, ...]
    starts: tuple[Start, ...]
    again: Again
    facts: tuple[Fact, ...]  # base facts first, then derived in order of need
    params: Mapping[str, Any]  # typed; journey over project
    nodes: Mapping[str, Node]
    flow: str | None
    schedule: tuple[ScheduledTouch, ...]
    reactions: tuple[Reaction, ...]
    deadlines: tuple[DeadlineSpec, ...]
    endings: tuple[Ending, ...]  # goals first, then exits, in the order of the file
    expire: Expire | None
    finish: str | None  # step id
    pauses: PauseSpec | None = None
    not_while: tuple[Expression, ...] = ()
    personalised: bool = False
    control: tuple[str, int] | None = None  # name, percent
    limit: tuple[int, int] | None = None  # so many per so many ms
    start_entity: str | None = None  # entity kind of the starting event type (Q30)
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)  # event type -> fields that steps read later
    listens: frozenset[str] = frozenset()  # types of goal, exit, react, waits, deadlines
    early: frozenset[str] = frozenset()  # types of react, waits, deadlines (Q30)
    channels: frozenset[str] = frozenset()  # that its steps use (Q8)
    promises: tuple[str, ...] = ()
    order: Mapping[str, int] = field(default_factory=dict)  # ref -> place in the document (for move)
    fact_types: Mapping[str, Type] = field(default_factory=dict)  # facts and key fields
    # made of the above, because every event asks for them
    started_by: frozenset[str] = field(init=False)  # event types that may start it directly
    ended_by: Mapping[str, tuple[Match, ...]] = field(init=False)  # event type -> matches of goals and exits
    ended_by_change: tuple[Ending, ...] = field(init=False)  # goals and exits by a change of the profile

    def __post_init__(self) -> None:
        """Make the indexes."""
        starts = (start.events for start in self.starts if isinstance(start, EventStart))
        ended: dict[str, tuple[Match, ...]] = {}
        for ending in self.endings:
            for match in ending.events:
                ended[match.type] = (*ended.get(match.type, ()), match)
        object.__setattr__(self, "started_by", frozenset(match.type for events in starts for match in events))
        object.__setattr__(self, "ended_by", ended)
        object.__setattr__(self, "ended_by_change", tuple(one for one in self.endings if one.becomes is not None))


# ---- the profile


@dataclass(frozen=True, slots=True)
class Change:
    """What one event type does to one projection; the form is closed (schemas/profile.yaml)."""

    do: str  # merge, consent, set, add, remove, change, put, withdraw
    condition: Expression | None = None
    args: Mapping[str, Any] = field(default_factory=dict)  # name -> Expression or constant
    final: bool = False


@dataclass(frozen=True, slots=True)
class Projection:
    """A part of the profile that the engine keeps from events (Q22a)."""

    name: str
    on: Mapping[str, tuple[Change, ...]]
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """A field computed when it is read."""

    type: Type
    branches: tuple[tuple[Expression, Expression | Any], ...] = ()  # (condition, value)
    otherwise: Any = None  # Expression or constant
    any_of: str | None = None
    any_if: Expression | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """Which declared field plays which part in the rules."""

    zone: str
    locale: str
    addresses: Mapping[str, str]
    valid: Mapping[str, str]
    do_not_contact: str
    deceased: str
    personalisation_opt_out: str
    birth_date: str


@dataclass(frozen=True, slots=True)
class ProfileSchema:
    """Fields, defaults, roles and projections of the profile."""

    types: Mapping[str, Type]
    defaults: Mapping[str, Any]  # wire
    roles: Roles
    projections: tuple[Projection, ...]
    derived: Mapping[str, Derived]
    by_event: Mapping[str, tuple[tuple[Projection, tuple[Change, ...]], ...]]


# ---- rules and templates


@dataclass(frozen=True, slots=True)
class PauseRule:
    """Classes that rest while a condition over the profile holds (Q22)."""

    classes: frozenset[str]
    condition: Expression
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """rules.yaml, compiled: what holds for every journey."""

    quiet_channels: frozenset[str]
    quiet_from: int
    quiet_to: int
    cap_classes: frozenset[str]
    cap_day: int
    cap_week: int
    week_days: int
    purposes: Mapping[str, str]  # class -> purpose of consent; no entry: no consent needed
    pauses: tuple[PauseRule, ...]
    default_zone: str
    default_locale: str


@dataclass(frozen=True, slots=True)
class Supply:
    """Where one variable of a template comes from at one send step."""

    name: str
    value: Value
    type: str  # text, money, date, datetime, int, url, list
    required: bool
    link: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """A published template: its version and the locales that each of its channels has a body in."""

    name: str
    version: int
    klass: str
    bodies: Mapping[str, frozenset[str]]  # channel -> locales


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All that is published. ``journeys`` holds every version that may have live runs."""

    number: int
    journeys: Mapping[tuple[str, int], Journey]
    current: Mapping[str, int]
    draining: frozenset[str]
    profile: ProfileSchema
    rules: Rules
    calendar: Calendar
    words: Mapping[str, Mapping[str, Mapping[str, str]]]  # glossary: table -> code -> locale -> text
    templates: Mapping[str, TemplateInfo]
    supplies: Mapping[tuple[str, int, str, str, str], tuple[Supply, ...]]  # (journey, version, ref, channel, locale)
    event_types: Mapping[str, Mapping[str, Type]]
    starts_at: Mapping[str, tuple[Journey, ...]]  # event type -> journeys that may start or count it
    day_starts: tuple[tuple[Journey, DayStart], ...] = ()
    becomes: tuple[Journey, ...] = ()
    silences: Mapping[str, tuple[tuple[Journey, SilenceStart], ...]] = field(default_factory=dict)
    judges: Mapping[str, tuple[Journey, ...]] = field(
        default_factory=dict
    )  # type -> journeys that remember it (Q7, N9)
    early: Mapping[str, tuple[Journey, ...]] = field(default_factory=dict)

    def journey(self, run_journey: str, version: int) -> Journey:
        """Give the version that a run is pinned to."""
        return self.journeys[run_journey, version]
