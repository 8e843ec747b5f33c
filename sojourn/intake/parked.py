"""Who is parked: agreed between all processes on one store, inside the transaction that needs to know.

A customer whose decision raised an error of the engine is parked: his inputs are kept as dead letters, in order,
until a person releases him. The set follows from the open dead letters. How often it has changed is the position
``quarantine``: whoever parks or releases somebody moves it, in the same transaction and against the number that he
read there. So of two processes that park and release at once one loses (Conflict) and looks again, and a process
that decides for a customer sees, behind his lock, that he was parked in the meantime.
"""

from collections.abc import Set
from typing import Final, Protocol

import msgspec

from sojourn.ports import Tx
from sojourn.records import Move, Position

QUARANTINE: Final = "quarantine"  # position: how often the set of parked customers has changed
ENGINE_ERROR: Final = "engine_error"


class Parked(msgspec.Struct, frozen=True):
    """Who is parked as of a transaction, and how often the set had changed by then (None: never)."""

    customers: Set[str] = frozenset()
    changes: int | None = None


class Warden(Protocol):
    """Knows who is parked."""

    async def within(self, tx: Tx) -> Parked:
        """Give who is parked as of this transaction; to be asked behind the locks of its customers."""
        ...


class Nobody:
    """A warden for stores on which nobody is ever parked: rehearsals and tests."""

    async def within(self, tx: Tx) -> Parked:
        """See ``Warden.within``."""
        return Parked()


async def changes(tx: Tx) -> int | None:
    """Give how often the set of parked customers has changed, None for never."""
    position = await tx.position(QUARANTINE)
    return None if position is None else position.next


async def mark(tx: Tx, parked: Parked, now: int) -> None:
    """Tell all processes that this transaction parks or releases somebody.

    Raises Conflict when somebody else did since ``parked`` was read.
    """
    count = 0 if parked.changes is None else parked.changes
    await tx.advance([Move(QUARANTINE, parked.changes, Position(count + 1, now, now))])
