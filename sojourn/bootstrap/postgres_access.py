"""One plain connection to PostgreSQL, for looking at it from outside: reached, and let in, told apart."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from sojourn.errors import ConfigurationError
from sojourn.store.migrate import HEAD

CONNECT_S: Final = 5.0


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """Give a connection of asyncpg, closed again at the end.

    Raises:
        ConfigurationError: See ``connect``.
    """
    connection = await connect(dsn)
    try:
        yield connection
    finally:
        with suppress(Exception):
            await connection.close(timeout=2)


async def schema_of(connection: Any) -> str | None:
    """Give the version of the schema, None for an empty database."""
    if await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
        return None
    version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return version


async def must_be_current(dsn: str) -> None:
    """Make sure that opening the store would change nothing: commands leave migrations to the workers.

    Raises:
        ConfigurationError: The database is empty, or its schema is older than this program.
    """
    async with connected(dsn) as connection:
        version = await schema_of(connection)
    if version is None:
        raise ConfigurationError("There are no tables yet", next_step="Start `sojourn worker` on this database once")
    if version < HEAD:
        raise ConfigurationError(
            "The schema is older than this program",
            schema=version,
            program=HEAD,
            next_step="Start a worker of this version, which brings it up to date, or use the command of the old one",
        )


async def connect(dsn: str) -> Any:
    """Give a connection, or say why there is none: not reached, not let in, no such database.

    Raises:
        ConfigurationError: With what to do next.
    """
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_S, command_timeout=CONNECT_S)
    except asyncpg.PostgresError as refused:
        raise _refused(refused) from refused
    except ssl.SSLError as failed:
        raise ConfigurationError(
            "PostgreSQL was reached, but TLS failed",
            problem=failed.reason or type(failed).__name__,
            next_step="Name its CA in SOJOURN_DATABASE: ?sslmode=verify-full&sslrootcert=FILE",
        ) from failed
    except TimeoutError as failed:
        raise ConfigurationError(
            "PostgreSQL does not answer",
            seconds=CONNECT_S,
            next_step="Check its address in SOJOURN_DATABASE and that nothing on the way swallows packets",
        ) from failed
    except OSError as failed:
        raise ConfigurationError(
            "PostgreSQL cannot be reached: nobody listens at its address, or its name is unknown",
            problem=failed.strerror or type(failed).__name__,
            next_step="Check host and port in SOJOURN_DATABASE, and that it runs",
        ) from failed
    except (ValueError, asyncpg.InterfaceError) as failed:
        raise ConfigurationError(
            "SOJOURN_DATABASE cannot be used",
            problem=type(failed).__name__,
            next_step="Write it as postgresql://user:password@host:5432/name",
        ) from failed


#: SQLSTATE, or its class -> what it says and what to do.
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "28P01": ("PostgreSQL was reached; the password is wrong", "Set the password in SOJOURN_DATABASE"),
    "28": ("PostgreSQL was reached and lets this user or host not in", "Check the role and pg_hba.conf"),
    "3D": ("PostgreSQL was reached; there is no such database", "Create it, or name another in SOJOURN_DATABASE"),
    "53": ("PostgreSQL was reached and is out of connections, memory or disk", "Give it more, or start fewer workers"),
    "57": ("PostgreSQL was reached; it is starting or shutting down", "Wait and try again"),
    "42": ("PostgreSQL was reached; the role may not connect to this database", "GRANT CONNECT to the role"),
}


def _refused(refused: asyncpg.PostgresError) -> ConfigurationError:
    state = str(getattr(refused, "sqlstate", "") or "")
    what, next_step = _REFUSALS.get(state) or _REFUSALS.get(state[:2]) or ("PostgreSQL refuses", "Look into its log")
    return ConfigurationError(what, sqlstate=state, next_step=next_step)
