"""The values that go into a store and come out of it: frozen, without a word about how they are kept.

Instants are ints, milliseconds UTC. ``customer`` is the id that the publishing systems use.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from sojourn.core.model import CallOut, Deliver, Row, State

Verdict = Literal["new", "duplicate", "conflict"]
Lane = Literal["urgent", "normal", "bulk"]
LetterState = Literal["open", "replayed", "dropped"]
TombKey = tuple[str, str, str]  # customer, journey, canonical key or "*"
LANES: tuple[Lane, ...] = ("urgent", "normal", "bulk")
#: Up to here what waits is counted: a metric must not cost more while more waits.
COUNTED: Final = 10_000


# ---- values: events and where they come from


class Inbox(msgspec.Struct, frozen=True, kw_only=True):
    """One input that is kept: the customer's history and the memory for N8.

    ``digest`` is of the content without arrival; ``raw`` is sealed; ``terms`` are values that support may
    search for (policy, claim, telephone number): only keyed hashes of them are kept.
    """

    event_id: str
    customer: str
    type: str
    source: str
    occurred: int
    arrival: int
    digest: bytes
    raw: bytes
    position: int | None = None
    entity_type: str | None = None
    trace_id: str | None = None
    terms: tuple[str, ...] = ()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One record that is no event: why, and its bytes as they came; the customer where he was readable."""

    source: str
    arrival: int
    reason: str
    detail: str
    raw: bytes
    position: int | None = None
    event_id: str | None = None
    type: str | None = None
    customer: str | None = None


class Position(msgspec.Struct, frozen=True):
    """How far a source is stored: the next record to read, and up to which arrival everything is here.

    ``moved_at``: when somebody last stored its records or saw that nothing is unread (the store's clock).
    ``keyed``: every record so far lay in the partition that its customer id names (Kafka's default partitioner);
    once false it stays false, and any partition of the topic may carry anybody.
    ``epoch``: the life of the topic in which ``next`` counts, "" where the broker has no word for it.
    """

    next: int
    stored_to: int
    moved_at: int = 0
    keyed: bool = True
    epoch: str = ""


class Move(msgspec.Struct, frozen=True):
    """A source's position moves on from ``expect`` (None: never read)."""

    source: str
    expect: int | None
    to: Position


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that timers need not wait for a source any more, until an instant; who and why."""

    source: str
    at: int
    until: int
    by: str
    reason: str


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A record for an output topic: no text and no address in it. ``id`` is the same however often it is sent."""

    id: str
    topic: str
    key: str
    body: bytes


# ---- values: customers


class Stored(msgspec.Struct, frozen=True):
    """A customer as loaded. ``due`` is a lower bound of his next timer, None without one.

    ``release`` is the newest release that he has met; None: he was never saved and meets none.
    """

    subject: int
    revision: int
    due: int | None
    lane: Lane
    state: State
    release: int | None = None


class Changed(msgspec.Struct, frozen=True):
    """A customer to save: only parts that are not the same objects as in ``before`` are written."""

    before: Stored
    after: State
    due: int | None
    lane: Lane = "normal"
    release: int = 1


class Partitions(msgspec.Struct, frozen=True):
    """Customers whose place (``place_of(customer) % count``) is one of ``among``."""

    count: int
    among: frozenset[int]


class Due(msgspec.Struct, frozen=True):
    """A customer for whom something may be due; also the cursor of the next page of ``Tx.due``."""

    customer: str
    due: int
    lane: Lane
    subject: int


# ---- values: delivery


class Queued(msgspec.Struct, frozen=True):
    """A message or a call to hand over, not before ``ready_at``."""

    customer: str
    order: Deliver | CallOut
    ready_at: int
    lane: Lane = "normal"  # of a call; a message says its own


class Leased(msgspec.Struct, frozen=True):
    """One order that this worker alone may hand over until its lease ends. ``attempt`` counts from 1.

    ``ready_at``: since when it might go.
    """

    message_id: str
    customer: str
    order: Deliver | CallOut
    channel: str
    attempt: int
    ready_at: int


class Stale(msgspec.Struct, frozen=True):
    """A message whose verdict no longer holds: ask decide again, then enqueue or withdraw it."""

    message_id: str
    customer: str


class Claimed(msgspec.Struct, frozen=True):
    """What a claim gives: orders to hand over, messages to judge again, orders whose worker went silent."""

    orders: tuple[Leased, ...] = ()
    stale: tuple[Stale, ...] = ()
    expired: tuple[Leased, ...] = ()


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt, as it is kept."""

    message_id: str
    customer: str
    channel: str
    started: int
    ended: int
    outcome: str
    provider: str
    reference: str | None = None
    text: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded attempt of a message; ``text`` is what the provider said (None once erased)."""

    message_id: str
    channel: str
    started: int
    ended: int
    outcome: str
    provider: str
    reference: str | None
    text: str | None


# ---- values: publications and views


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One release of the project: its files as one blob, from which its books are built after a restart."""

    number: int
    at: int
    running: Literal["stay", "move", "drain"]
    digest: str
    content: bytes


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of the log: all conditions hold; ``since`` is compared with decided_at."""

    customer_id: str | None = None
    journey: str | None = None
    status: str | None = None
    since: int | None = None


class LogPage(msgspec.Struct, frozen=True):
    """Rows, newest first, and where the next page begins (None: there is none)."""

    rows: tuple[Row, ...]
    next: str | None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An input as kept in the inbox; ``raw`` and ``customer`` are None once the person is erased."""

    seq: int
    event_id: str
    customer: str | None
    type: str
    source: str
    occurred: int
    arrival: int
    raw: bytes | None
    position: int | None
    entity_type: str | None
    trace_id: str | None


class Moment(msgspec.Struct, frozen=True):
    """One entry of a customer's history: an event that came or a decision about a message."""

    at: int
    what: Kept | Row


class Timeline(msgspec.Struct, frozen=True):
    """A customer's history, newest first, and where the next page begins."""

    moments: tuple[Moment, ...]
    next: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message stands: the last row of the log about it."""

    message_id: str
    customer: str | None
    journey: str
    channel: str | None
    klass: str | None
    status: str
    reason: str | None
    at: int
    next_at: int | None


class MessagePage(msgspec.Struct, frozen=True):
    """Messages, newest first, and where the next page begins."""

    messages: tuple[Message, ...]
    next: str | None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as kept."""

    number: int
    state: LetterState
    letter: DeadLetter


class RunCount(msgspec.Struct, frozen=True):
    """How many live runs of a version stand at a position (a step's ref; "" where no flow runs)."""

    journey: str
    version: int
    position: str
    count: int


class LaneDepth(msgspec.Struct, frozen=True):
    """How much waits for hand-over in a lane of a channel, and since when the oldest does.

    Both counts are exact up to a limit (``COUNTED``, unless another one was asked for) and go no further.
    """

    channel: str
    lane: Lane
    ready: int
    calling: int
    oldest_ready: int | None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the whole installation; counts go up to a limit and no further.

    ``due``: the earliest due time of any customer, by lane. ``letters``: open dead letters by reason. ``in_doubt``:
    messages of which nobody knows whether they were sent. ``outgoing``: records for output topics.
    """

    lanes: tuple[LaneDepth, ...] = ()
    due: Mapping[Lane, int] = {}
    letters: Mapping[str, int] = {}
    in_doubt: int = 0
    outgoing: int = 0
