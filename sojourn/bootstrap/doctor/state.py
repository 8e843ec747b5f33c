"""Checks of what the store holds: whether the key opens it, and what waits for a person."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Final

from sojourn.bootstrap.doctor.finding import Finding, Site, error, note, ok, warning
from sojourn.bootstrap.postgres_access import connected, schema_of
from sojourn.bootstrap.reading import looking
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.wiring import make_master
from sojourn.intake.parked import ENGINE_ERROR
from sojourn.operations.sources import source_states
from sojourn.ports import Views
from sojourn.store.migrate import HEAD

_QUERY: Final = "SELECT value FROM meta WHERE name = 'master'"
_SIGNED: Final = b"this database"


async def key(site: Site) -> list[Finding]:
    """The master key is there and is the one that the database was made with."""
    given = site.settings
    if not given.shared and not given.database_file.is_file():
        return []  # the first start makes both
    master = make_master(given, create=False)
    kept = await _proof(given)
    if kept is None:
        return [note("key", "No database was made with this key yet")]
    if kept != master.proof(_SIGNED):
        return [error("key", "The master key does not belong to this database", "Put the key of this database back")]
    return [ok("key", "The master key belongs to the database; keep a copy of it apart from the database's copies")]


async def _proof(given: Settings) -> bytes | None:
    if not given.shared:
        return await asyncio.to_thread(_proof_in_file, given)
    async with connected(given.database) as connection:
        if await schema_of(connection) is None:
            return None
        kept: bytes | None = await connection.fetchval(_QUERY)
        return kept


def _proof_in_file(given: Settings) -> bytes | None:
    uri = f"{given.database_file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return None
        row = connection.execute(_QUERY).fetchone()
        return None if row is None else bytes(row[0])


async def work(site: Site) -> list[Finding]:
    """What waits for a person: parked customers, dead letters, messages in doubt, sources that stand still."""
    given = site.settings
    if not await _readable(given):
        return []
    async with looking(given) as views:
        found = [*await _letters(views), *await _doubts(views), *await _sources(views, site.clock())]
    return found or [ok("work", "Nothing waits for a person")]


async def _readable(given: Settings) -> bool:
    """Whether there is a store of this program's schema; that there is none, or another, is told elsewhere."""
    if not given.shared:
        return given.database_file.is_file()
    async with connected(given.database) as connection:
        return await schema_of(connection) == HEAD


async def _letters(views: Views) -> list[Finding]:
    counts = dict(await views.dead_letter_counts())
    parked = counts.pop(ENGINE_ERROR, 0)
    found = []
    if parked:
        found.append(
            warning(
                "work",
                "Customers are parked after an error of the engine; their inputs are kept in order",
                "`sojourn quarantine list`, then release each once the error is mended",
                inputs=parked,
            )
        )
    if counts:
        found.append(
            warning("work", "Dead letters wait", "`sojourn dead-letters list`, then replay or drop them", **counts)
        )
    return found


async def _doubts(views: Views) -> list[Finding]:
    count = (await views.message_counts()).get("in_doubt", 0)
    if not count:
        return []
    return [
        note(
            "work",
            "Of messages nobody knows whether the provider took them",
            "`sojourn log --status in_doubt` names them; ask the provider, the engine does not send them again",
            messages=count,
        )
    ]


async def _sources(views: Views, now: int) -> list[Finding]:
    states = source_states(await views.positions(), await views.waivers(), now)
    stalled = [one.source for one in states if one.stalled and one.waiver is None]
    waived = [one.source for one in states if one.waiver is not None]
    found = []
    if stalled:
        found.append(
            warning(
                "sources",
                "Nobody has moved a source for ten minutes: timers wait for it",
                "Start a worker with the role intake, mend the broker, or `sojourn intake waive` it",
                sources=stalled,
            )
        )
    if waived:
        found.append(
            note(
                "sources", "Timers do not wait for a source by a person's word", "`sojourn intake list`", sources=waived
            )
        )
    return found
