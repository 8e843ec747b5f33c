"""The engine on a simulated clock: the same decisions, no waiting, no network (interfaces.md).

Every hand-over is answered at the same instant: all messages due at t in their order (N7), then their
outcomes, then the messages that these produce. Its intake is never behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any

import msgspec

from sojourn.core.book import Book
from sojourn.core.decide import decide
from sojourn.core.due import due_after, next_due
from sojourn.core.model import (
    Answer,
    CallOut,
    Deliver,
    Event,
    Input,
    Note,
    Outcome,
    Publication,
    Row,
    State,
    Tick,
)
from sojourn.core.projections import merge
from sojourn.core.starts_day import arm_days
from sojourn.core.ticks import TooManyTimers
from sojourn.core.turn import Turn
from sojourn.core.zones import DAY
from sojourn.rendering import MessageFacts, MissingVariable, Renderer, RenderFailed

_LINKS_LAST = 30 * DAY
_MOST_TICKS = 100_000  # an instant comes to rest long before; this guards the engine's own invariant
_IDS_BUCKET = 30 * DAY
_IDS_KEPT = 3  # whole buckets before the present one: ids are known for at least 90 days (N8)

WriteRow = Callable[[Row], None]
WriteNote = Callable[[Note], None]


@dataclass
class Tally:
    """What a simulation has done so far."""

    events: int = 0
    decisions: int = 0
    duplicates: int = 0
    rows: dict[str, int] = field(default_factory=dict)


class World:
    """All customers of a simulation; feed it inputs in order of time, it writes rows as they are decided."""

    def __init__(
        self,
        book: Book,
        renderer: Renderer | None,
        write: WriteRow,
        *,
        notes: WriteNote | None = None,
        answers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.book = book
        self.renderer = renderer
        self.tally = Tally()
        self._write = write
        self._notes = notes
        self._answers = answers or {}
        self.states: dict[str, State] = {}
        self._due: dict[str, int | None] = {}
        self._heap: list[tuple[int, str]] = []
        self._ids: dict[int, set[int]] = {}

    # ---- inputs

    def know(self, customer: str, partial: Mapping[str, Any], at: int) -> None:
        """Let a customer's profile be known from an instant on (Q48); an absent consent date is the earliest."""
        state = self.states.get(customer, State(customer))
        turn = Turn(self.book, state, at)
        turn.set_profile(merge(self.book, state.profile, partial, 0))
        arm_days(turn, known=True)
        self._keep(state, turn.decision().state, at)

    def feed(self, event: Event) -> None:
        """Apply an event at its arrival, after every timer that was due before it."""
        self.run_before(event.arrival)
        if self._is_known(event):
            self.tally.duplicates += 1
            return
        self.tally.events += 1
        self._put(event.customer, event, event.arrival)

    def publish(self, book: Book, renderer: Renderer | None, running: Publication, at: int) -> None:
        """Put a new book in force at an instant, before all else of that instant (N7, Q45)."""
        self.run_before(at)
        self.book = book
        self.renderer = renderer
        for customer in list(self.states):
            self._put(customer, running, at)

    def run_before(self, instant: int) -> None:
        """Run everything that is due before an instant."""
        heap = self._heap
        while heap and heap[0][0] < instant:
            due, customer = heappop(heap)
            if self._due.get(customer) == due:
                self._tick(customer, due)

    def run_through(self, instant: int) -> None:
        """Run everything that is due up to and with an instant (Q48)."""
        self.run_before(instant + 1)

    def due_of(self, customer: str) -> int | None:
        """Give when a customer has something due next, as far as known."""
        return self._due.get(customer)

    # ---- one customer

    def _tick(self, customer: str, due: int) -> None:
        state = self.states[customer]
        for _ in range(_MOST_TICKS):
            state = self._decide(state, Tick(), due)
            again = next_due(self.book, state)
            if again is None or again > due:
                break
        else:
            raise TooManyTimers(customer)
        self.states[customer] = state
        self._due[customer] = again
        if again is not None:
            heappush(self._heap, (again, customer))

    def _put(self, customer: str, what: Input, now: int) -> None:
        state = self.states.get(customer)
        if state is None:
            state = State(customer)
        self._keep(state, self._decide(state, what, now), now)

    def _keep(self, old: State, new: State, now: int) -> None:
        customer = new.customer
        self.states[customer] = new
        if customer in self._due:
            before = self._due[customer]
            due = due_after(self.book, old, new, before, now) if before is not None else next_due(self.book, new)
        else:
            before, due = None, next_due(self.book, new)
        self._due[customer] = due
        if due is not None and due != before:
            heappush(self._heap, (due, customer))

    def _decide(self, state: State, what: Input, now: int, text: Mapping[str, Any] | None = None) -> State:
        """Decide, and answer every hand-over and call at the same instant."""
        self.tally.decisions += 1
        decision = decide(self.book, state, what, now)
        state = decision.state
        for command in decision.commands:
            if isinstance(command, Row):
                self._row(msgspec.structs.replace(command, **text) if text and command.status == "sent" else command)
            elif isinstance(command, Deliver):
                state = self._deliver(state, command, now)
            elif isinstance(command, CallOut):
                state = self._call(state, command, now)
            elif self._notes is not None:
                self._notes(command)
        return state

    def _deliver(self, state: State, deliver: Deliver, now: int) -> State:
        if self.renderer is None:
            return self._decide(state, Outcome(deliver.message_id, "accepted"), now)
        facts = MessageFacts(deliver.message_id, deliver.klass, deliver.zone, now + _LINKS_LAST)
        try:
            done = self.renderer.render(deliver.template, deliver.channel, deliver.locale, deliver.values, facts)
        except (MissingVariable, RenderFailed) as error:
            reason = "missing_variable" if isinstance(error, MissingVariable) else "render_failed"
            return self._decide(state, Outcome(deliver.message_id, "unrendered", reason, dict(error.data)), now)
        text = {"subject": done.subject, "text": done.text, "html": done.html, "locale": done.locale}
        return self._decide(state, Outcome(deliver.message_id, "accepted"), now, text)

    def _call(self, state: State, call: CallOut, now: int) -> State:
        state = self._decide(state, Outcome(call.message_id, "accepted"), now)
        if call.answers:
            state = self._decide(state, Answer(call.message_id, self._answers.get(call.name, call.example)), now)
        return state

    def _row(self, row: Row) -> None:
        self.tally.rows[row.status] = self.tally.rows.get(row.status, 0) + 1
        self._write(row)

    # ---- ids

    def _is_known(self, event: Event) -> bool:
        """Tell whether the id was seen in the last 90 days; memory does not grow with the number of events."""
        bucket = event.arrival // _IDS_BUCKET
        if bucket not in self._ids:
            self._ids = {n: ids for n, ids in self._ids.items() if n >= bucket - _IDS_KEPT}
            self._ids[bucket] = set()
        mark = int.from_bytes(blake2b(event.id.encode(), digest_size=8).digest())
        if any(mark in ids for ids in self._ids.values()):
            return True
        self._ids[bucket].add(mark)
        return False
