"""Pages by key and not by number: a page stays the same while rows are added at the front."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Select

from sojourn.core.model import Row
from sojourn.errors import NeverWorks
from sojourn.records import Kept, Moment, Timeline

_BEHIND_ALL = str(2**62)


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


def ends_of(cursor: str | None) -> tuple[str | None, str | None]:
    """Give how far a history was read: in the inbox and in the log. Raises BadCursor when it is used."""
    if cursor is None:
        return None, None
    inbox, _, log = cursor.partition("-")
    return inbox, log


def merged(kept: Sequence[Kept], rows: Sequence[tuple[int, Row]], limit: int, cursor: str | None) -> Timeline:
    """Join two lists, each newest first, into one page; the cursor says how far each of them was read.

    At one instant the decision comes before what led to it, since newest stands first.
    """
    ends = [end or _BEHIND_ALL for end in ends_of(cursor)]
    moments: list[Moment] = []
    i = j = 0
    while len(moments) < limit and (i < len(kept) or j < len(rows)):
        if i == len(kept) or (j < len(rows) and rows[j][1].decided_at >= kept[i].arrival):
            seq, row = rows[j]
            ends[1] = str(seq)
            moments.append(Moment(row.decided_at, row))
            j += 1
        else:
            ends[0] = str(kept[i].seq)
            moments.append(Moment(kept[i].arrival, kept[i]))
            i += 1
    more = i < len(kept) or j < len(rows)
    return Timeline(tuple(moments), "-".join(ends) if more else None)
