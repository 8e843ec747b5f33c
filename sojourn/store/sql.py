"""Small helpers of the SQL modules: lists as one bound value, many rows in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Executable, bindparam, func, select

_encode = msgspec.json.Encoder().encode
Rows = Sequence[Mapping[str, Any]]


def among(column: Column[Any], name: str = "ids") -> ColumnElement[bool]:
    """Give ``column IN (the list bound to name)``: one statement text whatever the length."""
    listed = func.json_each(bindparam(name)).table_valued("value")
    return column.in_(select(listed.c.value))


def listed(values: Iterable[Any]) -> str:
    """Give a list as the value to bind for ``among``."""
    return _encode(list(values)).decode()


def write(connection: Connection, statement: Executable, rows: Rows) -> int:
    """Run one statement for many rows (executemany), none for no rows, and give how many it touched."""
    if not rows:
        return 0
    result = connection.execute(statement, list(rows), execution_options={"preserve_rowcount": True})
    return result.rowcount
