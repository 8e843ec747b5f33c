"""The way in from Kafka: a chunk is read, becomes inputs, and is one transaction; then the next one.

In a backlog the partitions are read in two halves side by side, so that one is decided while the database works for
the other. A customer is in one half whatever the topic, as long as all topics have an even number of partitions and
records lie where their customers put them; otherwise his events could overtake each other, and all is read as one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from math import lcm
from typing import Final

import structlog

from sojourn.bootstrap.beside import side_by_side
from sojourn.bootstrap.traceparent import Headers, following
from sojourn.core.model import Event
from sojourn.definitions.catalogue import Catalogue
from sojourn.errors import TryLater
from sojourn.intake.apply import Applied, Incoming, Reading
from sojourn.intake.decode import Refused, decode
from sojourn.intake.frontier import MOST_PLACES
from sojourn.intake.mapping import Ignored, Topics
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import HALVES, WHOLE, Chunk, Record, Share
from sojourn.places import place_of
from sojourn.ports import Conflict

BATCH: Final = 300
WAIT_S: Final = 0.2
IDLE_MS: Final = 250
TAKEN_S: Final = 30.0
CONFLICT_S: Final = 0.05
ENOUGH_BAD: Final = 500

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")

Apply = Callable[[Sequence[Incoming], Reading], Awaitable[Applied]]


class Taster:
    """Tells when too many of a topic's latest records are bad: most of them, and not just a few."""

    __slots__ = ("bad", "seen")

    def __init__(self) -> None:
        self.bad = self.seen = 0

    def spoilt(self, bad: bool) -> bool:
        """Count one more record, and tell whether it is enough; what is long ago counts less."""
        self.seen += 1
        self.bad += bad
        if self.seen >= 2 * ENOUGH_BAD:
            self.seen, self.bad = self.seen // 2, self.bad // 2
        return self.bad >= ENOUGH_BAD // 2 and 2 * self.bad > self.seen


class Batch:
    """A chunk on its way through an agent; ``done`` says when it is stored, or why it is not."""

    __slots__ = ("chunk", "done")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def stored(self) -> None:
        """Wait until it is; raises why it is not.

        Raises:
            TryLater: Whoever had it was ended: it may be stored or not.
        """
        await asyncio.wait({self.done})
        if self.done.cancelled():
            raise TryLater("An agent was ended with a batch of records", next_step="They are read again")
        self.done.result()


class Inflow:
    """Reads chunk by chunk. ``hand`` brings a batch to ``take``: at once, or through an agent.

    ``stopped`` are topics of which too many records are bad: this process does not read them any more. ``follow`` gives
    an event the trace that its record's headers name.

    Args:
        make: Gives a reader of some topics, not started.
        apply: Stores a batch in one transaction.
        clock: Milliseconds UTC.
    """

    def __init__(self, make: Callable[[Collection[str]], Reader], apply: Apply, clock: Callable[[], int]) -> None:
        self._make, self._apply, self._clock = make, apply, clock
        self._catalogue: Catalogue | None = None
        self._topics: Topics | None = None
        self._counts: Mapping[str, int] = {}
        self._looked_at: dict[Share, int] = {}
        self._shares: tuple[Share, ...] = (WHOLE,)
        self._read: frozenset[str] = frozenset()
        self._stray = False  # a record was read that lies in another partition than its customer's
        self._tasters: dict[str, Taster] = {}
        self.reader: Reader | None = None
        self.hand: Callable[[Batch], Awaitable[None]] = self.take
        self.follow: Callable[[Event, Headers], Event] = following
        self.stopped: frozenset[str] = frozenset()

    def use(self, catalogue: Catalogue, topics: Topics, counts: Mapping[str, int]) -> None:
        """Take what the release in force says of topics, and how many partitions each has."""
        self._catalogue, self._topics, self._counts = catalogue, topics, counts

    async def stop(self) -> None:
        """Leave the group, bounded."""
        reader, self.reader = self.reader, None
        if reader is not None:
            await reader.stop()

    async def turn(self) -> int:
        """Read and store one chunk, in a backlog one of each half; give how many records that were.

        Raises:
            TryLater: It was not stored; the same records come again.
        """
        reader = await self._reading()
        if len(self._shares) == 1:
            count = await self._turn(reader, WHOLE, WAIT_S)
        else:
            shares, self._shares = self._shares, (WHOLE,)
            count = sum(await side_by_side(*(self._turn(reader, share, 0.0) for share in shares)))
        self._shares = HALVES if count >= BATCH and self._halves(reader) else (WHOLE,)
        return count

    def _halves(self, reader: Reader) -> bool:
        """Whether each customer's records are in one half, and nothing in the other holds his timers back."""
        even = all(count % len(HALVES) == 0 for count in self._counts.values())
        return even and lcm(*self._counts.values()) <= MOST_PLACES and not self._stray and reader.keyed

    async def _turn(self, reader: Reader, share: Share, wait_s: float) -> int:
        chunk = await reader.next(BATCH, wait_s, share)
        if not chunk.records and (not chunk.idle or chunk.looked_at < self._looked_at.get(share, 0) + IDLE_MS):
            return 0
        batch = Batch(chunk)
        try:
            async with asyncio.timeout(TAKEN_S):
                await self.hand(batch)
                await batch.stored()
        except TimeoutError:
            batch.done.cancel()
            await reader.rewind(share)
            raise TryLater(
                "A batch of records was not taken", seconds=TAKEN_S, next_step="It is read again; see the agents' log"
            ) from None
        except Conflict as error:  # common while partitions move: read on from where the store stands
            log.info("a batch of records was somebody else's", what=error.what)
            await reader.rewind(share)
            await asyncio.sleep(CONFLICT_S)
            return 0
        except BaseException:
            batch.done.cancel()
            await reader.rewind(share)
            raise
        self._looked_at[share] = chunk.looked_at
        await reader.keep(chunk)
        return len(chunk.records)

    async def take(self, batch: Batch) -> None:
        """Store a batch and say so; never raises, a batch that nobody waits for any more is left alone."""
        if batch.done.done():
            return
        try:
            await self._store(batch.chunk)
        except asyncio.CancelledError:
            batch.done.cancel()
            raise
        except Exception as error:
            if not batch.done.done():
                batch.done.set_exception(error)
        else:
            if not batch.done.done():
                batch.done.set_result(None)

    async def _reading(self) -> Reader:
        """Give the reader of the topics that are to be read now; another one when they have changed."""
        assert self._topics is not None, "use comes first"
        wanted = frozenset(self._topics.names) - self.stopped
        if self.reader is None or wanted != self._read:
            await self.stop()
            self.reader, self._read = self._make(wanted), wanted
            await self.reader.start()
        return self.reader

    async def _store(self, chunk: Chunk) -> None:
        mapped = [(record, one) for record in chunk.records if (one := self._incoming(record)) is not None]
        reading = Reading(
            expect={source: span.expect for source, span in chunk.spans.items()},
            next={source: span.next for source, span in chunk.spans.items()},
            merged=chunk.merged,
            idle=chunk.idle,
            looked_at=chunk.looked_at,
            epochs={source: span.epoch for source, span in chunk.spans.items()},
        )
        self._stray = self._stray or any(not one.keyed for _, one in mapped)
        await self._apply([one for _, one in mapped], reading)
        for record, one in mapped:
            if self._tasters.setdefault(record.topic, Taster()).spoilt(isinstance(one.read, Refused)):
                self._stop_reading(record.topic)

    def _stop_reading(self, topic: str) -> None:
        if topic not in self.stopped:
            self.stopped |= {topic}
            log.error(
                "too many records of a topic are bad; it is not read any more",
                topic=topic,
                next_step="Look at the dead letters, put the publisher right, then restart the worker",
            )

    def _incoming(self, record: Record) -> Incoming | None:
        assert self._topics is not None, "use comes first"
        assert self._catalogue is not None, "use comes first"
        identity = f"{record.source}@{record.epoch}:{record.offset}"
        mapped = self._topics.read(
            record.topic,
            record.key,
            record.value,
            record.headers,
            identity=identity,
            timestamp=record.timestamp,
        )
        if isinstance(mapped, Ignored):
            return None
        read = mapped if isinstance(mapped, Refused) else decode(mapped, self._catalogue, self._clock())
        if record.headers and isinstance(read, Event):
            read = self.follow(read, record.headers)
        if isinstance(mapped, bytes) and isinstance(read, Event):
            raw = mapped
        else:  # as it came, with key and headers: it may be mapped anew
            raw = self._topics.kept(
                record.topic,
                record.key,
                record.value,
                record.headers,
                identity=identity,
                timestamp=record.timestamp,
            )
        keyed = not isinstance(read, Event) or self._lies_right(record, read.customer)
        return Incoming(
            raw=raw, read=read, source=record.source, position=record.offset, stamp=record.timestamp, keyed=keyed
        )

    def _lies_right(self, record: Record, customer: str) -> bool:
        """Whether a record lies in the partition that its customer's id names."""
        return place_of(customer) % self._counts.get(record.topic, 1) == record.partition
