"""Where the dialects differ: lists as one bound value, many rows in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    bindparam,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import await_only

_encode = msgspec.json.Encoder().encode
Rows = Sequence[Mapping[str, Any]]
_TYPES: Final = ((BigInteger, "bigint"), (Integer, "integer"), (LargeBinary, "bytea"), (String, "text"))


# ---- lists


class _List(TypeDecorator[Any]):
    """A list as one value: an array on PostgreSQL, JSON text on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: Any) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if dialect.name == "postgresql" or value is None:
            return value
        return _encode(value).decode()


class _Among(ColumnElement[bool]):
    """``column IN (list)`` in the words of the dialect."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy wants it
        ("column", InternalTraversal.dp_clauseelement),
        ("wanted", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], wanted: ColumnElement[Any]) -> None:
        self.column = column
        self.wanted = wanted


@compiles(_Among)
def _among_json(element: _Among, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.column, **kwargs)
    return f"{column} IN (SELECT value FROM json_each({compiler.process(element.wanted, **kwargs)}))"  # noqa: S608


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.column, **kwargs)
    return f"{column} = ANY ({compiler.process(element.wanted, **kwargs)})"


def among(column: ColumnElement[Any], name: str = "ids") -> ColumnElement[bool]:
    """Give ``column IN (the list bound to name)``: one statement text whatever the length."""
    return _Among(column, bindparam(name, type_=_List(column.type)))


def listed(values: Iterable[Any]) -> list[Any]:
    """Give a list as the value to bind for ``among``."""
    return list(values)


# ---- past SQLAlchemy, on PostgreSQL


def _driver(connection: Connection, said: str, values: Sequence[Any]) -> Any:
    """Give asyncpg's own connection: on the hot path SQLAlchemy's part costs more than the rest.

    ``Connection.info["watch"]``, where it is set, is called with each statement that goes this way.
    """
    watch = connection.info.get("watch")
    if watch is not None:
        watch(said, values)
    return connection.connection.driver_connection


def _execute(connection: Connection, said: str, values: Sequence[Any]) -> int:
    """Run a statement that gives no rows, and give how many it touched."""
    status: str = await_only(_driver(connection, said, values).execute(said, *values))
    return int(status.rpartition(" ")[2])


class Read:
    """A SELECT that is asked in every batch; its rows come as tuples of its columns."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._said = ""
        self._values: tuple[tuple[str, Any], ...] = ()

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Ask, and give all rows."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, values).all()
        if not self._said:
            self._compile(connection.dialect)
        bound = [values.get(name, fixed) for name, fixed in self._values]
        found = _driver(connection, self._said, bound).fetch(self._said, *bound)
        rows: Sequence[Any] = await_only(found)
        return rows

    def firsts(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Ask, and give the first column of all rows."""
        return [row[0] for row in self.rows(connection, values)]

    def _compile(self, dialect: Dialect) -> None:
        compiled: Any = self._statement.compile(dialect=dialect)
        names = compiled.positiontup or ()
        self._values = tuple((name, compiled.params.get(name)) for name in names)
        self._said = compiled.string


# ---- many rows


class Many:
    """One INSERT for many rows, and what becomes of a row that is there already.

    Without ``keys`` such a row is an error. With ``keys`` its columns ``update`` take the new values, ``where`` the
    condition holds (SQL; ``excluded`` is the new row), or nothing happens where ``update`` is empty.
    On PostgreSQL it is one statement whose values are arrays, or a COPY for what is only appended (``copy``).
    """

    def __init__(
        self,
        table: Table,
        *,
        keys: Sequence[str] = (),
        update: Sequence[str] = (),
        where: str | None = None,
        copy: bool = False,
    ) -> None:
        self._table = table
        self._keys = tuple(keys)
        self._update = tuple(update)
        self._where = where
        self._copy = copy
        self._here = self._for_sqlite()
        self._texts: dict[tuple[str, ...], str] = {}

    def write(self, connection: Connection, rows: Rows) -> int:
        """Write the rows, all with the same columns, and give how many were inserted or updated."""
        if not rows:
            return 0
        if connection.dialect.name != "postgresql":
            return write(connection, self._here, rows)
        columns = tuple(rows[0])
        if self._copy:
            return self._copied(connection, columns, rows)
        arrays = tuple([row[name] for row in rows] for name in columns)
        return _execute(connection, self._text(columns), arrays)

    def _copied(self, connection: Connection, columns: tuple[str, ...], rows: Rows) -> int:
        driver = _driver(connection, f"COPY {self._table.name}", ())
        records = [tuple(row.values()) for row in rows]
        await_only(driver.copy_records_to_table(self._table.name, records=records, columns=columns))
        return len(records)

    def _text(self, columns: tuple[str, ...]) -> str:
        found = self._texts.get(columns)
        if found is None:
            found = self._texts[columns] = self._for_postgresql(columns)
        return found

    def _for_sqlite(self) -> Insert:
        new = sqlite.insert(self._table)
        if not self._keys:
            return new
        if not self._update:
            return new.on_conflict_do_nothing(index_elements=self._keys)
        changes = {name: new.excluded[name] for name in self._update}
        where = None if self._where is None else text(self._where)
        return new.on_conflict_do_update(index_elements=self._keys, set_=changes, where=where)

    def _for_postgresql(self, columns: tuple[str, ...]) -> str:
        arrays = ", ".join(f"${n}::{_type(self._table.c[name])}[]" for n, name in enumerate(columns, 1))
        said = f"INSERT INTO {self._table.name} ({_names(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
        if not self._keys:
            return said
        said += f" ON CONFLICT ({_names(self._keys)}) DO "
        if not self._update:
            return said + "NOTHING"
        said += "UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in self._update)
        return said if self._where is None else f"{said} WHERE {self._where}"


class Each:
    """One UPDATE or DELETE that is done for many rows of values.

    ``columns``: name and PostgreSQL type of each value. The text of SQLite names them ``:name`` and runs once a
    row; that of PostgreSQL runs once, with the rows as the relation ``v``.
    """

    def __init__(self, columns: Mapping[str, str], *, sqlite: str, postgresql: str) -> None:
        self._columns = tuple(columns)
        self._here = text(sqlite)
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), 1))
        self._text = f"WITH v AS (SELECT * FROM unnest({arrays}) AS v ({_names(columns)})) {postgresql}"  # noqa: S608

    def write(self, connection: Connection, rows: Rows) -> int:
        """Do it for the rows, and give how many rows of the table were touched."""
        if not rows:
            return 0
        if connection.dialect.name != "postgresql":
            return write(connection, self._here, rows)
        arrays = tuple([row[name] for row in rows] for name in self._columns)
        return _execute(connection, self._text, arrays)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _type(column: Column[Any]) -> str:
    return next(name for kind, name in _TYPES if isinstance(column.type, kind))


def write(connection: Connection, statement: Any, rows: Rows) -> int:
    """Run one statement for many rows (executemany), none for no rows, and give how many it touched."""
    if not rows:
        return 0
    result = connection.execute(statement, list(rows), execution_options={"preserve_rowcount": True})
    return result.rowcount
