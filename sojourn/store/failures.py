"""What a failure of SQLite means to a caller: try later, somebody was first, or stop."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from sojourn.errors import SojournError
from sojourn.ports import Conflict, StoreBroken, StoreBusy, StoreUnwritable

_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})
_UNWRITABLE = {
    "SQLITE_READONLY": "The database is read-only",
    "SQLITE_FULL": "The disk of the database is full",
    "SQLITE_IOERR": "The disk of the database fails",
    "SQLITE_CANTOPEN": "The database cannot be opened",
    "SQLITE_PERM": "The database may not be used",
}


@contextmanager
def told() -> Iterator[None]:
    """Turn errors of the driver into the store's own; the driver's text stays as the cause."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(
            "The database refuses a row that is there already or belongs to nobody",
            rule=str(error.orig),
            next_step="Load what is stored and decide again.",
        ) from error
    except DBAPIError as error:
        raise meaning(error.orig) from error
    except sqlite3.Error as error:
        raise meaning(error) from error


def meaning(error: BaseException | None) -> SojournError:
    """Give what an error of SQLite means."""
    code = str(getattr(error, "sqlite_errorname", "") or "unknown")
    family = "_".join(code.split("_")[:2])
    if family in _BUSY:
        return StoreBusy(
            "Another process is writing to the database",
            code=code,
            next_step="The same work is tried again soon.",
        )
    if family in _UNWRITABLE:
        return StoreUnwritable(
            _UNWRITABLE[family],
            code=code,
            next_step="Free space or give the rights back; work goes on by itself then.",
        )
    return StoreBroken(
        "The database does not answer as it should",
        code=code,
        problem=str(error),
        next_step="Stop, check the file (PRAGMA integrity_check), and restore a copy if it is damaged.",
    )
