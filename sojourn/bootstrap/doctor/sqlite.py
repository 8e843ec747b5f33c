"""Checks of the database of embedded mode: whole, of a known version, opened by its key."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sojourn.bootstrap.doctor.finding import Finding, Site, error, note, ok, warning
from sojourn.bootstrap.doctor.schema import schema_finding

_LONGEST_S: Final = 60.0
_LONG_LOG: Final = 1024**3
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


async def sqlite(site: Site) -> list[Finding]:
    """The file of embedded mode, read only; also beside a running engine."""
    if site.settings.shared:
        return []
    path = site.settings.database_file
    if not path.is_file():
        return [note("database", "There is no database yet; the first start makes one", file=path.name)]
    try:
        return await asyncio.to_thread(_look, path)
    except sqlite3.Error as failed:
        code = getattr(failed, "sqlite_errorname", type(failed).__name__)
        if code in _DAMAGED:
            return [_damaged(file=path.name, code=code)]
        return [error("database", "The database cannot be read", "Check its rights", file=path.name, code=code)]


def _damaged(**data: Any) -> Finding:
    return error(
        "database", "The database is damaged", "Stop the engine, keep the file, and restore the last copy", **data
    )


def _look(path: Path) -> list[Finding]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        found = [_whole(connection, path)]
        has = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has else None
        found.append(schema_finding(version[0] if version else None))
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.is_file() else 0
    if size > _LONG_LOG:
        found.append(
            warning(
                "database",
                "The log of writes is long: a reader has kept it from being copied into the database",
                "End readers that stay open for hours, such as a forgotten sqlite3 shell",
                wal_mb=size // 1024**2,
            )
        )
    return found


def _whole(connection: sqlite3.Connection, path: Path) -> Finding:
    """quick_check, at most a minute; what a larger file needs is said."""
    deadline = _Deadline(_LONGEST_S)
    connection.set_progress_handler(deadline, 100_000)
    try:
        said = connection.execute("PRAGMA quick_check(5)").fetchall()
    except sqlite3.OperationalError:
        if not deadline.passed:
            raise
        return note(
            "database",
            "The database is too large to be checked within a minute",
            f"Stop the engine and run: sqlite3 {path.name} 'PRAGMA quick_check'",
            size_mb=path.stat().st_size // 1024**2,
        )
    finally:
        connection.set_progress_handler(None, 0)
    if said != [("ok",)]:
        return _damaged(problems=[str(one[0])[:200] for one in said])
    return ok("database", "The database is whole", size_mb=path.stat().st_size // 1024**2)


class _Deadline:
    """Ends a statement that takes too long."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    def __call__(self) -> int:
        """Tell SQLite whether to stop."""
        return int(self.passed)
