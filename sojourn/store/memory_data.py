"""The twin's tables: plain dicts whose changes can be taken back, and looked behind, while a transaction runs."""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import msgspec

from sojourn.core.model import Row
from sojourn.records import (
    Attempt,
    DeadLetter,
    Kept,
    LetterState,
    Message,
    Outgoing,
    Position,
    Published,
    Queued,
    Stored,
    Waiver,
)

K = TypeVar("K")
V = TypeVar("V")
_NOTHING: Any = object()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox."""

    subject: int
    queued: Queued
    channel: str
    lane: int
    until: int | None
    revision: int | None
    attempt: int = 0
    lease_until: int | None = None
    worker: str | None = None


class Filed(msgspec.Struct, frozen=True):
    """A dead letter with its state."""

    state: LetterState
    letter: DeadLetter


class Data:
    """All tables, and the journal of the transaction under way."""

    def __init__(self) -> None:
        self.subjects: dict[str, int] = {}  # customer -> subject
        self.customers: dict[int, str] = {}  # subject -> customer; an erased one is in neither
        self.stored: dict[int, Stored] = {}
        self.inbox: dict[int, tuple[int, Kept]] = {}  # seq -> subject, input
        self.newest: dict[str, int] = {}  # arrival -> the newest that was ever stored
        self.digests: dict[str, bytes] = {}
        self.conflicts: dict[int, tuple[int, Kept]] = {}
        self.letters: dict[int, Filed] = {}
        self.log: dict[int, tuple[int, Row]] = {}
        self.messages: dict[str, tuple[int, int, Message]] = {}  # message -> subject, seq, standing
        self.orders: dict[str, Order] = {}
        self.attempts: dict[int, tuple[int | None, Attempt]] = {}
        self.terms: dict[tuple[str, int], bool] = {}
        self.positions: dict[str, Position] = {}
        self.waivers: dict[str, Waiver] = {}
        self.turns: dict[str, int] = {}
        self.outgoing: dict[int, Outgoing] = {}
        self.secrets: dict[str, bytes] = {}
        self.publications: dict[int, Published] = {}
        self._numbers = count(1)
        self._journal: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def put(self, table: MutableMapping[K, V], key: K, value: V) -> None:
        """Set an entry, so that it can be taken back."""
        self._journal.append((table, key, table.get(key, _NOTHING)))
        table[key] = value

    def drop(self, table: MutableMapping[K, V], key: K) -> None:
        """Remove an entry, so that it can be taken back."""
        self._journal.append((table, key, table.pop(key)))

    def append(self, table: MutableMapping[int, V], made: Callable[[int], V]) -> int:
        """Add an entry under a number that was never given before, and give the number."""
        number = next(self._numbers)
        self.put(table, number, made(number))
        return number

    def commit(self) -> None:
        """Keep what was done since the last commit or rollback."""
        self._journal.clear()

    def rollback(self) -> None:
        """Take back what was done since the last commit or rollback."""
        self._swap(backwards=True)
        self._journal.clear()

    @contextmanager
    def committed(self) -> Iterator[None]:
        """Show the tables as they were before the transaction under way; nobody may await meanwhile."""
        self._swap(backwards=True)
        try:
            yield
        finally:
            self._swap(backwards=False)

    def _swap(self, *, backwards: bool) -> None:
        order = range(len(self._journal))
        for place in reversed(order) if backwards else order:
            table, key, other = self._journal[place]
            self._journal[place] = (table, key, table.get(key, _NOTHING))
            if other is _NOTHING:
                del table[key]
            else:
                table[key] = other
