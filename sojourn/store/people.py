"""Who is who: customer ids, subject ids and the keys of people, for the length of one transaction."""

from collections.abc import Collection, Iterable
from typing import Any, Protocol

from sqlalchemy import Connection, select

from sojourn.store import tables as t
from sojourn.store.sealing import Key, Master
from sojourn.store.sql import Many, Read, among, listed


class Person:
    """A customer with his subject id and his open key."""

    __slots__ = ("customer", "key", "subject")

    def __init__(self, subject: int, customer: str, key: Key) -> None:
        self.subject = subject
        self.customer = customer
        self.key = key


_COLUMNS = (t.subject.c.subject, t.subject.c.customer, t.subject.c.wrapped)
_BY_HASH = Read(
    select(t.subject.c.customer_hash, t.subject.c.subject, t.subject.c.wrapped).where(among(t.subject.c.customer_hash))
)
_BY_SUBJECT = Read(select(*_COLUMNS).where(among(t.subject.c.subject), t.subject.c.wrapped.is_not(None)))

_NEW = Many(t.subject, keys=("customer_hash",))


class Acquainted(Protocol):
    """Who knows people from earlier transactions."""

    def person(self, customer: str) -> Person | None:
        """Give who a customer is, if that is known."""
        ...

    def of(self, subject: int) -> Person | None:
        """Give the person of a subject, if he is known."""
        ...


class People:
    """Looks people up, each once; one statement for all who are not known yet."""

    def __init__(self, connection: Connection, master: Master, acquainted: Acquainted | None = None) -> None:
        self._connection = connection
        self._master = master
        self._acquainted = acquainted
        self._by_customer: dict[str, Person] = {}
        self._by_subject: dict[int, Person] = {}

    def find(self, customers: Collection[str]) -> dict[str, Person]:
        """Give those of the customers who are known."""
        missing = {self._hash(name): name for name in customers if not self._recall(name)}
        if missing:
            unwrap = self._master.unwrap
            for name, subject, wrapped in _BY_HASH.rows(self._connection, {"ids": listed(missing)}):
                self._add(Person(subject, missing[name], unwrap(wrapped)))
        return {name: self._by_customer[name] for name in customers if name in self._by_customer}

    def ensure(self, customers: Collection[str]) -> dict[str, Person]:
        """Give all the customers; unknown ones get a random subject id and a key."""
        people = self.find(customers)
        missing = [name for name in dict.fromkeys(customers) if name not in people]
        fresh = [self._new(name) for name in missing]
        # In one order, because whoever inserts a customer waits for another who is just doing so.
        written = _NEW.write(self._connection, sorted(fresh, key=lambda row: str(row["customer_hash"])))
        if written < len(fresh):
            for name in missing:
                self.forget(self._by_customer[name])
        return people | (self.find(missing) if missing else {})

    def _new(self, customer: str) -> dict[str, Any]:
        wrapped, key = self._master.new_key()
        person = self._add(Person(self._master.new_subject(), customer, key))
        return {
            "subject": person.subject,
            "customer_hash": self._hash(customer),
            "customer": key.seal(b"customer", customer.encode()),
            "wrapped": wrapped,
        }

    def of(self, subjects: Iterable[int]) -> dict[int, Person]:
        """Give those of the subjects who are not erased."""
        wanted = list(dict.fromkeys(subjects))
        missing = [subject for subject in wanted if not self._recall_subject(subject)]
        if missing:
            for subject, customer, wrapped in _BY_SUBJECT.rows(self._connection, {"ids": listed(missing)}):
                key = self._master.unwrap(wrapped)
                self._add(Person(subject, key.open(b"customer", customer).decode(), key))
        return {subject: self._by_subject[subject] for subject in wanted if subject in self._by_subject}

    def forget(self, person: Person) -> None:
        """Drop a person who was erased; from now on nobody is believed who was known before this transaction."""
        self._acquainted = None
        self._by_customer.pop(person.customer, None)
        self._by_subject.pop(person.subject, None)

    def known(self) -> Iterable[Person]:
        """Give all who were looked up."""
        return self._by_subject.values()

    def _recall(self, customer: str) -> bool:
        if customer in self._by_customer:
            return True
        person = None if self._acquainted is None else self._acquainted.person(customer)
        return person is not None and self._add(person) is person

    def _recall_subject(self, subject: int) -> bool:
        if subject in self._by_subject:
            return True
        person = None if self._acquainted is None else self._acquainted.of(subject)
        return person is not None and self._add(person) is person

    def _add(self, person: Person) -> Person:
        self._by_customer[person.customer] = person
        self._by_subject[person.subject] = person
        return person

    def _hash(self, customer: str) -> str:
        return self._master.search("customer", customer)
