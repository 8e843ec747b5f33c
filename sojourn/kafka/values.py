"""What reading gives: records, in chunks, with the place of each source before and after."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from sojourn.intake.frontier import PREFIX


def place_in(source: str) -> tuple[str, int] | None:
    """Give topic and partition of a source, None for one that is not of Kafka."""
    topic, slash, partition = source.removeprefix(PREFIX).rpartition("/")
    return (topic, int(partition)) if source.startswith(PREFIX) and slash and partition.isdigit() else None


class Share(NamedTuple):
    """The partitions whose number leaves this rest: of all topics the same ones, so that a customer's are together."""

    number: int = 0
    of: int = 1

    def has(self, partition: int) -> bool:
        """Tell whether a partition is among them."""
        return partition % self.of == self.number


WHOLE: Final = Share()
HALVES: Final = (Share(0, 2), Share(1, 2))


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as the broker has it.

    ``timestamp`` is the record's own; ``arrival`` is neither before that of the record in front of it in its
    partition nor after the clock when it was fetched (design.md, Time). Both are milliseconds UTC. ``epoch`` names
    the life of the topic: another one once it is deleted and created anew.
    """

    source: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    arrival: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    epoch: str = ""


class Span(msgspec.Struct, frozen=True):
    """Where a source stands in the store (None: nowhere yet), and where once this chunk is stored, in which life."""

    expect: int | None
    next: int
    epoch: str = ""


class Chunk(msgspec.Struct, frozen=True):
    """Records of several sources, oldest first; the order of each source is kept.

    ``idle`` are the sources of which, besides the records here, nothing was unread at the instant ``looked_at``:
    once this chunk is stored they are stored up to then; it is told once for each look. ``merged`` are the sources of
    which nothing is unread that is older than the last record here. ``spans`` tells of each source with records here
    or idle what its move expects and where it leads; offsets may jump (compaction, markers of transactions).
    """

    records: tuple[Record, ...] = ()
    idle: frozenset[str] = frozenset()
    looked_at: int = 0
    merged: frozenset[str] = frozenset()
    spans: Mapping[str, Span] = {}


class Notice(msgspec.Struct, frozen=True):
    """Something that an operator should know about a source.

    recreated: the topic was deleted and created anew, or its end was cut off; it is read from where new ones begin.
    expired: retention deleted records before they were read; they are lost, reading goes on behind them.
    """

    kind: Literal["recreated", "expired"]
    source: str
    stored: int
    found: int
