"""One decision under way: a working copy of a customer's state that is frozen again at the end.

The parts of the state are frozen values; a turn replaces them as it goes, so the caller's state stays as
it was and parts that nothing touched stay the same objects (design.md, "Made to be searched").
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from sojourn.core.book import Book, Journey, Node, Value
from sojourn.core.conditions import Expression, Frame
from sojourn.core.ids import key_text, values_by_field
from sojourn.core.model import (
    Applied,
    Behind,
    Cause,
    Command,
    Decision,
    Event,
    Hot,
    Memory,
    Note,
    Profile,
    Row,
    Run,
    Send,
    State,
    Tomb,
    Touch,
)
from sojourn.core.profile import Customer
from sojourn.core.types import decode, encode

replace = msgspec.structs.replace


class Turn:
    """The draft of a decision. Methods that change something take and keep frozen values."""

    __slots__ = (
        "_before", "_runs_own", "_tombs_own", "_view", "arrival", "behind", "book", "clock", "customer", "memory",
        "now", "out", "profile", "runs", "sends", "state", "tombs", "touches", "upto",
    )  # fmt: skip

    def __init__(self, book: Book, state: State, now: int) -> None:
        self.book = book
        self.state = state
        self.now = now
        self.arrival = now  # of the event at hand: "in time" is judged by it (Q38, Q47)
        self.upto = now  # timers due by then run
        self.behind: Behind | None = None
        self.customer = state.customer
        self.clock = state.hot.clock
        self.sends: tuple[Send, ...] = state.hot.sends
        self.touches: tuple[Touch, ...] = state.hot.touches
        self.profile: Profile = state.profile
        self.memory: Memory = state.memory
        self.runs: Mapping[str, Run] = state.runs  # copied with the first change, as are the tombs
        self.tombs: Mapping[tuple[str, str], Tomb] = state.tombs
        self.out: list[Command] = []
        self._runs_own: dict[str, Run] | None = None
        self._tombs_own: dict[tuple[str, str], Tomb] | None = None
        self._view: Customer | None = None
        self._before: Customer | None = None

    # ---- the result

    def decision(self) -> Decision:
        """Freeze the draft; parts that did not change are the caller's own objects."""
        old = self.state
        hot = old.hot
        if self.sends is not hot.sends or self.touches is not hot.touches or self._runs_own is not None:
            hot = Hot(max(self.clock, self.now), self.sends, self.touches)
        if (
            hot is old.hot
            and self.profile is old.profile
            and self.memory is old.memory
            and self._runs_own is None
            and self._tombs_own is None
        ):
            return Decision(old, tuple(self.out))
        state = State(self.customer, hot, self.profile, self.memory, self.runs, self.tombs)
        return Decision(state, tuple(self.out))

    # ---- the profile

    @property
    def view(self) -> Customer:
        """The customer as of now."""
        if self._view is None:
            self._view = Customer(self.book, self.profile, self.now)
        return self._view

    @property
    def zone(self) -> str:
        """The customer's zone as of now (N2)."""
        return self.view.zone

    @property
    def before(self) -> Customer | None:
        """The customer as he was before the event at hand, for ``before.customer.``."""
        return self._before

    def set_profile(self, profile: Profile) -> None:
        """Take a new profile; what it was stays readable as ``before``."""
        self._before = Customer(self.book, self.profile, self.now)
        self.profile = profile
        self._view = None

    # ---- conditions

    def journey(self, run: Run | Send) -> Journey:
        """The version that a run is pinned to (N16)."""
        return self.book.journeys[run.journey, run.version]

    def frame(
        self,
        facts: Mapping[str, Any],
        params: Mapping[str, Any],
        event: Mapping[str, Any] | None = None,
        run: Run | None = None,
    ) -> Frame:
        """Give the values that a condition may name at this moment."""
        view = self.view
        return Frame(
            event=event,
            facts=facts,
            customer=view,
            before=self._before or view,
            params=params,
            now=self.now,
            zone=view.zone,
            run_id=run.id if run else "",
            sent=run.sent if run else (),
            locale=view.locale,
            words=self.book.words,
        )

    def run_frame(self, run: Run, event: Mapping[str, Any] | None = None) -> Frame:
        """Give the frame of a run's conditions."""
        return self.frame(run.facts, self.journey(run).params, event, run)

    def cause_frame(self, run: Run, cause: Cause) -> Frame:
        """Give the frame of a step: with the event that it runs under, as far as it was kept."""
        return self.run_frame(run, self.fields_of(cause))

    def fields_of(self, cause: Cause) -> Mapping[str, Any] | None:
        """Give the kept fields of the event that a step runs under, typed."""
        if cause.fields is None or cause.type is None:
            return None
        types = self.book.event_types.get(cause.type, {})
        return {name: decode(types[name], wire) for name, wire in cause.fields.items() if name in types}

    def cause_of(self, journey: Journey, event: Event) -> Cause:
        """Keep of an event what later steps of the journey read."""
        wanted = journey.reads.get(event.type)
        fields = None
        if wanted:
            types = self.book.event_types[event.type]
            fields = {name: encode(types[name], event.payload.get(name)) for name in sorted(wanted)}
        return Cause(event.id, event.trace_id, event.type, fields)

    # ---- runs

    def put_run(self, run: Run) -> Run:
        """Keep a new value of a run."""
        self._own_runs()[run.id] = run
        return run

    def drop_run(self, run: Run) -> None:
        """Forget a run that has ended and has nothing open any more."""
        del self._own_runs()[run.id]

    def _own_runs(self) -> dict[str, Run]:
        if self._runs_own is None:
            self.runs = self._runs_own = dict(self.state.runs)
        return self._runs_own

    def put_tomb(self, journey: str, key: str, tomb: Tomb) -> None:
        """Keep what stays of ended runs of a key."""
        if self._tombs_own is None:
            self.tombs = self._tombs_own = dict(self.state.tombs)
        self._tombs_own[journey, key] = tomb

    def live_runs(self, only: Callable[[Run], bool] | None = None) -> list[Run]:
        """Give the runs that have not ended, oldest first, in an order that depends on content alone."""
        live = [run for run in self.runs.values() if run.ended is None and (only is None or only(run))]
        if len(live) > 1:
            live.sort(key=self.age)
        return live

    def age(self, run: Run | Send) -> tuple[int, str, str]:
        """Give the order of runs: start, journey, key as canonical JSON (Q36)."""
        return (run.started, run.journey, key_text(self.journey(run).key, run.key))

    def sends_of(self, run: str) -> Iterable[Send]:
        """Give the open messages and calls of a run."""
        return (send for send in self.sends if send.run == run)

    def saved(self) -> tuple[Any, ...]:
        """Give what ``restore`` needs to undo everything since."""
        runs = None if self._runs_own is None else dict(self._runs_own)
        tombs = None if self._tombs_own is None else dict(self._tombs_own)
        return (self.sends, self.touches, self.profile, self.memory, runs, tombs, len(self.out))

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Undo everything since ``saved``."""
        self.sends, self.touches, self.profile, self.memory, self._runs_own, self._tombs_own, told = saved
        self.runs = self.state.runs if self._runs_own is None else self._runs_own
        self.tombs = self.state.tombs if self._tombs_own is None else self._tombs_own
        del self.out[told:]
        self._view = None

    # ---- messages

    def add_send(self, send: Send) -> None:
        """Keep a new open message."""
        self.sends = (*self.sends, send)

    def put_send(self, send: Send) -> None:
        """Keep a new value of an open message."""
        self.sends = tuple(send if old.id == send.id else old for old in self.sends)

    def drop_send(self, send: Send) -> None:
        """Forget a message that is terminal."""
        self.sends = tuple(old for old in self.sends if old.id != send.id)

    # ---- output

    def note(self, kind: str, journey: Journey, key: tuple[Any, ...] = (), **more: Any) -> None:
        """Tell something that is no message."""
        named = values_by_field(journey.key, key) if key else {}
        self.out.append(Note(kind=kind, journey=journey.id, key=named, version=journey.version, at=self.now, **more))

    def row(self, send: Send, status: str, reason: str | None = None, **more: Any) -> None:
        """Write the row of a decision about a message (N22); one that was let past a stalled source names it."""
        if send.behind is not None:
            more["detail"] = {**more.get("detail", {}), "stalled_source": send.behind}
        journey = self.journey(send)
        node = journey.nodes.get(send.ref) or _node_before(self.book, send)
        call = send.channel == "call"
        template = getattr(node, "name" if call else "template", None)
        info = self.book.templates.get(template) if template and not call else None
        self.out.append(
            Row(
                message_id=send.id,
                customer_id=self.customer,
                journey=send.journey,
                journey_version=send.version,
                key=values_by_field(journey.key, send.key),
                step=send.step,
                template=template,
                template_version=info.version if info else None,
                locale=self.view.locale,
                channel=send.channel,
                status=status,
                reason=reason,
                due_at=send.due,
                decided_at=self.now,
                event_id=send.cause.event_id,
                trace_id=send.cause.trace_id,
                run_id=send.run,
                klass=send.klass,
                anchor=send.anchor or None,
                **more,
            )
        )


def _node_before(book: Book, send: Send) -> Node | None:
    """Give the step as an earlier version had it: its open message outlived it when the run was moved (Q43)."""
    versions = sorted((v for name, v in book.journeys if name == send.journey and v < send.version), reverse=True)
    nodes = (book.journeys[send.journey, version].nodes.get(send.ref) for version in versions)
    return next((node for node in nodes if node is not None), None)


def mark_sent(turn: Turn, send: Send, *more: str) -> None:
    """Note that a step of a run has sent something, for ``sent('step')``, cool-downs and the cap."""
    run = turn.runs.get(send.run)
    if run is None or send.channel == "call":
        return
    new = tuple(name for name in (send.step, *more) if name not in run.sent)
    if new:
        turn.put_run(replace(run, sent=run.sent + new))


def value_of(value: Value, frame: Frame) -> Any:
    """Give a constant, or an expression's value."""
    return value(frame) if isinstance(value, Expression) else value


def raise_applied(applied: tuple[Applied, ...], event: Event) -> tuple[Applied, ...]:
    """Remember that a run has taken an event, so that an older one of its kind is stale (Q29)."""
    if event.seq is None:
        return applied
    new = Applied(event.type, f"{event.entity_type}|{event.entity_id}", event.source, event.seq)
    for n, old in enumerate(applied):
        if (old.type, old.entity, old.source) == (new.type, new.entity, new.source):
            return applied if old.seq >= new.seq else (*applied[:n], new, *applied[n + 1 :])
    return (*applied, new)


def is_stale(applied: tuple[Applied, ...], event: Event) -> bool:
    """Tell whether a run has taken the same or a later event of its type, entity and source (Q29)."""
    if event.seq is None:
        return False
    entity = f"{event.entity_type}|{event.entity_id}"
    return any(
        old.type == event.type and old.entity == entity and old.source == event.source and old.seq >= event.seq
        for old in applied
    )
