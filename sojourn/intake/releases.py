"""The books by release: which one judges an instant, and which releases a customer has still to meet (Q43, Q45)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sojourn.core.book import Book
from sojourn.errors import TryLater
from sojourn.records import Position

RELEASED: Final = "releases"  # position: how many releases there are, and when the last one takes effect


class BookMissing(TryLater):
    """A release is in force whose book this process has not loaded yet: it decides nothing until it has."""


@dataclass(frozen=True, slots=True)
class Released:
    """One release: its number, its instant, what becomes of live runs, and the book from then on."""

    number: int
    at: int
    running: Literal["stay", "move", "drain"]
    book: Book


@dataclass(frozen=True, slots=True)
class Releases:
    """All releases, oldest first and without a gap; the first has always been in force."""

    all: tuple[Released, ...]

    @classmethod
    def only(cls, book: Book) -> "Releases":
        """Give the releases of a world that has seen one."""
        return cls((Released(1, 0, "stay", book),))

    def at(self, now: int) -> Released:
        """Give the release in force at an instant; one that takes effect at it is (N7: control first)."""
        for released in reversed(self.all):
            if released.at <= now:
                return released
        return self.all[0]

    def numbered(self, number: int) -> Released:
        """Give a release by its number.

        Raises:
            BookMissing: A customer has met it through another process, and this one has not loaded it.
        """
        if number > self.all[-1].number:
            raise self._missing(number)
        return self.all[number - self.all[0].number]

    def to_meet(self, met: int, now: int) -> Sequence[Released]:
        """Give the releases after one that a customer has met, as far as they are in force at an instant."""
        first = self.all[0].number
        if met - first + 1 >= len(self.all):
            return ()
        return [released for released in self.all[met - first + 1 :] if released.at <= now]

    def check(self, positions: Mapping[str, Position], now: int) -> None:
        """Raise BookMissing when a release that is in force by now is not among these."""
        newest = positions.get(RELEASED)
        if newest is not None and newest.next > self.all[-1].number and newest.stored_to <= now:
            raise self._missing(newest.next)

    def _missing(self, number: int) -> BookMissing:
        return BookMissing(
            "A release is in force that this process has not loaded",
            release=number,
            loaded=self.all[-1].number,
            next_step="It is loaded now, and the same work is tried again.",
        )
