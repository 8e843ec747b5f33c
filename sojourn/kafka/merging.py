"""Merged reading: of all partitions the oldest record first, so that a backlog is applied as it arrived.

Pure: instants and the steady time (seconds) are arguments. Whoever has unread records and has not delivered them
holds the others up, but not longer than ``HOLD_S``; while nobody knows of any, ``BLIND_S`` (decisions/0003).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Final

from sojourn.intake.frontier import MARGIN_MS
from sojourn.kafka.values import Record, Span

#: How long a partition that has unread records and does not deliver holds up the others, seconds.
HOLD_S: Final = 2.0
#: How long everything waits for the first look at any partition, after an outage or for a new reader, seconds.
BLIND_S: Final = 10.0
#: From here on a partition is not fetched any further until it is taken from.
MANY_RECORDS: Final = 500
MANY_BYTES: Final = 256 << 10


class Held:
    """One partition that this reader has: what was fetched of it and is not stored yet.

    ``low`` <= everything handed out or waiting < ``position``. Until it is ``placed`` nothing is given out.
    """

    __slots__ = (
        "begun",
        "end",
        "epoch",
        "expect",
        "floor",
        "hungry_since",
        "keyed",
        "looked_at",
        "low",
        "out",
        "partition",
        "placed",
        "position",
        "size",
        "source",
        "told_at",
        "topic",
        "waiting",
    )

    def __init__(self, source: str, topic: str, partition: int, now_s: float) -> None:
        self.source, self.topic, self.partition = source, topic, partition
        self.placed = self.begun = False  # known where it stands; fetched without a gap since ``low``
        self.keyed = True  # as far as the store knows: its records lie where their customers put them
        self.expect: int | None = None
        self.low = self.position = 0
        self.floor = 0
        self.epoch = ""
        self.waiting: deque[Record] = deque()
        self.out: list[Record] = []
        self.size = 0
        self.end = -1
        self.looked_at = self.told_at = -1
        self.hungry_since = now_s

    @property
    def unread(self) -> bool:
        """Whether it is known to have records that were not fetched."""
        return self.position < self.end

    @property
    def full(self) -> bool:
        """Whether enough of it waits here."""
        return len(self.waiting) >= MANY_RECORDS or self.size >= MANY_BYTES

    def place(self, expect: int | None, at: int, floor: int) -> None:
        """Begin at an offset with nothing in hand."""
        self.expect, self.low, self.position, self.floor = expect, at, at, floor
        self.waiting.clear()
        self.out.clear()
        self.size = 0
        self.placed = self.begun = True

    def unplace(self, now_s: float) -> None:
        """Give nothing out until it is known again where the store stands."""
        self.put_back()
        self.placed, self.hungry_since = False, now_s

    def trim(self, expect: int, floor: int) -> bool:
        """Go on at where the store stands, if that is among what is in hand; give whether it is."""
        if not self.begun or not self.low <= expect <= self.position:
            return False
        self.put_back()
        self.expect, self.floor = expect, max(self.floor, floor)
        self._drop_below(expect)
        self.placed = True
        return True

    def fetched(self, records: Iterable[Record]) -> None:
        """Take what was fetched, in order."""
        for record in records:
            if record.offset < self.low:
                continue
            self.waiting.append(record)
            self.size += _size(record)
            self.floor = record.arrival
            self.position = record.offset + 1

    def take(self) -> Record:
        """Hand out the first that waits."""
        record = self.waiting.popleft()
        self.size -= _size(record)
        self.out.append(record)
        return record

    def put_back(self) -> None:
        """What was handed out waits again."""
        if self.out:
            self.waiting.extendleft(reversed(self.out))
            self.size += sum(map(_size, self.out))
            self.out.clear()

    def kept(self, expect: int | None, upto: int) -> None:
        """The store has moved on to ``upto``; what was handed out behind it waits again."""
        if expect != self.expect or not self.placed:
            return
        self.expect = upto
        self.put_back()
        self._drop_below(upto)

    def span(self) -> Span:
        """Where the store stands, and where once everything that is handed out is stored."""
        return Span(self.expect, self.waiting[0].offset if self.waiting else self.position, self.epoch)

    def seen(self, end: int, now_s: float) -> None:
        """The log of it reaches up to ``end``."""
        if end > self.end:
            if not self.unread and not self.waiting:
                self.hungry_since = now_s
            self.end = end

    def _drop_below(self, offset: int) -> None:
        while self.waiting and self.waiting[0].offset < offset:
            self.size -= _size(self.waiting.popleft())
        self.low = max(self.low, offset)
        self.position = max(self.position, offset)

    def idle(self, at: int) -> bool:
        """Whether, besides what is handed out, nothing was unread when all were looked at, at ``at``."""
        return self.placed and self.looked_at == at and not self.waiting and not self.unread

    def nothing_before(self, at: int) -> int:
        """Give the instant before which nothing of it is unread, besides what is handed out."""
        if self.waiting:
            return self.waiting[0].arrival
        return max(self.floor, at - MARGIN_MS) if self.idle(at) else self.floor

    def behind(self, now: int) -> int:
        """How old the oldest record is that is not stored, ms; 0 where there is none."""
        oldest = self.out[0] if self.out else self.waiting[0] if self.waiting else None
        if oldest is not None:
            return max(0, now - oldest.arrival)
        return max(0, now - self.floor) if self.unread else 0

    def holds(self, now_s: float) -> bool:
        """Whether the others wait for it: something of it is unread, not here, and not overdue."""
        if self.waiting or (self.placed and not self.unread):
            return False
        return now_s - self.hungry_since < HOLD_S


def unseen(partitions: Iterable[Held]) -> bool:
    """Whether records wait that are newer than the last look at a partition that seemed empty.

    After an outage it may hold older ones; and what was due in the outage runs before the first record behind it only
    where it is known that nothing else is unread.
    """
    placed = [each for each in partitions if each.placed]
    since = _head(placed) - MARGIN_MS
    return any(not each.waiting and not each.unread and each.looked_at < since for each in placed)


def blind(partitions: Iterable[Held]) -> bool:
    """Whether no partition at all was looked at since: the brokers are just back, or this reader is new."""
    placed = [each for each in partitions if each.placed]
    since = _head(placed) - MARGIN_MS
    return all(each.looked_at < since for each in placed)


def _head(placed: Iterable[Held]) -> int:
    """The oldest arrival that waits, -1 where nothing does."""
    return min((each.waiting[0].arrival for each in placed if each.waiting), default=-1)


def merge(partitions: Sequence[Held], limit: int, now_s: float) -> list[Record]:
    """Take about ``limit`` records, the smallest (arrival, topic, partition) first; stop where somebody holds.

    What arrived at the instant of the last one comes along, as far as it is here: a batch closes its instants (N7).
    """
    if any(each.holds(now_s) for each in partitions):
        return []
    heads = [
        (each.waiting[0].arrival, each.topic, each.partition, each)
        for each in partitions
        if each.placed and each.waiting
    ]
    heapify(heads)
    taken: list[Record] = []
    while heads and (len(taken) < limit or (heads[0][0] == taken[-1].arrival and len(taken) < 2 * limit)):
        held = heads[0][3]
        taken.append(held.take())
        if held.waiting:
            heapreplace(heads, (held.waiting[0].arrival, held.topic, held.partition, held))
            continue
        heappop(heads)
        held.hungry_since = now_s
        if held.unread:
            break
    return taken


def _size(record: Record) -> int:
    return 100 + len(record.value or b"")
