"""Sends what waits for the output topics: at least once, in order for each key, and drops what is confirmed.

The records wait in the store, written by the transactions that decided. Whoever sends has them locked, so
that of many processes one at a time sends. A crash between confirmation and drop sends records again, with the
same ids; so does a broker that answers too late.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sojourn.kafka.access import KafkaAccess
from sojourn.places import place_of
from sojourn.ports import Store
from sojourn.records import Outgoing

LIMIT: Final = 500
#: A transaction that waits longer is ended by the database (4 s without a statement).
WAIT_S: Final = 2.5
START_S: Final = 3.0
STOP_S: Final = 2.0
REST_MS: Final = 1_000
#: Bounds how long a request to a silent broker holds up the end of the process.
REQUEST_MS: Final = 10_000
BATCH_BYTES: Final = 128 * 1024

Ticket = tuple[int, str]
Flight = asyncio.Future[Any]


class Publisher:
    """Brings records from the store to the broker. ``run_once`` raises only what the store raises.

    ``trouble`` says in words why nothing goes out, or None. ``clock`` gives ms; it stamps the records and spaces
    the tries while the broker is away.
    """

    def __init__(
        self,
        access: KafkaAccess,
        store: Store,
        clock: Callable[[], int],
        *,
        limit: int = LIMIT,
        wait_s: float = WAIT_S,
        client_id: str = "sojourn-outputs",
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._limit = limit
        self._wait_s = wait_s
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._flying: dict[Ticket, Flight] = {}
        self._rest_until = 0
        self.trouble: str | None = None

    async def run_once(self) -> int:
        """Send the oldest records that wait, at most ``limit``, and give how many are out for good.

        0: nothing waits, another process sends, or the broker is away (``trouble`` tells); call again in a moment.

        Raises:
            TryLater: The store could not be used; nothing is lost.
        """
        if self._clock() < self._rest_until or not await self._connected() or not await self._landed():
            return 0
        async with self._store.transaction() as tx:
            waiting = await tx.going_out(self._limit)
            gone = await self._send(waiting) if waiting else []
            if gone:
                await tx.gone_out(gone)
        if len(gone) == len(waiting):
            self._flying.clear()
            self.trouble = None
        return len(gone)

    async def stop(self) -> None:
        """Close the connection, bounded; what is not confirmed goes out again later."""
        producer, self._producer = self._producer, None
        self._forget()
        if producer is not None:
            await _close(producer)

    # ---- inside

    async def _connected(self) -> bool:
        """Have a producer; outside of any transaction, because it may take seconds."""
        if self._producer is not None:
            return True
        producer = AIOKafkaProducer(
            **self._access.arguments(),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_MS,
        )
        try:
            async with asyncio.timeout(START_S):
                await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _close(producer)
            self._rest(f"The broker cannot be reached: {_said(error)}")
            return False
        except BaseException:
            await _close(producer)
            raise
        self._producer = producer
        return True

    async def _landed(self) -> bool:
        """Wait for records that were handed to the producer before and have no answer yet, without a transaction."""
        open_ones = [flight for flight in self._flying.values() if not flight.done()]
        if open_ones:
            await asyncio.wait(open_ones, timeout=self._wait_s)
        failed = _first_error(self._flying.values())
        if failed is not None:
            await self._give_up(failed)
            return False
        return all(flight.done() for flight in self._flying.values())

    async def _send(self, waiting: Sequence[tuple[int, Outgoing]]) -> list[int]:
        """Hand records over and wait; give the numbers of those confirmed that none of their key went before."""
        known, self._flying = self._flying, {}
        failed: BaseException | None = None
        try:
            async with asyncio.timeout(self._wait_s):
                absent = await self._absent({record.topic for _, record in waiting})
                fresh = []
                for number, record in waiting:
                    ticket = (number, record.id)
                    if ticket in known:
                        self._flying[ticket] = known[ticket]
                    elif record.topic not in absent:
                        fresh.append((ticket, record))
                await self._hand_over(fresh)
                if self._flying:
                    await asyncio.wait(self._flying.values())
        except (KafkaError, OSError, TimeoutError) as error:
            failed = error
        gone = _in_order(waiting, self._flying)
        if failed is None:
            failed = _first_error(self._flying.values())
        if isinstance(failed, TimeoutError) and not isinstance(failed, KafkaError):
            self._rest("The broker does not confirm records; they wait in the store")
        elif failed is not None:
            await self._give_up(failed)
        return gone

    async def _absent(self, topics: Collection[str]) -> frozenset[str]:
        """Give the topics that the brokers do not have; their records wait, those of the others go."""
        assert self._producer is not None
        client = self._producer.client
        unknown = [topic for topic in topics if client.cluster.partitions_for_topic(topic) is None]
        if unknown:
            for topic in unknown:
                client.add_topic(topic)
            await client.force_metadata_update()
        absent = frozenset(topic for topic in unknown if client.cluster.partitions_for_topic(topic) is None)
        if absent:
            self._rest(f"The brokers have no topic {', '.join(sorted(absent))}. `sojourn topics` creates it")
        return absent

    async def _hand_over(self, records: Iterable[tuple[Ticket, Outgoing]]) -> None:
        """Hand records to the producer, those of a partition together: one by one costs nearly twice as much."""
        assert self._producer is not None
        for (topic, partition), lot in self._lots(records).items():
            waiting = deque(lot)
            while waiting:
                batch, tickets = self._batch(waiting)
                flight: Flight = await self._producer.send_batch(batch, topic, partition=partition)
                self._flying.update(dict.fromkeys(tickets, flight))

    def _lots(self, records: Iterable[tuple[Ticket, Outgoing]]) -> dict[tuple[str, int], list[tuple[Ticket, Outgoing]]]:
        """Give the records of each partition, in order; a customer's lie where every client of Kafka looks for them."""
        assert self._producer is not None
        cluster = self._producer.client.cluster
        lots: dict[tuple[str, int], list[tuple[Ticket, Outgoing]]] = defaultdict(list)
        for ticket, record in records:
            place = place_of(record.key) if record.key else ticket[0]
            lots[record.topic, place % len(cluster.partitions_for_topic(record.topic))].append((ticket, record))
        return lots

    def _batch(self, waiting: deque[tuple[Ticket, Outgoing]]) -> tuple[Any, list[Ticket]]:
        """Take as many records as one batch holds."""
        assert self._producer is not None
        batch, tickets, now = self._producer.create_batch(), list[Ticket](), self._clock()
        while waiting:
            ticket, record = waiting[0]
            if batch.append(timestamp=now, key=record.key.encode() or None, value=record.body) is None:
                break
            tickets.append(ticket)
            waiting.popleft()
        return batch, tickets

    async def _give_up(self, error: BaseException) -> None:
        """Begin anew with another producer: after an error this one may keep order no longer."""
        await self.stop()
        self._rest(f"The broker does not take records: {_said(error)}")

    def _rest(self, trouble: str) -> None:
        self.trouble = trouble
        self._rest_until = self._clock() + REST_MS

    def _forget(self) -> None:
        for flight in self._flying.values():
            flight.add_done_callback(_error)  # an error that nobody asks for would be logged as lost
        self._flying = {}


def _in_order(waiting: Sequence[tuple[int, Outgoing]], flying: Mapping[Ticket, Flight]) -> list[int]:
    """Give the numbers of confirmed records, for each key only up to the first that is not confirmed."""
    held: set[tuple[str, str]] = set()
    gone: list[int] = []
    for number, record in waiting:
        flight = flying.get((number, record.id))
        lane = (record.topic, record.key)
        if flight is None or not flight.done() or _error(flight) is not None or (record.key and lane in held):
            held.add(lane)
        else:
            gone.append(number)
    return gone


def _first_error(flights: Iterable[Flight]) -> BaseException | None:
    return next((found for found in map(_error, flights) if found is not None), None)


def _error(flight: Flight) -> BaseException | None:
    if not flight.done():
        return None
    return asyncio.CancelledError() if flight.cancelled() else flight.exception()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()[:200]


async def _close(producer: AIOKafkaProducer) -> None:
    """Stop a producer within a few seconds, also one whose broker has gone silent."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await producer.stop()
            return
    # It waits for records that nobody will confirm: cut the connections, then end its tasks.
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await producer.client.close()
            await producer._sender.close()
