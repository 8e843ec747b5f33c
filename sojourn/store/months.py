"""Inbox and log in months, on PostgreSQL: a partition each, made before it is needed, dropped as a whole."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

EARLY: Final = 24_240  # months since year 0 at the beginning of 2020: what is older lies in one partition
MONTHLY: Final = {"inbox": "arrival", "log": "decided_at"}  # table, and the instant by which it is cut
#: So that two processes never make the same thing at once: a lock of the database under this number.
MAKING: Final = 7_303_014_201
DROPPING: Final = 7_303_014_203
_SMALL: Final = 8 << 20  # bytes: counted in a moment
_SIZE = text("SELECT pg_relation_size(oid) AS size, reltuples AS believed FROM pg_class WHERE oid = :t ::regclass")
_OURS = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = :t ::regclass"
)


class Month(NamedTuple):
    """One piece of a table: ``number`` counts months since year 0; EARLY - 1 is all that is older."""

    table: str
    number: int

    @property
    def name(self) -> str:
        """The partition's name."""
        if self.number < EARLY:
            return f"{self.table}_early"
        return f"{self.table}_{self.number // 12}_{self.number % 12 + 1:02}"

    @property
    def begin(self) -> int | None:
        """The first instant in it, None for no limit."""
        return None if self.number < EARLY else _begin(self.number)

    @property
    def end(self) -> int:
        """The first instant behind it."""
        return _begin(max(self.number, EARLY - 1) + 1)

    @property
    def next(self) -> "Month":
        """The one after it."""
        return Month(self.table, max(self.number, EARLY - 1) + 1)


@lru_cache(maxsize=4096)
def _begin(number: int) -> int:
    return int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


@lru_cache(maxsize=4096)
def _of_day(day: int) -> int:
    if day < 0:
        return EARLY - 1
    at = datetime.fromtimestamp(day * 86_400, UTC)
    return max(at.year * 12 + at.month - 1, EARLY - 1)


def month_of(table: str, instant: int) -> Month:
    """Give the piece of a table in which an instant lies."""
    return Month(table, _of_day(instant // 86_400_000))


def from_name(table: str, name: str) -> Month:
    """Give the piece that a partition of this name is."""
    if name == f"{table}_early":
        return Month(table, EARLY - 1)
    year, month = name.removeprefix(f"{table}_").split("_")
    return Month(table, int(year) * 12 + int(month) - 1)


class Months:
    """The pieces that are known to be there; ``make`` makes missing ones, in a transaction of its own."""

    def __init__(self, make: Callable[[list[Month]], Awaitable[None]]) -> None:
        self._make = make
        self._known: set[Month] = set()

    def ready(self, table: str, instants: Iterable[int]) -> None:
        """Make sure of a piece for each instant, and of the one after it; runs beside the open transaction."""
        wanted = {month_of(table, instant) for instant in instants}
        if not wanted <= self._known:
            wanted |= {month.next for month in wanted}
            await_only(self._make(sorted(wanted - self._known)))
            self._known |= wanted

    def forget(self) -> None:
        """Believe nothing any more: a piece was dropped, here or by another process."""
        self._known.clear()


def make(connection: Connection, months: list[Month]) -> None:
    """Make the pieces that are not there; waits for another process that does so."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MAKING})
    for month in months:
        if month.name not in there(connection, month.table):
            for statement in _statements(month):
                connection.exec_driver_sql(statement)


def there(connection: Connection, table: str) -> set[str]:
    """Give the names of a table's pieces."""
    return set(connection.execute(_OURS, {"t": table}).scalars())


def _statements(month: Month) -> Iterable[str]:
    """Attached and not made in place: that would lock out all who write meanwhile."""
    yield f"CREATE TABLE {month.name} (LIKE {month.table} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING INDEXES)"
    if month.table == "inbox":
        # An id is unique within its month; across months it is judged under the customer's lock.
        yield f"CREATE UNIQUE INDEX {month.name}_id ON {month.name} (event_id)"
    begin = "MINVALUE" if month.begin is None else str(month.begin)
    yield f"ALTER TABLE {month.table} ATTACH PARTITION {month.name} FOR VALUES FROM ({begin}) TO ({month.end})"


def drop(connection: Connection, table: str, before: int) -> int:
    """Drop the pieces that end by an instant, and give about how many rows they held; 0 while another one does so."""
    mine: bool = connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": DROPPING}).scalar_one()
    if not mine:
        return 0
    old = [name for name in sorted(there(connection, table)) if from_name(table, name).end <= before]
    gone = sum(_held(connection, name) for name in old)  # first: from the first drop on others wait for the table
    for name in old:
        connection.exec_driver_sql(f"DROP TABLE {name}")
    return gone


def _held(connection: Connection, name: str) -> int:
    """Count the rows of a small piece; of a large one take what the database believes, at least one."""
    known = connection.execute(_SIZE, {"t": name}).mappings().one()
    if known["size"] > _SMALL:
        return max(1, int(known["believed"]))
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one())  # noqa: S608
