"""A PostgreSQL database that is emptied, because making one for each test would cost more than the tests."""

import asyncpg

from sojourn.store.postgres import PostgresStore
from sojourn.store.sealing import Master

MASTER = Master(bytes(32))
_KEPT = ("alembic_version", "meta")


async def emptied(database: str) -> None:
    """Leave the schema, which is made where there is none, and nothing in it."""
    raw = await asyncpg.connect(database)
    try:
        found = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        if not found:
            store = PostgresStore(database, MASTER)
            await store.open()
            await store.close()
            return
        tables = ", ".join(row["tablename"] for row in found if row["tablename"] not in _KEPT)
        await raw.execute(f"TRUNCATE {tables}; DELETE FROM meta WHERE name <> 'master'")
    finally:
        await raw.close()
