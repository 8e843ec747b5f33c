"""What the SQL modules share within one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sojourn.records import Stored
from sojourn.store.months import Months
from sojourn.store.people import People
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
    people: People = field(init=False)
    revisions: dict[int, int] = field(default_factory=dict)
    loaded: dict[int, Stored] = field(default_factory=dict)
    erased: bool = False

    def __post_init__(self) -> None:
        self.people = People(self.connection, self.master)

    @property
    def shared(self) -> bool:
        """Whether other transactions may run at the same time: then rows are locked."""
        return self.connection.dialect.name == "postgresql"
