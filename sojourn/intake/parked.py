"""Who is parked: agreed between all processes on one store, inside the transaction that needs to know.

A customer whose decision raised an error of the engine is parked: his inputs are kept as dead letters, in order,
until a person releases him. The set follows from the open dead letters. How often it has changed is the position
``quarantine``: whoever parks or releases somebody moves it, in the same transaction and against the number that he
read there. So of two processes that park and release at once one loses (Conflict) and looks again, and a process
that decides for a customer sees, behind his lock, that he was parked in the meantime.
"""

from typing import Final

from sojourn.intake.apply import ENGINE_ERROR
from sojourn.ports import Tx
from sojourn.records import Move, Position

__all__ = ["ENGINE_ERROR", "QUARANTINE", "changes", "mark"]

QUARANTINE: Final = "quarantine"  # position: how often the set of parked customers has changed


async def changes(tx: Tx) -> int | None:
    """Give how often the set of parked customers has changed, None for never."""
    position = await tx.position(QUARANTINE)
    return None if position is None else position.next


async def mark(tx: Tx, expect: int | None, now: int) -> int:
    """Tell all processes that this transaction parks or releases somebody, and give how often that was.

    Raises Conflict when somebody else did since ``expect`` was read.
    """
    count = 1 if expect is None else expect + 1
    await tx.advance([Move(QUARANTINE, expect, Position(count, now, now))])
    return count
