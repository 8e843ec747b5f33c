"""Checks of PostgreSQL: reached and let in told apart, settings that can lose data, version, rights, clock."""

from collections.abc import Callable
from typing import Any, Final

from sojourn.bootstrap.doctor.finding import Finding, Site, error, note, ok, warning
from sojourn.bootstrap.doctor.schema import schema_finding
from sojourn.bootstrap.postgres_access import connected, schema_of

SKEW_MS: Final = 1_000
SKEW_MOST_MS: Final = 2_000  # what timers allow for (design.md, "Time")
_OLDEST: Final = 14
_TESTED: Final = 18
_FEW_CONNECTIONS: Final = 20
_PART: Final = "database"

#: Settings that can lose or damage data: name -> (value that does, level, what, next step).
_LOSES: Final[tuple[tuple[str, str, Callable[..., Finding], str, str], ...]] = (
    ("fsync", "off", error, "A crash of the database's machine can destroy all of it", "Set fsync = on"),
    ("full_page_writes", "off", error, "A crash of the machine can tear pages apart", "Set full_page_writes = on"),
    (
        "synchronous_commit",
        "off",
        error,
        "A crash loses the last transactions: messages would be sent twice, events be forgotten",
        "Set synchronous_commit = on",
    ),
    ("zero_damaged_pages", "on", error, "Damaged pages are emptied in silence", "Set zero_damaged_pages = off"),
    ("ignore_checksum_failure", "on", error, "Damaged pages are read as if they were whole", "Turn it off"),
    ("default_transaction_read_only", "on", error, "The role may only read", "Take that setting from the role"),
    ("autovacuum", "off", warning, "Tables and indexes grow without end", "Set autovacuum = on"),
    ("data_checksums", "off", note, "Damage on disk is not noticed when it is read", "pg_checksums --enable, stopped"),
    ("wal_level", "minimal", warning, "Neither replicas nor a restore to a point in time", "Set wal_level = replica"),
    (
        "archive_mode",
        "off",
        note,
        "Nothing archives the log of writes from here: a restore goes back to the last copy",
        "Set up an archive or a replica; docs/how-to/operate-production.md",
    ),
    (
        "synchronous_standby_names",
        "",
        note,
        "No replica confirms a commit: with the disk of this machine the last transactions are lost",
        "Name a synchronous replica, or know that a lost disk means a restore",
    ),
)


async def postgres(site: Site) -> list[Finding]:
    """The database of production mode, on a connection of its own that only reads."""
    if not site.settings.shared:
        return []
    async with connected(site.settings.database) as connection:
        return [
            await _skew(connection, site.clock),
            *await _server(connection),
            *await _settings(connection),
            schema_finding(await schema_of(connection)),
        ]


async def _skew(connection: Any, clock: Callable[[], int]) -> Finding:
    """The clock of the database against this machine's; the round trip is the error of the measurement."""
    await connection.fetchval("SELECT 1")  # the first statement takes longer
    before = clock()
    there = round(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
    after = clock()
    skew, unsure = there - (before + after) // 2, (after - before + 1) // 2
    data = {"database_ahead_ms": skew, "unsure_ms": unsure}
    if abs(skew) - unsure > SKEW_MOST_MS:
        return error("clock", "The clocks of database and this machine are apart", "Let NTP keep both", **data)
    if abs(skew) - unsure > SKEW_MS:
        return warning("clock", "The clocks of database and this machine drift apart", "Let NTP keep both", **data)
    return ok("clock", "Database and this machine tell the same time", **data)


def _version(connection: Any) -> Finding:
    version = connection.get_server_version()
    name = f"{version.major}.{version.minor}"
    if version.major < _OLDEST:
        return error(_PART, "PostgreSQL is too old", f"Upgrade it; tested with {_TESTED}", version=name)
    if version.major != _TESTED:
        return note(_PART, f"This was tested with PostgreSQL {_TESTED} alone", version=name)
    return ok(_PART, "PostgreSQL was reached and lets us in", version=name)


_SERVER: Final = (
    "SELECT pg_is_in_recovery() AS replica, has_schema_privilege(current_schema(), 'CREATE') AS may_create,"
    " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,"
    " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,"
    " inet_server_addr() IS NULL OR host(inet_server_addr()) IN ('127.0.0.1', '::1') AS here,"
    " current_setting('server_encoding') AS encoding, current_setting('max_connections')::int AS connections,"
    " pg_database_size(current_database()) / 1048576 AS size_mb"
)


async def _server(connection: Any) -> list[Finding]:
    """What this role may do on this server, and how it is reached."""
    row = await connection.fetchrow(_SERVER)
    encoding, connections = row["encoding"], row["connections"]
    found: tuple[tuple[bool, Finding], ...] = (
        (row["replica"], error(_PART, "This is a replica: it cannot be written", "Name the primary")),
        (
            not row["may_create"],
            error(_PART, "The role may make no tables here", "GRANT CREATE ON SCHEMA to it, or name another schema"),
        ),
        (
            row["super"] and not row["here"],
            warning(_PART, "The role is a superuser", "Give the engine a role of its own"),
        ),
        (
            not row["tls"] and not row["here"],
            warning(_PART, "The connection has no TLS", "Add ?sslmode=verify-full to SOJOURN_DATABASE, and its CA"),
        ),
        (
            encoding != "UTF8",
            error(_PART, "The database is not in UTF-8", "Create it with ENCODING 'UTF8'", encoding=encoding),
        ),
        (
            connections < _FEW_CONNECTIONS,
            warning(
                _PART,
                "Few connections are allowed; a worker holds up to 14",
                "Raise max_connections",
                max_connections=connections,
            ),
        ),
    )
    disk = note(
        "disk",
        "The disk of the database cannot be seen from here",
        "Watch it on its own machine",
        database_mb=row["size_mb"],
    )
    return [_version(connection), *(finding for wrong, finding in found if wrong), disk]


async def _settings(connection: Any) -> list[Finding]:
    names = [name for name, *_ in _LOSES]
    rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])", names)
    values = {row["name"]: row["setting"] for row in rows}
    found = [
        make(_PART, what, next_step, setting=name, value=values[name])
        for name, bad, make, what, next_step in _LOSES
        if values.get(name) == bad
    ]
    if not any(one.level == "error" for one in found):
        found.insert(0, ok(_PART, "What is committed survives a crash", checked=len(values)))
    return found
