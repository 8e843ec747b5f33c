"""What a process remembers of customers between transactions, so that it need not read and open them again.

A state is used again only as of the very revision that the database has behind the customer's lock; each save makes a
new revision, whoever does it. After a transaction that failed nothing is believed any more.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from sojourn.records import Stored
from sojourn.store.people import Person

#: Parts of states, of about 3 KB each: some 1,500 customers of whom little is under way, fewer of whom much is.
MOST: Final = 8_000
_ALWAYS: Final = 4  # who he is, his profile, his memory, the rest


def weight(stored: Stored) -> int:
    """Give how many parts a customer's state has."""
    return _ALWAYS + len(stored.state.hot.sends) + len(stored.state.runs)


class Remembered:
    """The customers that were stored last, with at most so many parts in all."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._weight = 0
        self._people: dict[str, Person] = {}
        self._names: dict[int, str] = {}
        self._stored: dict[int, Stored] = {}

    def person(self, customer: str) -> Person | None:
        """Give who a customer is, if that is remembered."""
        return self._people.get(customer)

    def of(self, subject: int) -> Person | None:
        """Give the person of a subject, if he is remembered."""
        name = self._names.get(subject)
        return None if name is None else self._people[name]

    def as_of(self, subject: int, revision: int) -> Stored | None:
        """Give a customer without his tombs as of a revision, if that is what is remembered."""
        found = self._stored.get(subject)
        return found if found is not None and found.revision == revision else None

    def keep(self, people: Iterable[Person], stored: Iterable[Stored]) -> None:
        """Remember what a transaction has committed."""
        known = {person.subject: person for person in people}
        for one in stored:
            person = known.get(one.subject)
            if person is None:
                continue
            state = one.state
            bare = msgspec.structs.replace(one, state=msgspec.structs.replace(state, tombs={})) if state.tombs else one
            self._drop(one.subject)
            self._people[person.customer] = person
            self._names[one.subject] = person.customer
            self._stored[one.subject] = bare
            self._weight += weight(bare)
        while self._weight > self._most:
            self._drop(next(iter(self._stored)))

    def forget(self) -> None:
        """Believe nothing any more."""
        self._people.clear()
        self._names.clear()
        self._stored.clear()
        self._weight = 0

    def _drop(self, subject: int) -> None:
        stored = self._stored.pop(subject, None)
        if stored is not None:
            self._weight -= weight(stored)
            self._people.pop(self._names.pop(subject), None)  # he may be there twice: erased, and back
