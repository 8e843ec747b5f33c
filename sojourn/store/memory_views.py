"""What people read, on the twin in memory: only what is committed."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from sojourn.core.model import Row, State
from sojourn.ports import Views
from sojourn.records import (
    COUNTED,
    LANES,
    Attempt,
    Kept,
    LaneDepth,
    Letter,
    LetterState,
    LogFilter,
    LogPage,
    MessagePage,
    Position,
    RunCount,
    Stored,
    Timeline,
    Waiting,
    Waiver,
)
from sojourn.store.customers import position_of
from sojourn.store.events import term_form
from sojourn.store.memory_data import Data
from sojourn.store.paging import ends_of, merged, next_cursor, number_of

T = TypeVar("T")
replace = msgspec.structs.replace


def _newest(entries: Iterable[tuple[int, T]], limit: int, cursor: str | None) -> list[tuple[int, T]]:
    """One more than asked, newest first, behind the cursor."""
    end = number_of(cursor)
    behind = [entry for entry in entries if end is None or entry[0] < end]
    return sorted(behind, key=lambda entry: entry[0], reverse=True)[: limit + 1]


def _values(found: Sequence[tuple[int, T]], limit: int) -> tuple[T, ...]:
    return tuple(value for _, value in found[:limit])


def _next(found: Sequence[tuple[int, T]], limit: int) -> str | None:
    return next_cursor([number for number, _ in found], limit)


class MemoryViews(Views):
    """Reads the tables as they were before the transaction under way."""

    def __init__(self, data: Data) -> None:
        self._data = data

    async def log(self, where: LogFilter, limit: int, cursor: str | None = None) -> LogPage:
        """See ``Views.log``."""
        with self._data.committed():
            subject = None if where.customer_id is None else self._data.subjects.get(where.customer_id, 0)
            rows = [
                (seq, row)
                for seq, (owner, row) in self._data.log.items()
                if (subject is None or owner == subject)
                and where.journey in (None, row.journey)
                and where.status in (None, row.status)
                and (where.since is None or row.decided_at >= where.since)
            ]
        found = _newest(rows, limit, cursor)
        return LogPage(_values(found, limit), _next(found, limit))

    async def message(self, message_id: str) -> tuple[Sequence[Row], Sequence[Attempt]]:
        """See ``Views.message``."""
        with self._data.committed():
            rows = [row for _, row in self._data.log.values() if row.message_id == message_id]
            tried = [one for _, one in self._data.attempts.values() if one.message_id == message_id]
        return rows, tried

    async def timeline(self, customer: str, limit: int, cursor: str | None = None) -> Timeline:
        """See ``Views.timeline``."""
        inbox_end, log_end = ends_of(cursor)
        with self._data.committed():
            subject = self._data.subjects.get(customer)
            came = [(seq, kept) for seq, (owner, kept) in self._data.inbox.items() if owner == subject]
            said = [(seq, row) for seq, (owner, row) in self._data.log.items() if owner == subject]
        kept = [entry for _, entry in _newest(came, limit, inbox_end)]
        return merged(kept, _newest(said, limit, log_end), limit, cursor)

    async def customer(self, customer: str) -> Stored | None:
        """See ``Views.customer``."""
        with self._data.committed():
            subject = self._data.subjects.get(customer)
            if subject is None:
                return None
            return self._data.stored.get(subject) or Stored(subject, 0, None, "normal", State(customer))

    async def find(self, term: str, limit: int) -> Sequence[str]:
        """See ``Views.find``."""
        with self._data.committed():
            exact = [term] if term in self._data.subjects else []
            owners = sorted(subject for name, subject in self._data.terms if name == term_form(term))
            return list(dict.fromkeys([*exact, *(self._data.customers[owner] for owner in owners)]))[:limit]

    async def messages(self, statuses: Collection[str], limit: int, cursor: str | None = None) -> MessagePage:
        """See ``Views.messages``."""
        with self._data.committed():
            every = [(seq, m) for _, seq, m in self._data.messages.values() if m.status in statuses]
        found = _newest(every, limit, cursor)
        return MessagePage(_values(found, limit), _next(found, limit))

    async def message_counts(self) -> Mapping[str, int]:
        """See ``Views.message_counts``."""
        with self._data.committed():
            return dict(sorted(Counter(m.status for _, _, m in self._data.messages.values()).items()))

    async def dead_letters(
        self, state: LetterState | None, limit: int, cursor: str | None = None, *, reason: str | None = None
    ) -> tuple[Sequence[Letter], str | None]:
        """See ``Views.dead_letters``."""
        with self._data.committed():
            every = [
                (number, Letter(number=number, state=filed.state, letter=filed.letter))
                for number, filed in self._data.letters.items()
                if state in (None, filed.state) and reason in (None, filed.letter.reason)
            ]
        found = _newest(every, limit, cursor)
        return _values(found, limit), _next(found, limit)

    async def dead_letter(self, number: int) -> Letter | None:
        """See ``Views.dead_letter``."""
        with self._data.committed():
            filed = self._data.letters.get(number)
        return None if filed is None else Letter(number=number, state=filed.state, letter=filed.letter)

    async def dead_letter_counts(self) -> Mapping[str, int]:
        """See ``Views.dead_letter_counts``."""
        with self._data.committed():
            reasons = (f.letter.reason for f in self._data.letters.values() if f.state == "open")
            return dict(sorted(Counter(reasons).items()))

    async def conflicts(self, limit: int, cursor: str | None = None) -> tuple[Sequence[Kept], str | None]:
        """See ``Views.conflicts``."""
        with self._data.committed():
            every = [(seq, kept) for seq, (_, kept) in self._data.conflicts.items()]
        found = _newest(every, limit, cursor)
        return _values(found, limit), _next(found, limit)

    async def counts(self) -> Mapping[str, int]:
        """See ``Views.counts``."""
        with self._data.committed():
            data = self._data
            live = [run for s in data.stored.values() for run in s.state.runs.values() if run.ended is None]
            return {
                "customers": len(data.subjects),
                "events": len(data.inbox),
                "rows": len(data.log),
                "conflicts": len(data.conflicts),
                "dead_letters": sum(filed.state == "open" for filed in data.letters.values()),
                "runs": len(live),
            }

    async def runs(self) -> Sequence[RunCount]:
        """See ``Views.runs``."""
        with self._data.committed():
            live = Counter(
                (run.journey, run.version, position_of(run))
                for stored in self._data.stored.values()
                for run in stored.state.runs.values()
                if run.ended is None
            )
        return [RunCount(*place, count) for place, count in sorted(live.items())]

    async def lanes(self) -> Sequence[LaneDepth]:
        """See ``Views.lanes``."""
        with self._data.committed():
            orders = list(self._data.orders.values())
        depths = []
        for channel, lane in sorted({(order.channel, order.lane) for order in orders}):
            here = [order for order in orders if (order.channel, order.lane) == (channel, lane)]
            waiting = [order.queued.ready_at for order in here if order.lease_until is None]
            calling = len(here) - len(waiting)
            depths.append(LaneDepth(channel, LANES[lane], len(waiting), calling, min(waiting, default=None)))
        return depths

    async def waiting(self, most: int = COUNTED) -> Waiting:
        """See ``Views.waiting``."""
        lanes, letters = await self.lanes(), await self.dead_letter_counts()
        doubts = (await self.message_counts()).get("in_doubt", 0)
        with self._data.committed():
            timers = [(stored.lane, stored.due) for stored in self._data.stored.values() if stored.due is not None]
            outgoing = len(self._data.outgoing)
        return Waiting(
            lanes=tuple(replace(one, ready=min(most, one.ready)) for one in lanes),
            due={lane: min(at for here, at in timers if here == lane) for lane in dict(timers)},
            letters={reason: min(most, count) for reason, count in letters.items()},
            in_doubt=min(most, doubts),
            outgoing=min(most, outgoing),
        )

    async def positions(self) -> Mapping[str, Position]:
        """See ``Views.positions``."""
        with self._data.committed():
            return dict(sorted(self._data.positions.items()))

    async def waivers(self) -> Sequence[Waiver]:
        """See ``Views.waivers``."""
        with self._data.committed():
            return [waiver for _, waiver in sorted(self._data.waivers.items())]
