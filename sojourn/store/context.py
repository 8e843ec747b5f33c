"""What the SQL modules share within one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sojourn.store.people import People
from sojourn.store.sealing import Master


@dataclass(slots=True)
class Context:
    """One transaction: its connection, keys, people, and the revisions that it has seen or written."""

    connection: Connection
    master: Master
    clock: Callable[[], int]
    people: People = field(init=False)
    revisions: dict[int, int] = field(default_factory=dict)
    erased: bool = False

    def __post_init__(self) -> None:
        self.people = People(self.connection, self.master)
