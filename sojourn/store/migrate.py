"""Brings a database to the schema of this program, and refuses one from a newer program."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select, text

from sojourn.places import place_of
from sojourn.ports import StoreBroken
from sojourn.store import tables as t
from sojourn.store.months import make, month_of
from sojourn.store.people import People
from sojourn.store.sealing import Master

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"  # the newest step in migrations/versions; a test compares
KNOWN = frozenset({"0001", "0002"})


def current(connection: Connection) -> str | None:
    """Give the schema's version, or None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def migrate(connection: Connection, master: Master | None = None) -> None:
    """Run the steps that are missing, all or none, inside the caller's transaction.

    ``master`` opens what a step has to read; an empty database needs none.
    Raises StoreBroken for a schema that this program does not know: an older program must not write to it.
    """
    version = current(connection)
    if version == HEAD:
        return
    if version is not None and version not in KNOWN:
        raise StoreBroken(
            "The database was written by a newer version of Sojourn",
            schema=version,
            known=HEAD,
            next_step="Start that version, or restore a copy from before the upgrade.",
        )
    from alembic import command  # slow to import, and needed only now

    settings = config(connection)
    settings.attributes["places"] = lambda subjects: _places(connection, master, subjects)
    settings.attributes["pieces"] = lambda table, instants: make(
        connection, sorted({month_of(table, instant) for instant in instants})
    )
    command.upgrade(settings, "head")


def _places(connection: Connection, master: Master | None, subjects: Sequence[int]) -> dict[int, int]:
    """Give where these customers have their place."""
    if not subjects or master is None:
        return {}
    people = People(connection, master).of(subjects)
    return {subject: place_of(person.customer) for subject, person in people.items()}


def config(connection: Connection) -> "Config":
    """Give Alembic's configuration: the steps of this package, on this connection."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def prepare(connection: Connection, master: Master) -> None:
    """Migrate, and make sure that the master key is the one that this database was made with.

    Raises StoreBroken for a newer schema and for another key; the caller's transaction then writes nothing.
    """
    migrate(connection, master)
    if not _proven(connection, master):
        connection.execute(insert(t.meta), {"name": "master", "value": master.proof(b"this database")})


def check(connection: Connection, master: Master) -> None:
    """Make sure that this program can read a database with this master key; nothing is changed.

    Raises StoreBroken otherwise.
    """
    version = current(connection)
    if version != HEAD:
        raise StoreBroken(
            "The database is of a version that this program does not read",
            schema=version,
            next_step="Use the version of Sojourn that wrote it, or start a worker of this one, which upgrades it.",
        )
    _proven(connection, master)


def _proven(connection: Connection, master: Master) -> bool:
    kept = connection.execute(select(t.meta.c.value).where(t.meta.c.name == "master")).scalar()
    if kept is not None and kept != master.proof(b"this database"):
        raise StoreBroken(
            "The master key does not belong to this database",
            next_step="Put the key file of this database back; without it no customer can be read.",
        )
    return kept is not None
