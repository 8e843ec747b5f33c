"""Kafka as a world has it: partition logs, a group whose partitions move, readers with lag. Merging is the real one.

A record becomes readable a moment after its timestamp (replication, skew of clocks), inside the margin that the
frontier leaves. Who loses a partition hears of it late, and goes on with what he has in hand until then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sojourn.intake.frontier import source_of, topic_of
from sojourn.kafka.merging import Held, merge
from sojourn.kafka.values import Chunk, Record
from sojourn.records import Position

FETCHED = 3  # records of a partition at a time: the merge has to wait for more


@dataclass
class Broker:
    """All partitions. ``readable`` of a record is the instant from which a fetch gives it."""

    counts: Mapping[str, int]
    logs: dict[str, list[tuple[int, Record]]] = field(default_factory=dict)
    away: dict[str, int] = field(default_factory=dict)  # source -> without a leader until this instant

    def __post_init__(self) -> None:
        self.logs = {source_of(topic, n): [] for topic, count in self.counts.items() for n in range(count)}

    def append(self, source: str, timestamp: int, key: str, value: bytes, late: int) -> None:
        """Take a record; timestamps of a partition never go back (LogAppendTime)."""
        topic, partition = topic_of(source)
        log = self.logs[source]
        at = max(timestamp, log[-1][1].timestamp if log else 0)
        readable = max(at + late, log[-1][0] if log else 0)
        log.append((readable, Record(source, topic, partition, len(log), at, at, key.encode(), value)))

    def end(self, source: str, now: int) -> int:
        """Give the offset behind the last record that is readable."""
        log = self.logs[source]
        return sum(readable <= now for readable, _ in log)

    def fetch(self, source: str, offset: int, now: int) -> list[Record]:
        """Give the next records, none while the partition has no leader."""
        if self.away.get(source, 0) > now:
            return []
        return [record for readable, record in self.logs[source][offset : offset + FETCHED] if readable <= now]

    def next_readable(self, now: int) -> int | None:
        """Give when the next record becomes readable."""
        return min((at for log in self.logs.values() for at, _ in log if at > now), default=None)


class Group:
    """Who reads what: ranges over the members, as soon as their number changes."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.members: list[str] = []
        self.shift = 0
        self.changed: Callable[[], None] = lambda: None

    def join(self, name: str) -> None:
        """A member more."""
        self.members.append(name)
        self.changed()

    def leave(self, name: str) -> None:
        """A member less, if it still is one."""
        if name in self.members:
            self.members.remove(name)
            self.changed()

    def rotate(self) -> None:
        """Deal anew, everything to somebody else."""
        self.shift += 1
        self.changed()

    def of(self, name: str) -> frozenset[str]:
        """Give a member's sources: partition p of all topics lies with one member."""
        if name not in self.members:
            return frozenset()
        place, count = self.members.index(name), len(self.members)
        return frozenset(source for source in self._broker.logs if (topic_of(source)[1] + self.shift) % count == place)


class Reader:
    """One worker's reading, with the interface of the real one as far as a world needs it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._held: dict[str, Held] = {}

    @property
    def sources(self) -> frozenset[str]:
        """What this reader believes to have."""
        return frozenset(self._held)

    @property
    def unplaced(self) -> list[str]:
        """Sources of which it has to ask the store where they stand."""
        return [source for source, held in self._held.items() if not held.placed]

    def assign(self, sources: Iterable[str], now_s: float) -> None:
        """From now on these."""
        wanted = set(sources)
        self._held = {source: held for source, held in self._held.items() if source in wanted}
        for source in sorted(wanted - self._held.keys()):
            topic, partition = topic_of(source)
            self._held[source] = Held(source, topic, partition, now_s)

    def place(self, positions: Mapping[str, Position]) -> None:
        """Begin where the store stands."""
        for source in self.unplaced:
            at = positions.get(source)
            self._held[source].place(None if at is None else at.next, 0 if at is None else at.next, 0)

    def next(self, limit: int, now: int, now_s: float) -> Chunk:
        """Give the next records, merged, and what is idle."""
        for held in self._held.values():
            held.put_back()
            held.seen(self._broker.end(held.source, now), now_s)
            held.looked_at = now
            if held.placed and not held.waiting:
                held.fetched(self._broker.fetch(held.source, held.position, now))
        taken = merge(list(self._held.values()), limit, now_s)
        idle = frozenset(held.source for held in self._held.values() if held.idle(now))
        of = {record.source for record in taken} | idle
        spans = {held.source: held.span() for held in self._held.values() if held.source in of}
        last = taken[-1].arrival if taken else now
        held_all = self._held.values()
        merged = frozenset(held.source for held in held_all if held.placed and held.nothing_before(now) >= last)
        return Chunk(tuple(taken), idle, now, merged, spans)

    def keep(self, chunk: Chunk) -> None:
        """This chunk is stored: go on behind it."""
        for source, span in chunk.spans.items():
            if source in self._held:
                self._held[source].kept(span.expect, span.next)

    def rewind(self, now_s: float) -> None:
        """Ask the store anew."""
        for held in self._held.values():
            held.unplace(now_s)

    def unread(self, now: int) -> bool:
        """Whether anything of its sources is readable and not stored."""
        return any(not held.placed or held.low < self._broker.end(held.source, now) for held in self._held.values())
