"""The turns of journeys with a limit, shared by all processes of a store: one row a journey."""

from sqlalchemy import text

from sojourn.store.context import Context

_TAKE = text(
    "INSERT INTO turn (journey, next) VALUES (:journey, CAST(:base AS BIGINT) + CAST(:span AS BIGINT)) "
    "ON CONFLICT (journey) DO UPDATE SET next = CAST(:span AS BIGINT) + "
    "CASE WHEN turn.next > CAST(:base AS BIGINT) THEN turn.next ELSE CAST(:base AS BIGINT) END RETURNING next"
)


def take_turns(context: Context, journey: str, count: int, step: int, now: int) -> int:
    """See ``Tx.take_turns``; the row is locked until the transaction ends, so a rollback gives the turns back."""
    values = {"journey": journey, "base": now * 1000, "span": count * step}
    behind: int = context.connection.execute(_TAKE, values).scalar_one()
    return behind - count * step
