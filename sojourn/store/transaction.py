"""A transaction on a SQL database: each method is one piece of work that runs where its connection lives."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sojourn.core.model import Row
from sojourn.ports import Tx
from sojourn.records import (
    Changed,
    Claimed,
    DeadLetter,
    Due,
    Inbox,
    LetterState,
    Move,
    Outgoing,
    Partitions,
    Position,
    Published,
    Queued,
    Settled,
    Stored,
    TombKey,
    Verdict,
    Waiver,
)
from sojourn.store import admin, leaving, log, outbox, turns
from sojourn.store import customers as in_parts
from sojourn.store import events as came
from sojourn.store.context import Context

P = ParamSpec("P")
T = TypeVar("T")


class Place(Protocol):
    """Where the connection of a transaction lives: a thread, or the event loop."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work there, with errors told in the store's words."""
        ...


class SqlTx(Tx):
    """A transaction whose methods each run as one job in the place of its connection."""

    def __init__(self, place: Place, context: Context) -> None:
        self._place = place
        self._context = context

    async def _run(self, work: Callable[Concatenate[Context, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._place.run(work, self._context, *args, **kwargs)

    async def now(self) -> int:
        """See ``Tx.now``."""
        return await self._run(came.now)

    async def known(self, events: Sequence[tuple[str, bytes]]) -> Sequence[Verdict]:
        """See ``Tx.known``."""
        return await self._run(came.known, events)

    async def load(
        self,
        customers: Collection[str],
        tombs: Collection[TombKey] = (),
        *,
        every_tomb: bool = False,
        wait: bool = True,
    ) -> Mapping[str, Stored]:
        """See ``Tx.load``."""
        return await self._run(in_parts.load, customers, tombs, every_tomb, wait)

    async def save(self, changes: Sequence[Changed], now: int) -> Mapping[str, Stored]:
        """See ``Tx.save``."""
        return await self._run(in_parts.save, changes, now)

    async def append_inbox(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_inbox``."""
        await self._run(came.append_inbox, entries)

    async def append_conflicts(self, entries: Sequence[Inbox]) -> None:
        """See ``Tx.append_conflicts``."""
        await self._run(came.append_conflicts, entries)

    async def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See ``Tx.append_dead_letters``."""
        await self._run(came.append_dead_letters, letters)

    async def close_dead_letters(self, numbers: Collection[int], state: LetterState, now: int) -> int:
        """See ``Tx.close_dead_letters``."""
        return await self._run(came.close_dead_letters, numbers, state, now)

    async def append_log(self, rows: Sequence[Row]) -> None:
        """See ``Tx.append_log``."""
        await self._run(log.append, rows)

    async def enqueue(self, orders: Sequence[Queued]) -> None:
        """See ``Tx.enqueue``."""
        await self._run(outbox.enqueue, orders)

    async def withdraw(self, message_ids: Collection[str]) -> frozenset[str]:
        """See ``Tx.withdraw``."""
        return await self._run(outbox.withdraw, message_ids)

    async def due(
        self, now: int, limit: int, after: Due | None = None, partitions: Partitions | None = None
    ) -> Sequence[Due]:
        """See ``Tx.due``."""
        return await self._run(in_parts.due, now, limit, after, partitions)

    async def next_due(self) -> int | None:
        """See ``Tx.next_due``."""
        return await self._run(in_parts.next_due)

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
        """See ``Tx.claim``."""
        return await self._run(outbox.claim, outbox.Terms(now, release, patient), slots, lease_until, worker)

    async def settle(self, worker: str, results: Sequence[Settled]) -> frozenset[str]:
        """See ``Tx.settle``."""
        return await self._run(outbox.settle, worker, results)

    async def position(self, source: str) -> Position | None:
        """See ``Tx.position``."""
        return await self._run(came.position, source)

    async def positions(self) -> Mapping[str, Position]:
        """See ``Tx.positions``."""
        return await self._run(came.positions)

    async def advance(self, moves: Sequence[Move]) -> None:
        """See ``Tx.advance``."""
        await self._run(came.advance, moves)

    async def waive(self, waiver: Waiver) -> None:
        """See ``Tx.waive``."""
        await self._run(came.waive, waiver)

    async def waivers(self) -> Sequence[Waiver]:
        """See ``Tx.waivers``."""
        return await self._run(came.waivers)

    async def take_turns(self, journey: str, count: int, step: int, now: int) -> int:
        """See ``Tx.take_turns``."""
        return await self._run(turns.take_turns, journey, count, step, now)

    async def send_out(self, records: Sequence[Outgoing]) -> None:
        """See ``Tx.send_out``."""
        await self._run(leaving.send_out, records)

    async def going_out(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """See ``Tx.going_out``."""
        return await self._run(leaving.going_out, limit)

    async def gone_out(self, numbers: Collection[int]) -> None:
        """See ``Tx.gone_out``."""
        await self._run(leaving.gone_out, numbers)

    async def publications(self) -> Sequence[Published]:
        """See ``Tx.publications``."""
        return await self._run(admin.publications)

    async def add_publication(self, publication: Published) -> None:
        """See ``Tx.add_publication``."""
        await self._run(admin.add_publication, publication)

    async def customers(
        self, after: int, limit: int, journey: str | None = None, version: int | None = None
    ) -> Sequence[tuple[int, str]]:
        """See ``Tx.customers``."""
        return await self._run(in_parts.page, after, limit, journey, version)

    async def erase(self, customer: str, now: int) -> bool:
        """See ``Tx.erase``."""
        return await self._run(admin.erase, customer, now)

    async def forget_inbox(self, before: int, limit: int) -> int:
        """See ``Tx.forget_inbox``."""
        return await self._run(came.forget_inbox, before, limit)

    async def forget_log(self, before: int, limit: int) -> int:
        """See ``Tx.forget_log``."""
        return await self._run(log.forget, before, limit)

    async def secret(self, name: str) -> bytes:
        """See ``Tx.secret``."""
        return await self._run(leaving.secret, name)
