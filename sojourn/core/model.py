"""The values of the heart: a customer's state in parts, what meets it, and what comes out.

Everything here is frozen; a change is a new value that shares what did not change. State is kept in
wire form (JSON-plain: a decimal is text, a date is ``YYYY-MM-DD``, an instant is an int), so each part
encodes as it stands and has a canonical ``key()`` without counters or arrival times.
``gc=False``: frozen values cannot form cycles, so the collector need not walk through millions of them.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Wire = Any
Key = tuple[Any, ...]
FORMAT = 1


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event of a publishing system, decoded and typed (Q4): what happened and when it arrived."""

    id: str
    type: str
    customer: str
    occurred: int
    arrival: int
    source: str = ""
    entity_type: str | None = None
    entity_id: str | None = None
    seq: int | None = None
    payload: Mapping[str, Any]
    trace_id: str | None = None
    schema_version: int = 1


class Heard(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event kept in state for later: an early one (Q30) or one that a coming wait may still take (N10)."""

    id: str
    type: str
    occurred: int
    arrival: int
    source: str
    entity_type: str | None
    entity_id: str | None
    seq: int | None
    payload: dict[str, Wire]
    trace_id: str | None = None


class Cause(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The event that a step runs under: its id for the log and the fields that later steps read (wire)."""

    event_id: str | None = None
    trace_id: str | None = None
    type: str | None = None
    fields: dict[str, Wire] | None = None


class Send(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A message that was reached and is not terminal yet: new, held, deferred, ready, retry or repeat."""

    id: str
    touch: str  # shared by the channels of one step: the cap counts touches (Q19)
    run: str
    journey: str
    version: int
    started: int
    key: Key
    step: str
    ref: str
    copy: str
    anchor: str
    by: tuple[str, ...]  # the channels to choose from; more than one is first_of (Q16)
    channel: str
    klass: str
    priority: int
    urgent: bool
    drop: bool  # on_cap: drop
    due: int
    valid_until: int
    next_at: int
    status: str = "new"
    reason: str | None = None
    cause: Cause = Cause()
    attempt: int = 0
    yielded: bool = False
    behind: str | None = None  # the source that nobody could read when this message was let through
    put_off: int = 0  # how often its provider did not take it; being judged again is no attempt


class Copy(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One walk through a body of steps: the flow, a reaction to one event, one firing of a deadline."""

    body: str  # flow, react.N, deadline.ID, goal.N, exit.N
    mark: str  # what makes the copy the only one: seq or event id, number of the firing (Q32)
    at: str  # ref of the step that it stands at
    since: int
    cause: Cause = Cause()
    until: int | None = None  # end of the running wait
    heard: tuple[Heard, ...] = ()


class Deadline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One resettable timer of a run (Q34)."""

    id: str
    due: int | None = None
    fired: int = 0
    stopped: bool = False
    resting: bool = False


class Applied(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The highest seq of an event type and entity that a run has taken from a source (Q29)."""

    type: str
    entity: str
    source: str
    seq: int


class Run(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One customer in one journey, pinned to the version that it entered (N16)."""

    id: str
    journey: str
    version: int
    key: Key
    started: int
    cause: Cause
    facts: dict[str, Wire]
    control: bool = False
    ended: str | None = None
    ended_at: int | None = None
    expire_at: int | None = None
    copies: tuple[Copy, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    decided: tuple[tuple[str, str], ...] = ()  # (step, anchor date) that need no second verdict (Q37)
    rushed: tuple[tuple[str, int], ...] = ()  # touches due at once: caught up (N5) or moved past by a zone (Q40)
    sent: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    applied: tuple[Applied, ...] = ()
    finished: bool = False  # the touch of `finish: after` is decided


class Touch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One slot of the cap: the local date is fixed at hand-over (Q19)."""

    day: int  # ordinal of the local date
    id: str


class Hot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What nearly every decision reads: the customer's clock, open messages, slots of the cap."""

    clock: int = 0
    sends: tuple[Send, ...] = ()
    touches: tuple[Touch, ...] = ()


class Consent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One record of consent; the greatest ``at`` counts, on a tie the withdrawal (Q20)."""

    granted: bool
    at: int
    method: str | None = None


class Mark(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The newest event that a projection has applied of an entity from a source (Q22a)."""

    seq: int | None
    occurred: int


class Profile(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is known of the customer: declared fields, consents, and how far each projection has read."""

    known: bool = False
    fields: dict[str, Wire] = {}
    consent: dict[str, dict[str, Consent]] = {}
    marks: dict[str, Mark] = {}


class Seen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event that judges later starts: of the start's type and key, or a goal or exit (Q7)."""

    journey: str
    key: Key  # of a goal or exit: the key fields that it carries, None for the others (N11)
    ending: bool
    entity: str
    source: str
    seq: int | None
    occurred: int
    at: int


class Remembered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A goal or exit that found no run and blocks a later entry for 30 days (N9)."""

    journey: str
    key: Key
    at: int


class Early(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event that arrived before its run, kept 72 hours (Q30)."""

    journey: str
    key: Key
    event: Heard


class Counted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One event that a pattern counts (Q11)."""

    journey: str
    by: Wire
    negative: bool
    occurred: int
    mark: str  # entity and seq, else the event's id: one counts once


class Silence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last sign of life of a value that a journey waits to fall silent."""

    journey: str
    by: Wire
    since: int


class Memory(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What must be remembered apart from runs; every list is pruned when it can no longer matter."""

    seen: tuple[Seen, ...] = ()
    remembered: tuple[Remembered, ...] = ()
    early: tuple[Early, ...] = ()
    counted: tuple[Counted, ...] = ()
    silences: tuple[Silence, ...] = ()
    days: dict[str, int] = {}  # journey -> ordinal of the first local date that its day start may still take
    moved: int = 0  # when the zone changed last: a day that the move has made past is due then (Q40)
    pauses: tuple[tuple[str, int], ...] = ()  # (class, until) of journeys that ended (N20)


class Tomb(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What stays of ended runs of a key: when the last one ended and when the last that sent something did."""

    ended: int
    sent: int | None = None


EMPTY_HOT = Hot()
EMPTY_PROFILE = Profile()
EMPTY_MEMORY = Memory()


class State(msgspec.Struct, frozen=True, gc=False):
    """All that decisions about one customer need. Parts that an input leaves alone are the same objects."""

    customer: str
    hot: Hot = EMPTY_HOT
    profile: Profile = EMPTY_PROFILE
    memory: Memory = EMPTY_MEMORY
    runs: Mapping[str, Run] = {}
    tombs: Mapping[tuple[str, str], Tomb] = {}  # (journey, canonical key or "*"), as far as loaded

    def key(self) -> tuple[Any, ...]:
        """Give a canonical value: equal states, reached by whatever path, have equal keys."""
        hot = self.hot
        return (
            msgspec.msgpack.encode((sorted(hot.sends, key=lambda s: s.id), hot.touches)),
            msgspec.msgpack.encode(self.profile, order="sorted"),
            msgspec.msgpack.encode(self.memory, order="sorted"),
            tuple(msgspec.msgpack.encode(self.runs[k], order="sorted") for k in sorted(self.runs)),
            tuple((k, self.tombs[k]) for k in sorted(self.tombs)),
        )


# ---- inputs: there is no other way to change a customer


class Behind(msgspec.Struct, frozen=True, gc=False):
    """A source that is not stored as far as it should be: its name, and up to which arrival it is stored."""

    source: str
    stored_to: int


class Tick(msgspec.Struct, frozen=True, gc=False):
    """The instant ``now`` is complete: timers and releases due by then run, and their sends are judged.

    With ``upto`` only timers due by then run: what comes later still waits for its sources. With ``behind`` a source
    has been stalled for long, and only what must not wait for it is let through (design.md, "Time").
    """

    upto: int | None = None
    behind: Behind | None = None


class HandOver(msgspec.Struct, frozen=True, gc=False):
    """May this ready send go out now? Asked again when its verdict is no longer fresh.

    ``behind``: events are read too late at the moment; marketing and care wait.
    """

    message_id: str
    behind: Behind | None = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a hand-over (Q27, Q46)."""

    message_id: str
    kind: Literal["accepted", "refused", "not_taken", "unknown", "unrendered"]
    reason: str | None = None  # of unrendered: missing_variable or render_failed
    detail: dict[str, Any] = {}
    retry_at: int | None = None  # of not_taken


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What another system answered to a call that saves answers (Q26)."""

    message_id: str
    values: Mapping[str, Any]


class Publication(msgspec.Struct, frozen=True, gc=False):
    """A new book takes effect for this customer; ``running`` says what becomes of his runs (Q43)."""

    running: Literal["stay", "move", "drain"]


Input = Event | Tick | HandOver | Outcome | Answer | Publication


# ---- output: data, nothing else


class Row(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One decision for the log (N22); the same fields as interfaces.md, instants as ints."""

    message_id: str
    customer_id: str
    journey: str
    journey_version: int
    key: Mapping[str, Wire]
    step: str | None
    template: str | None
    template_version: int | None
    locale: str | None
    channel: str | None
    status: str
    reason: str | None
    due_at: int
    decided_at: int
    handed_over_at: int | None = None
    event_id: str | None = None
    trace_id: str | None = None
    detail: Mapping[str, Any] = {}
    run_id: str | None = None
    klass: str | None = None
    anchor: str | None = None
    next_at: int | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None


class Deliver(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Hand this message to its channel: the verdict holds until ``until`` while the customer stays as he is."""

    message_id: str
    channel: str
    locale: str
    template: str
    template_version: int
    values: Mapping[str, Any]  # typed, as the template needs them
    address: str
    klass: str
    lane: str  # urgent, normal, bulk
    until: int
    send: Send
    zone: str


class CallOut(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Call another system: signed, retried, idempotent by ``message_id`` (B2)."""

    message_id: str
    name: str
    arguments: Mapping[str, Wire]
    run_id: str
    journey: str
    step: str
    answers: bool  # the flow waits for what it answers
    example: Mapping[str, Wire]  # what simulate answers
    send: Send


class Note(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that happened and is not a message: started, ended, ignored, stale, remembered, early, broken."""

    kind: str
    journey: str
    key: Mapping[str, Wire] = {}
    run_id: str | None = None
    event_id: str | None = None
    cause: str | None = None
    version: int | None = None
    at: int = 0
    goal: bool = False  # of ended: by a goal


Command = Row | Deliver | CallOut | Note


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The new state and what to do about it, in the order in which it was decided."""

    state: State
    commands: tuple[Command, ...] = ()
