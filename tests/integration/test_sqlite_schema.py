"""The schema of the database, and the master key that belongs to it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from sojourn.bootstrap.reading import looking
from sojourn.bootstrap.settings import read_settings
from sojourn.bootstrap.wiring import make_store
from sojourn.errors import SojournError
from sojourn.ports import StoreBroken
from sojourn.store.migrate import HEAD, KNOWN, config, current, migrate
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore
from sojourn.store.tables import META
from tests.contract.storekit import Clock, letter
from tests.integration.oldkit import first_release, holds_first_release
from tests.integration.sqlitekit import FILE, make

# ---- the schema


async def test_a_schema_from_a_newer_program_is_refused(tmp_path: Path) -> None:
    store = make(tmp_path)
    await store.open()
    await store.close()
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreBroken, match="newer version"):
        await make(tmp_path).open()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine on an empty file."""
    return create_engine(f"sqlite:///{tmp_path / 'schema.db'}")


def test_the_migrations_give_the_tables_of_the_program(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with engine.begin() as connection:
        migrate(connection)
        assert current(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), META) == []
        script = ScriptDirectory.from_config(config(connection))
        assert script.get_heads() == [HEAD]
        assert {one.revision for one in script.walk_revisions()} == KNOWN
    made, wanted = _schema(engine), create_engine("sqlite://")
    META.create_all(wanted)
    assert made == _schema(wanted)
    engine.dispose()
    wanted.dispose()


def _schema(engine: Engine) -> dict[str, str]:
    """Give the text of all tables and indexes, as SQLite keeps it, without blanks and quotes."""
    with engine.connect() as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        found: list[Any] = list(connection.exec_driver_sql(query))
        return {
            name: "".join(sorted("".join(sql.replace('"', "").split()).replace(")", "),").split(",")))
            for name, sql in found
            if name != "alembic_version"
        }


def test_a_failed_migration_leaves_the_database_as_it_was(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE tomb (x)")
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        with pytest.raises(OperationalError, match="tomb"):
            migrate(connection)
        connection.rollback()
    with engine.begin() as connection:
        assert current(connection) is None
    engine.dispose()


async def test_a_database_of_the_first_release_is_brought_up_with_its_data(tmp_path: Path) -> None:
    master = master_key(tmp_path / "master.key", create=True)
    old = create_engine(f"sqlite:///{tmp_path / FILE}")
    with old.begin() as connection:
        first_release(connection, master)
    old.dispose()
    store = make(tmp_path)
    await store.open()
    await holds_first_release(store)
    await store.close()


# ---- the master key


def test_the_master_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "var" / "master.key"
    first = master_key(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["master.key"]
    again = master_key(path, create=True)
    assert again.search("x", "y") == first.search("x", "y")
    _, key = first.new_key()
    with pytest.raises(StoreBroken):
        again.letters.open(b"letter", key.seal(b"letter", b"x"))


@pytest.mark.parametrize("content", ["", "zz", "00ff", "00" * 31, "00" * 33, "é" * 32])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SojournError):
        master_key(path, create=True)
    assert path.read_text(encoding="utf-8") == content


def test_a_missing_key_is_told_and_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken, match="cannot be read"):
        master_key(tmp_path / "master.key", create=False)
    assert list(tmp_path.iterdir()) == []


async def test_a_key_is_made_only_together_with_a_new_database(tmp_path: Path) -> None:
    path, key = tmp_path / FILE, tmp_path / "master.key"
    store = SqliteStore.at(path, key, Clock())
    await store.open()
    await store.close()
    kept = key.read_text()
    key.unlink()
    with pytest.raises(StoreBroken, match="cannot be read"):
        SqliteStore.at(path, key, Clock())
    assert not key.exists()
    key.write_text(kept)
    again = SqliteStore.at(path, key, Clock())
    await again.open()
    await again.close()


async def test_who_reads_beside_the_engine_uses_the_key_of_the_settings(tmp_path: Path) -> None:
    settings = read_settings({"SOJOURN_MASTER_KEY": "ab" * 32}, tmp_path)
    store = make_store(settings, Clock())
    await store.open()
    async with store.transaction() as tx:
        await tx.append_dead_letters([letter()])
    await store.close()
    assert not (tmp_path / "var/master.key").exists()
    async with looking(settings) as views:
        assert [one.letter for one in (await views.dead_letters("open", 9))[0]] == [letter()]
    with pytest.raises(StoreBroken, match="does not belong"):
        async with looking(read_settings({"SOJOURN_MASTER_KEY": "cd" * 32}, tmp_path)):
            pass
