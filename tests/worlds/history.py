"""What was decided in a world, in the order in which it counts: of each customer the inputs of committed transactions.

The use cases are not changed: who decides is watched. Inputs of a transaction that is rolled back never happened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import msgspec

import sojourn.core.decide
from sojourn.core import drive
from sojourn.core.book import Book
from sojourn.core.model import Decision, Input, State
from sojourn.intake import ledger

_notes: ContextVar["list[Decided] | None"] = ContextVar("notes", default=None)


class Decided(msgspec.Struct, frozen=True):
    """One input that met a customer at an instant, by the book of a release."""

    customer: str
    what: Input
    now: int
    book: int


@dataclass
class History:
    """The inputs of each customer, oldest first, and what was wrong when they were written."""

    inputs: dict[str, list[Decided]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def begin(self) -> "list[Decided]":
        """A transaction begins in this task."""
        notes: list[Decided] = []
        _notes.set(notes)
        return notes

    def keep(self, notes: "list[Decided]") -> None:
        """A transaction has been committed; whom it did not save was not changed, but rows may tell of him."""
        for one in notes:
            self.inputs.setdefault(one.customer, []).append(one)


@contextmanager
def watched(history: History) -> Iterator[None]:
    """Watch what is decided, for transactions that began with ``History.begin``."""
    before = sojourn.core.decide.decide

    def decide(book: Book, state: State, what: Input, now: int) -> Decision:
        notes = _notes.get()
        if notes is not None:
            notes.append(Decided(state.customer, what, now, book.number))
        return before(book, state, what, now)

    ledger.decide = drive.decide = decide  # type: ignore[attr-defined]
    try:
        yield
    finally:
        ledger.decide = drive.decide = before  # type: ignore[attr-defined]
