"""How far timers may go: up to where every source that may carry a customer's events is stored (design.md, "Time").

A source is a partition of a topic, ``kafka:TOPIC/PARTITION``. Where each record of a topic lies in the partition that
its customer id names, only that partition counts for a customer; of any other topic all do. A source that nobody has
moved for ten minutes is stalled. Embedded mode has one source and waits for nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Final

from sojourn.core.model import Behind
from sojourn.records import Partitions, Position, Waiver

PREFIX: Final = "kafka:"
STALLED_MS: Final = 600_000
BEHIND_MS: Final = 30_000
MARGIN_MS: Final = 2_000  # for replication and skew of clocks
FOREVER: Final = 1 << 62
MOST_PLACES: Final = 4_096
_UNEVEN_MS: Final = 1_000


def source_of(topic: str, partition: int) -> str:
    """Give the name of a source."""
    return f"{PREFIX}{topic}/{partition}"


def topic_of(source: str) -> tuple[str, int]:
    """Give topic and partition of a source's name."""
    topic, _, partition = source.removeprefix(PREFIX).rpartition("/")
    return topic, int(partition)


@dataclass(frozen=True, slots=True)
class Slowest:
    """The source that holds a customer's timers back: timers due before ``stored_to`` may run."""

    source: str
    stored_to: int
    stalled: bool = False

    @property
    def behind(self) -> Behind:
        """What decide gets to know of it."""
        return Behind(self.source, self.stored_to)


_NOTHING: Final = Slowest("", FOREVER)


@dataclass(frozen=True, slots=True)
class Frontier:
    """The slowest source of each place of customers at an instant; as many places as topics have partitions."""

    now: int
    slowest: tuple[Slowest, ...] = (_NOTHING,)

    @property
    def count(self) -> int:
        """How many places are told apart."""
        return len(self.slowest)

    def of(self, place: int) -> Slowest:
        """Give what holds back the customers of a place (``place_of(customer)``)."""
        return self.slowest[place % len(self.slowest)]

    @property
    def open_to(self) -> int:
        """The instant before which nobody's timers have to wait, never after now."""
        return min(self.now + 1, *(one.stored_to for one in self.slowest))

    @property
    def worst(self) -> Slowest:
        """The source that is stored least far."""
        return min(self.slowest, key=lambda one: one.stored_to)

    @property
    def is_behind(self) -> bool:
        """Whether some source is read more than 30 s late: marketing and care are not handed over meanwhile."""
        return self.worst.stored_to < self.now - BEHIND_MS

    def groups(self) -> Iterable[tuple[int, Partitions | None]]:
        """Give instants and whose timers before them may run: all, then those whose sources are clearly further."""
        base = self.open_to
        yield base, None
        limits = [min(self.now + 1, one.stored_to) for one in self.slowest]
        for limit in sorted(set(limits)):
            if limit >= base + _UNEVEN_MS:
                base = limit
                among = frozenset(place for place, mine in enumerate(limits) if mine >= limit)
                yield limit, Partitions(len(limits), among)

    def stalled(self) -> Iterable[tuple[Slowest, Partitions]]:
        """Give each stalled source with the customers whose timers it holds back."""
        by_source: dict[Slowest, set[int]] = {}
        for place, one in enumerate(self.slowest):
            if one.stalled:
                by_source.setdefault(one, set()).add(place)
        for one, places in by_source.items():
            yield one, Partitions(len(self.slowest), frozenset(places))


def frontier(
    positions: Mapping[str, Position], counts: Mapping[str, int], waivers: Iterable[Waiver], now: int
) -> Frontier:
    """Give how far timers may go at an instant.

    Args:
        positions: How far each source is stored, as the store knows.
        counts: The topics whose records are events, with their number of partitions; a partition without a
            position holds everything back from the start.
        waivers: What people have said need not be waited for.
        now: The store's clock, ms.
    """
    waived = {one.source for one in waivers if one.at <= now < one.until}
    keyed = [topic for topic in counts if all(_of(positions, topic, n).keyed for n in range(counts[topic]))]
    places = lcm(*(counts[topic] for topic in keyed)) if keyed else 1
    if places > MOST_PLACES:
        keyed, places = [], 1
    slowest = [_NOTHING] * places
    for topic, count in counts.items():
        for n in range(count):
            source = source_of(topic, n)
            if source in waived:
                continue
            at = _of(positions, topic, n)
            unmoved = source in positions and max(at.moved_at, at.stored_to) <= now - STALLED_MS
            one = Slowest(source, at.stored_to, unmoved)
            for place in range(n, places, count) if topic in keyed else range(places):
                if one.stored_to < slowest[place].stored_to:
                    slowest[place] = one
    return Frontier(now, tuple(slowest))


_NEVER_READ: Final = Position(0, 0, 0)


def _of(positions: Mapping[str, Position], topic: str, partition: int) -> Position:
    return positions.get(source_of(topic, partition), _NEVER_READ)
