"""The way in from Kafka: a chunk is read, becomes inputs, and is one transaction; then the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from sojourn.core.model import Event
from sojourn.definitions.catalogue import Catalogue
from sojourn.errors import TryLater
from sojourn.intake.apply import Applied, Incoming, Reading
from sojourn.intake.decode import Refused, decode
from sojourn.intake.mapping import Ignored, Topics
from sojourn.kafka.reader import Reader
from sojourn.kafka.values import Chunk, Record
from sojourn.places import place_of

BATCH: Final = 500
WAIT_S: Final = 0.2
IDLE_MS: Final = 400
TAKEN_S: Final = 30.0

Apply = Callable[[Sequence[Incoming], Reading], Awaitable[Applied]]


class Batch:
    """A chunk on its way through an agent; ``done`` says when it is stored, or why it is not."""

    __slots__ = ("chunk", "done")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Inflow:
    """Reads chunk by chunk. ``hand`` brings a batch to ``take``: at once, or through an agent.

    Args:
        reader: What gives chunks.
        apply: Stores one in one transaction.
        clock: Milliseconds UTC.
    """

    def __init__(self, reader: Reader, apply: Apply, clock: Callable[[], int]) -> None:
        self._reader, self._apply, self._clock = reader, apply, clock
        self._catalogue: Catalogue | None = None
        self._topics: Topics | None = None
        self._counts: Mapping[str, int] = {}
        self._looked_at = 0
        self.hand: Callable[[Batch], Awaitable[None]] = self.take
        self.ignored = 0
        self.stopped: frozenset[str] = frozenset()

    def use(self, catalogue: Catalogue, topics: Topics, counts: Mapping[str, int]) -> None:
        """Take what the release in force says of topics, and how many partitions each has."""
        self._catalogue, self._topics, self._counts = catalogue, topics, counts

    async def turn(self) -> int:
        """Read and store one chunk; give how many records it held.

        Raises:
            TryLater: It was not stored; the same records come again.
        """
        chunk = await self._reader.next(BATCH, WAIT_S)
        if not chunk.records and (not chunk.idle or chunk.looked_at < self._looked_at + IDLE_MS):
            return 0
        batch = Batch(chunk)
        try:
            async with asyncio.timeout(TAKEN_S):
                await self.hand(batch)
                await batch.done
        except TimeoutError:
            batch.done.cancel()
            await self._reader.rewind()
            raise TryLater(
                "A batch of records was not taken", seconds=TAKEN_S, next_step="It is read again; see the agents' log"
            ) from None
        except BaseException:
            batch.done.cancel()
            await self._reader.rewind()
            raise
        self._looked_at = chunk.looked_at
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

    async def _store(self, chunk: Chunk) -> None:
        incoming = [one for record in chunk.records if (one := self._incoming(record)) is not None]
        reading = Reading(
            expect={source: span.expect for source, span in chunk.spans.items()},
            next={source: span.next for source, span in chunk.spans.items()},
            merged=chunk.merged,
            idle=chunk.idle,
            looked_at=chunk.looked_at,
        )
        await self._apply(incoming, reading)
        await self._reader.keep(chunk)

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
            self.ignored += 1
            return None
        read = mapped if isinstance(mapped, Refused) else decode(mapped, self._catalogue, self._clock())
        raw = mapped if isinstance(mapped, bytes) else record.value or b""
        keyed = not isinstance(read, Event) or self._lies_right(record, read.customer)
        return Incoming(
            raw=raw, read=read, source=record.source, position=record.offset, stamp=record.timestamp, keyed=keyed
        )

    def _lies_right(self, record: Record, customer: str) -> bool:
        """Whether a record lies in the partition that its customer's id names."""
        return place_of(customer) % self._counts.get(record.topic, 1) == record.partition
