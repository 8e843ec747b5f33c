"""What the SQL modules share within one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sojourn.records import Stored
from sojourn.store.months import Months
from sojourn.store.people import People
from sojourn.store.remembered import Remembered
from sojourn.store.sealing import Master


@dataclass(slots=True)
class Context:
    """One transaction: its connection, keys, people, the revisions that it has seen or written, and who is loaded.

    ``clock`` None: the database's own. ``months`` is there where inbox and log lie in pieces of time.
    """

    connection: Connection
    master: Master
    clock: Callable[[], int] | None
    months: Months | None = None
    memory: Remembered | None = None
    people: People = field(init=False)
    revisions: dict[int, int] = field(default_factory=dict)
    loaded: dict[int, Stored] = field(default_factory=dict)
    saved: dict[int, Stored] = field(default_factory=dict)
    erased: bool = False

    def __post_init__(self) -> None:
        # Who is remembered may have been erased by another process; only a lock on his row tells that.
        self.people = People(self.connection, self.master, self.memory if self.shared else None)

    def committed(self) -> None:
        """Remember for later transactions what this one has read and written."""
        if self.memory is not None and self.erased:
            self.memory.forget()
        elif self.memory is not None:
            self.memory.keep(self.people.known(), [*self.loaded.values(), *self.saved.values()])

    def failed(self) -> None:
        """Forget what may have been the reason."""
        if self.memory is not None:
            self.memory.forget()

    @property
    def shared(self) -> bool:
        """Whether other transactions may run at the same time: then rows are locked."""
        return self.connection.dialect.name == "postgresql"
