"""What the use cases ask of a store: coarse methods, one transaction a batch, everything or nothing.

SQLite, its twin in memory and (later) PostgreSQL keep the same promises; tests/contract/test_store.py says
them. A method takes a whole batch and costs a fixed number of statements however long the batch is.
Instants are ints, milliseconds UTC. Nobody below the entry points reads a clock: ``now`` comes in, except for
``Tx.now``, the store's own clock, from which HTTP and file sources take the arrival of an event.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from sojourn.core.model import Row
from sojourn.errors import MustStop, TryLater
from sojourn.records import (
    COUNTED,
    Attempt,
    Changed,
    Claimed,
    DeadLetter,
    Due,
    Inbox,
    Kept,
    LaneDepth,
    Letter,
    LetterState,
    LogFilter,
    LogPage,
    MessagePage,
    Move,
    Outgoing,
    Partitions,
    Position,
    Published,
    Queued,
    RunCount,
    Settled,
    Stored,
    Timeline,
    TombKey,
    Verdict,
    Waiting,
    Waiver,
)

# ---- errors


class StoreBusy(TryLater):
    """Another process holds the database; nothing was written, and the same may go well in a moment."""


class StoreUnwritable(TryLater):
    """The disk is full, read-only or failing; nothing was written. Degraded until a person frees it."""


class Conflict(TryLater):
    """Somebody else wrote first (revision, position, number, event id): load and decide again."""


class StoreBroken(MustStop):
    """The database is damaged, newer than this program, or sealed with another key: stop."""


# ---- the store


#: How many orders of a channel a claim looks at once it has met a stale one.
LOOKED_AT: Final = 200


class Tx(Protocol):
    """One transaction: all of it is stored when its block ends, or nothing when the block raises."""

    async def now(self) -> int:
        """Give the store's clock, never before any arrival that it has stored."""
        ...

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        """Judge (event id, digest) pairs, one verdict each in their order (N8).

        The first of an id wins, also within the batch: the same content again is a ``duplicate``, other
        content a ``conflict``.
        """
        ...

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        """Give each customer's state; an unknown one gets a random subject id and an empty state.

        Of the tombs only those asked for are loaded, or all of these customers' with ``every_tomb``. Where several
        processes share a store the customers are locked until the end of the transaction, in one order: with
        ``wait`` it waits for those whom another transaction has, without it they are left out of the answer.
        """
        ...

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        """Write what changed, one change a customer, and give the customers as stored now (revision + 1).

        Raises Conflict when a customer's revision is not that of ``before``. The next due time is a lower
        bound: a later one is written only when the old one has fired by ``now``. So after a due time was
        acted on, save the customer even if nothing else changed.
        """
        ...

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        """Keep inputs in the order in which they were applied; Conflict when an id is already there."""
        ...

    async def append_conflicts(self, entries: Sequence[Inbox]) -> None:
        """Keep events that came with a known id and other content."""
        ...

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that are no events; they are open until a person closes them."""
        ...

    async def close_dead_letters(self, numbers: Collection[int], state: LetterState, now: int) -> int:
        """Mark open dead letters as replayed or dropped, and give how many were open."""
        ...

    async def append_log(self, rows: Sequence[Row]) -> None:
        """Append decisions to the log, in this order; personal parts are sealed."""
        ...

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        """Put orders into the outbox, with the customer's revision of now: save first.

        A message that waits there already takes the new verdict; one in hand-over stays as it is.
        """
        ...

    async def withdraw(self, message_ids: Collection[str]) -> frozenset[str]:
        """Take back orders that nobody is handing over, and give their ids."""
        ...

    async def due(
        self, now: int, limit: int, after: Due | None = None, partitions: Partitions | None = None
    ) -> Sequence[Due]:
        """Give customers due by ``now``: by lane, then due time, then subject, going on behind ``after``.

        With ``partitions`` only customers who have their place there. Where several processes share a store, those
        whom another transaction looks at are left out.
        """
        ...

    async def next_due(self) -> int | None:
        """Give the earliest due time of any customer."""
        ...

    async def claim(
        self,
        now: int,
        slots: Mapping[str, int],
        lease_until: int,
        worker: str,
        *,
        release: int = 1,
        patient: bool = False,
    ) -> Claimed:
        """Lease up to so many ready orders of each channel, urgent before normal before bulk, oldest first.

        With ``patient`` marketing and care wait: the intake is behind. A message whose customer has not met ``release``
        yet is stale. Where several processes share a store, orders that another one looks at are left out.

        An order is given out only while its customer's revision is that of its verdict and ``until`` lies
        after ``now``; otherwise it is ``stale``, and stays so until it is enqueued anew or withdrawn. Where one
        is, up to ``LOOKED_AT`` orders of its channel are looked at, whatever the free slots: a probe of a dead
        provider must not work through a queue of stale orders one by one. A call carries no verdict. An order
        whose lease ended by ``now`` is never ready again: it is ``expired``, and its claimer has to settle it.
        """
        ...

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        """Record attempts, remove the orders, and give the ids that this worker still held.

        An attempt of a worker that no longer held the order is recorded too, but its outcome is not its
        own to tell: another one has settled it as unknown.
        """
        ...

    async def position(self, source: str) -> Position | None:
        """Give how far a source is stored, or None for one that was never read."""
        ...

    async def positions(self) -> Mapping[str, Position]:
        """Give how far each source is stored."""
        ...

    async def advance(self, moves: Sequence[Move]) -> None:
        """Move sources on if each still is at its ``expect`` (None: never read), else raise Conflict.

        Stands last in a transaction: it fences workers that have lost a source. ``stored_to`` and ``moved_at``
        never go back, ``keyed`` never becomes true again, and an ``epoch`` of "" keeps the one that is known.
        """
        ...

    async def waive(self, waiver: Waiver) -> None:
        """Record that timers need not wait for a source; the newest word about a source counts."""
        ...

    async def waivers(self) -> Sequence[Waiver]:
        """Give the newest waiver of each source, also those that have run out."""
        ...

    async def take_turns(self, journey: str, count: int, step: int, now: int) -> int:
        """Give the first of so many turns of a limited journey, which all processes of a store share, in microseconds.

        Turns lie ``step`` microseconds apart, behind those that were taken before and not before ``now`` (ms).
        """
        ...

    async def send_out(self, records: Sequence[Outgoing]) -> None:
        """Keep records for output topics, in this order, until they are out."""
        ...

    async def going_out(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """Give the oldest records that are not out yet, with their numbers; none while another process has them."""
        ...

    async def gone_out(self, numbers: Collection[int]) -> None:
        """Drop records that the broker has confirmed."""
        ...

    async def publications(self) -> Sequence[Published]:
        """Give all releases in order."""
        ...

    async def add_publication(self, publication: Published) -> None:
        """Record a release; its number must be the next one, else Conflict."""
        ...

    async def customers(
        self, after: int, limit: int, journey: str | None = None, version: int | None = None
    ) -> Sequence[tuple[int, str]]:
        """Page through customers by (subject, customer), behind subject ``after`` (0: from the start).

        With a journey, and a version, only those who have a live run of it.
        """
        ...

    async def erase(self, customer: str, now: int) -> bool:
        """Forget a person: key, mapping, state and waiting orders go, the proof stays. False if unknown.

        What is left of him cannot be opened by anyone: times, class, versions, status, HMAC of the content.
        """
        ...

    async def forget_inbox(self, before: int, limit: int) -> int:
        """Drop inputs that arrived before an instant (at least 30 days ago, Q49), and give how many went.

        A store that keeps its inbox in pieces of time drops whole pieces and gives about how many inputs they held.
        """
        ...

    async def forget_log(self, before: int, limit: int) -> int:
        """Drop rows that were decided before an instant (at least 90 days ago), and give how much went; 0: no more.

        The oldest are looked at first; the newest of all may stay. A message whose last row went goes with its
        attempts. A store that keeps its log in pieces of time drops whole pieces, whatever the limit.
        """
        ...

    async def secret(self, name: str) -> bytes:
        """Give 32 random bytes that every process on this store shares under this name; made at the first call."""
        ...


class Views(Protocol):
    """What people and commands read; each call sees one consistent moment and never waits for a writer."""

    async def log(self, where: LogFilter, limit: int, cursor: str | None = None) -> LogPage:
        """Give rows of the log, newest first; a page stays the same while rows are added."""
        ...

    async def message(self, message_id: str) -> tuple[Sequence[Row], Sequence[Attempt]]:
        """Give all rows about a message, oldest first, and its attempts."""
        ...

    async def timeline(self, customer: str, limit: int, cursor: str | None = None) -> Timeline:
        """Give a customer's history, newest first: what came, and what was decided."""
        ...

    async def customer(self, customer: str) -> Stored | None:
        """Give a customer with all his tombs, or None if he is unknown."""
        ...

    async def find(self, term: str, limit: int) -> Sequence[str]:
        """Give the customers with this id, or of whom this value was kept as a search term."""
        ...

    async def messages(self, statuses: Collection[str], limit: int, cursor: str | None = None) -> MessagePage:
        """Give the messages that stand at one of these statuses (held, deferred: open), newest first."""
        ...

    async def message_counts(self) -> Mapping[str, int]:
        """Give how many messages stand at each status."""
        ...

    async def dead_letters(
        self, state: LetterState | None, limit: int, cursor: str | None = None, *, reason: str | None = None
    ) -> tuple[Sequence[Letter], str | None]:
        """Give dead letters (of a reason), newest first, and where the next page begins."""
        ...

    async def dead_letter(self, number: int) -> Letter | None:
        """Give one dead letter with its bytes."""
        ...

    async def dead_letter_counts(self) -> Mapping[str, int]:
        """Give how many open dead letters there are for each reason."""
        ...

    async def conflicts(self, limit: int, cursor: str | None = None) -> tuple[Sequence[Kept], str | None]:
        """Give events that came with a known id and other content, newest first."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Give the number of customers, events, log rows, conflicts, open dead letters and live runs.

        It counts all of them, which takes the longer the more there are: for people, not for metrics.
        """
        ...

    async def runs(self) -> Sequence[RunCount]:
        """Give the live runs by journey, version and position."""
        ...

    async def lanes(self) -> Sequence[LaneDepth]:
        """Give the depth of the outbox."""
        ...

    async def waiting(self, most: int = COUNTED) -> Waiting:
        """Give what waits, each kind counted up to ``most``; the cost does not grow with the tables."""
        ...

    async def positions(self) -> Mapping[str, Position]:
        """Give how far each source is stored."""
        ...

    async def waivers(self) -> Sequence[Waiver]:
        """Give the newest waiver of each source, also those that have run out."""
        ...


class Store(Protocol):
    """Where customers, events, decisions and orders are kept."""

    @property
    def views(self) -> Views:
        """Read without a transaction."""
        ...

    async def open(self) -> None:
        """Make the store ready: migrate it, check its key. Raises StoreBroken when it must not be used."""
        ...

    async def close(self) -> None:
        """Give everything back; a transaction under way ends first."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a transaction. In one process others wait for their turn, where the store cannot do several at a time.

        Raises StoreBusy and StoreUnwritable (try later) and StoreBroken (stop), also at the end of the block.
        """
        ...
