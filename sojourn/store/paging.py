"""Pages by key and not by number: a page stays the same while rows are added at the front."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Select

from sojourn.errors import NeverWorks


class BadCursor(NeverWorks):
    """The cursor is none that a page has given."""


def number_of(cursor: str | None) -> int | None:
    """Give the number that a cursor holds. Raises BadCursor."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 19:
        raise BadCursor(
            "The cursor is not one that this list has given",
            next_step="Leave it out to begin with the newest.",
        )
    return int(cursor)


def newest(query: Select[Any], column: Column[Any], limit: int, cursor: str | None) -> Select[Any]:
    """Order newest first, behind the cursor; one row more than asked tells whether there is more."""
    end = number_of(cursor)
    if end is not None:
        query = query.where(column < end)
    return query.order_by(column.desc()).limit(limit + 1)


def next_cursor(found: Sequence[int], limit: int) -> str | None:
    """Give the cursor of the page behind this one, or None at the end."""
    return str(found[limit - 1]) if len(found) > limit > 0 else None
