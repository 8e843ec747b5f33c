"""Releases of the project, and forgetting a person."""

from sqlalchemy import delete, func, insert, select, update

from sojourn.ports import Conflict
from sojourn.records import Published
from sojourn.store import tables as t
from sojourn.store.context import Context
from sojourn.store.customers import lock


def publications(context: Context) -> list[Published]:
    """See ``Tx.publications``."""
    rows = context.connection.execute(select(t.publication).order_by(t.publication.c.number))
    return [Published(**row._mapping) for row in rows]


def add_publication(context: Context, publication: Published) -> None:
    """See ``Tx.add_publication``."""
    last = context.connection.execute(select(func.max(t.publication.c.number))).scalar() or 0
    if publication.number != last + 1:
        raise number_taken(publication.number, last)
    values = {name: getattr(publication, name) for name in publication.__struct_fields__}
    context.connection.execute(insert(t.publication), values)


def number_taken(number: int, last: int) -> Conflict:
    """Give the error of a release that somebody else has overtaken."""
    return Conflict(
        "The release is not the next one: somebody else released first",
        number=number,
        last=last,
        next_step="Look at the newest release and release again.",
    )


def erase(context: Context, customer: str, now: int) -> bool:
    """See ``Tx.erase``.

    SQLite overwrites deleted bytes: the key is gone from the file, not only unlinked. PostgreSQL's log of writes and
    its backups keep the sealed bytes, and the wrapped key with them, until they are recycled or removed.
    """
    person = context.people.find([customer]).get(customer)
    connection = context.connection
    letters = t.dead_letter.c.customer_hash == context.master.search("customer", customer)
    connection.execute(update(t.dead_letter).where(letters).values(sealed=None, customer_hash=None))
    if person is None:
        return False
    if context.shared:
        lock(context, [person.subject], wait=True)
    for table in (t.part, t.run, t.tomb, t.due, t.outbox, t.search):
        connection.execute(delete(table).where(table.c.subject == person.subject))
    for table, column in ((t.inbox, "raw"), (t.conflict, "raw"), (t.log, "sealed"), (t.attempt, "text")):
        connection.execute(update(table).where(table.c.subject == person.subject).values({column: None}))
    gone = {"customer_hash": None, "customer": None, "wrapped": None, "erased_at": now}
    connection.execute(update(t.subject).where(t.subject.c.subject == person.subject).values(gone))
    context.people.forget(person)
    context.revisions.pop(person.subject, None)
    context.loaded.pop(person.subject, None)
    context.erased = True
    return True
