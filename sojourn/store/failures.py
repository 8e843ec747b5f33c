"""What a failure of a database means to a caller: try later, somebody was first, or stop."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sojourn.errors import SojournError
from sojourn.ports import Conflict, StoreBroken, StoreBusy, StoreUnwritable

_AGAIN = "The same work is tried again soon."
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})
_UNWRITABLE = {
    "SQLITE_READONLY": "The database is read-only",
    "SQLITE_FULL": "The disk of the database is full",
    "SQLITE_IOERR": "The disk of the database fails",
    "SQLITE_CANTOPEN": "The database cannot be opened",
    "SQLITE_PERM": "The database may not be used",
    "25006": "The database is read-only",
    "53100": "The disk of the database is full",
    "58030": "The disk of the database fails",
}
# SQLSTATE of PostgreSQL: somebody else wrote first.
_FIRST = {
    "40001": "Two transactions cannot both happen",
    "40P01": "Two transactions waited for each other",
    "23505": "The database refuses a row that is there already",
}
# SQLSTATE, or its class: nothing is wrong with the work itself.
_LATER = {
    "55P03": "Another transaction holds what this one needs",
    "57014": "The database took too long for a statement",
    "25P03": "A transaction stood idle for too long",
    "25P04": "A transaction took too long",
    "23514": "The month that the rows belong to was just dropped or is not made yet",
    "0A000": "The schema was just changed by another process",
    "53": "The database has no room for more work",
    "57": "The database is stopping, starting, or has ended the connection",
    "08": "The connection to the database was lost",
}

# Classes of which PostgreSQL and its driver quote the value that was wrong.
_QUOTING = frozenset({"22", "23"})


@contextmanager
def told() -> Iterator[None]:
    """Turn errors of the driver into the store's own; the driver's text stays as the cause."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, IntegrityError) and isinstance(error.orig, sqlite3.Error):
            raise _refused(str(error.orig)) from error
        raise meaning(error.orig) from error
    except sqlite3.Error as error:
        raise meaning(error) from error
    except PoolTimeout as error:
        raise StoreBusy("All connections to the database are in use", next_step=_AGAIN) from error


def meaning(error: BaseException | None) -> SojournError:
    """Give what an error of a database's driver means."""
    if error is None or isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    return of_postgresql(error)


def of_postgresql(error: BaseException) -> SojournError:
    """Give what an error of asyncpg, or one of the network under it, means."""
    code = str(getattr(error, "sqlstate", None) or "")
    if code in _FIRST:
        return Conflict(_FIRST[code], code=code, next_step="Load what is stored and decide again.")
    if code in _UNWRITABLE:
        return StoreUnwritable(_UNWRITABLE[code], code=code, next_step="Free space or give the rights back.")
    word = _LATER.get(code) or _LATER.get(code[:2])
    if not code and (isinstance(error, ValueError) or isinstance(error.__cause__, ValueError)):
        return StoreBroken(
            "The address of the database cannot be understood",
            problem=type(error).__name__,
            next_step="Write it as postgresql://user:password@host:port/database.",
        )
    if not code:
        word = "The connection to the database was lost, or cannot be made"
    if word is not None:
        return StoreBusy(word, code=code or type(error).__name__, next_step=_AGAIN)
    return StoreBroken(
        "The database does not answer as it should",
        code=code,
        problem=_problem(error, code),
        next_step="Look into PostgreSQL's own log; check the rights of this user and the name of the database.",
    )


def _problem(error: BaseException, code: str) -> str:
    """Give the first line of what PostgreSQL says; of wrong data only the kind, because the text quotes them."""
    if code[:2] in _QUOTING:
        return type(error.__cause__ or error).__name__
    return str(error).partition("\n")[0]


def _refused(rule: str) -> Conflict:
    return Conflict(
        "The database refuses a row that is there already or belongs to nobody",
        rule=rule,
        next_step="Load what is stored and decide again.",
    )


def _of_sqlite(error: BaseException | None) -> SojournError:
    code = str(getattr(error, "sqlite_errorname", "") or "unknown")
    family = "_".join(code.split("_")[:2])
    if family in _BUSY:
        return StoreBusy("Another process is writing to the database", code=code, next_step=_AGAIN)
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
