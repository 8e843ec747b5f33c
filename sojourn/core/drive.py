"""Driving one customer through time: ticks before an event, and the rest of an instant after it (N7).

Hosts (simulate, intake, timers, delivery) use these so that the order of things stands in one place.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sojourn.core.book import Book
from sojourn.core.decide import decide
from sojourn.core.due import next_due
from sojourn.core.ids import key_text
from sojourn.core.memory import key_of
from sojourn.core.model import Behind, Command, Event, Note, Row, State, Tick
from sojourn.core.runs import ALL_RUNS
from sojourn.core.starts_day import coming_days

_MOST_TICKS = 1_000_000


class Driven(NamedTuple):
    """A state and the commands of the way to it."""

    state: State
    commands: list[Command]


def advance(book: Book, state: State, before: int, upto: int | None = None) -> Driven:
    """Run every tick that is due before an instant, each at its own due time; hand-overs stay ready."""
    return complete(book, state, before - 1, upto)


def complete(book: Book, state: State, at: int, upto: int | None = None) -> Driven:
    """Run every tick that is due up to and with an instant: all its arrivals have been applied.

    With ``upto`` timers after that instant stay: they wait for another source. Messages that the arrivals have made
    are judged all the same.
    """
    upto = at if upto is None else min(upto, at)
    state, commands = _tick(book, state, upto)
    for _ in range(_MOST_TICKS):
        fresh = [send.next_at for send in state.hot.sends if send.status == "new"]
        if not fresh or max(fresh) > at:
            break
        decision = decide(book, state, Tick(upto), max(fresh))
        if decision.state is state:
            break
        state = decision.state
        commands.extend(decision.commands)
    return Driven(state, commands)


def let_through(book: Book, state: State, now: int, behind: Behind) -> Driven:
    """Run of what is due by now only that which must not wait for a stalled source (design.md, "Time")."""
    commands: list[Command] = []
    for _ in range(_MOST_TICKS):
        decision = decide(book, state, Tick(now, behind), now)
        if decision.state is state:
            break
        state = decision.state
        commands.extend(decision.commands)
    return Driven(state, commands)


def _tick(book: Book, state: State, upto: int) -> Driven:
    """Run ticks one due instant after the other; one before the customer's clock comes late and takes only its own."""
    commands: list[Command] = []
    for _ in range(_MOST_TICKS):
        due = next_due(book, state)
        if due is None or due > upto:
            break
        decision = decide(book, state, Tick(due), due)
        if decision.state is state:
            break
        state = decision.state
        commands.extend(decision.commands)
    return Driven(state, commands)


def tick_tomb_keys(book: Book, state: State) -> Iterator[tuple[str, str]]:
    """Name the ended runs that the starts of a coming tick will ask for: days and silences."""
    for journey, _, day in coming_days(book, state.memory, state.profile, state.hot.clock):
        for key in day.keys:
            yield journey.id, key_text(journey.key, key)
        if journey.again.per_customer:
            yield journey.id, ALL_RUNS
    for silence in state.memory.silences:
        current = book.current.get(silence.journey)
        if current is not None:
            journey = book.journeys[silence.journey, current]
            yield journey.id, key_text(journey.key, tuple(silence.by for _ in journey.key))
            yield journey.id, ALL_RUNS


def started_tomb_keys(book: Book, commands: Iterable[Command]) -> Iterator[tuple[str, str]]:
    """Name the ended runs that starts of past ticks have asked for: they would have kept them from starting."""
    for command in commands:
        if isinstance(command, Note):
            if command.kind != "started":
                continue
            version = command.version or 0
        elif isinstance(command, Row) and command.reason == "not_entered":
            version = command.journey_version
        else:
            continue
        journey = book.journeys[command.journey, version]
        values = tuple(command.key.get(field) for field in journey.key)
        yield journey.id, ALL_RUNS if journey.again.per_customer else key_text(journey.key, values)


def tomb_keys(book: Book, event: Event) -> Iterator[tuple[str, str]]:
    """Name the ended runs that an event's starts will ask for: (journey, canonical key or "*")."""
    for journey in (*book.starts_at.get(event.type, ()), *book.becomes):
        key = key_of(journey, event)
        if key is not None:
            yield journey.id, key_text(journey.key, key)
        if journey.again.per_customer:
            yield journey.id, ALL_RUNS
